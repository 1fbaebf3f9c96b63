#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "platform/sql/session.hpp"
#include "runtime/jobs/job.hpp"

/// The rows of jobs, as plain functions over a session.
namespace watchbell::jobs::store {

/// What is kept of a reason, in bytes.
inline constexpr std::size_t kMostOfReason = 500;

/// Adds a row for one consumer; answers its id, or that of the unfinished job with the same dedupe id.
JobId insert(sql::Session& session, const NewJob& job, const std::string& consumer, Timestamp now);
/// Adds a row a payload, all of them like `like` but for the payload and without a dedupe id; a statement for every few thousand.
void insert_many(sql::Session& session, const NewJob& like, std::span<const std::string> payloads, const std::string& consumer, Timestamp now);

/// Makes the delayed jobs that are due ready.
void promote(sql::Session& session, Timestamp now);
/// Takes up to `limit` ready jobs, the most urgent and oldest first, under a lease, but none of `but`. `claim` names this look alone.
std::vector<Job> claim(sql::Session& session, const std::string& queue, const std::string& consumer, std::size_t limit, Timestamp now,
                       std::chrono::milliseconds lease, const std::string& claim, const std::vector<JobId>& but = {});
/// One run of a job, by what its row names while the run counts.
struct Run {
  JobId id;
  std::string claim;
};
void renew(sql::Session& session, const std::vector<Run>& running, Timestamp until);
/// These four change nothing and answer false when the run no longer counts: the job is another's.
/// Ends a try: removes the row of a job that is done, delays one that is to be tried again. REQUIRES one of the two, and of a retry `after`.
bool end(sql::Session& session, const Run& run, const Outcome& outcome, Timestamp now);
/// Keeps the row, with `remains` in place of its payload when given.
bool fail(sql::Session& session, const Run& run, const std::string& reason, const std::optional<std::string>& remains, Timestamp now);
/// Sets a job aside until `resource` has room: no try is counted.
bool hold(sql::Session& session, const Run& run, const std::string& resource, Timestamp now);
/// Gives a job back untouched: no try is counted.
bool put_back(sql::Session& session, const Run& run, Timestamp now);
/// Makes up to `count` of the jobs that wait for `resource` ready, the most urgent and oldest first; answers how many.
std::int64_t let_go(sql::Session& session, const std::string& queue, const std::string& consumer, const std::string& resource, std::int64_t count);
/// The same for all that wait for anything: at start, when nothing is in use.
void let_all_go(sql::Session& session);
/// The same for those that one of these processes held.
void let_go_of(sql::Session& session, const std::vector<std::string>& processes);

/// Processes that run, or hold, a job, and are no longer at work: they never come back. In one look of a statement, so nobody who has just joined is among them.
std::vector<std::string> gone_that_run(sql::Session& session);
std::vector<std::string> gone_that_hold(sql::Session& session);

/// A job found running whose process has ended, or stands still.
struct Interrupted {
  Run run;
  std::string queue;
  std::string consumer;
  std::string payload;
  int times = 0;  ///< how often in a row that was so before
};
/// Those whose lease ended by then; all of them without an instant, where nobody can be running any.
std::vector<Interrupted> interrupted(sql::Session& session, std::optional<Timestamp> by = {});
/// Those that one of these processes ran.
std::vector<Interrupted> interrupted_of(sql::Session& session, const std::vector<std::string>& processes);
/// What the row of a job says that was interrupted so many times in a row.
std::string interruption(int times);
/// Gives an interrupted job back, not before `run_at`: no try is counted, the interruption is.
void interrupt(sql::Session& session, const Run& run, int times, Timestamp run_at, Timestamp now);

/// When the next delayed job is due.
std::optional<Timestamp> next_due(sql::Session& session);
/// When the first lease ends.
std::optional<Timestamp> next_lease_end(sql::Session& session);
/// Jobs not yet finished for good.
std::int64_t unfinished(sql::Session& session, const std::string& queue);
/// Removes failed jobs older than `before`, and all but the newest `keep`.
std::int64_t purge_failed(sql::Session& session, Timestamp before, std::int64_t keep);

/// The jobs of every queue that has any. O(rows), half a second for a million.
std::map<std::string, Counts, std::less<>> count(sql::Session& session, Timestamp now);

}  // namespace watchbell::jobs::store
