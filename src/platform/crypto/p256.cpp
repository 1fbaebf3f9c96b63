#include "platform/crypto/p256.hpp"

#include <array>
#include <memory>
#include <tuple>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/params.h>

#include "base/assert.hpp"
#include "base/fault.hpp"

namespace watchbell::crypto {
namespace {

constexpr std::size_t kScalar = 32;
constexpr std::size_t kPoint = 65;
constexpr std::size_t kTag = 16;
constexpr char kGroup[] = "prime256v1";

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<&::EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<&::EVP_PKEY_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<&::BN_clear_free>>;
using Point = std::unique_ptr<EC_POINT, Freed<&::EC_POINT_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<&::ECDSA_SIG_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<&::EVP_MD_CTX_free>>;
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Freed<&::EVP_CIPHER_CTX_free>>;

const unsigned char* bytes_of(std::string_view text) noexcept { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }

[[noreturn]] void failed(const char* what) { throw Fault(std::string("OpenSSL: ") + what + " failed"); }
void must(bool good, const char* what) {
  if (!good) failed(what);
}

const EC_GROUP* group() {
  static EC_GROUP* const made = ::EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
  if (!made) failed("P-256");
  return made;
}

/// Nothing when the public key is no point of the curve.
Key key_of(std::string_view public_key, std::string_view private_key = {}) {
  const std::unique_ptr<OSSL_PARAM_BLD, Freed<&::OSSL_PARAM_BLD_free>> build(::OSSL_PARAM_BLD_new());
  const Number scalar(private_key.empty() ? nullptr : ::BN_secure_new());
  must(build && ::OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, kGroup, 0) == 1 &&
           ::OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, public_key.data(), public_key.size()) == 1,
       "a key's parameters");
  if (!private_key.empty())
    must(scalar && ::BN_bin2bn(bytes_of(private_key), static_cast<int>(private_key.size()), scalar.get()) != nullptr &&
             ::OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()) == 1,
         "a key's parameters");
  const std::unique_ptr<OSSL_PARAM, Freed<&::OSSL_PARAM_free>> params(::OSSL_PARAM_BLD_to_param(build.get()));
  const KeyContext context(::EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* made = nullptr;
  must(params && context && ::EVP_PKEY_fromdata_init(context.get()) == 1, "a key");
  if (::EVP_PKEY_fromdata(context.get(), &made, private_key.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, params.get()) != 1) return nullptr;
  return Key(made);
}

Key own_key(const P256Keys& keys) {
  WATCHBELL_ASSERT(keys.private_key.size() == kScalar && keys.public_key.size() == kPoint);
  auto key = key_of(keys.public_key, keys.private_key);
  must(key != nullptr, "a key of ours");
  return key;
}

}  // namespace

bool is_p256_public_key(std::string_view public_key) {
  if (public_key.size() != kPoint || public_key[0] != '\x04') return false;
  const Point point(::EC_POINT_new(group()));
  must(point != nullptr, "a point");
  // Refuses what is not on the curve.
  return ::EC_POINT_oct2point(group(), point.get(), bytes_of(public_key), public_key.size(), nullptr) == 1;
}

std::optional<P256Keys> p256_keys_of(std::string_view private_key) {
  if (private_key.size() != kScalar) return std::nullopt;
  const Number scalar(::BN_secure_new());
  must(scalar && ::BN_bin2bn(bytes_of(private_key), static_cast<int>(kScalar), scalar.get()) != nullptr, "a number");
  if (::BN_is_zero(scalar.get()) || ::BN_cmp(scalar.get(), ::EC_GROUP_get0_order(group())) >= 0) return std::nullopt;
  const Point point(::EC_POINT_new(group()));
  must(point && ::EC_POINT_mul(group(), point.get(), scalar.get(), nullptr, nullptr, nullptr) == 1, "a public key");
  P256Keys keys{.private_key = std::string(private_key), .public_key = std::string(kPoint, '\0')};
  must(::EC_POINT_point2oct(group(), point.get(), POINT_CONVERSION_UNCOMPRESSED, bytes_of(keys.public_key), kPoint, nullptr) == kPoint, "a public key");
  return keys;
}

P256Keys make_p256_keys() {
  const Key key(::EVP_EC_gen(kGroup));
  BIGNUM* drawn = nullptr;
  must(key && ::EVP_PKEY_get_bn_param(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, &drawn) == 1, "making a key");
  const Number scalar(drawn);
  std::string private_key(kScalar, '\0');
  must(::BN_bn2binpad(scalar.get(), bytes_of(private_key), static_cast<int>(kScalar)) == static_cast<int>(kScalar), "making a key");
  auto keys = p256_keys_of(private_key);
  must(keys.has_value(), "making a key");
  return std::move(*keys);
}

std::optional<std::string> p256_shared_secret(const P256Keys& keys, std::string_view peer) {
  if (!is_p256_public_key(peer)) return std::nullopt;
  const auto ours = own_key(keys);
  const auto theirs = key_of(peer);
  const KeyContext context(::EVP_PKEY_CTX_new_from_pkey(nullptr, ours.get(), nullptr));
  std::string secret(kScalar, '\0');
  std::size_t size = secret.size();
  must(theirs && context && ::EVP_PKEY_derive_init(context.get()) == 1 && ::EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1 &&
           ::EVP_PKEY_derive(context.get(), bytes_of(secret), &size) == 1 && size == kScalar,
       "ECDH");
  return secret;
}

std::string es256_sign(const P256Keys& keys, std::string_view data) {
  const auto key = own_key(keys);
  const Digest context(::EVP_MD_CTX_new());
  std::array<unsigned char, 80> der{};
  std::size_t size = der.size();
  must(context && ::EVP_DigestSignInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key.get(), nullptr) == 1 &&
           ::EVP_DigestSign(context.get(), der.data(), &size, bytes_of(data), data.size()) == 1,
       "signing");
  const unsigned char* at = der.data();
  const Signature signature(::d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  std::string raw(2 * kScalar, '\0');
  must(signature && ::BN_bn2binpad(::ECDSA_SIG_get0_r(signature.get()), bytes_of(raw), kScalar) == kScalar &&
           ::BN_bn2binpad(::ECDSA_SIG_get0_s(signature.get()), bytes_of(raw) + kScalar, kScalar) == kScalar,
       "signing");
  return raw;
}

bool es256_verify(std::string_view public_key, std::string_view data, std::string_view signature) {
  if (!is_p256_public_key(public_key) || signature.size() != 2 * kScalar) return false;
  const Signature parsed(::ECDSA_SIG_new());
  Number r(::BN_bin2bn(bytes_of(signature), kScalar, nullptr));
  Number s(::BN_bin2bn(bytes_of(signature) + kScalar, kScalar, nullptr));
  must(parsed && r && s && ::ECDSA_SIG_set0(parsed.get(), r.get(), s.get()) == 1, "a signature");
  // The signature has them now.
  std::ignore = r.release();
  std::ignore = s.release();
  std::array<unsigned char, 80> der{};
  unsigned char* at = der.data();
  const int size = ::i2d_ECDSA_SIG(parsed.get(), &at);
  const auto key = key_of(public_key);
  const Digest context(::EVP_MD_CTX_new());
  must(size > 0 && key && context && ::EVP_DigestVerifyInit_ex(context.get(), nullptr, "SHA256", nullptr, nullptr, key.get(), nullptr) == 1, "verifying");
  return ::EVP_DigestVerify(context.get(), der.data(), static_cast<std::size_t>(size), bytes_of(data), data.size()) == 1;
}

std::string aes128_gcm_seal(std::string_view key, std::string_view nonce, std::string_view plaintext) {
  WATCHBELL_ASSERT(key.size() == 16 && nonce.size() == 12 && plaintext.size() < (std::size_t{1} << 30));
  const Cipher context(::EVP_CIPHER_CTX_new());
  std::string sealed(plaintext.size() + kTag, '\0');
  int size = 0;
  int rest = 0;
  must(context && ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_128_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
           ::EVP_EncryptUpdate(context.get(), bytes_of(sealed), &size, bytes_of(plaintext), static_cast<int>(plaintext.size())) == 1 &&
           ::EVP_EncryptFinal_ex(context.get(), bytes_of(sealed) + size, &rest) == 1 &&
           ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTag, bytes_of(sealed) + plaintext.size()) == 1,
       "AES-128-GCM");
  return sealed;
}

}  // namespace watchbell::crypto
