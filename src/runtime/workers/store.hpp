#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::workers {

/// A process at work, from when it joined to when it left or was taken for dead.
using WorkerId = Id<struct WorkerTag>;

struct Worker {
  WorkerId process;
  std::int64_t beat = 0;
  bool sharing = true;  ///< whether it takes shards
  bool operator==(const Worker&) const = default;
};

struct Shard {
  std::string kind;
  std::int64_t number = 0;
  std::optional<WorkerId> owner;
};

}  // namespace watchbell::workers

/// Rows of workers and shards, each function one statement. Each throws sql::Fault.
namespace watchbell::workers::store {

constexpr std::int64_t kFirstBeat = 1;
/// Answers since when somebody has been at work without a pause: since `now`, unless another was seen at work after `seen_after`.
Timestamp join(sql::Session& session, const WorkerId& worker, bool sharing, Timestamp now, Timestamp seen_after);
/// Whether the row still stood with the beat that was answered last.
bool beat(sql::Session& session, const WorkerId& worker, std::int64_t known, bool sharing, Timestamp since, Timestamp now);
void leave(sql::Session& session, const WorkerId& worker);
/// Deletes the row unless it beat since it was seen with this one. Whether it is gone by this call.
bool strike_off(sql::Session& session, const WorkerId& worker, std::int64_t beat);
std::vector<Worker> workers(sql::Session& session);

/// Makes the shards of a kind, 0 to count - 1, that are not there yet.
void make_shards(sql::Session& session, std::string_view kind, int count);
std::vector<Shard> shards(sql::Session& session);
/// Takes up to `limit` of those nobody has, or one of `gone`, who never come back. Passes over those that somebody else is taking or writing for.
std::vector<std::int64_t> claim(sql::Session& session, std::string_view kind, const WorkerId& worker, const std::vector<WorkerId>& gone, std::int64_t limit);
void release(sql::Session& session, std::string_view kind, const WorkerId& worker, const std::vector<std::int64_t>& numbers);
void release_all(sql::Session& session, const WorkerId& worker);
/// Whether the shard is this worker's, and stays so until the caller's transaction has ended. On PostgreSQL a transaction that stands still after it is ended
/// by the server within `patience`, so that the lock of a process that was stopped keeps the shard from nobody.
bool confirm(sql::Session& session, std::string_view kind, std::int64_t number, const WorkerId& worker, std::chrono::milliseconds patience);

}  // namespace watchbell::workers::store
