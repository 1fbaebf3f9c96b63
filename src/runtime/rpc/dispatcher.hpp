#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/blocking_pool.hpp"
#include "runtime/access/objects.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/limits/rate_limiter.hpp"
#include "runtime/rpc/area.hpp"
#include "runtime/rpc/query_string.hpp"

namespace watchbell::rpc {

/// How a call came: in the envelope of the RPC wire, or as plain HTTP (rest.hpp).
enum class Wire { rpc, rest };

/// One request to a procedure, as the front hands it over. Views stay valid while the call runs.
struct CallRequest {
  Wire wire = Wire::rpc;
  std::string_view method;
  std::string_view path;   ///< below `/api/` or `/rest/`, still percent-encoded
  std::string_view query;  ///< raw query string
  std::string_view content_type;
  std::string_view body;
  access::Credentials credentials;
  std::string_view correlation_id;
  std::string_view address;
  std::string_view user_agent;
  bool forwarded = false;
  std::string_view accept;           ///< REST: who asks for problem details gets them
  std::string_view idempotency_key;  ///< REST: the header of that name; stands for the member `idempotencyKey` of an input that has one
  std::string_view if_none_match;
  Monotonic began{};
};

/// What goes back: a status, a body, and headers that depend on the outcome.
struct CallAnswer {
  int status = 200;
  Bytes body;
  std::string_view content_type = "application/json";  ///< static storage; empty of a void answer over REST
  std::string allow;                                   ///< of a 405
  std::string etag;                                    ///< of a cached answer to GET or HEAD
  std::optional<std::chrono::seconds> retry_after;
  access::PrincipalPtr caller;  ///< once he is known; for the log
};

/// Finds procedures and runs their pipeline: match (here), decode, authenticate (and count against the caller's rate limit), authorize, validate, handle,
/// filter (ProcedureOf). Loop-only.
class Dispatcher {
 public:
  /// @param objects  judges single objects; outlives this
  /// @param limiter  null: nobody is limited
  Dispatcher(access::Identity& identity, async::BlockingPool& pool, access::ObjectAccess& objects = access::ObjectAccess::by_rules(),
             limits::RateLimiter* limiter = nullptr)
      : identity_(identity), pool_(pool), objects_(objects), limiter_(limiter) {}

  /// Adds an area. An Error, to refuse the start with, when a procedure names a rule nobody declared or a name is taken.
  Result<void> mount(Area area);
  /// To be called after the last mount: says the first procedure whose requirement cannot be judged as it is written (check_requirement), or that is GET
  /// over REST with an input no query string can carry, and rules declared twice.
  Result<void> check() const;

  const std::vector<Area>& areas() const noexcept { return areas_; }
  /// The procedure at a path below `/api/`, or null. Leading and trailing slashes do not matter, case and encoding do.
  const Procedure* find(std::string_view path) const;
  /// Runs one call. Faults leave as exceptions; everything else is an answer.
  awaitable<CallAnswer> call(CallRequest request) const;
  /// The answer to a POST over RPC when it is at hand (Procedure::call_now); nothing: call() is still to be made. A hit of a cached read allocates nothing
  /// in its stages.
  std::optional<CallAnswer> call_now(const Procedure& procedure, const CallRequest& request) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  access::Identity& identity_;
  async::BlockingPool& pool_;
  access::ObjectAccess& objects_;
  limits::RateLimiter* limiter_;
  std::vector<Area> areas_;
  std::unordered_map<std::string, std::shared_ptr<const Procedure>, Hash, std::equal_to<>> procedures_;
};

/// The envelope of an error, as clients of the wire read it: no members beyond those they know.
std::string error_envelope(const Error& error);

/// An error as the wire of the request wants it: an envelope over RPC; over REST the members alone, or problem details for who asks for them.
CallAnswer refusal(const Error& error, Wire wire, std::string_view accept = {});

/// The TypeScript of all contracts: interfaces `Contract` and `Signals` that the web app builds its client from.
struct SignalType {
  std::string id;
  SchemaPtr payload;
};
std::string contract_typescript(const std::vector<Area>& areas, const std::vector<SignalType>& signals);

}  // namespace watchbell::rpc
