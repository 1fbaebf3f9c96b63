#pragma once

#include <string>
#include <string_view>

#include <boost/describe.hpp>

#include "base/bounded.hpp"
#include "platform/crypto/keyring.hpp"

/// The row of an event while it waits: the payload of a job of the event's queue.
namespace watchbell::events {

/// Its payload in clear, its secrets sealed.
struct Row {
  std::string payload;
  std::string secrets;
};
struct StoredRow {
  Text<0, 1'000'000> payload;
  Text<0, 1'000'000> secrets;
};
BOOST_DESCRIBE_STRUCT(Row, (), (payload, secrets))
BOOST_DESCRIBE_STRUCT(StoredRow, (), (payload, secrets))

inline constexpr std::string_view kQueues = "event.";
inline std::string queue_of(std::string_view event) { return std::string(kQueues) + std::string(event); }
inline std::string aad_of(std::string_view event) { return crypto::seal_aad("events", event, "secrets"); }

}  // namespace watchbell::events
