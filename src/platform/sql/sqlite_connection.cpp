// SQLite behind the driver interface.
//
// SOCI owns the connection (opening, closing, the same face for the database to come); statements go to the handle it holds. Its own statements
// cannot be used here without loss: they fetch whole numbers of unknown columns as 32 bits, give no way to ask for a column's true type, stay
// unreset after execute(true), so that the connection keeps reading an old snapshot, and report errors without their extended code. What would
// change our mind: a SOCI whose statements close these holes.
//
// Power cuts: the journal is a WAL and synchronous is FULL, so a COMMIT returns after its frames were synced; a frame whose checksum does not follow
// from the one before it is ignored by recovery, so that a half-written COMMIT never was. A COMMIT that fails is reported and rolled back; only
// when the sync itself failed and the machine dies before the next COMMIT may it still be found afterwards, as with every database.
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <list>
#include <unordered_map>
#include <vector>

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "base/assert.hpp"
#include "platform/sql/connection.hpp"

namespace watchbell::sql::detail {
namespace {

using namespace sqlite_api;

constexpr std::size_t kStatementsKept = 256;
constexpr int kStepsBetweenDeadlineChecks = 2000;
constexpr std::chrono::milliseconds kMigrationLockWait{60000};

/// The one error map.
Fault::Kind kind_of(int extended, int system_error) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID: return Fault::Kind::unique_violation;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return Fault::Kind::foreign_key;
    case SQLITE_CONSTRAINT_NOTNULL: return Fault::Kind::not_null;
    case SQLITE_CONSTRAINT_CHECK:
    case SQLITE_CONSTRAINT_TRIGGER:
    case SQLITE_CONSTRAINT_DATATYPE: return Fault::Kind::check;
    default: break;
  }
  switch (extended & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Fault::Kind::busy;
    case SQLITE_FULL: return Fault::Kind::full;
    // The shared-memory file reports a full disk as an I/O error.
    case SQLITE_IOERR: return system_error == ENOSPC || system_error == EDQUOT ? Fault::Kind::full : Fault::Kind::io;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY: return Fault::Kind::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Fault::Kind::corrupt;
    case SQLITE_INTERRUPT: return Fault::Kind::interrupted;
    case SQLITE_ERROR:
    case SQLITE_AUTH:
    case SQLITE_SCHEMA: return Fault::Kind::schema;
    default: return Fault::Kind::other;
  }
}

std::string_view sentence_of(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::busy: return "the database is locked by another process";
    case Fault::Kind::full: return "no space is left for the database";
    case Fault::Kind::io: return "the database file cannot be read or written";
    case Fault::Kind::corrupt: return "the database is damaged";
    case Fault::Kind::interrupted: return "a statement ran past its deadline";
    default: return "a statement failed";
  }
}

Fault fault_of(sqlite3* db, std::string_view sql) {
  const int code = sqlite3_extended_errcode(db);
  const auto kind = kind_of(code, sqlite3_system_errno(db));
  return {kind, fmt::format("{}: {} (sqlite {}) in: {}", sentence_of(kind), sqlite3_errmsg(db), code, brief(sql))};
}

/// Unchecked by the sanitizer, because SOCI's library keeps the type information of its backends to itself.
[[clang::no_sanitize("vptr")]] sqlite3* handle_of(soci::session& session) {
  return static_cast<soci::sqlite3_session_backend*>(session.get_backend())->conn_;
}

/// What holds for all connections, set before the first. Each is used by one thread at a time, that of its session's lease, so that SQLite need not lock it
/// at every call; and nobody asks how much memory it has, which would cost a lock at every allocation.
void configure_once() {
  static const bool configured = [] {
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    return true;
  }();
  static_cast<void>(configured);
}

struct Running {
  Cursor& cursor;
  ~Running() { cursor.finish(); }
};

class SqliteConnection;

class SqliteCursor final : public Cursor {
 public:
  SqliteCursor(SqliteConnection& owner, std::string_view sql, bool control);
  ~SqliteCursor() { sqlite3_finalize(statement_); }
  SqliteCursor(const SqliteCursor&) = delete;
  SqliteCursor& operator=(const SqliteCursor&) = delete;

  bool step() override;
  std::size_t columns() const override { return static_cast<std::size_t>(sqlite3_column_count(statement_)); }
  std::string column_name(std::size_t column) const override { return sqlite3_column_name(statement_, static_cast<int>(column)); }
  bool is_null(std::size_t column) const override { return type(column) == SQLITE_NULL; }
  bool boolean(std::size_t column) const override {
    const auto value = integer(column);
    if (value != 0 && value != 1) mismatch(column, "holds neither 0 nor 1");
    return value == 1;
  }
  std::int64_t integer(std::size_t column) const override {
    require(column, SQLITE_INTEGER, "holds no whole number");
    return sqlite3_column_int64(statement_, static_cast<int>(column));
  }
  double real(std::size_t column) const override {
    // A whole number is a number: sums and counts come so.
    if (type(column) != SQLITE_INTEGER) require(column, SQLITE_FLOAT, "holds no number");
    return sqlite3_column_double(statement_, static_cast<int>(column));
  }
  std::string_view text(std::size_t column) const override {
    require(column, SQLITE_TEXT, "holds no text");
    const auto* data = sqlite3_column_text(statement_, static_cast<int>(column));
    if (!data) throw std::bad_alloc();
    return {reinterpret_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(statement_, static_cast<int>(column)))};
  }
  std::int64_t affected() const override { return affected_; }
  void finish() noexcept override;

  void bind(std::span<const Param> params);
  bool read_only() const { return sqlite3_stmt_readonly(statement_) != 0; }

 private:
  friend class SqliteConnection;
  int type(std::size_t column) const { return sqlite3_column_type(statement_, static_cast<int>(column)); }
  void require(std::size_t column, int wanted, std::string_view what) const {
    const int found = type(column);
    if (found != wanted) mismatch(column, found == SQLITE_NULL ? "is NULL" : what);
  }
  void bind_one(int index, const Param& param);

  SqliteConnection& owner_;
  std::string sql_;
  sqlite3_stmt* statement_ = nullptr;
  std::vector<std::size_t> parameters_;  // at SQLite's index - 1: which argument; it numbers names by their first place in the text
  std::size_t arguments_ = 0;
  bool running_ = false;
  bool kept_ = true;  // in the cache; otherwise freed when finished
  const bool control_;
  sqlite3_int64 changes_before_ = 0;
  std::int64_t affected_ = 0;
};

class SqliteConnection final : public Connection {
 public:
  explicit SqliteConnection(const SqliteOptions& options);
  ~SqliteConnection() override {
    statements_.clear();
    extra_.clear();
  }
  Dialect dialect() const noexcept override { return Dialect::sqlite; }
  Cursor& start(std::string_view sql, std::span<const Param> params) override;
  void control(Control what) override;
  bool in_transaction() const noexcept override { return sqlite3_get_autocommit(db_) == 0; }
  bool owes_foreign_keys() const noexcept override {
    int owed = 0;
    int highest = 0;
    sqlite3_db_status(db_, SQLITE_DBSTATUS_DEFERRED_FKS, &owed, &highest, 0);
    return owed != 0;
  }
  // What takes the transaction with it takes it at once.
  std::optional<Fault::Kind> broken() const noexcept override { return std::nullopt; }
  void set_access(Access access) noexcept override { access_ = access; }
  void assert_idle() const noexcept override {
    for (auto* statement = sqlite3_next_stmt(db_, nullptr); statement; statement = sqlite3_next_stmt(db_, statement)) {
      const bool left_between_two_steps = sqlite3_stmt_busy(statement) != 0;
      WATCHBELL_ASSERT(!left_between_two_steps);
    }
  }
  void script(const std::string& sql) override {
    deadline_ = decltype(deadline_)::max();
    exec(sql);
  }
  std::vector<std::string> tables() override;
  Result<void> migrate(const std::function<Result<void>()>& body) override;
  void copy_to(const std::string& file) override;
  void* native_handle_for_test() noexcept override { return db_; }

 private:
  friend class SqliteCursor;
  using Statements = std::list<SqliteCursor>;

  /// Allows transaction control while it lives.
  class OwnStatement {
   public:
    explicit OwnStatement(SqliteConnection& connection) : connection_(connection) { connection_.own_ = true; }
    ~OwnStatement() { connection_.own_ = false; }
    OwnStatement(const OwnStatement&) = delete;
    OwnStatement& operator=(const OwnStatement&) = delete;

   private:
    SqliteConnection& connection_;
  };

  void exec(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) throw fault_of(db_, sql);
  }
  void require_wal();
  SqliteCursor& acquire(std::string_view sql);
  static int past_deadline(void* self) { return std::chrono::steady_clock::now() > static_cast<SqliteConnection*>(self)->deadline_ ? 1 : 0; }
  static int authorize(void* self, int action, const char*, const char*, const char*, const char*) {
    if (static_cast<SqliteConnection*>(self)->own_) return SQLITE_OK;
    const bool refused = action == SQLITE_TRANSACTION || action == SQLITE_SAVEPOINT || action == SQLITE_ATTACH || action == SQLITE_DETACH;
    return refused ? SQLITE_DENY : SQLITE_OK;
  }

  SqliteOptions options_;
  soci::session soci_;
  sqlite3* db_ = nullptr;
  Statements statements_;  // last used first
  Statements extra_;       // a text that runs inside its own rows
  std::unordered_map<std::string_view, Statements::iterator> by_text_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  Access access_ = Access::write;
  bool own_ = false;
};

SqliteCursor::SqliteCursor(SqliteConnection& owner, std::string_view sql, bool control) : owner_(owner), sql_(sql), control_(control) {
  const char* rest = nullptr;
  if (sqlite3_prepare_v3(owner.db_, sql_.c_str(), static_cast<int>(sql_.size() + 1), SQLITE_PREPARE_PERSISTENT, &statement_, &rest) != SQLITE_OK)
    throw fault_of(owner.db_, sql_);
  const auto refuse = [&](std::string_view why) {
    sqlite3_finalize(statement_);
    return Fault(Fault::Kind::schema, fmt::format("{}: {}", why, brief(sql_)));
  };
  if (!statement_) throw refuse("an empty statement");
  if (std::string_view(rest).find_first_not_of(" \t\r\n;") != std::string_view::npos) throw refuse("more than one statement");
  if (control) return;
  const int count = sqlite3_bind_parameter_count(statement_);
  for (int i = 1; i <= count; ++i) {
    const char* name = sqlite3_bind_parameter_name(statement_, i);
    char* end = nullptr;
    const long number = name && name[0] == ':' ? std::strtol(name + 1, &end, 10) : 0;
    if (number < 1 || number > count || *end != '\0') throw refuse("parameters are not :1 to the last without a gap");
    parameters_.push_back(static_cast<std::size_t>(number - 1));
  }
  arguments_ = parameters_.size();
}

void SqliteCursor::bind_one(int index, const Param& param) {
  struct {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::monostate) const { return sqlite3_bind_null(statement, index); }
    int operator()(bool value) const { return sqlite3_bind_int64(statement, index, value ? 1 : 0); }
    int operator()(std::int64_t value) const { return sqlite3_bind_int64(statement, index, value); }
    int operator()(double value) const { return sqlite3_bind_double(statement, index, value); }
    // SQLITE_STATIC: the caller keeps the bytes until finish(). A null pointer would be NULL, not the empty text.
    int operator()(std::string_view value) const {
      return sqlite3_bind_text64(statement, index, value.data() ? value.data() : "", value.size(), nullptr, SQLITE_UTF8);
    }
    int operator()(const std::string& value) const { return operator()(std::string_view(value)); }
    int operator()(const Array&) const { return SQLITE_MISMATCH; }  // Codec<List> gives JSON
  } const binder{statement_, index};
  if (std::visit(binder, param) != SQLITE_OK) throw fault_of(owner_.db_, sql_);
}

void SqliteCursor::bind(std::span<const Param> params) {
  if (params.size() != arguments_)
    throw Fault(Fault::Kind::schema, fmt::format("{} parameters given to a statement of {}: {}", params.size(), arguments_, brief(sql_)));
  for (std::size_t i = 0; i < parameters_.size(); ++i) bind_one(static_cast<int>(i + 1), params[parameters_[i]]);
}

bool SqliteCursor::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) throw fault_of(owner_.db_, sql_);
  // The count of a statement that changes nothing, a CREATE for instance, is that of the one before it.
  affected_ = sqlite3_total_changes64(owner_.db_) == changes_before_ ? 0 : sqlite3_changes64(owner_.db_);
  return false;
}

void SqliteCursor::finish() noexcept {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  running_ = false;
  if (!kept_) owner_.extra_.remove_if([this](const SqliteCursor& cursor) { return &cursor == this; });
}

SqliteConnection::SqliteConnection(const SqliteOptions& options) : options_(options) {
  if (options_.file.find('"') != std::string::npos) throw Fault(Fault::Kind::io, "the path of the database holds a quotation mark");
  configure_once();
  try {
    soci_.open(soci::sqlite3, fmt::format("dbname=\"{}\"{}", options_.file, options_.role == SqliteOptions::Role::inspector ? " readonly=1" : ""));
  } catch (const soci::soci_error& error) {
    throw Fault(Fault::Kind::io, fmt::format("{}: {}", options_.file, error.what()));
  }
  db_ = handle_of(soci_);
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, static_cast<int>(options_.busy_timeout.count()));
  sqlite3_progress_handler(db_, kStepsBetweenDeadlineChecks, &past_deadline, this);
  sqlite3_set_authorizer(db_, &authorize, this);
  // The schema of a file from elsewhere runs no functions with side effects and is not written to; "x" is a name, never text, as in PostgreSQL.
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  if (options_.role == SqliteOptions::Role::writer && options_.file != ":memory:") require_wal();
  exec(options_.synchronous_full ? "pragma synchronous = full" : "pragma synchronous = normal");
  exec("pragma foreign_keys = on");
  exec("pragma case_sensitive_like = on");  // as PostgreSQL's
  exec("pragma temp_store = memory");
  exec("pragma journal_size_limit = 67108864");
  if (options_.role != SqliteOptions::Role::writer) exec("pragma query_only = on");
}

void SqliteConnection::require_wal() {
  // Where WAL is not possible the pragma answers another mode and no error.
  std::string mode;
  const auto keep = [](void* out, int, char** values, char**) {
    static_cast<std::string*>(out)->assign(values[0]);
    return 0;
  };
  // The first connections of a new file convert it, each under an exclusive lock for which SQLite does not wait by itself: two that want it at once would
  // wait for each other.
  const auto until = std::chrono::steady_clock::now() + options_.busy_timeout;
  constexpr auto kPragma = "pragma journal_mode = wal";
  while (sqlite3_exec(db_, kPragma, keep, &mode, nullptr) != SQLITE_OK) {
    auto fault = fault_of(db_, kPragma);
    if (fault.kind() != Fault::Kind::busy || std::chrono::steady_clock::now() >= until) throw fault;
    sqlite3_sleep(2);
  }
  if (mode != "wal") throw Fault(Fault::Kind::io, fmt::format("the file system of {} cannot hold a write-ahead log", options_.file));
}

SqliteCursor& SqliteConnection::acquire(std::string_view sql) {
  const auto known = by_text_.find(sql);
  if (known != by_text_.end() && !known->second->running_) {
    statements_.splice(statements_.begin(), statements_, known->second);
    return statements_.front();
  }
  if (known != by_text_.end()) {
    extra_.emplace_front(*this, sql, own_);
    extra_.front().kept_ = false;
    return extra_.front();
  }
  statements_.emplace_front(*this, sql, own_);
  by_text_.emplace(statements_.front().sql_, statements_.begin());
  if (statements_.size() > kStatementsKept) {
    const auto oldest = std::ranges::find_if(statements_.rbegin(), statements_.rend(), [](const SqliteCursor& cursor) { return !cursor.running_; });
    if (&*oldest != &statements_.front()) {
      by_text_.erase(oldest->sql_);
      statements_.erase(std::next(oldest).base());
    }
  }
  return statements_.front();
}

Cursor& SqliteConnection::start(std::string_view sql, std::span<const Param> params) {
  auto& cursor = acquire(sql);
  try {
    if (cursor.control_) throw Fault(Fault::Kind::schema, fmt::format("transactions are begun and ended elsewhere: {}", brief(sql)));
    if (access_ == Access::read && !cursor.read_only())
      throw Fault(Fault::Kind::schema, fmt::format("a read may not write: {}", brief(sql)));
    cursor.bind(params);
  } catch (...) {  // the cursor is not out yet, so nobody else finishes it
    cursor.finish();
    throw;
  }
  cursor.running_ = true;
  cursor.affected_ = 0;
  cursor.changes_before_ = sqlite3_total_changes64(db_);
  deadline_ = options_.statement_deadline.count() > 0 ? std::chrono::steady_clock::now() + options_.statement_deadline : decltype(deadline_)::max();
  return cursor;
}

void SqliteConnection::control(Control what) {
  const auto text = [what] {
    switch (what) {
      case Control::begin_read: return "begin";
      // Deferred would fail half way with a snapshot that is no longer the last.
      case Control::begin_write:
      case Control::begin_read_committed: return "begin immediate";
      case Control::commit: return "commit";
      case Control::rollback: return "rollback";
      case Control::savepoint: return "savepoint job";
      case Control::release: return "release job";
      case Control::rollback_to: return "rollback to job";
    }
    return "";
  };
  const OwnStatement allowed(*this);
  deadline_ = decltype(deadline_)::max();  // interrupting these would leave their outcome open
  const Running running{acquire(text())};
  while (running.cursor.step()) {
  }
}

std::vector<std::string> SqliteConnection::tables() {
  std::vector<std::string> names;
  const Running running{start("select name from sqlite_schema where type = 'table' and name not like 'sqlite@_%' escape '@' order by name", {})};
  while (running.cursor.step()) names.emplace_back(running.cursor.text(0));
  return names;
}

Result<void> SqliteConnection::migrate(const std::function<Result<void>()>& body) {
  struct Restore {
    SqliteConnection& self;
    ~Restore() {
      const OwnStatement allowed(self);
      if (self.in_transaction()) sqlite3_exec(self.db_, "rollback", nullptr, nullptr, nullptr);
      sqlite3_exec(self.db_, "pragma foreign_keys = on", nullptr, nullptr, nullptr);
      sqlite3_busy_timeout(self.db_, static_cast<int>(self.options_.busy_timeout.count()));
    }
  } const restore{*this};
  // A table cannot be rebuilt while what refers to it is enforced, and the pragma does nothing inside a transaction.
  exec("pragma foreign_keys = off");
  sqlite3_busy_timeout(db_, static_cast<int>(kMigrationLockWait.count()));
  control(Control::begin_write);
  if (auto outcome = body(); !outcome) return outcome;
  {
    const Running broken{start("pragma foreign_key_check", {})};
    deadline_ = decltype(deadline_)::max();
    if (broken.cursor.step())
      throw Fault(Fault::Kind::foreign_key, fmt::format("a row of {} refers to a row of {} that is not there", broken.cursor.text(0), broken.cursor.text(2)));
  }
  control(Control::commit);
  return {};
}

void SqliteConnection::copy_to(const std::string& file) {
  char* text = sqlite3_mprintf("vacuum into %Q", file.c_str());
  if (!text) throw std::bad_alloc();
  const std::string sql = text;
  sqlite3_free(text);
  const OwnStatement allowed(*this);  // it attaches the copy
  deadline_ = decltype(deadline_)::max();
  exec(sql);
}

}  // namespace

std::unique_ptr<Connection> open_sqlite(const SqliteOptions& options) { return std::make_unique<SqliteConnection>(options); }

}  // namespace watchbell::sql::detail
