#include "platform/crypto/keyring.hpp"

#include <algorithm>
#include <array>
#include <bitset>
#include <limits>
#include <optional>
#include <vector>

#include <openssl/evp.h>
#include <sodium.h>

#include "base/fault.hpp"
#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::crypto {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kMaxPlaintext = std::size_t{1} << 30;  // OpenSSL counts in int
// Of 32 random bytes fewer than 20 distinct ones come up less than once in 10^9 draws; people's patterns repeat by 16 at most.
constexpr std::size_t kLeastDistinct = 20;

struct Key {
  std::string bytes;
  std::string id;
};

/// Whether somebody made the key up: repetition, or a constant step from byte to byte.
bool made_up(std::string_view bytes) {
  std::bitset<256> seen;
  for (const char c : bytes) seen.set(static_cast<unsigned char>(c));
  if (seen.count() < kLeastDistinct) return true;
  const auto step = static_cast<unsigned char>(bytes[1] - bytes[0]);
  bool constant = true;
  for (std::size_t i = 1; i < bytes.size(); ++i) constant = constant && static_cast<unsigned char>(bytes[i] - bytes[i - 1]) == step;
  if (constant) return true;
  // What `printf '' | sha256sum` and `echo | sha256sum` print: scripts whose variable was empty.
  return bytes == sha256("") || bytes == sha256("\n");
}

Result<Key> make_key(std::string_view text, std::string_view what) {
  if (text.size() != 2 * kKeyBytes) return fail(ErrorCode::bad_request, "{} must be 64 hexadecimal digits, it has {} characters", what, text.size());
  auto bytes = hex_decode(text);
  if (!bytes) return fail(ErrorCode::bad_request, "{} must be 64 hexadecimal digits, it has other characters", what);
  if (made_up(*bytes)) return fail(ErrorCode::bad_request, "{} is a pattern, not a random key; `openssl rand -hex 32` prints one", what);
  std::string id = hex_encode(hkdf_sha256(*bytes, "watchbell key id", 8));
  return Key{std::move(*bytes), std::move(id)};
}

struct Sealed {
  std::string key_id;  // empty in the older form
  std::string nonce;
  std::string tag;
  std::string ciphertext;
};

std::optional<Sealed> parse(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size() && parts.size() < 6;) {
    const std::size_t end = std::min(text.find(':', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  Sealed sealed;
  if (parts.size() == 5 && parts[0] == "v2") {
    const bool id = parts[1].size() == 16 && parts[1].find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!id) return std::nullopt;
    sealed.key_id = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  if (parts.size() != 3) return std::nullopt;
  auto nonce = base64_decode(parts[0]);
  auto tag = base64_decode(parts[1]);
  auto ciphertext = base64_decode(parts[2]);
  if (!nonce || !tag || !ciphertext) return std::nullopt;
  if (nonce->size() != kNonceBytes || tag->size() != kTagBytes || ciphertext->size() > kMaxPlaintext) return std::nullopt;
  sealed.nonce = std::move(*nonce);
  sealed.tag = std::move(*tag);
  sealed.ciphertext = std::move(*ciphertext);
  return sealed;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const noexcept { ::EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

unsigned char* out_of(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }
const unsigned char* in_of(std::string_view text) noexcept { return reinterpret_cast<const unsigned char*>(text.data()); }

/// The context ready for the text, with the additional data taken in.
Context begin(bool encrypting, std::string_view key, std::string_view nonce, std::string_view aad) {
  Context context(::EVP_CIPHER_CTX_new());
  int length = 0;
  if (aad.size() > kMaxPlaintext || !context ||
      ::EVP_CipherInit_ex(context.get(), ::EVP_aes_256_gcm(), nullptr, in_of(key), in_of(nonce), encrypting ? 1 : 0) != 1 ||
      ::EVP_CipherUpdate(context.get(), nullptr, &length, in_of(aad), static_cast<int>(aad.size())) != 1)
    throw Fault("AES-256-GCM cannot start");
  return context;
}

std::optional<std::string> decrypt(const Key& key, Sealed& sealed, std::string_view aad) {
  const Context context = begin(false, key.bytes, sealed.nonce, aad);
  std::string plaintext(sealed.ciphertext.size(), '\0');
  std::array<unsigned char, kTagBytes> rest{};
  int length = 0;
  if (::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagBytes), sealed.tag.data()) == 1 &&
      ::EVP_CipherUpdate(context.get(), out_of(plaintext), &length, in_of(sealed.ciphertext), static_cast<int>(sealed.ciphertext.size())) == 1 &&
      ::EVP_CipherFinal_ex(context.get(), rest.data(), &length) == 1)
    return plaintext;
  ::sodium_memzero(plaintext.data(), plaintext.size());
  return std::nullopt;
}

}  // namespace

std::string seal_aad(std::string_view plugin, std::string_view record, std::string_view path) {
  return fmt::format("{}:{},{}:{},{}:{},", plugin.size(), plugin, record.size(), record, path.size(), path);
}

struct Keyring::Keys {
  std::vector<Key> all;  // the primary key first
  Keys() = default;
  Keys(const Keys&) = delete;
  Keys& operator=(const Keys&) = delete;
  ~Keys() {
    for (Key& key : all) ::sodium_memzero(key.bytes.data(), key.bytes.size());
  }
};

Result<Keyring> Keyring::make(std::string_view primary, std::string_view previous) {
  auto keys = std::make_shared<Keys>();
  auto first = make_key(primary, "the master key");
  if (!first) return std::unexpected(first.error());
  keys->all.push_back(std::move(*first));
  for (std::size_t start = 0, number = 1; !previous.empty() && start <= previous.size(); ++number) {
    const std::size_t end = std::min(previous.find(',', start), previous.size());
    auto key = make_key(trim(previous.substr(start, end - start)), fmt::format("previous master key {}", number));
    if (!key) return std::unexpected(key.error());
    keys->all.push_back(std::move(*key));
    start = end + 1;
  }
  return Keyring(std::move(keys));
}

std::string Keyring::generate() { return hex_encode(random_bytes(kKeyBytes)); }

std::string Keyring::seal(std::string_view plaintext, std::string_view aad) const {
  if (plaintext.size() > kMaxPlaintext) throw Fault("a secret of more than 1 GiB");
  const Key& key = keys_->all.front();
  const std::string nonce = random_bytes(kNonceBytes);
  const Context context = begin(true, key.bytes, nonce, aad);
  std::string ciphertext(plaintext.size(), '\0');
  std::string tag(kTagBytes, '\0');
  std::array<unsigned char, kTagBytes> rest{};
  int length = 0;
  if (::EVP_CipherUpdate(context.get(), out_of(ciphertext), &length, in_of(plaintext), static_cast<int>(plaintext.size())) != 1 ||
      ::EVP_CipherFinal_ex(context.get(), rest.data(), &length) != 1 ||
      ::EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagBytes), tag.data()) != 1)
    throw Fault("AES-256-GCM cannot seal");
  return fmt::format("v2:{}:{}:{}:{}", key.id, base64_encode(nonce), base64_encode(tag), base64_encode(ciphertext));
}

Result<std::string> Keyring::open(std::string_view text, std::string_view aad) const {
  auto sealed = parse(text);
  if (!sealed) return fail(ErrorCode::internal, "a stored secret is not sealed text");
  if (sealed->key_id.empty()) aad = {};
  // Ids are short: the key named is tried first, but not alone.
  for (const bool named : {true, false})
    for (const Key& key : keys_->all)
      if ((key.id == sealed->key_id) == named)
        if (auto plaintext = decrypt(key, *sealed, aad)) return std::move(*plaintext);
  return fail(ErrorCode::internal, "a stored secret opens with none of the {} known keys", keys_->all.size());
}

Keyring::Form Keyring::form(std::string_view stored) const {
  const auto sealed = parse(stored);
  if (!sealed) return Form::plain;
  if (sealed->key_id.empty()) return Form::old;
  return sealed->key_id == fingerprint() ? Form::current : Form::previous;
}

std::string Keyring::derive(std::string_view label, std::size_t n) const {
  return hkdf_sha256(keys_->all.front().bytes, fmt::format("watchbell derived {}", label), n);
}

const std::string& Keyring::fingerprint() const noexcept { return keys_->all.front().id; }

}  // namespace watchbell::crypto
