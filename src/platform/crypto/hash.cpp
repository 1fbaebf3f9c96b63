#include "platform/crypto/hash.hpp"

#include <memory>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <sodium.h>

#include "base/assert.hpp"
#include "base/fault.hpp"
#include "platform/crypto/encoding.hpp"

namespace watchbell::crypto {
namespace {

constexpr std::size_t kDigest = 32;

const unsigned char* bytes_of(std::string_view text) noexcept { return reinterpret_cast<const unsigned char*>(text.data()); }

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

/// Looked up once: OpenSSL 3 searches its providers on every use of EVP_sha256(), which costs more than a short digest.
const EVP_MD* digest() {
  static EVP_MD* const fetched = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
  if (!fetched) throw Fault("OpenSSL offers no SHA-256");
  return fetched;
}

}  // namespace

std::string sha256(std::string_view data) {
  thread_local const std::unique_ptr<EVP_MD_CTX, Freed<&::EVP_MD_CTX_free>> context(::EVP_MD_CTX_new());
  std::string out(kDigest, '\0');
  if (!context || ::EVP_DigestInit_ex2(context.get(), digest(), nullptr) != 1 ||
      ::EVP_DigestUpdate(context.get(), data.data(), data.size()) != 1 ||
      ::EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr) != 1)
    throw Fault("SHA-256 failed");
  return out;
}

std::string sha256_hex(std::string_view data) { return hex_encode(sha256(data)); }

std::string hmac_sha1(std::string_view key, std::string_view data) {
  std::string out(20, '\0');
  const char none = '\0';
  if (!::HMAC(::EVP_sha1(), key.empty() ? &none : key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(),
              reinterpret_cast<unsigned char*>(out.data()), nullptr))
    throw Fault("HMAC-SHA-1 failed");
  return out;
}

// By libsodium: OpenSSL 3 looks its MAC and its digest up at every use, which costs more than the digests of a short text.
std::string hmac_sha256(std::string_view key, std::string_view data) {
  std::string out(kDigest, '\0');
  ::crypto_auth_hmacsha256_state state;
  // Neither may be null, which empty text often is.
  ::crypto_auth_hmacsha256_init(&state, bytes_of(key.empty() ? "" : key), key.size());
  ::crypto_auth_hmacsha256_update(&state, bytes_of(data.empty() ? "" : data), data.size());
  ::crypto_auth_hmacsha256_final(&state, reinterpret_cast<unsigned char*>(out.data()));
  ::sodium_memzero(&state, sizeof state);
  return out;
}

std::string hmac_sha256_hex(std::string_view key, std::string_view data) { return hex_encode(hmac_sha256(key, data)); }

std::string hkdf_sha256(std::string_view key, std::string_view label, std::size_t n, std::string_view salt) {
  WATCHBELL_ASSERT(n > 0 && n <= 255 * kDigest);
  static EVP_KDF* const kdf = ::EVP_KDF_fetch(nullptr, "HKDF", nullptr);
  const std::unique_ptr<EVP_KDF_CTX, Freed<&::EVP_KDF_CTX_free>> context(kdf ? ::EVP_KDF_CTX_new(kdf) : nullptr);
  if (!context) throw Fault("OpenSSL offers no HKDF");
  char name[] = "SHA256";
  const auto octets = [](const char* parameter, std::string_view value) {
    return ::OSSL_PARAM_construct_octet_string(parameter, const_cast<char*>(value.data()), value.size());
  };
  OSSL_PARAM params[5];
  std::size_t count = 0;
  params[count++] = ::OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name, 0);
  params[count++] = octets(OSSL_KDF_PARAM_KEY, key);
  if (!salt.empty()) params[count++] = octets(OSSL_KDF_PARAM_SALT, salt);
  if (!label.empty()) params[count++] = octets(OSSL_KDF_PARAM_INFO, label);
  params[count] = ::OSSL_PARAM_construct_end();
  std::string out(n, '\0');
  if (::EVP_KDF_derive(context.get(), reinterpret_cast<unsigned char*>(out.data()), out.size(), params) != 1)
    throw Fault("HKDF-SHA-256 failed");
  return out;
}

}  // namespace watchbell::crypto
