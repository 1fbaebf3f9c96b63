#pragma once

#include <chrono>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>

#include "async/awaitable.hpp"
#include "async/blocking_pool.hpp"
#include "async/event.hpp"
#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "platform/sql/migration.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::sql {

/// What a write of PostgreSQL sees of those beside it. SQLite has one writer, so that every write is alone.
enum class Isolation {
  serializable,    ///< as if alone: it may decide on what it reads
  read_committed,  ///< a statement sees what was committed before it; what it changes it changes in its newest form. For queues and leases, which need no snapshot
  each_statement,  ///< every statement is a transaction of its own, in one round trip: what it did stays done, whatever the function answers; it runs once
};

namespace detail {

/// One function that waits for a session, runs on a pool thread, and resumes its coroutine on the loop.
struct Job {
  virtual ~Job() = default;
  /// Runs the function, which may have run before to no effect. False when its writes are to be undone.
  virtual bool run(Session& session) noexcept = 0;
  /// Drops what the function answered, and lets its caller have this instead.
  virtual void fail_with(std::exception_ptr thrown) noexcept = 0;
  /// Frees the function, on the loop, before its caller is resumed.
  virtual void drop_function() noexcept = 0;

  Connection::Access access = Connection::Access::read;
  Isolation isolation = Isolation::serializable;  // of a write
  int runs = 0;            // of a write on PostgreSQL
  int conflicts = 0;       // runs that another transaction came between
  bool lost = false;       // the connection was, once, before COMMIT was sent
  bool has_begun = false;  // loop-only; whoever waits for it waits for its end
  std::exception_ptr fault;
  std::optional<Error> refused;
  std::function<void(boost::system::error_code)> resume;  // loop-only
};

template <class F, class R>
struct JobOf final : Job {
  explicit JobOf(F g) : f(std::move(g)) {}
  bool run(Session& session) noexcept override {
    fault = nullptr;
    value.reset();
    try {
      if constexpr (std::is_void_v<R>) {
        (*f)(session);
        return true;
      } else {
        value.emplace((*f)(session));
        if constexpr (AnyResult<R>) return value->has_value();
        else return true;
      }
    } catch (...) {  // carried to the loop and rethrown there
      fault = std::current_exception();
      return false;
    }
  }
  void fail_with(std::exception_ptr thrown) noexcept override {
    value.reset();
    fault = std::move(thrown);
  }
  void drop_function() noexcept override { f.reset(); }
  ResultOf<R> take() {
    if (refused) return std::unexpected(std::move(*refused));
    if (fault) std::rethrow_exception(std::exchange(fault, nullptr));
    if constexpr (std::is_void_v<R>) return {};
    else return std::move(*value);
  }
  std::optional<F> f;
  std::optional<std::conditional_t<std::is_void_v<R>, std::monostate, R>> value;
};

}  // namespace detail

/// An SQL database: writers (on SQLite one) and readers, each leased by a queue on the loop, never waited for on a pool thread. Loop-only. Destroyed before
/// the loop; the destructor REQUIRES that nothing runs or waits.
///
/// A function given to write() may run more than once and must leave no trace but its writes and its answer; one given to read() runs once.
///
/// SQLite. Writes that wait when the writer becomes free are taken together in one transaction and committed by one COMMIT (group commit), so that a full sync
/// of the disk is shared and nothing is answered before it was durable. A write whose function answers an error or throws undoes itself alone: the group
/// runs again then, each write in a savepoint. When the COMMIT fails, all of the group get its fault. When an error inside one write made SQLite roll the
/// whole transaction back (disk full, deadline), that one gets its fault and the others run again.
///
/// PostgreSQL. Each write has a serializable transaction of its own. When another transaction came between, or the connection was lost before COMMIT was sent
/// (once), the function runs again: at once, then after 10 ms, doubling to 320 ms, each with jitter, up to ten times in all. A COMMIT whose answer was lost
/// may have been kept or not: the caller gets Fault::Kind::disconnected, as for one that fails on SQLite. Connections are made when first needed and made
/// anew when lost; while the server cannot be reached, calls fail at once (disconnected) between tries that back off to 2 s.
class Database {
 public:
  struct Options {
    /// "sqlite:PATH", a path, or ":memory:": a database of this object alone on one connection, whose reads and writes take turns; or "postgresql://...".
    std::string url;
    std::size_t readers = 4;
    std::size_t writers = 4;         ///< of PostgreSQL; SQLite has one
    std::size_t max_waiting = 4096;  ///< reads, and writes, that wait for a session
    std::size_t max_group = 256;     ///< writes in one transaction, of SQLite
    std::chrono::milliseconds statement_deadline{10000};
    bool synchronous_full = true;  ///< of SQLite; false loses the last commits with the power
  };

  /// What a group commit saves, and what running beside each other costs.
  struct Counters {
    std::uint64_t writes = 0;   ///< functions that were kept
    std::uint64_t commits = 0;  ///< write transactions committed
    std::uint64_t reads = 0;
    std::uint64_t reruns = 0;  ///< of functions of writes, on PostgreSQL
  };

  /// Opens or makes the database; on PostgreSQL it is there already. Call inspect() before, while nothing is open. An Error is one sentence.
  static Result<std::unique_ptr<Database>> open(async::Loop& loop, async::TimerWheel& wheel, Options options);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// Looks at a database without changing it (an empty -wal and a -shm beside it do not count): its header and length, its schema, and the record of
  /// its migrations against `sets`. An absent or empty file is fine. REQUIRES that this process has not opened it. Of PostgreSQL: whether it can be reached,
  /// its encoding, the order of its texts, and the record.
  static Result<void> inspect(const std::string& url, std::span<const MigrationSet* const> sets);

  /// sql::migrate on the writer. Blocks the loop: for start and tests. REQUIRES that nothing runs or waits.
  Result<void> migrate(std::span<const MigrationSet* const> sets, const std::function<void(Session&)>& with_each = {});

  /// Runs f(Session&) -> R or Result<R> on a pool thread in one read transaction: all its statements see one snapshot, taken by the first of them, that
  /// holds everything whose write() returned before this call. What f throws is rethrown here. ErrorCode::unavailable when too many wait or the
  /// database closes. A caller cancelled while it waits leaves the queue; once f runs, it is waited for.
  template <class F, class R = std::invoke_result_t<F&, Session&>>
  awaitable<ResultOf<R>> read(F f) {
    return submit<F, R>(std::move(f), detail::Connection::Access::read, Isolation::serializable);
  }

  /// Runs f(Session&) -> R or Result<R> on a pool thread in a transaction (see above), and returns after COMMIT. Otherwise as read().
  template <class F, class R = std::invoke_result_t<F&, Session&>>
  awaitable<ResultOf<R>> write(F f, Isolation isolation = Isolation::serializable) {
    return submit<F, R>(std::move(f), detail::Connection::Access::write, isolation);
  }

  /// Writes a consistent copy to a file that does not exist yet, while reads and writes go on. The file (mode 0600) appears under its name only
  /// when it is complete and synced. ErrorCode::precondition_failed of one in memory and on PostgreSQL, which has pg_dump.
  awaitable<Result<void>> backup(std::string file);

  /// Refuses what waits, waits for what runs, closes the connections. Later calls are refused.
  awaitable<void> close();

  const Counters& counters() const noexcept { return counters_; }
  /// Functions that wait for a session, for metrics.
  std::size_t waiting() const noexcept { return waiting_reads_.size() + waiting_writes_.size(); }
  /// Sessions by what they do now, for metrics.
  struct Sessions {
    std::size_t idle = 0;
    std::size_t busy = 0;
  };
  Sessions sessions() const noexcept {
    const std::size_t idle = idle_readers_.size() + idle_writers_.size();
    return {.idle = idle, .busy = readers_.size() + writers_.size() - idle};
  }

 private:
  using JobPtr = std::shared_ptr<detail::Job>;
  using Queue = std::list<JobPtr>;
  struct Settled;
  struct Place;
  struct Rerun;

  Database(async::Loop& loop, async::TimerWheel& wheel, Options options, Place place);

  template <class F, class R>
  awaitable<ResultOf<R>> submit(F f, detail::Connection::Access access, Isolation isolation) {
    WATCHBELL_ASSERT_ON_LOOP();
    auto job = std::make_shared<detail::JobOf<F, R>>(std::move(f));
    job->access = access;
    job->isolation = isolation;
    Queue& queue = queue_of(access);
    if (auto refused = refusal(queue)) co_return std::unexpected(std::move(*refused));
    co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void(boost::system::error_code)>(
        [this, &queue, job](auto handler) { this->enqueue(queue, job, std::move(handler)); }, use_awaitable);
    co_return job->take();
  }

  template <class Handler>
  void enqueue(Queue& queue, const JobPtr& job, Handler handler) {
    auto shared = std::make_shared<Handler>(std::move(handler));
    job->resume = [this, shared](boost::system::error_code error) {
      if (auto slot = asio::get_associated_cancellation_slot(*shared); slot.is_connected()) slot.clear();
      asio::post(loop_.executor(), [shared, error] { std::move (*shared)(error); });
    };
    if (auto slot = asio::get_associated_cancellation_slot(*shared); slot.is_connected())
      slot.assign([this, &queue, weak = std::weak_ptr(job)](asio::cancellation_type) { this->cancel(queue, weak.lock()); });
    queue.push_back(job);
    serve();
  }

  Queue& queue_of(detail::Connection::Access access) noexcept;
  std::optional<Error> refusal(const Queue& queue) const;
  /// Takes the job out if it still waits.
  void cancel(Queue& queue, const JobPtr& job);
  /// Resumes the caller of a job that is no longer queued.
  static void complete(const JobPtr& job, boost::system::error_code error = {});
  /// Hands sessions to those that wait.
  void serve();
  void serve_reads();
  void serve_writes();
  void serve_group();
  void serve_changes();
  void run_again_later(JobPtr job);
  void ended();
  enum class Outcome { kept, settled, again };
  /// On a pool thread.
  static Outcome run_change(Session& session, detail::Job& job);
  std::size_t run_transaction(std::span<const JobPtr> jobs, Settled& settled);
  enum class Member {
    kept,
    to_undo,  ///< by rolling the transaction back, and with it what the others wrote
    lost      ///< the transaction is gone
  };
  Member run_member(detail::Job& job, bool guarded);

  async::Loop& loop_;
  async::TimerWheel& wheel_;
  const Clock& clock_;
  Options options_;
  std::string file_;  // of PostgreSQL what is shown of its URL
  std::shared_ptr<detail::PostgresServer> server_;
  bool in_memory_ = false;
  std::vector<std::unique_ptr<Session>> writers_;
  std::vector<Session*> idle_writers_;
  std::vector<std::unique_ptr<Session>> readers_;
  std::vector<Session*> idle_readers_;
  Queue waiting_reads_;
  Queue waiting_writes_;
  std::list<Rerun> reruns_;
  Random random_{0};
  std::size_t running_ = 0;  // pool jobs that hold a session or make a copy, and jobs that wait to run again
  bool closed_ = false;
  Counters counters_;
  async::Event ended_;
  std::unique_ptr<async::BlockingPool> pool_;  // last: joined before what its jobs use
};

}  // namespace watchbell::sql
