#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "platform/sql/database.hpp"
#include "runtime/jobs/job.hpp"
#include "runtime/jobs/store.hpp"

namespace watchbell::jobs {

/// The delay before try n+1 after the nth failed one: 2^n seconds, at most 5 minutes, plus up to 20 % at random.
std::chrono::milliseconds back_off(int failed_attempt, Random& random);

inline constexpr int kMaxInterruptions = 5;

/// Runs durable jobs. Every consumer registered for a queue receives each of its jobs (one row a consumer); within a consumer each job runs once at a
/// time. A job whose handler fails is tried again; one that succeeds leaves no row. Nothing polls: commits, ended jobs and the next due time wake the
/// queue.
///
/// Processes that share a database share its jobs out: each takes what it has room for, under a lease that it renews. Who dies or stands still loses its jobs
/// once it is struck off the list of those at work (workers::Workers), or when that lease ends, and what comes of a run that was taken away is not written any
/// more. A look that finds more than there is room for says so to the others (on_more); besides, each looks every Options::count_every, since what only the
/// dead knew of tells nobody. Loop-only, but for insert().
class Queue {
 public:
  struct ConsumerOptions {
    std::size_t concurrency = 0;              ///< handlers running at once; 0: Options::concurrency
    std::int64_t max_unfinished = 1'000'000;  ///< of the whole queue; more are refused
    /// How many more jobs a resource takes now; asked on the loop for resources that handlers named in Outcome::hold.
    std::function<std::size_t(std::string_view resource)> room;
    /// What of a payload stays in the row of a job that failed for good, for people to see; all of it when this is empty. Any thread.
    std::function<std::string(std::string_view payload)> remains;
  };
  struct Options {
    std::size_t concurrency = 10;  ///< of a consumer that asks for no other
    std::chrono::milliseconds lease{30'000};
    /// Whom others take this process for: 36 characters, in `workers` while it is at work; nothing while it may begin no job, and wake() when it may again. Some
    /// that never change when not given.
    std::function<std::string()> process;
    /// Whether no other process uses the database: then whatever is running when it starts was interrupted, and nobody has to be looked after.
    bool alone = true;
    std::chrono::milliseconds look_every{1'000};   ///< after processes that are gone; of those that are not alone
    std::chrono::milliseconds count_every{5'000};  ///< of those as well: what others added and ended
    std::chrono::seconds keep_failed{7 * 24 * 3600};
    std::int64_t keep_failed_count = 5000;
  };
  struct Statistics {
    std::uint64_t done = 0;
    std::uint64_t retried = 0;
    std::uint64_t failed = 0;
    std::uint64_t lost = 0;  ///< runs that ended when they no longer counted
    std::size_t running = 0;
  };

  /// One ended run, as it was recorded.
  struct Ran {
    std::string_view queue;
    Outcome::Kind outcome;
    std::chrono::nanoseconds waited;  ///< from when it was due
    std::chrono::nanoseconds took;
  };

  Queue(async::TimerWheel& wheel, sql::Database& database, async::TaskScope::OnFault on_fault, Options options, std::uint64_t seed);
  ~Queue();

  /// Registers a consumer; before start(). The name is unique within the queue (an Error otherwise, and nothing is registered).
  Result<void> consume(std::string queue, std::string consumer, Handler handler, ConsumerOptions options);
  Result<void> consume(std::string queue, std::string consumer, Handler handler) { return consume(std::move(queue), std::move(consumer), std::move(handler), ConsumerOptions()); }

  /// Adds a job for every consumer of its queue, inside the caller's transaction. ErrorCode::unavailable when the queue is full. The first
  /// consumer's job id, or nothing when nobody consumes the queue. Runs on a pool thread; REQUIRES start() or no consumer at all.
  Result<std::optional<JobId>> insert(sql::Session& session, const NewJob& job, Timestamp now) const;
  /// The same for many jobs that differ by their payload alone; all or, when the queue has no room for all, none. `like.payload` and
  /// `like.dedupe_id` are not looked at.
  Result<void> insert_many(sql::Session& session, const NewJob& like, std::span<const std::string> payloads, Timestamp now) const;
  /// A resource that handlers of the queue may have named in Outcome::hold has room for one more. Cheap when no job waits for it. Whether one does that
  /// no earlier call is going to let go.
  bool freed(std::string_view queue, std::string_view resource);
  /// Jobs were committed here.
  void added() {
    added_ = true;
    wake();
  }
  /// There may be jobs to take.
  void wake() {
    pending_ = true;
    wake_.notify_all();
  }

  /// Told when there is more than this process has room for. Before start().
  void on_more(std::function<void()> told) { on_more_ = std::move(told); }
  /// Voids leases left by a process that died (when alone all, else those that are over) and begins to run jobs. That end is no failed try of theirs, but
  /// a job that was running at kMaxInterruptions such ends in a row, with no outcome between them, fails for good: it may be what ended them.
  awaitable<void> start();
  /// Starts no further handler, waits for the running ones up to `limit`, then cancels them and puts their jobs back untouched.
  awaitable<void> stop(std::chrono::milliseconds limit);

  const Statistics& statistics() const noexcept { return statistics_; }
  /// The jobs of every queue that has a consumer or any job, from the rows, in one statement on a reader's session. An Error when the database does not
  /// answer now; then they are unknown, not zero.
  awaitable<Result<std::map<std::string, Counts, std::less<>>>> counts();

  /// Told of every run that was recorded.
  void on_ran(std::function<void(const Ran&)> told) { on_ran_ = std::move(told); }
  /// The queues that are consumed.
  std::vector<std::string> queues() const;
  /// Whether jobs are being taken: the queue runs, and its last look at the database did not fail.
  bool healthy() const noexcept { return started_ && !stopping_ && !claim_failed_; }

  /// Called on the loop before each write with what it is for (claim, record, put_back, renew, purge, look_after, recount); what it throws, the write throws.
  void before_write_for_test(std::function<void(std::string_view)> hook) { before_write_ = std::move(hook); }

 private:
  /// Jobs that wait for a resource.
  struct Held {
    std::int64_t rows = 0;
    std::int64_t freed = 0;  ///< room that became free and that no job was let go for yet
  };
  struct Consumer {
    std::string queue;
    std::string name;
    Handler handler;
    ConsumerOptions options;
    std::size_t running = 0;
    std::map<std::string, Held, std::less<>> held;  ///< by resource
  };
  /// A job's place among the running ones. It leaves them with this object, whatever ended the job: a slot is never lost.
  class Place {
   public:
    Place(Queue& queue, Consumer& consumer, const Job& job);
    Place(Place&& other) noexcept : queue_(std::exchange(other.queue_, nullptr)), consumer_(other.consumer_), id_(other.id_), settled_(other.settled_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (queue_ != nullptr) queue_->leave(consumer_, id_, settled_);
    }
    Consumer& consumer() const noexcept { return consumer_; }
    /// What became of the job stands in its row.
    void settle() noexcept { settled_ = true; }

   private:
    Queue* queue_;
    Consumer& consumer_;
    JobId id_;
    bool settled_ = false;
  };
  struct Claimed {
    std::vector<std::pair<Consumer*, Job>> jobs;
    bool more = false;  ///< as many as there was room for
    bool full = false;  ///< there was no room for any
    std::optional<Timestamp> next_due;
  };

  /// Whether a consumer's queue takes `count` more jobs.
  bool has_room(sql::Session& session, const Consumer& consumer, std::size_t count) const;
  void before_write(std::string_view what) const {
    if (before_write_) before_write_(what);
  }
  void leave(Consumer& consumer, const JobId& id, bool settled);
  /// Repeats a step until the queue stops. What it throws is reported and the next try waits a little: nothing but cancellation ends a loop.
  awaitable<void> keep(std::string_view name, awaitable<void> (Queue::*step)(), std::chrono::milliseconds retry_within);
  awaitable<void> pump();
  awaitable<Claimed> claim();
  awaitable<void> run(Place place, Job job);
  /// Whether what became of the job could be written.
  awaitable<bool> record(Consumer& consumer, const Job& job, Outcome outcome, Ran ran);
  /// What becomes of jobs whose process ended while they ran, or has stood still for too long. How many failed for good.
  std::uint64_t void_leases(sql::Session& session, Timestamp now, Random random, const std::vector<store::Interrupted>& jobs, const std::vector<JobId>& running) const;
  std::vector<JobId> running() const;
  /// Whether what comes of a run that begins now would still count.
  bool may_begin(const Job& job) const;
  awaitable<bool> put_back(store::Run job);
  awaitable<void> renew();
  awaitable<void> purge();
  /// One look after what processes that are gone leave, after the wait for it.
  awaitable<void> look_after();
  /// One count of what others added and ended, after the wait for it.
  awaitable<void> recount();
  void tell_lost(const Job& job);
  /// Waits, but not on when the queue stops.
  awaitable<void> sleep_unless_stopping(std::chrono::milliseconds delay);

  async::TimerWheel& wheel_;
  sql::Database& database_;
  async::TaskScope::OnFault on_fault_;
  Options options_;
  Random random_;
  std::list<Consumer> consumers_;
  /// Unfinished jobs by queue, for the bound; counted on pool threads too.
  mutable std::map<std::string, std::atomic<std::int64_t>, std::less<>> unfinished_;
  std::map<JobId, std::string> running_;  ///< with the claim of each
  std::uint64_t looks_ = 0;
  Statistics statistics_;
  std::function<void(const Ran&)> on_ran_;
  std::function<void()> on_more_;
  bool started_ = false;
  bool stopping_ = false;
  bool pending_ = false;
  bool added_ = false;  // since the last look
  std::function<void(std::string_view)> before_write_;
  bool claim_failed_ = false;
  async::Event wake_;
  async::Event began_;
  async::Event ended_;
  async::Event stop_began_;
  async::Timer due_;
  async::TaskScope pump_scope_;
  async::TaskScope run_scope_;
};

}  // namespace watchbell::jobs
