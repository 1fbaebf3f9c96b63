#pragma once

#include <memory>
#include <string>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/result.hpp"
#include "platform/bus/bus.hpp"
#include "platform/sql/database.hpp"

namespace watchbell::bus {

struct PostgresBusOptions {
  std::string url;                      ///< "postgresql://...", of the listening connection
  std::string channel = "watchbell";    ///< REQUIRES [a-z0-9_], at most 63
  std::size_t most_waiting_bytes = std::size_t{64} << 20;
};

/// A bus over NOTIFY and LISTEN, listening on a connection of its own. What is published while a round trip runs leaves together in the next one.
/// `wheel` and `database`, whose writers send, must outlive it. An Error is one sentence about the URL.
Result<std::unique_ptr<Bus>> postgres_bus(async::TimerWheel& wheel, sql::Database& database, PostgresBusOptions options, async::TaskScope::OnFault on_fault);

}  // namespace watchbell::bus
