#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/awaitable.hpp"
#include "base/id.hpp"
#include "base/result.hpp"
#include "runtime/access/rules.hpp"

namespace watchbell::access {

/// How often somebody may call: `per_second` on average and `burst` at once.
struct RateLimit {
  std::uint32_t per_second = 0;
  std::uint32_t burst = 0;
  bool operator==(const RateLimit&) const = default;
};

/// Who calls. Immutable; shared between the requests of one session.
struct Principal {
  enum class Kind { none, user, application, service };
  Kind kind = Kind::none;
  Uuid id;                    ///< of the user or application
  std::string name;
  std::string email;          ///< of users
  RuleSetPtr rules = std::make_shared<const RuleSet>();
  std::optional<Uuid> session;///< of users that came with a cookie
  std::optional<Timestamp> expires_at;  ///< when that session ends, as far as it is known now
  std::string area;           ///< of services: the calling domain
  std::optional<RateLimit> rate_limit;  ///< of applications: one of their own, in place of the one for every principal

  static std::shared_ptr<const Principal> nobody();
  /// A domain of ours, calling another through its procedures; trusted.
  static std::shared_ptr<const Principal> service(std::string area);
};
using PrincipalPtr = std::shared_ptr<const Principal>;

/// What a principal counts in a byte-bounded cache.
std::size_t size_in_bytes(const Principal& principal) noexcept;

/// What a request carries to prove who it is.
struct Credentials {
  std::string_view authorization;  ///< the header, or empty
  std::string_view cookie;         ///< the header, or empty
};

/// Turns credentials into principals; the auth domain implements it. Loop-only.
class Identity {
 public:
  virtual ~Identity() = default;
  /// Nobody when there are no credentials or the cookie names no session. ErrorCode::unauthorized for a bearer credential that is not
  /// good. A store that cannot be reached is a Fault or ErrorCode::unavailable, never silently nobody.
  virtual awaitable<Result<PrincipalPtr>> identify(Credentials credentials) = 0;
  /// The same when it can be told at once, of somebody: what identify() would answer now. Null: ask that. No allocation.
  virtual PrincipalPtr identify_now(Credentials) { return nullptr; }
  /// The rules every visitor has.
  virtual awaitable<Result<RuleSetPtr>> anonymous_rules() = 0;
  /// The same when they can be told at once, else null. No allocation.
  virtual RuleSetPtr anonymous_rules_now() { return nullptr; }
};

}  // namespace watchbell::access
