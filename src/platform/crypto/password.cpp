#include "platform/crypto/password.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

#include <argon2.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "async/blocking_pool.hpp"
#include "async/loop.hpp"
#include "base/fault.hpp"
#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::crypto {
namespace {

constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kMaxStored = 512;
// Costs a stored hash may ask for: one out of a broken import must not take the machine.
constexpr std::uint32_t kMaxMemoryKib = 256 * 1024;
constexpr std::uint32_t kMaxPasses = 16;
constexpr std::uint32_t kMaxLanes = 8;

constexpr std::size_t kScryptSaltDigits = 32;
constexpr std::size_t kScryptKeyBytes = 64;
constexpr std::uint64_t kScryptMaxMemory = 64u << 20;  // it needs 32 MiB and a little; OpenSSL's own limit is 32 MiB

/// A password that leaves no copy behind.
class Wiped {
 public:
  explicit Wiped(std::string text) : text_(std::move(text)) {}
  Wiped(Wiped&& other) noexcept : text_(other.text_) { other.wipe(); }
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(); }
  const std::string& text() const noexcept { return text_; }

 private:
  void wipe() noexcept { ::sodium_memzero(text_.data(), text_.size()); }
  std::string text_;
};

struct Costs {
  std::uint32_t version = 0;
  std::uint32_t memory_kib = 0;
  std::uint32_t passes = 0;
  std::uint32_t lanes = 0;
};

/// Takes "name=digits" and the character behind it off the front.
bool take(std::string_view& text, std::string_view name, char end, std::uint32_t& number) {
  if (!text.starts_with(name)) return false;
  text.remove_prefix(name.size());
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop == text.data() + text.size() || *stop != end) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()) + 1);
  return true;
}

/// The costs of a PHC text; nothing when it is no argon2id or its costs are out of bounds.
std::optional<Costs> costs_of(std::string_view text) {
  if (text.size() > kMaxStored || text.find('\0') != std::string_view::npos) return std::nullopt;
  constexpr std::string_view kName = "$argon2id$";
  if (!text.starts_with(kName)) return std::nullopt;
  text.remove_prefix(kName.size());
  Costs costs;
  if (!take(text, "v=", '$', costs.version) || !take(text, "m=", ',', costs.memory_kib) || !take(text, "t=", ',', costs.passes) ||
      !take(text, "p=", '$', costs.lanes))
    return std::nullopt;
  if (costs.memory_kib > kMaxMemoryKib || costs.passes > kMaxPasses || costs.lanes > kMaxLanes) return std::nullopt;
  return costs;
}

bool is_scrypt(std::string_view text) {
  return text.size() == kScryptSaltDigits + 1 + 2 * kScryptKeyBytes && text[kScryptSaltDigits] == ':' &&
         text.find_first_not_of("0123456789abcdef") == kScryptSaltDigits &&
         text.find_first_not_of("0123456789abcdef", kScryptSaltDigits + 1) == std::string_view::npos;
}

bool verify_scrypt(const std::string& password, std::string_view stored) {
  const std::string_view salt = stored.substr(0, kScryptSaltDigits);
  std::string key(kScryptKeyBytes, '\0');
  if (::EVP_PBE_scrypt(password.data(), password.size(), reinterpret_cast<const unsigned char*>(salt.data()), salt.size(), 16384, 16, 1, kScryptMaxMemory,
                       reinterpret_cast<unsigned char*>(key.data()), key.size()) != 1)
    throw Fault("scrypt failed");
  return constant_time_equal(hex_encode(key), stored.substr(kScryptSaltDigits + 1));
}

std::string make_hash(const std::string& password, const PasswordHasher::Options& options) {
  const std::string salt = random_bytes(kSaltBytes);
  std::string encoded(::argon2_encodedlen(options.passes, options.memory_kib, kLanes, kSaltBytes, kHashBytes, Argon2_id), '\0');
  const int error = ::argon2id_hash_encoded(options.passes, options.memory_kib, kLanes, password.data(), password.size(), salt.data(), salt.size(), kHashBytes,
                                            encoded.data(), encoded.size());
  if (error != ARGON2_OK) throw Fault(fmt::format("argon2id failed: {}", ::argon2_error_message(error)));
  encoded.resize(encoded.find('\0'));
  return encoded;
}

Result<PasswordHasher::Verdict> judge(const std::string& password, const std::string& stored, const PasswordHasher::Options& options) {
  if (is_scrypt(stored)) {
    const bool ok = verify_scrypt(password, stored);
    return PasswordHasher::Verdict{.ok = ok, .needs_rehash = ok};
  }
  const auto costs = costs_of(stored);
  if (!costs) return fail(ErrorCode::internal, "a stored password hash has an unknown form");
  const int error = ::argon2id_verify(stored.c_str(), password.data(), password.size());
  if (error == ARGON2_VERIFY_MISMATCH) return PasswordHasher::Verdict{};
  if (error == ARGON2_MEMORY_ALLOCATION_ERROR) throw Fault("no memory for argon2id");
  if (error != ARGON2_OK) return fail(ErrorCode::internal, "a stored password hash cannot be read: {}", ::argon2_error_message(error));
  const bool same = costs->version == ARGON2_VERSION_13 && costs->memory_kib == options.memory_kib && costs->passes == options.passes && costs->lanes == kLanes;
  return PasswordHasher::Verdict{.ok = true, .needs_rehash = !same};
}

}  // namespace

struct PasswordHasher::State {
  explicit State(Options chosen)
      : options(chosen), pool({.name = "password", .threads = chosen.threads, .max_queued = chosen.max_queued, .nice = chosen.nice}) {}
  template <class T>
  Result<T> answer(Result<T> result) {
    if (result) ++computed;
    if (!result && result.error().code == ErrorCode::unavailable) result.error().retry_after = options.retry_after;
    return result;
  }
  const Options options;
  std::uint64_t computed = 0;
  async::BlockingPool pool;
};

std::size_t PasswordHasher::default_threads() noexcept { return std::max(1u, std::max(1u, std::thread::hardware_concurrency()) - 1); }

PasswordHasher::PasswordHasher(Options options) : state_(std::make_unique<State>(options)) {}
PasswordHasher::~PasswordHasher() = default;

awaitable<Result<std::string>> PasswordHasher::hash(std::string password) {
  WATCHBELL_ASSERT_ON_LOOP();
  co_return state_->answer(
      co_await state_->pool.run([secret = Wiped(std::move(password)), options = state_->options] { return make_hash(secret.text(), options); }));
}

awaitable<Result<PasswordHasher::Verdict>> PasswordHasher::verify(std::string password, std::string stored) {
  WATCHBELL_ASSERT_ON_LOOP();
  co_return state_->answer(co_await state_->pool.run(
      [secret = Wiped(std::move(password)), stored = std::move(stored), options = state_->options] { return judge(secret.text(), stored, options); }));
}

std::uint64_t PasswordHasher::computed() const noexcept { return state_->computed; }

awaitable<Result<void>> PasswordHasher::burn(std::string password) {
  auto hashed = co_await hash(std::move(password));
  if (!hashed) co_return std::unexpected(std::move(hashed.error()));
  co_return Result<void>();
}

}  // namespace watchbell::crypto
