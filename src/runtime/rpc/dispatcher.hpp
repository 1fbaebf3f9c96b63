#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "async/blocking_pool.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::rpc {

/// One request to a procedure, as the front hands it over. Views stay valid while the call runs.
struct CallRequest {
  std::string_view method;
  std::string_view path;          ///< below `/api/`, still percent-encoded
  std::string_view query;         ///< raw query string
  std::string_view content_type;
  std::string_view body;
  access::Credentials credentials;
  std::string_view correlation_id;
  std::string_view address;
  std::string_view user_agent;
  bool forwarded = false;
};

/// What goes back: a status, a JSON body, and headers that depend on the outcome.
struct CallAnswer {
  int status = 200;
  Bytes body;
  std::string allow;                                ///< of a 405
  std::optional<std::chrono::seconds> retry_after;
  std::string user_id;                              ///< of the caller, for the log
};

/// Finds procedures and runs their pipeline: match, decode, authenticate, authorize, validate, handle. Loop-only.
class Dispatcher {
 public:
  Dispatcher(access::Identity& identity, async::BlockingPool& pool) : identity_(identity), pool_(pool) {}

  /// Adds an area. An Error, to refuse the start with, when a procedure names a rule nobody declared or a name is taken.
  Result<void> mount(Area area);
  /// To be called after the last mount: every rule a procedure needs must be declared by some area.
  Result<void> check() const;

  const std::vector<Area>& areas() const noexcept { return areas_; }
  /// The procedure at a path below `/api/`, or null. Leading and trailing slashes do not matter, case and encoding do.
  const Procedure* find(std::string_view path) const;
  /// Runs one call. Faults leave as exceptions; everything else is an answer.
  awaitable<CallAnswer> call(CallRequest request) const;

 private:
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  access::Identity& identity_;
  async::BlockingPool& pool_;
  std::vector<Area> areas_;
  std::unordered_map<std::string, std::shared_ptr<const Procedure>, Hash, std::equal_to<>> procedures_;
};

/// The envelope of an error, as clients of the wire read it: no members beyond those they know.
std::string error_envelope(const Error& error);

/// The value of the last `name` in a query string, percent-decoded, or nothing. Malformed escapes are kept as they are.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

/// The TypeScript of all contracts: interfaces `Contract` and `Signals` that the web app builds its client from.
struct SignalType {
  std::string id;
  SchemaPtr payload;
};
std::string contract_typescript(const std::vector<Area>& areas, const std::vector<SignalType>& signals);

}  // namespace watchbell::rpc
