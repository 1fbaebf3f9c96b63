#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/id.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell::signals {

/// Who may hear a broadcast signal. Visitors get only `public_` ones, whose payloads carry identifiers and enumerations alone.
struct Audience {
  enum class Kind { public_, authenticated, holders };
  Kind kind = Kind::authenticated;
  std::string_view rule;  ///< of holders: the qualified rule
};

/// A signal a domain declares: `inline constexpr Definition<Received> kReceived{"notification.received"};`. The id is `<area>.<event>`. Payload is
/// a described struct.
template <class Payload>
struct Definition {
  std::string_view id;
  Audience audience{};
};

/// One emission: what to say, and to whom. Immutable.
struct Signal {
  std::string_view id;
  Audience audience;
  std::string payload;         ///< JSON
  bool to_all = false;         ///< broadcast to the audience; else to `users` only
  std::vector<UserId> users;   ///< distinct or not; each hears it once a socket
  bool revalidate = false;     ///< not a message: sockets of `users` prove again who they are, at once
};

/// The signals of one change, in order.
struct Signals {
  void add(Signal signal) {
    bytes += sizeof(Signal) + signal.payload.size() + signal.users.size() * sizeof(UserId);
    list.push_back(std::move(signal));
  }
  std::vector<Signal> list;
  std::size_t bytes = 0;  ///< what they hold, about; kept as they are added because counting later would be one more walk on the loop
};

template <class Payload>
Signal broadcast(const Definition<Payload>& definition, const Payload& payload) {
  return {.id = definition.id, .audience = definition.audience, .payload = rpc::to_json(payload), .to_all = true};
}
template <class Payload>
Signal to_users(const Definition<Payload>& definition, std::vector<UserId> users, const Payload& payload) {
  return {.id = definition.id, .audience = definition.audience, .payload = rpc::to_json(payload), .users = std::move(users)};
}
template <class Payload>
Signal to_user(const Definition<Payload>& definition, UserId user, const Payload& payload) {
  return to_users(definition, std::vector<UserId>{user}, payload);
}
/// The sessions or rights of these users changed: their sockets are judged anew now instead of at the next minute.
inline Signal rights_changed(std::vector<UserId> users) { return {.id = {}, .audience = {}, .payload = {}, .users = std::move(users), .revalidate = true}; }

}  // namespace watchbell::signals
