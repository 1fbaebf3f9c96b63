#include "runtime/jobs/store.hpp"

#include <algorithm>
#include <charconv>
#include <tuple>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/text.hpp"

namespace watchbell::jobs::store {
namespace {

// How often in a row a job was interrupted is read back from what its row says: people should see it there, and nothing else needs it.
constexpr std::string_view kInterrupted = "interrupted ";
constexpr std::string_view kTimesInARow = " times in a row: the process ended while it ran";

// Rows that another process takes at this moment are passed over rather than waited for; they are picked once, since a subselect may be run again and pick more.
// SQLite has one writer.
std::string_view passing_over_locked(const sql::Session& session) {
  return session.dialect() == sql::Dialect::postgres ? " for update skip locked" : "";
}

int times_interrupted(std::string_view error) {
  if (!error.starts_with(kInterrupted) || !error.ends_with(kTimesInARow)) return 0;
  error.remove_prefix(kInterrupted.size());
  int times = 0;
  const auto [end, bad] = std::from_chars(error.data(), error.data() + error.size(), times);
  return bad == std::errc() && std::string_view(end, error.data() + error.size()) == kTimesInARow && times > 0 ? times : 0;
}

using RunningRow = std::tuple<JobId, std::optional<std::string>, std::string, std::string, std::string, std::optional<std::string>>;
constexpr std::string_view kRunning = "select id, claim, queue, consumer, payload, last_error from jobs where state = 'running'";

std::vector<Interrupted> to_interrupted(std::vector<RunningRow> rows) {
  std::vector<Interrupted> found;
  for (auto& [id, claim, queue, consumer, payload, error] : rows)
    found.push_back({.run = {.id = id, .claim = std::move(claim).value_or(std::string())},
                     .queue = std::move(queue),
                     .consumer = std::move(consumer),
                     .payload = std::move(payload),
                     .times = error ? times_interrupted(*error) : 0});
  return found;
}

}  // namespace

JobId insert(sql::Session& session, const NewJob& job, const std::string& consumer, Timestamp now) {
  const JobId id = JobId::make(now);
  const Timestamp run_at = now + job.delay;
  const std::optional<std::string> dedupe = job.dedupe_id.empty() ? std::nullopt : std::optional(job.dedupe_id);
  const auto inserted = session.execute(
      "insert into jobs (id, queue, consumer, payload, priority, state, run_at, attempts, max_retries, dedupe_id, correlation_id, created_at, updated_at) "
      "values (:1, :2, :3, :4, :5, :6, :7, 0, :8, :9, :10, :11, :11) "
      "on conflict (queue, consumer, dedupe_id) where dedupe_id is not null and state <> 'failed' do nothing",
      id, job.queue, consumer, job.payload, job.priority, job.delay.count() > 0 ? "delayed" : "ready", run_at, job.max_retries, dedupe,
      job.correlation_id, now);
  if (inserted == 1) return id;
  return session
      .one<JobId>("select id from jobs where queue = :1 and consumer = :2 and dedupe_id = :3 and state <> 'failed'", job.queue, consumer, job.dedupe_id)
      .value();
}

void insert_many(sql::Session& session, const NewJob& like, std::span<const std::string> payloads, const std::string& consumer, Timestamp now) {
  constexpr std::size_t kChunk = 5000;  // rows of a statement: bounds its one parameter
  std::vector<std::string> rows;        // the id's 36 characters, then the payload
  for (std::size_t at = 0; at < payloads.size(); at += kChunk) {
    rows.clear();
    for (const auto& payload : payloads.subspan(at, std::min(kChunk, payloads.size() - at))) rows.push_back(JobId::make(now).to_string() + payload);
    session.execute(
        "insert into jobs (id, queue, consumer, payload, priority, state, run_at, attempts, max_retries, dedupe_id, correlation_id, created_at, updated_at) "
        "select substr(value, 1, 36), :2, :3, substr(value, 37), :4, :5, :6, 0, :7, null, :8, :9, :9 from json_each(:1)",
        sql::List(rows), like.queue, consumer, like.priority, like.delay.count() > 0 ? "delayed" : "ready", now + like.delay, like.max_retries,
        like.correlation_id, now);
  }
}

void promote(sql::Session& session, Timestamp now) {
  session.execute("update jobs set state = 'ready', updated_at = :1 where state = 'delayed' and run_at <= :1", now);
}

std::vector<Job> claim(sql::Session& session, const std::string& queue, const std::string& consumer, std::size_t limit, Timestamp now,
                       std::chrono::milliseconds lease, const std::string& claim, const std::vector<JobId>& but) {
  using Row = std::tuple<JobId, std::string, int, int, std::string, Timestamp, int, Timestamp, std::optional<std::string>>;
  const auto text =
      fmt::format("with picked as materialized (select id from jobs where queue = :1 and consumer = :2 and state = 'ready'{} order by priority desc, id limit :3{}) "
                  "update jobs set state = 'running', attempts = attempts + 1, lease_until = :4, updated_at = :5, claim = :6 where id in (select id from picked) "
                  "returning id, payload, attempts, max_retries, correlation_id, created_at, priority, run_at, held_for",
                  but.empty() ? "" : " and id not in (select value from json_each(:7))", passing_over_locked(session));
  const auto most = static_cast<std::int64_t>(limit);
  auto rows = but.empty() ? session.all<Row>(text, queue, consumer, most, now + lease, now, claim)
                          : session.all<Row>(text, queue, consumer, most, now + lease, now, claim, sql::List(but));
  // RETURNING has no order of its own.
  std::ranges::sort(rows, [](const Row& a, const Row& b) {
    return std::get<6>(a) != std::get<6>(b) ? std::get<6>(a) > std::get<6>(b) : std::get<0>(a) < std::get<0>(b);
  });
  std::vector<Job> jobs;
  jobs.reserve(rows.size());
  for (auto& [id, payload, attempts, max_retries, correlation, created, priority, due, held_for] : rows)
    jobs.push_back({.id = id,
                    .queue = queue,
                    .consumer = consumer,
                    .payload = std::move(payload),
                    .attempt = attempts,
                    .max_retries = max_retries,
                    .correlation_id = std::move(correlation),
                    .created_at = created,
                    .due = due,
                    .held_for = std::move(held_for).value_or(std::string()),
                    .claim = claim});
  return jobs;
}

void renew(sql::Session& session, const std::vector<Run>& running, Timestamp until) {
  std::vector<JobId> ids;
  std::vector<std::string> runs;
  for (const auto& run : running) {
    ids.push_back(run.id);
    runs.push_back(run.id.to_string() + run.claim);
  }
  session.execute(
      "update jobs set lease_until = :3 where id in (select value from json_each(:1)) and state = 'running' and id || claim in (select value from json_each(:2))",
      sql::List(ids), sql::List(runs), until);
}

bool end(sql::Session& session, const Run& run, const Outcome& outcome, Timestamp now) {
  if (outcome.kind == Outcome::Kind::done) return session.execute("delete from jobs where id = :1 and claim = :2 and state = 'running'", run.id, run.claim) == 1;
  WATCHBELL_ASSERT(outcome.kind == Outcome::Kind::retry && outcome.after);
  return session.execute(
             "update jobs set state = 'delayed', run_at = :3, held_for = null, lease_until = null, last_error = :4, updated_at = :5 "
             "where id = :1 and claim = :2 and state = 'running'",
             run.id, run.claim, now + *outcome.after, utf8_prefix(outcome.reason, kMostOfReason), now) == 1;
}

bool fail(sql::Session& session, const Run& run, const std::string& reason, const std::optional<std::string>& remains, Timestamp now) {
  return session.execute(
             "update jobs set state = 'failed', lease_until = null, last_error = :3, payload = coalesce(:4, payload), updated_at = :5 "
             "where id = :1 and coalesce(claim, '') = :2 and state = 'running'",
             run.id, run.claim, reason, remains, now) == 1;
}

bool hold(sql::Session& session, const Run& run, const std::string& resource, Timestamp now) {
  return session.execute(
             "update jobs set state = 'held', held_for = :3, attempts = attempts - 1, lease_until = null, updated_at = :4 "
             "where id = :1 and claim = :2 and state = 'running'",
             run.id, run.claim, resource, now) == 1;
}

bool put_back(sql::Session& session, const Run& run, Timestamp now) {
  return session.execute(
             "update jobs set state = 'ready', attempts = attempts - 1, lease_until = null, updated_at = :3 where id = :1 and claim = :2 and state = 'running'",
             run.id, run.claim, now) == 1;
}

std::int64_t let_go(sql::Session& session, const std::string& queue, const std::string& consumer, const std::string& resource, std::int64_t count) {
  return session.execute(
      fmt::format("with picked as materialized (select id from jobs where queue = :1 and consumer = :2 and state = 'held' and held_for = :3 order by priority desc, id limit :4{}) "
                  "update jobs set state = 'ready' where id in (select id from picked)",
                  passing_over_locked(session)),
      queue, consumer, resource, count);
}

void let_all_go(sql::Session& session) { session.execute("update jobs set state = 'ready', held_for = null where state = 'held'"); }

void let_go_of(sql::Session& session, const std::vector<std::string>& processes) {
  session.execute(
      "update jobs set state = 'ready', held_for = null where state = 'held' and substr(coalesce(claim, ''), 1, 36) in (select value from json_each(:1))",
      sql::List(processes));
}

// Who is gone is asked apart from the rows that are then changed: of a row that somebody changes meanwhile, a statement judges the new form by its old look at
// `workers`, in which one who has joined since is not there yet.
std::vector<std::string> gone_that_run(sql::Session& session) {
  return session.all<std::string>(
      "select distinct substr(coalesce(claim, ''), 1, 36) from jobs where state = 'running' and substr(coalesce(claim, ''), 1, 36) not in (select process from workers)");
}

std::vector<std::string> gone_that_hold(sql::Session& session) {
  return session.all<std::string>(
      "select distinct substr(coalesce(claim, ''), 1, 36) from jobs where state = 'held' and substr(coalesce(claim, ''), 1, 36) not in (select process from workers)");
}

std::string interruption(int times) { return fmt::format("{}{}{}", kInterrupted, times, kTimesInARow); }

std::vector<Interrupted> interrupted(sql::Session& session, std::optional<Timestamp> by) {
  if (!by) return to_interrupted(session.all<RunningRow>(fmt::format("{} order by id", kRunning)));
  return to_interrupted(session.all<RunningRow>(fmt::format("{} and lease_until <= :1 order by id{}", kRunning, passing_over_locked(session)), *by));
}

std::vector<Interrupted> interrupted_of(sql::Session& session, const std::vector<std::string>& processes) {
  return to_interrupted(session.all<RunningRow>(
      fmt::format("{} and substr(coalesce(claim, ''), 1, 36) in (select value from json_each(:1)) order by id{}", kRunning, passing_over_locked(session)),
      sql::List(processes)));
}

void interrupt(sql::Session& session, const Run& run, int times, Timestamp run_at, Timestamp now) {
  session.execute(
      "update jobs set state = :3, run_at = :4, attempts = attempts - 1, lease_until = null, last_error = :5, updated_at = :6 "
      "where id = :1 and coalesce(claim, '') = :2 and state = 'running'",
      run.id, run.claim, run_at > now ? "delayed" : "ready", run_at, interruption(times), now);
}

std::optional<Timestamp> next_due(sql::Session& session) {
  return session.one<std::optional<Timestamp>>("select min(run_at) from jobs where state = 'delayed'").value_or(std::nullopt);
}

std::optional<Timestamp> next_lease_end(sql::Session& session) {
  return session.one<std::optional<Timestamp>>("select min(lease_until) from jobs where state = 'running'").value_or(std::nullopt);
}

std::int64_t unfinished(sql::Session& session, const std::string& queue) {
  return session.one<std::int64_t>("select count(*) from jobs where queue = :1 and state <> 'failed'", queue).value();
}

std::int64_t purge_failed(sql::Session& session, Timestamp before, std::int64_t keep) {
  return session.execute(
      "delete from jobs where state = 'failed' and (updated_at < :1 or id not in "
      "(select id from jobs where state = 'failed' order by updated_at desc, id desc limit :2))",
      before, keep);
}

std::map<std::string, Counts, std::less<>> count(sql::Session& session, Timestamp now) {
  std::map<std::string, Counts, std::less<>> queues;
  // What is due stays 'delayed' until the next look.
  session.each<std::tuple<std::string, std::string, std::int64_t>>(
      "select queue, case when state = 'delayed' and run_at <= :1 or state = 'held' then 'ready' else state end as standing, count(*) from jobs group by queue, standing",
      [&](const std::tuple<std::string, std::string, std::int64_t>& row) {
        const auto& [queue, state, n] = row;
        Counts& counts = queues[queue];
        (state == "delayed" ? counts.delayed : state == "ready" ? counts.waiting : state == "running" ? counts.running : counts.failed) = n;
      },
      now);
  return queues;
}

}  // namespace watchbell::jobs::store
