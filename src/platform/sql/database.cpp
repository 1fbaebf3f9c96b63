#include "platform/sql/database.hpp"

#include <cstdio>
#include <filesystem>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace watchbell::sql {
namespace {

using Access = detail::Connection::Access;
using Control = detail::Connection::Control;

constexpr std::string_view kMemory = ":memory:";

/// A group commits after this time even if more of its writes wait, so that short ones do not sit behind a long one that has ended.
constexpr std::chrono::milliseconds kGroupBudget{20};

// A write that another transaction came between runs again at once, then after this, doubled each time.
constexpr std::chrono::milliseconds kFirstRerun{10};
constexpr std::chrono::milliseconds kLastRerun{320};
constexpr int kMostConflicts = 10;

bool is_postgres(std::string_view url) { return url.starts_with("postgresql:") || url.starts_with("postgres:"); }

/// The file of a URL, absolute, or ":memory:".
Result<std::string> file_of(std::string_view url) {
  if (url.starts_with("sqlite:")) url.remove_prefix(7);
  if (url == kMemory) return std::string(kMemory);
  if (url.empty()) return fail(ErrorCode::bad_request, "the database has no path");
  std::error_code error;
  const auto path = std::filesystem::absolute(url, error);  // never begins with "file:", which SQLite would read as a URI
  if (error) return fail(ErrorCode::bad_request, "the path of the database {} cannot be resolved: {}", url, error.message());
  return path.string();
}

detail::SqliteOptions sqlite_options(const Database::Options& options, const std::string& file, detail::SqliteOptions::Role role) {
  return {.file = file, .role = role, .statement_deadline = options.statement_deadline, .synchronous_full = options.synchronous_full};
}

void roll_back(detail::Connection& connection) {
  if (connection.in_transaction()) connection.control(Control::rollback);
}

/// Texts are in the order of their bytes on SQLite, and store functions rely on it where they compare lists in memory.
Result<void> check_order(Session& session) {
  if (session.dialect() == Dialect::sqlite || session.one<bool>("select 'B' < 'a' and 'a.c' < 'a0b' and 'z' < 'ä'").value()) return {};
  return fail(ErrorCode::precondition_failed,
              "it sorts texts by the rules of a language; make one that sorts them by their bytes: create database watchbell template template0 "
              "encoding 'UTF8' lc_collate 'C' lc_ctype 'C'");
}

/// One read on a reader's session, on a pool thread.
void run_read(Session& session, detail::Job& job) {
  auto& connection = session.connection();
  try {
    connection.control(Control::begin_read);
    job.run(session);
    connection.assert_idle();
    // Nothing was written; ending the transaction lets the snapshot go.
    roll_back(connection);
  } catch (...) {  // carried to the loop
    job.fail_with(std::current_exception());
  }
}

}  // namespace

/// What one transaction settled, on its way from the pool thread to the loop.
struct Database::Settled {
  std::vector<JobPtr> jobs;
  std::uint64_t kept = 0;
  bool committed = false;
};

/// Where the database is: in a file (or in memory), or at a server.
struct Database::Place {
  std::string file;
  std::shared_ptr<detail::PostgresServer> server;

  static Result<Place> of(const std::string& url, const Clock& clock) {
    if (is_postgres(url)) {
      auto server = detail::postgres_server(url, clock);
      if (!server) return std::unexpected(std::move(server.error()));
      auto shown = (*server)->shown();
      return Place{.file = std::move(shown), .server = std::move(*server)};
    }
    auto file = file_of(url);
    if (!file) return std::unexpected(std::move(file.error()));
    return Place{.file = std::move(*file), .server = nullptr};
  }
};

/// A write that runs again after a while.
struct Database::Rerun {
  explicit Rerun(JobPtr again) : job(std::move(again)) {}
  JobPtr job;
  std::optional<async::Timer> timer;
};

Database::Database(async::Loop& loop, async::TimerWheel& wheel, Options options, Place place)
    : loop_(loop), wheel_(wheel), clock_(wheel.clock()), options_(std::move(options)), file_(std::move(place.file)), server_(std::move(place.server)),
      in_memory_(file_ == kMemory), random_(static_cast<std::uint64_t>(clock_.monotonic().time_since_epoch().count())), ended_(loop.executor()) {
  using Role = detail::SqliteOptions::Role;
  const auto connection = [&](Role role) {
    if (server_) return detail::open_postgres({.server = server_, .statement_deadline = options_.statement_deadline});
    return detail::open_sqlite(sqlite_options(options_, file_, role));
  };
  for (std::size_t i = 0; i < (server_ ? std::max<std::size_t>(1, options_.writers) : 1); ++i) {
    writers_.push_back(std::make_unique<Session>(connection(Role::writer)));
    idle_writers_.push_back(writers_.back().get());
  }
  for (std::size_t i = 0; !in_memory_ && i < std::max<std::size_t>(1, options_.readers); ++i) {
    readers_.push_back(std::make_unique<Session>(connection(Role::reader)));
    readers_.back()->connection().set_access(Access::read);
    idle_readers_.push_back(readers_.back().get());
  }
  // A thread for every session, and one for copies: who holds a lease never waits for a thread.
  pool_ = std::make_unique<async::BlockingPool>(async::BlockingPool::Options{.name = "sql", .threads = readers_.size() + writers_.size() + 1});
}

Database::~Database() { WATCHBELL_ASSERT(running_ == 0 && waiting() == 0); }

Result<std::unique_ptr<Database>> Database::open(async::Loop& loop, async::TimerWheel& wheel, Options options) {
  const auto place = Place::of(options.url, wheel.clock());
  if (!place) return std::unexpected(place.error());
  try {
    auto database = std::unique_ptr<Database>(new Database(loop, wheel, std::move(options), *place));
    // Of PostgreSQL also whether it is there.
    if (auto ours = check_order(*database->writers_.front()); !ours) return fail(ours.error().code, "database {}: {}", place->file, ours.error().message);
    return database;
  } catch (const Fault& fault) {
    return fail(ErrorCode::unavailable, "the database {} cannot be opened: {}", place->file, fault.what());
  }
}

Result<void> Database::inspect(const std::string& url, std::span<const MigrationSet* const> sets) {
  static const SystemClock clock;
  const auto place = Place::of(url, clock);
  if (!place) return std::unexpected(place.error());
  const auto& [file, server] = *place;
  std::unique_ptr<detail::Connection> connection;
  try {
    if (server) {
      connection = detail::open_postgres({.server = server});
      connection->set_access(Access::read);
    } else {
      if (file == kMemory) return {};
      if (auto sound = detail::check_sqlite_file(file); !sound) return sound;
      std::error_code unknown;
      if (!std::filesystem::exists(file, unknown)) return {};
      connection = detail::open_sqlite({.file = file, .role = detail::SqliteOptions::Role::inspector});
    }
    Session session(std::move(connection));
    if (auto ours = check_order(session); !ours) return fail(ours.error().code, "database {}: {}", file, ours.error().message);
    if (auto ours = check_migrations(session, sets); !ours) return fail(ours.error().code, "database {}: {}", file, ours.error().message);
    return {};
  } catch (const Fault& fault) {
    const bool away = fault.kind() == Fault::Kind::disconnected;
    return fail(away ? ErrorCode::unavailable : ErrorCode::precondition_failed, "the database {} cannot be used: {}", file, fault.what());
  }
}

Result<void> Database::migrate(std::span<const MigrationSet* const> sets, const std::function<void(Session&)>& with_each) {
  WATCHBELL_ASSERT(running_ == 0 && waiting() == 0 && !closed_);
  try {
    return sql::migrate(*writers_.front(), sets, clock_.now(), with_each);
  } catch (const Fault& fault) {
    return fail(ErrorCode::unavailable, "the database {} cannot be brought up to date: {}", file_, fault.what());
  }
}

Database::Queue& Database::queue_of(Access access) noexcept {
  // In memory all share the one connection and take turns.
  return access == Access::write || in_memory_ ? waiting_writes_ : waiting_reads_;
}

std::optional<Error> Database::refusal(const Queue& queue) const {
  if (closed_) return Error{.code = ErrorCode::unavailable, .message = "the database is closing"};
  if (queue.size() >= options_.max_waiting)
    return Error{.code = ErrorCode::unavailable, .message = "the database is busy, try again", .retry_after = std::chrono::seconds(1)};
  return std::nullopt;
}

void Database::complete(const JobPtr& job, boost::system::error_code error) {
  job->drop_function();
  const auto resume = std::move(job->resume);
  resume(error);
}

void Database::cancel(Queue& queue, const JobPtr& job) {
  if (!job || job->has_begun) return;
  const auto place = std::ranges::find(queue, job);
  if (place == queue.end()) return;
  queue.erase(place);
  complete(job, asio::error::operation_aborted);
}

void Database::serve() {
  serve_writes();
  serve_reads();
}

void Database::serve_reads() {
  while (!waiting_reads_.empty() && !idle_readers_.empty()) {
    Session* session = idle_readers_.back();
    idle_readers_.pop_back();
    JobPtr job = std::move(waiting_reads_.front());
    waiting_reads_.pop_front();
    ++running_;
    const bool posted = pool_->post([this, session, job = std::move(job), work = asio::make_work_guard(loop_.executor())]() mutable {
      run_read(*session, *job);
      asio::post(work.get_executor(), [this, session, job = std::move(job)] {
        idle_readers_.push_back(session);
        ++counters_.reads;
        complete(job);
        ended();
      });
    });
    WATCHBELL_ASSERT(posted);
  }
}

void Database::serve_writes() {
  if (server_) serve_changes();
  else serve_group();
}

void Database::serve_changes() {
  while (!waiting_writes_.empty() && !idle_writers_.empty()) {
    Session* session = idle_writers_.back();
    idle_writers_.pop_back();
    JobPtr job = std::move(waiting_writes_.front());
    waiting_writes_.pop_front();
    job->has_begun = true;
    ++running_;
    const bool posted = pool_->post([this, session, job = std::move(job), work = asio::make_work_guard(loop_.executor())]() mutable {
      const int before = std::max(job->runs, 1);
      const auto outcome = run_change(*session, *job);
      const int reruns = std::max(job->runs, 1) - before;
      asio::post(work.get_executor(), [this, session, outcome, reruns, job = std::move(job)]() mutable {
        idle_writers_.push_back(session);
        counters_.reruns += static_cast<std::uint64_t>(reruns);
        if (outcome == Outcome::kept) {
          ++counters_.writes;
          ++counters_.commits;
        }
        if (outcome == Outcome::again && !closed_) run_again_later(std::move(job));
        else complete(job);
        ended();
      });
    });
    WATCHBELL_ASSERT(posted);
  }
}

/// Runs one write in a transaction of its own, and once more at once where something came between.
Database::Outcome Database::run_change(Session& session, detail::Job& job) {
  auto& connection = session.connection();
  if (job.isolation == Isolation::each_statement) {
    const bool kept = job.run(session);
    connection.assert_idle();
    return kept ? Outcome::kept : Outcome::settled;
  }
  // What may be mended by running again, with nothing kept so far.
  const auto attempt = [&](bool& kept) -> std::optional<Fault::Kind> {
    bool committing = false;
    try {
      connection.control(job.isolation == Isolation::read_committed ? Control::begin_read_committed : Control::begin_write);
      ++job.runs;
      const bool keep = job.run(session);
      connection.assert_idle();
      const auto broken = connection.broken();
      if (broken == Fault::Kind::serialization || broken == Fault::Kind::disconnected) {
        if (!job.fault) job.fail_with(std::make_exception_ptr(Fault(*broken, "the transaction was lost, and the write has hidden it")));
        connection.control(Control::rollback);
        return broken;
      }
      if (!keep) {
        connection.control(Control::rollback);
        kept = !job.fault;  // a refusal is an answer
        return std::nullopt;
      }
      committing = true;
      connection.control(Control::commit);
      kept = true;
    } catch (const Fault& fault) {  // carried to the loop
      const bool again = committing && fault.kind() == Fault::Kind::serialization;
      job.fail_with(std::current_exception());
      connection.control(Control::rollback);
      if (again) return fault.kind();
    } catch (...) {  // carried to the loop
      job.fail_with(std::current_exception());
      connection.control(Control::rollback);
    }
    return std::nullopt;
  };
  while (true) {
    bool kept = false;
    const auto mendable = attempt(kept);
    if (!mendable) return kept ? Outcome::kept : Outcome::settled;
    if (*mendable == Fault::Kind::disconnected) {
      if (std::exchange(job.lost, true)) return Outcome::settled;
      continue;
    }
    if (++job.conflicts == kMostConflicts) return Outcome::settled;
    if (job.conflicts > 1) return Outcome::again;
  }
}

void Database::run_again_later(JobPtr job) {
  ++running_;
  const auto base = std::min(kFirstRerun * (1 << (job->conflicts - 2)), kLastRerun);
  const auto place = reruns_.emplace(reruns_.end(), std::move(job));
  // Not from within its own timer, which goes with it.
  place->timer.emplace([this, place] {
    asio::post(loop_.executor(), [this, place] {
      JobPtr due = std::move(place->job);
      reruns_.erase(place);
      if (closed_) complete(due);
      else waiting_writes_.push_front(std::move(due));
      ended();
    });
  });
  wheel_.arm(*place->timer, std::chrono::duration_cast<std::chrono::nanoseconds>(base * (0.5 + random_.unit())));
}

void Database::serve_group() {
  if (idle_writers_.empty() || waiting_writes_.empty()) return;
  std::vector<JobPtr> group;
  while (!waiting_writes_.empty() && group.size() < options_.max_group) {
    group.push_back(std::move(waiting_writes_.front()));
    waiting_writes_.pop_front();
  }
  Session* session = idle_writers_.back();
  idle_writers_.pop_back();
  ++running_;
  const bool posted = pool_->post([this, session, group = std::move(group), work = asio::make_work_guard(loop_.executor())]() mutable {
    std::size_t first = 0;
    while (first < group.size()) {
      Settled settled;
      const std::size_t count = run_transaction(std::span(group).subspan(first), settled);
      for (std::size_t i = first; i < first + count; ++i) settled.jobs.push_back(std::move(group[i]));
      first += count;
      asio::post(work.get_executor(), [this, session, settled = std::move(settled), last = first == group.size()] {
        counters_.writes += settled.kept;
        counters_.commits += settled.committed ? 1 : 0;
        for (const auto& job : settled.jobs) complete(job);
        if (!last) return;
        idle_writers_.push_back(session);
        ended();
      });
    }
  });
  WATCHBELL_ASSERT(posted);
}

void Database::ended() {
  --running_;
  serve();
  if (running_ == 0) ended_.notify_all();
}

/// Runs one write, where it is guarded in a savepoint of its own.
Database::Member Database::run_member(detail::Job& job, bool guarded) {
  auto& connection = writers_.front()->connection();
  try {
    if (guarded) connection.control(Control::savepoint);
    connection.set_access(job.access);
    bool keep = job.run(*writers_.front());
    connection.set_access(Access::write);
    connection.assert_idle();
    if (!connection.in_transaction()) {
      // Its function may have swallowed the fault; its answer would be a lie.
      if (!job.fault) job.fail_with(std::make_exception_ptr(Fault(Fault::Kind::other, "the database rolled the transaction back")));
      return Member::lost;
    }
    if (keep && connection.owes_foreign_keys()) {
      // A deferred key would fail the COMMIT, and with it the whole group.
      job.fail_with(std::make_exception_ptr(Fault(Fault::Kind::foreign_key, "a deferred foreign key is broken at the end of a write")));
      keep = false;
    }
    if (!guarded) return keep ? Member::kept : Member::to_undo;
    if (!keep) connection.control(Control::rollback_to);
    connection.control(Control::release);
    return Member::kept;
  } catch (...) {  // carried to the loop
    connection.set_access(Access::write);
    job.fail_with(std::current_exception());
    roll_back(connection);
    return Member::lost;
  }
}

/// Runs jobs from the front in one transaction and commits. How many are settled, at least one.
std::size_t Database::run_transaction(std::span<const JobPtr> jobs, Settled& settled) {
  auto& connection = writers_.front()->connection();
  std::vector<bool> struck(jobs.size());  // lost a transaction; not tried again
  std::size_t count = 0;
  // Savepoints cost as much as a statement each, and most groups need none: they run without, and once more with them when one of several is to be undone.
  bool guarded = false;
  while (true) {
    count = 0;
    bool lost = false;
    try {
      connection.control(Control::begin_write);
    } catch (...) {  // carried to the loop
      for (std::size_t i = 0; i < jobs.size(); ++i)
        if (!struck[i]) jobs[i]->fail_with(std::current_exception());
      return jobs.size();
    }
    const auto began = std::chrono::steady_clock::now();
    while (count < jobs.size() && !lost) {
      if (!struck[count]) {
        const auto member = run_member(*jobs[count], guarded);
        if (member == Member::lost) lost = struck[count] = true;
        if (member == Member::to_undo) {
          roll_back(connection);
          if (jobs.size() == 1) {  // all there was
            settled.kept = jobs.front()->fault ? 0 : 1;
            return 1;
          }
          lost = guarded = true;
        }
      }
      ++count;
      if (std::chrono::steady_clock::now() - began > kGroupBudget) break;
    }
    if (!lost) break;
  }
  try {
    connection.control(Control::commit);
    settled.committed = true;
    for (std::size_t i = 0; i < count; ++i) settled.kept += jobs[i]->fault ? 0 : 1;
  } catch (...) {  // carried to the loop
    // Refusals too: they may have been decided on what another member wrote.
    for (std::size_t i = 0; i < count; ++i)
      if (!struck[i]) jobs[i]->fail_with(std::current_exception());
    roll_back(connection);
  }
  return count;
}

awaitable<Result<void>> Database::backup(std::string file) {
  WATCHBELL_ASSERT_ON_LOOP();
  if (closed_) co_return fail(ErrorCode::unavailable, "the database is closing");
  if (in_memory_) co_return fail(ErrorCode::precondition_failed, "a database in memory cannot be backed up");
  if (server_) co_return fail(ErrorCode::precondition_failed, "a PostgreSQL database is backed up with pg_dump");
  ++running_;
  struct Ended {
    Database& self;
    ~Ended() { self.ended(); }
  } const ended{*this};
  co_return co_await pool_->run([file = std::move(file), source = file_]() -> Result<void> {
    const auto failed = [&](std::string_view what, int error) {
      return fail(ErrorCode::precondition_failed, "the backup {} cannot be {}: {}", file, what, std::generic_category().message(error));
    };
    const auto part = file + ".part";
    // Made here, so that it is private from its first byte.
    const int made = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (made < 0) return failed("made", errno);
    ::close(made);
    struct Remove {
      const std::string& path;
      ~Remove() { ::unlink(path.c_str()); }
    } const remove{part};
    {
      const auto connection = detail::open_sqlite({.file = source});
      connection->copy_to(part);
    }
    const int copy = ::open(part.c_str(), O_RDONLY | O_CLOEXEC);
    const bool synced = copy >= 0 && ::fsync(copy) == 0;
    const int sync_error = errno;
    if (copy >= 0) ::close(copy);
    if (!synced) return failed("synced", sync_error);
    // A link, not a rename: it fails when somebody has made a file of that name meanwhile.
    if (::link(part.c_str(), file.c_str()) != 0) return failed("made", errno);
    const auto folder = std::filesystem::absolute(file).parent_path();
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return failed("synced", errno);
    ::fsync(directory);
    ::close(directory);
    return {};
  });
}

awaitable<void> Database::close() {
  WATCHBELL_ASSERT_ON_LOOP();
  closed_ = true;
  for (Queue* queue : {&waiting_reads_, &waiting_writes_}) {
    while (!queue->empty()) {
      const JobPtr job = std::move(queue->front());
      queue->pop_front();
      job->refused = Error{.code = ErrorCode::unavailable, .message = "the database is closing"};
      complete(job);
    }
  }
  // Those that wait to run again get what the last time came to. One that is due already sees closed_ for itself.
  for (auto it = reruns_.begin(); it != reruns_.end();) {
    if (!it->timer->armed()) {
      ++it;
      continue;
    }
    complete(it->job);
    it = reruns_.erase(it);
    --running_;
  }
  while (running_ > 0) co_await ended_.wait();
  // The last connection to go writes the log back into the file, which may take a while.
  ++running_;
  struct Ended {
    Database& self;
    ~Ended() { self.ended(); }
  } const ended{*this};
  static_cast<void>(co_await pool_->run([this] {
    idle_readers_.clear();
    readers_.clear();
    idle_writers_.clear();
    writers_.clear();
  }));
}

}  // namespace watchbell::sql
