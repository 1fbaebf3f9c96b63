#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::sql {

/// Runs f over a connection of its own that only reads, outside of any transaction, and changes nothing (an empty -wal and a -shm beside an SQLite file do
/// not count): for commands that judge a database which this process has not opened, as Database::inspect does. An Error is one sentence: no such file
/// (not_found), damaged, not reached, or what a statement of f failed of.
/// @param limit  of connecting, and of each statement; 0 for none of the latter
Result<void> peek(const std::string& url, std::chrono::milliseconds limit, const std::function<void(Session&)>& f);

}  // namespace watchbell::sql
