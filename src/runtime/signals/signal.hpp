#pragma once

#include <algorithm>
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

/// A definition without the type of its payload: what the contract, the metrics and the other processes know of it.
struct Declared {
  template <class Payload>
  Declared(const Definition<Payload>& definition)  // NOLINT(google-explicit-constructor): it is one
      : id(definition.id), audience(definition.audience), payload(rpc::schema_of<Payload>()) {}
  std::string_view id;
  Audience audience;
  rpc::SchemaPtr payload;
};

/// What an emission is.
enum class Kind {
  message,
  read,    ///< a message whose payload is read for those of `users` who have a page open, by each process for its own (Hub::reads)
  rights,  ///< no message: sockets of `users` prove again who they are, at once
};

/// One emission: what to say, and to whom. Immutable.
struct Signal {
  std::string_view id;
  Audience audience;
  std::string payload;         ///< JSON; empty when it was too long to go on. Of Kind::read what it is read by
  bool to_all = false;         ///< broadcast to the audience; else to `users` only
  std::vector<UserId> users;   ///< distinct or not; each hears it once a socket
  Kind kind = Kind::message;
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
/// Ascending and distinct, so that a long list can be told in parts and nobody hears it twice.
inline std::vector<UserId> distinct(std::vector<UserId> users) {
  std::ranges::sort(users);
  const auto [first, last] = std::ranges::unique(users);
  users.erase(first, last);
  return users;
}
template <class Payload>
Signal to_users(const Definition<Payload>& definition, std::vector<UserId> users, const Payload& payload) {
  return {.id = definition.id, .audience = definition.audience, .payload = rpc::to_json(payload), .users = distinct(std::move(users))};
}
template <class Payload>
Signal to_user(const Definition<Payload>& definition, UserId user, const Payload& payload) {
  return to_users(definition, std::vector<UserId>{user}, payload);
}
/// One that says to each of the users what is read for him when he is told (Hub::reads): how something stands by then, such as a count, or what `reference`
/// (of letters, digits and ".:_-", at most 200 bytes) names. A payload that was made by the change could be overtaken by that of a later one on the way from
/// process to process; and of many users those who have a page open are few, wherever that is.
template <class Payload>
Signal to_readers(const Definition<Payload>& definition, std::vector<UserId> users, std::string reference = {}) {
  return {.id = definition.id, .audience = definition.audience, .payload = std::move(reference), .users = distinct(std::move(users)), .kind = Kind::read};
}
/// The sessions or rights of these users changed: their sockets are judged anew now instead of at the next minute.
inline Signal rights_changed(std::vector<UserId> users) {
  return {.id = {}, .audience = {}, .payload = {}, .users = distinct(std::move(users)), .kind = Kind::rights};
}

}  // namespace watchbell::signals
