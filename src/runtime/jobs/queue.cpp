#include "runtime/jobs/queue.hpp"

#include <algorithm>

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "async/backoff.hpp"
#include "async/loop.hpp"
#include "platform/log/log.hpp"

namespace watchbell::jobs {

using namespace std::chrono_literals;

std::chrono::milliseconds back_off(int failed_attempt, Random& random) {
  const auto base = std::min<std::chrono::milliseconds>(std::chrono::seconds(std::int64_t{1} << std::clamp(failed_attempt, 1, 9)), 5min);
  return base + std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(base.count()) * 0.2 * random.unit()));
}

namespace {

// Readiness asks healthy(), and has to follow within 5 s when the database is back.
constexpr auto kClaimAgainWithin = 3s;

// The queue decides row by row: what others change meanwhile, it takes as it then is.
constexpr auto kRowByRow = sql::Isolation::read_committed;

// Reporting needs memory and a log, which may be just what is missing. A fault that cannot be told must not end more than it has ended already.
async::TaskScope::OnFault guarded(async::TaskScope::OnFault on_fault) {
  return [on_fault = std::move(on_fault)](std::string_view where, std::exception_ptr fault) {
    try {
      on_fault(where, std::move(fault));
    } catch (const std::exception&) {  // nobody is left to tell
    }
  };
}

/// By queue.
using Unfinished = std::vector<std::pair<std::string, std::int64_t>>;
Unfinished unfinished_of(sql::Session& session, const std::vector<std::string>& queues) {
  Unfinished counts;
  for (const auto& queue : queues) counts.emplace_back(queue, store::unfinished(session, queue));
  return counts;
}

std::optional<std::string> remains_of(const std::function<std::string(std::string_view)>& remains, std::string_view payload) {
  return remains ? std::optional(remains(payload)) : std::nullopt;
}

}  // namespace

Queue::Queue(async::TimerWheel& wheel, sql::Database& database, async::TaskScope::OnFault on_fault, Options options, std::uint64_t seed)
    : wheel_(wheel),
      database_(database),
      on_fault_(guarded(std::move(on_fault))),
      options_(std::move(options)),
      random_(seed),
      wake_(wheel.executor()),
      began_(wheel.executor()),
      ended_(wheel.executor()),
      stop_began_(wheel.executor()),
      due_([this] { wake(); }),
      pump_scope_(wheel.executor(), on_fault_),
      run_scope_(wheel.executor(), on_fault_) {
  if (!options_.process) options_.process = [some = JobId::make(wheel.clock().now()).to_string()] { return some; };
}

Queue::~Queue() = default;

Result<void> Queue::consume(std::string queue, std::string consumer, Handler handler, ConsumerOptions options) {
  WATCHBELL_ASSERT(!started_);
  for (const auto& known : consumers_)
    if (known.queue == queue && known.name == consumer) return fail(ErrorCode::conflict, "queue {} has a consumer {} already", queue, consumer);
  if (options.concurrency == 0) options.concurrency = options_.concurrency;
  unfinished_.try_emplace(queue, 0);
  consumers_.push_back({.queue = std::move(queue), .name = std::move(consumer), .handler = std::move(handler), .options = options});
  return {};
}

std::vector<std::string> Queue::queues() const {
  std::vector<std::string> names;
  for (const auto& [name, count] : unfinished_) names.push_back(name);
  return names;
}

bool Queue::has_room(sql::Session& session, const Consumer& consumer, std::size_t count) const {
  auto& unfinished = unfinished_.find(consumer.queue)->second;
  const auto more = static_cast<std::int64_t>(count);
  if (unfinished.load() + more <= consumer.options.max_unfinished) return true;
  // The count is an estimate that only grows between looks: a rolled back change leaves its share. The truth decides.
  unfinished = store::unfinished(session, consumer.queue);
  return unfinished.load() + more <= consumer.options.max_unfinished;
}

Result<std::optional<JobId>> Queue::insert(sql::Session& session, const NewJob& job, Timestamp now) const {
  std::optional<JobId> first;
  for (const auto& consumer : consumers_) {
    if (consumer.queue != job.queue) continue;
    WATCHBELL_ASSERT(started_);
    if (!has_room(session, consumer, 1)) return fail(ErrorCode::unavailable, "queue {} is full", job.queue);
    const JobId id = store::insert(session, job, consumer.name, now);
    ++unfinished_.find(job.queue)->second;
    if (!first) first = id;
  }
  return first;
}

Result<void> Queue::insert_many(sql::Session& session, const NewJob& like, std::span<const std::string> payloads, Timestamp now) const {
  for (const auto& consumer : consumers_) {
    if (consumer.queue != like.queue) continue;
    WATCHBELL_ASSERT(started_);
    if (!has_room(session, consumer, payloads.size())) return fail(ErrorCode::unavailable, "queue {} has no room for {} jobs", like.queue, payloads.size());
    store::insert_many(session, like, payloads, consumer.name, now);
    unfinished_.find(like.queue)->second += static_cast<std::int64_t>(payloads.size());
  }
  return {};
}

awaitable<void> Queue::start() {
  WATCHBELL_ASSERT_ON_LOOP();
  started_ = true;
  // More than the rows of one look are counted when they are inserted.
  struct Found {
    std::uint64_t failed = 0;
    Unfinished unfinished;
  };
  auto found = co_await database_.write([this, queues = queues(), now = wheel_.clock().now(), random = Random(random_())](sql::Session& session) {
    Found counts;
    if (options_.alone) {
      store::let_all_go(session);
      counts.failed = void_leases(session, now, random, store::interrupted(session), {});
    } else {
      store::let_go_of(session, store::gone_that_hold(session));
      counts.failed = void_leases(session, now, random, store::interrupted_of(session, store::gone_that_run(session)), {});
      counts.failed += void_leases(session, now, random, store::interrupted(session, now), {});
    }
    counts.unfinished = unfinished_of(session, queues);
    return counts;
  });
  if (found) {
    statistics_.failed += found->failed;
    for (const auto& [queue, count] : found->unfinished) unfinished_.find(queue)->second = count;
  }
  pump_scope_.spawn("jobs.claim", keep("jobs.claim", &Queue::pump, kClaimAgainWithin));
  pump_scope_.spawn("jobs.renew", keep("jobs.renew", &Queue::renew, 30s));
  pump_scope_.spawn("jobs.purge", keep("jobs.purge", &Queue::purge, 30s));
  if (options_.alone) co_return;
  pump_scope_.spawn("jobs.look_after", keep("jobs.look_after", &Queue::look_after, kClaimAgainWithin));
  pump_scope_.spawn("jobs.recount", keep("jobs.recount", &Queue::recount, 30s));
}

// A kill says nothing about the jobs that were running, so it takes no try from them. But one of them may have been its cause, and would be so again
// after every start: how often in a row a job was interrupted is kept with its row (an outcome of any kind ends the count), the first time it runs
// again at once, then after the back-off of a failed try, which also parts it from those that merely ran beside it, and at last no more. Counting
// kills as tries instead would not stop such a job either: it never comes to the end of a try, where tries are judged.
std::uint64_t Queue::void_leases(sql::Session& session, Timestamp now, Random random, const std::vector<store::Interrupted>& jobs, const std::vector<JobId>& running) const {
  std::uint64_t failed = 0;
  for (const auto& job : jobs) {
    // The wall clock may jump over the lease of a job that this process still runs, or it was taken for dead and joined anew meanwhile.
    if (std::ranges::binary_search(running, job.run.id)) continue;
    const int times = job.times + 1;
    const auto consumer = std::ranges::find_if(consumers_, [&](const Consumer& c) { return c.queue == job.queue && c.name == job.consumer; });
    if (times < kMaxInterruptions || consumer == consumers_.end()) {
      store::interrupt(session, job.run, times, now + (times == 1 ? 0ms : back_off(times - 1, random)), now);
      continue;
    }
    store::fail(session, job.run, store::interruption(times), remains_of(consumer->options.remains, job.payload), now);
    ++failed;
  }
  return failed;
}

std::vector<JobId> Queue::running() const {
  std::vector<JobId> ids;
  for (const auto& [id, claim] : running_) ids.push_back(id);
  return ids;
}

bool Queue::may_begin(const Job& job) const {
  if (options_.alone) return true;
  const auto process = options_.process();
  return !process.empty() && job.claim.starts_with(process);
}

bool Queue::freed(std::string_view queue, std::string_view resource) {
  bool waits = false;
  for (auto& consumer : consumers_) {
    if (consumer.queue != queue) continue;
    const auto held = consumer.held.find(resource);
    if (held == consumer.held.end()) continue;
    waits |= held->second.rows > held->second.freed;
    ++held->second.freed;
    wake();
  }
  return waits;
}

awaitable<Queue::Claimed> Queue::claim() {
  const auto process = options_.process();
  if (process.empty()) co_return Claimed();
  struct Want {
    std::string queue;
    std::string consumer;
    std::size_t limit;
  };
  std::vector<Want> wants;
  for (const auto& consumer : consumers_)
    wants.push_back({consumer.queue, consumer.name, std::min<std::size_t>(consumer.options.concurrency - std::min(consumer.running, consumer.options.concurrency), 256)});
  struct Taken {
    std::uint64_t failed = 0;
    std::vector<std::vector<Job>> jobs;
    std::vector<std::int64_t> let_go;
    std::optional<Timestamp> next_due;
  };
  struct Freed {
    Consumer* consumer;
    std::string resource;
    std::int64_t count;
  };
  std::vector<Freed> freed;
  for (auto& consumer : consumers_)
    for (const auto& [resource, held] : consumer.held)
      if (held.freed > 0) freed.push_back({&consumer, resource, held.freed});
  const auto lease = options_.lease;
  before_write("claim");
  const auto look = fmt::format("{} {}", process, ++looks_);
  auto taken = co_await database_.write([this, wants, running = running(), freed, lease, look, random = Random(random_()), now = wheel_.clock().now()](sql::Session& session) {
    Taken result;
    auto end = store::next_lease_end(session);
    if (end && *end <= now) {
      result.failed = void_leases(session, now, random, store::interrupted(session, now), running);
      end = store::next_lease_end(session);  // those of jobs that run here are left
    }
    store::promote(session, now);
    for (const auto& [consumer, resource, count] : freed) result.let_go.push_back(store::let_go(session, consumer->queue, consumer->name, resource, count));
    // One whose run was taken away may still be at work here: it is for the others.
    const auto but = options_.alone ? std::vector<JobId>() : running;
    for (const auto& want : wants)
      result.jobs.push_back(want.limit == 0 ? std::vector<Job>() : store::claim(session, want.queue, want.consumer, want.limit, now, lease, look, but));
    result.next_due = store::next_due(session);
    // What was taken just now has the longest lease of all, so there is nothing to ask once more.
    if (!end && std::ranges::any_of(result.jobs, [](const auto& jobs) { return !jobs.empty(); })) end = now + lease;
    // Mostly a lease of a job that runs here and is renewed before: then the look was for nothing. One that ended and could not be renewed is no hurry.
    if (end) {
      const auto again = std::max(*end, now + lease / 4);
      if (!result.next_due || again < *result.next_due) result.next_due = again;
    }
    return result;
  }, kRowByRow);
  if (!taken) throw Fault("jobs cannot be read: " + taken.error().message);
  statistics_.failed += taken->failed;
  for (std::size_t i = 0; i < freed.size(); ++i) {
    const auto held = freed[i].consumer->held.find(freed[i].resource);
    held->second.freed -= freed[i].count;
    held->second.rows -= taken->let_go[i];
    // Fewer than asked for: there are no more, whoever let the others go.
    if (held->second.rows <= 0 || taken->let_go[i] < freed[i].count) freed[i].consumer->held.erase(held);
  }
  Claimed claimed;
  claimed.next_due = taken->next_due;
  std::size_t i = 0;
  for (auto& consumer : consumers_) {
    (wants[i].limit == 0 ? claimed.full : claimed.more) |= taken->jobs[i].size() == wants[i].limit;
    for (auto& job : taken->jobs[i]) {
      // A run of it that was taken away is still at work here: it keeps its lease, and is free again when that ends.
      if (!running_.contains(job.id)) claimed.jobs.emplace_back(&consumer, std::move(job));
    }
    ++i;
  }
  co_return claimed;
}

awaitable<void> Queue::keep(std::string_view name, awaitable<void> (Queue::*step)(), std::chrono::milliseconds retry_within) {
  async::Backoff backoff(1s, retry_within);
  while (!stopping_) {
    bool failed = false;
    try {
      co_await (this->*step)();
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted && stopping_) throw;
      on_fault_(name, std::current_exception());
      failed = true;
    } catch (const std::exception&) {  // a boundary: without this loop no job runs any more
      on_fault_(name, std::current_exception());
      failed = true;
    }
    if (failed) co_await wheel_.sleep(backoff.next(random_));
    else backoff = async::Backoff(1s, retry_within);
  }
}

/// One look at the rows, and the wait for the next.
awaitable<void> Queue::pump() {
  pending_ = false;
  const bool added = std::exchange(added_, false);
  Claimed claimed;
  {
    struct Look {
      bool& failed;
      bool ended = false;
      ~Look() { failed = !ended; }
    } look{claim_failed_};
    claimed = co_await claim();
    look.ended = true;
  }
  // No suspension from here to the last spawn: what was claimed is handed on even when the stop has begun meanwhile. A job lost to an exception keeps
  // its lease, and the look after the lease's end takes it up again.
  for (auto& [consumer, job] : claimed.jobs) {
    Place place(*this, *consumer, job);
    const auto name = "job " + job.queue;
    run_scope_.spawn(name, run(std::move(place), std::move(job)));
  }
  if (!claimed.jobs.empty()) began_.notify_all();
  due_.cancel();
  if (claimed.next_due) wheel_.arm(due_, *claimed.next_due - wheel_.clock().now());
  // Full slots: the next ended job looks again. Free slots and a full hand: there may be more.
  if (claimed.more) {
    const bool free = std::ranges::any_of(consumers_, [](const Consumer& c) { return c.running < c.options.concurrency; });
    if (free) pending_ = true;
  }
  // To hear of it from others is no reason to tell them.
  if (on_more_ && (claimed.more || (claimed.full && added))) on_more_();
  while (!pending_ && !stopping_) co_await wake_.wait();
}

Queue::Place::Place(Queue& queue, Consumer& consumer, const Job& job) : queue_(&queue), consumer_(consumer), id_(job.id) {
  queue.running_.emplace(job.id, job.claim);
  ++consumer.running;
  queue.statistics_.running = queue.running_.size();
}

void Queue::leave(Consumer& consumer, const JobId& id, bool settled) {
  const bool was_full = consumer.running == consumer.options.concurrency;
  --consumer.running;
  running_.erase(id);
  statistics_.running = running_.size();
  ended_.notify_all();
  // A row left as it was is free again when its lease ends: somebody has to look then.
  if (was_full || !settled) wake();
}

awaitable<void> Queue::run(Place place, Job job) {
  Outcome outcome;
  Ran ran{.queue = place.consumer().queue, .outcome = {}, .waited = std::max<std::chrono::nanoseconds>(wheel_.clock().now() - job.due, 0ns), .took = {}};
  const auto began = wheel_.clock().monotonic();
  bool cancelled = stopping_ || !may_begin(job);  // claimed while the stop began, or this process stood still
  try {
    if (!cancelled) outcome = co_await place.consumer().handler(job);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted && stopping_) cancelled = true;
    else {
      on_fault_("job " + job.queue, std::current_exception());
      outcome = Outcome::retry(error.what());
    }
  } catch (const std::exception& error) {  // the boundary of a job: a fault is a failed try
    on_fault_("job " + job.queue, std::current_exception());
    outcome = Outcome::retry(error.what());
  }
  ran.took = wheel_.clock().monotonic() - began;
  // What became of the job is recorded whatever happens to this task now.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  if (cancelled ? co_await put_back({.id = job.id, .claim = job.claim}) : co_await record(place.consumer(), job, std::move(outcome), ran)) place.settle();
}

awaitable<bool> Queue::put_back(store::Run job) {
  try {
    before_write("put_back");
    const auto written = co_await database_.write([job, now = wheel_.clock().now()](sql::Session& session) { store::put_back(session, job, now); },
                                                kRowByRow);
    co_return written.has_value();
  } catch (const std::exception&) {  // the boundary of a job
    on_fault_("jobs.put_back", std::current_exception());  // its lease is void at the next start
  }
  co_return false;
}

awaitable<bool> Queue::record(Consumer& consumer, const Job& job, Outcome outcome, Ran ran) {
  const auto now = wheel_.clock().now();
  if (outcome.kind == Outcome::Kind::retry && !outcome.after && job.attempt > job.max_retries) outcome.kind = Outcome::Kind::give_up;
  if (outcome.kind == Outcome::Kind::retry && !outcome.after) outcome.after = back_off(job.attempt, random_);
  const std::string_view reason = utf8_prefix(outcome.reason, store::kMostOfReason);
  const store::Run run{.id = job.id, .claim = job.claim};
  async::Backoff backoff(1s, 30s);
  while (!outcome.written) {
    const bool last = stopping_;
    try {
      before_write("record");
      const auto written = co_await database_.write([&, reason = std::string(reason)](sql::Session& session) {
        switch (outcome.kind) {
          case Outcome::Kind::done:
          case Outcome::Kind::retry: return store::end(session, run, outcome, now);
          case Outcome::Kind::give_up: return store::fail(session, run, reason, remains_of(consumer.options.remains, job.payload), now);
          case Outcome::Kind::hold: return store::hold(session, run, reason, now);
        }
        return false;
      }, kRowByRow);
      if (written && !*written) {
        tell_lost(job);
        co_return false;
      }
      if (written) break;
    } catch (const std::exception&) {  // the boundary of a job
      on_fault_("jobs.record", std::current_exception());
    }
    // The disk may be full: the job is done all the same, so keep trying to say so. A stop gets one more try and then leaves it to the next start.
    if (last) co_return false;
    co_await sleep_unless_stopping(backoff.next(random_));
  }
  auto& unfinished = unfinished_.find(job.queue)->second;
  ran.outcome = outcome.kind;
  if (on_ran_ && outcome.kind != Outcome::Kind::hold) on_ran_(ran);
  switch (outcome.kind) {
    case Outcome::Kind::done: ++statistics_.done, --unfinished; break;
    case Outcome::Kind::retry: ++statistics_.retried, wake(); break;
    case Outcome::Kind::give_up: ++statistics_.failed, --unfinished; break;
    case Outcome::Kind::hold:
      ++consumer.held[std::string(reason)].rows;
      // What was in the way may have gone while this was written.
      if (consumer.options.room && consumer.options.room(reason) > 0) freed(job.queue, reason);
      break;
  }
  co_return true;
}

awaitable<void> Queue::sleep_unless_stopping(std::chrono::milliseconds delay) {
  bool over = false;
  async::Timer timer([&] {
    over = true;
    stop_began_.notify_all();
  });
  wheel_.arm(timer, delay);
  while (!over && !stopping_) co_await stop_began_.wait();
}

void Queue::tell_lost(const Job& job) {
  ++statistics_.lost;
  log::warn("a job was given to another process while it ran here: what came of it is not written", {{"queue", job.queue}, {"job", job.id.to_string()}});
}

/// One renewal of the leases of what runs, after the wait for it.
awaitable<void> Queue::renew() {
  // Nothing running, nothing to renew and nothing to wake up for.
  while (running_.empty()) co_await began_.wait();
  co_await wheel_.sleep(options_.lease / 3);
  std::vector<store::Run> runs;
  for (const auto& [id, claim] : running_) runs.push_back({.id = id, .claim = claim});
  if (runs.empty()) co_return;
  before_write("renew");
  co_await database_.write([runs, until = wheel_.clock().now() + options_.lease](sql::Session& session) { store::renew(session, runs, until); },
                            kRowByRow);
}

awaitable<void> Queue::look_after() {
  co_await wheel_.sleep(options_.look_every);
  before_write("look_after");
  const auto gone = co_await database_.read([](sql::Session& session) { return store::gone_that_run(session); });
  if (!gone || gone->empty()) co_return;
  const auto failed = co_await database_.write([this, gone = *gone, running = running(), random = Random(random_()), now = wheel_.clock().now()](sql::Session& session) {
    store::let_go_of(session, gone);
    return void_leases(session, now, random, store::interrupted_of(session, gone), running);
  }, kRowByRow);
  if (failed) statistics_.failed += *failed;
  wake();
}

awaitable<void> Queue::recount() {
  co_await wheel_.sleep(options_.count_every);
  before_write("recount");
  struct Found {
    std::vector<std::string> gone;
    Unfinished unfinished;
  };
  const auto found = co_await database_.read(
      [queues = queues()](sql::Session& session) { return Found{.gone = store::gone_that_hold(session), .unfinished = unfinished_of(session, queues)}; });
  if (found) {
    for (const auto& [queue, count] : found->unfinished) unfinished_.find(queue)->second = count;
    if (!found->gone.empty()) co_await database_.write([gone = found->gone](sql::Session& session) { store::let_go_of(session, gone); }, kRowByRow);
  }
  wake();
}

/// One purge, after the wait for it.
awaitable<void> Queue::purge() {
  co_await wheel_.sleep(1h);
  before_write("purge");
  co_await database_.write([before = wheel_.clock().now() - options_.keep_failed, keep = options_.keep_failed_count](sql::Session& session) {
    store::purge_failed(session, before, keep);
  }, kRowByRow);
}

awaitable<Result<std::map<std::string, Counts, std::less<>>>> Queue::counts() {
  auto counts = co_await database_.read([now = wheel_.clock().now()](sql::Session& session) { return store::count(session, now); });
  if (counts)
    for (const auto& consumer : consumers_) counts->try_emplace(consumer.queue);
  co_return counts;
}

awaitable<void> Queue::stop(std::chrono::milliseconds limit) {
  WATCHBELL_ASSERT_ON_LOOP();
  stopping_ = true;
  stop_began_.notify_all();
  due_.cancel();
  co_await pump_scope_.stop();
  bool late = limit <= 0ms;
  async::Timer deadline([&] {
    late = true;
    ended_.notify_all();
  });
  if (!late) wheel_.arm(deadline, limit);
  while (!running_.empty() && !late) co_await ended_.wait();
  co_await run_scope_.stop();
}

}  // namespace watchbell::jobs
