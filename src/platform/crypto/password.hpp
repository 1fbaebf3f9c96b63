#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "async/awaitable.hpp"
#include "base/result.hpp"

namespace watchbell::crypto {

/// Hashes and verifies passwords with argon2id (RFC 9106), off the loop: a bounded number at once in threads that give way to the loop, behind
/// a bounded queue. When the queue is full every call answers ErrorCode::unavailable with `retry_after`, so that a flood of sign-ins takes
/// neither the cores nor the memory. Each hash takes about 95 ms of a core and 19 MiB while it runs. Calls are Loop-only and not cancellable
/// once queued.
class PasswordHasher {
 public:
  struct Options {
    std::size_t threads = default_threads();
    std::size_t max_queued = 64;  ///< about 6 s of waiting a thread
    int nice = 10;
    std::uint32_t memory_kib = 19456;  ///< OWASP's floor for two passes
    std::uint32_t passes = 2;
    std::chrono::seconds retry_after{2};
  };
  /// The cores without the loop's, at least one.
  static std::size_t default_threads() noexcept;

  explicit PasswordHasher(Options options);
  PasswordHasher() : PasswordHasher(Options{}) {}
  /// Waits for hashes under way. No coroutine may still await one.
  ~PasswordHasher();

  /// A new hash with a salt of its own, in PHC form: "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>".
  awaitable<Result<std::string>> hash(std::string password);

  struct Verdict {
    bool ok = false;
    bool needs_rehash = false;  ///< right, but stored in another form or with other costs: store hash() of it
  };
  /// Compares in constant time. Reads PHC texts of argon2id with bounded costs, and the imported form "<salt>:<key>" (32 and 128 lower-case
  /// hex digits: scrypt with N=16384, r=16, p=1, salted with the digits as text). Any other stored text is ErrorCode::internal.
  ///
  /// The imported form was made of NFKC-normalised passwords. What is typed is used as it is, which is the same for ASCII and for what
  /// keyboards compose; a password that NFKC would change (ligatures, full-width letters) does not verify and has to be reset.
  awaitable<Result<Verdict>> verify(std::string password, std::string stored);

  /// Costs what verify() costs and answers nothing: for accounts that do not exist, so that the time does not tell.
  awaitable<Result<void>> burn(std::string password);

  /// Passwords hashed or compared since the start.
  std::uint64_t computed() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace watchbell::crypto
