// PostgreSQL behind the driver interface, over libpq.
//
// SOCI owns nothing here, other than on SQLite. Its statements lose what they lose there: bigints of unknown columns, the SQLSTATE of errors, more than one
// statement of a script, arrays; and of the connection it would only give PQconnectdb without the settings it is called with (its errors repeat the
// connect string, with the password), for a library more. What would change our mind: a SOCI whose statements take arrays and report SQLSTATE.
//
// A statement is prepared once for each text and types of its parameters (a NULL has none: the server infers it) and runs whole: its rows are here before
// the first is read, so that others may run in between, as on SQLite. Parameters travel in their binary form, rows as text.
//
// Deadlines: the server keeps statement_timeout. Where SQLite is interrupted from within, there is nothing to cancel from outside: PQcancel would need a
// connection of its own, which has no deadline either, to say what the server knows already. A server that does not even refuse in time, because it
// or the way to it is gone, is given up after a grace: the connection is closed.
//
// A transaction: reads see one snapshot (repeatable read, read only), which never fails for what others do; writes are serializable, so that store
// functions may decide on what they read, as under the one writer of SQLite; of two that cannot both be kept one fails with `serialization` and runs
// again. After an error PostgreSQL takes nothing more in a transaction: broken() says so.
#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstring>
#include <list>
#include <unordered_map>
#include <vector>

#include <poll.h>

#include "base/assert.hpp"
#include "platform/sql/postgres_server.hpp"
#include "platform/sql/postgres_text.hpp"
#include "platform/sql/pq.hpp"

namespace watchbell::sql::detail {
namespace {

constexpr std::size_t kStatementsKept = 256;
constexpr std::size_t kFormsKept = 8;  // of one text, by the types of its parameters
constexpr std::chrono::milliseconds kControlDeadline{30000};
constexpr std::chrono::seconds kMigrationLockWait{60};
/// A process that hangs inside a transaction must not hold up the others for ever.
constexpr std::chrono::seconds kIdleInTransaction{60};
/// Of the advisory lock under which migrations run; the second half is the schema.
constexpr int kMigrationLock = 0x57424C4C;

// pg_type.dat
constexpr Oid kBool = 16, kName = 19, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kJson = 114, kFloat4 = 700, kFloat8 = 701, kInt8Array = 1016,
              kTextArray = 1009, kBpchar = 1042, kVarchar = 1043, kUuid = 2950, kJsonb = 3802;

/// steady_clock: a socket is waited for with poll(), whatever clock tests set.
using Until = std::optional<std::chrono::steady_clock::time_point>;

std::string_view sentence_of(Fault::Kind kind) {
  switch (kind) {
    case Fault::Kind::busy:
      return "the database is busy";
    case Fault::Kind::serialization:
      return "another transaction came between";
    case Fault::Kind::disconnected:
      return "the connection to the database was lost";
    case Fault::Kind::full:
      return "no space is left for the database";
    case Fault::Kind::io:
      return "the database server cannot read or write its files";
    case Fault::Kind::corrupt:
      return "the database is damaged";
    case Fault::Kind::interrupted:
      return "a statement ran past its deadline";
    default:
      return "a statement failed";
  }
}

struct Running {
  Cursor& cursor;
  ~Running() { cursor.finish(); }
};

class PostgresConnection;

class PostgresCursor final : public Cursor {
 public:
  explicit PostgresCursor(PostgresConnection& owner) : owner_(owner) {}
  PostgresCursor(const PostgresCursor&) = delete;
  PostgresCursor& operator=(const PostgresCursor&) = delete;

  void take(PgResult result);
  bool step() override {
    if (row_ + 1 >= rows_) return false;
    ++row_;
    return true;
  }
  std::size_t columns() const override { return static_cast<std::size_t>(pq().nfields(result_.get())); }
  std::string column_name(std::size_t column) const override { return pq().fname(result_.get(), static_cast<int>(column)); }
  bool is_null(std::size_t column) const override { return pq().getisnull(result_.get(), row_, static_cast<int>(column)) != 0; }
  bool boolean(std::size_t column) const override {
    require(column, type(column) == kBool, "holds no truth value");
    return value(column) == "t";
  }
  std::int64_t integer(std::size_t column) const override {
    const auto of = type(column);
    require(column, of == kInt8 || of == kInt4 || of == kInt2, "holds no whole number");
    return number<std::int64_t>(column, "holds no whole number");
  }
  double real(std::size_t column) const override {
    const auto of = type(column);
    // A whole number is a number: counts come so.
    require(column, of == kFloat8 || of == kFloat4 || of == kInt8 || of == kInt4 || of == kInt2, "holds no number");
    return number<double>(column, "holds no number");
  }
  std::string_view text(std::size_t column) const override {
    switch (type(column)) {
      case kText:
      case kVarchar:
      case kBpchar:
      case kName:
      case kUuid:
      case kJson:
      case kJsonb:
        break;
      default:
        mismatch(column, "holds no text");
    }
    require(column, true, "");
    return value(column);
  }
  std::int64_t affected() const override { return affected_; }
  void finish() noexcept override;

 private:
  friend class PostgresConnection;
  Oid type(std::size_t column) const { return pq().ftype(result_.get(), static_cast<int>(column)); }
  std::string_view value(std::size_t column) const {
    const int at = static_cast<int>(column);
    return {pq().getvalue(result_.get(), row_, at), static_cast<std::size_t>(pq().getlength(result_.get(), row_, at))};
  }
  void require(std::size_t column, bool fits, std::string_view what) const {
    if (is_null(column)) mismatch(column, "is NULL");
    if (!fits) mismatch(column, what);
  }
  template <class T>
  T number(std::size_t column, std::string_view what) const {
    const auto text = value(column);
    T out{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) mismatch(column, what);
    if constexpr (std::floating_point<T>) {
      if (!std::isfinite(out)) mismatch(column, "holds a number that is not finite");
    }
    return out;
  }

  PostgresConnection& owner_;
  PgResult result_;
  int row_ = -1;
  int rows_ = 0;
  std::int64_t affected_ = 0;
};

class PostgresConnection final : public Connection {
 public:
  explicit PostgresConnection(const PostgresOptions& options) : options_(options), server_(std::dynamic_pointer_cast<PostgresAddress>(options.server)) {
    WATCHBELL_ASSERT(server_ != nullptr);
    session_settings_ = fmt::format(
        "-c statement_timeout={} -c idle_in_transaction_session_timeout={} -c standard_conforming_strings=on -c extra_float_digits=1 -c jit=off "
        "-c client_min_messages=error",
        options_.statement_deadline.count(), std::chrono::milliseconds(kIdleInTransaction).count());
  }

  Dialect dialect() const noexcept override { return Dialect::postgres; }
  Cursor& start(std::string_view sql, std::span<const Param> params) override;
  void control(Control what) override;
  bool in_transaction() const noexcept override { return open_ && connection_ != nullptr; }
  /// Each write commits alone, so that its COMMIT says it.
  bool owes_foreign_keys() const noexcept override { return false; }
  std::optional<Fault::Kind> broken() const noexcept override { return open_ ? broken_ : std::nullopt; }
  void set_access(Access access) noexcept override { access_ = access; }
  void assert_idle() const noexcept override {
    const bool left_between_two_steps = running_ != 0;
    WATCHBELL_ASSERT(!left_between_two_steps);
  }
  void script(const std::string& sql) override {
    require_postgres_script(sql);
    be_ready();
    exec(sql, patience());
  }
  std::vector<std::string> tables() override;
  Result<void> migrate(const std::function<Result<void>()>& body) override;
  void copy_to(const std::string&) override { throw Fault(Fault::Kind::other, "a PostgreSQL database is copied with pg_dump"); }
  void* native_handle_for_test() noexcept override { return connection_.get(); }

 private:
  friend class PostgresCursor;
  /// A text as the server knows it, under a name for each form of its parameters.
  struct Form {
    std::string types;
    std::string name;
  };
  struct Statement {
    std::string source;
    PostgresText text;
    std::vector<Form> forms;
  };
  using Statements = std::list<Statement>;
  /// An answer that is an error.
  struct Failed {
    Fault fault;
    bool stale_plan = false;  ///< the prepared statement is of no use any more: a table has changed
  };

  Until patience() const {
    if (migrating_ || options_.statement_deadline.count() <= 0) return std::nullopt;
    return std::chrono::steady_clock::now() + options_.statement_deadline + options_.grace;
  }
  static Until after(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

  void connect();
  /// Connects if need be, and sets the session to what set_access() asked for.
  void be_ready();
  /// Whether the server has closed the connection while nothing ran on it.
  bool is_dead() noexcept;
  [[noreturn]] void lose(std::string_view words, std::string_view sql);
  void wait(short events, Until until, std::string_view sql);
  /// The answer to what PQsend... has begun to send: of several the last, or the first that is an error.
  std::expected<PgResult, Failed> answer(int sent, Until until, std::string_view sql);
  PgResult require(std::expected<PgResult, Failed> answered) {
    if (!answered) throw std::move(answered.error().fault);
    return std::move(*answered);
  }
  /// Without parameters; every statement of the text.
  PgResult exec(const std::string& sql, Until until) { return require(answer(pq().sendQuery(connection_.get(), sql.c_str()), until, sql)); }

  Statement& statement(std::string_view sql);
  const std::string& prepared(Statement& statement, std::span<const Param> params);
  std::expected<PgResult, Failed> execute(const std::string& name, std::span<const Param> params, std::string_view sql);
  void forget(std::vector<Form>& forms, std::size_t at);
  void free_names();

  PostgresOptions options_;
  std::shared_ptr<PostgresAddress> server_;
  std::string session_settings_;
  PgConnection connection_;
  Statements statements_;  // last used first
  std::unordered_map<std::string_view, Statements::iterator> by_text_;
  std::vector<std::string> unused_names_;  // prepared at the server, forgotten here
  std::uint64_t last_name_ = 0;
  std::list<PostgresCursor> cursors_;
  std::vector<PostgresCursor*> idle_cursors_;
  std::size_t running_ = 0;
  bool open_ = false;  // between begin and commit or rollback, even when the connection was lost since
  std::optional<Fault::Kind> broken_;
  bool reading_ = false;  // the open transaction is a read
  bool migrating_ = false;
  Access access_ = Access::write;
  Access session_access_ = Access::write;
};

void PostgresCursor::take(PgResult result) {
  result_ = std::move(result);
  row_ = -1;
  rows_ = pq().ntuples(result_.get());
  affected_ = 0;
  // Also a SELECT tells the number of its rows.
  const std::string_view done = pq().cmdStatus(result_.get());
  if (done.starts_with("INSERT") || done.starts_with("UPDATE") || done.starts_with("DELETE") || done.starts_with("MERGE")) {
    const std::string_view count = pq().cmdTuples(result_.get());
    std::from_chars(count.data(), count.data() + count.size(), affected_);
  }
}

void PostgresCursor::finish() noexcept {
  result_.reset();
  --owner_.running_;
  owner_.idle_cursors_.push_back(this);
}

void PostgresConnection::connect() {
  connection_.reset();
  for (auto& statement : statements_) statement.forms.clear();
  unused_names_.clear();
  session_access_ = Access::write;
  connection_ = server_->connect_when_due(options_.connect_deadline, session_settings_);
}

bool PostgresConnection::is_dead() noexcept {
  ::pollfd look{.fd = pq().socket(connection_.get()), .events = POLLIN, .revents = 0};
  while (::poll(&look, 1, 0) > 0)  // its last words, then the end
    if (pq().consumeInput(connection_.get()) == 0) return true;
  return pq().status(connection_.get()) != CONNECTION_OK;
}

void PostgresConnection::be_ready() {
  if (open_) {
    if (!connection_) throw Fault(Fault::Kind::disconnected, "the connection to the database was lost earlier in this transaction");
    return;
  }
  if (!connection_ || is_dead()) connect();
  if (access_ == session_access_) return;
  exec(access_ == Access::read ? "set default_transaction_read_only = on" : "set default_transaction_read_only = off", patience());
  session_access_ = access_;
}

void PostgresConnection::lose(std::string_view words, std::string_view sql) {
  std::string line(words);
  for (char& c : line)
    if (c == '\n') c = ' ';
  connection_.reset();
  broken_ = Fault::Kind::disconnected;
  throw Fault(Fault::Kind::disconnected, fmt::format("{}: {} in: {}", sentence_of(Fault::Kind::disconnected), line, brief(sql)));
}

void PostgresConnection::wait(short events, Until until, std::string_view sql) {
  ::pollfd socket{.fd = pq().socket(connection_.get()), .events = events, .revents = 0};
  while (true) {
    int left = -1;
    if (until) {
      const auto time = std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::steady_clock::now()).count();
      left = static_cast<int>(std::clamp<std::int64_t>(time, 0, 3'600'000));
    }
    const int ready = ::poll(&socket, 1, left);
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) lose("its socket cannot be waited for", sql);
    if (ready == 0 && until && std::chrono::steady_clock::now() >= *until) lose("the server does not answer", sql);
  }
  if ((socket.revents & ~POLLOUT) != 0 && pq().consumeInput(connection_.get()) == 0) lose(pq().errorMessage(connection_.get()), sql);
}

std::expected<PgResult, PostgresConnection::Failed> PostgresConnection::answer(int sent, Until until, std::string_view sql) {
  auto* const connection = connection_.get();
  if (sent == 0) lose(pq().errorMessage(connection), sql);
  // It may say something, and wait until that is read, before it reads on.
  for (int left = pq().flush(connection); left != 0; left = pq().flush(connection)) {
    if (left < 0) break;  // it may have said why
    wait(POLLIN | POLLOUT, until, sql);
  }
  PgResult kept;
  const auto is_error = [](const PgResult& result) {
    const auto status = pq().resultStatus(result.get());
    return status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY;
  };
  while (true) {
    while (pq().isBusy(connection) != 0) {
      if (pq().status(connection) != CONNECTION_OK) break;
      wait(POLLIN, until, sql);
    }
    PgResult next(pq().getResult(connection));
    if (!next) break;
    if (!kept || !is_error(kept)) kept = std::move(next);
  }
  if (!kept) lose(pq().errorMessage(connection), sql);
  if (!is_error(kept)) return kept;

  const char* state = pq().resultErrorField(kept.get(), PG_DIAG_SQLSTATE);
  auto kind = kind_of_sqlstate(state ? state : "");
  if (pq().status(connection) != CONNECTION_OK) kind = Fault::Kind::disconnected;
  const auto words = words_of(kept.get());
  // The server has become a replica: another is the one to write to.
  if (open_ && state && std::string_view(state) == "25006" && access_ == Access::write && !reading_) kind = Fault::Kind::disconnected;
  if (kind == Fault::Kind::disconnected) lose(words, sql);
  const char* routine = pq().resultErrorField(kept.get(), PG_DIAG_SOURCE_FUNCTION);
  const bool stale = state && std::string_view(state) == "0A000" && routine && std::string_view(routine) == "RevalidateCachedQuery";
  if (stale && open_) kind = Fault::Kind::serialization;
  if (open_ && !broken_) broken_ = kind;
  return std::unexpected(Failed{.fault = Fault(kind, fmt::format("{}: {} (postgresql {}) in: {}", sentence_of(kind), words, state ? state : "", brief(sql))),
                                .stale_plan = stale});
}

PostgresConnection::Statement& PostgresConnection::statement(std::string_view sql) {
  if (const auto known = by_text_.find(sql); known != by_text_.end()) {
    statements_.splice(statements_.begin(), statements_, known->second);
    return statements_.front();
  }
  statements_.push_front({.source = std::string(sql), .text = postgres_text(sql), .forms = {}});
  by_text_.emplace(statements_.front().source, statements_.begin());
  if (statements_.size() > kStatementsKept) {
    auto& oldest = statements_.back();
    while (!oldest.forms.empty()) forget(oldest.forms, 0);
    by_text_.erase(oldest.source);
    statements_.pop_back();
  }
  return statements_.front();
}

void PostgresConnection::forget(std::vector<Form>& forms, std::size_t at) {
  unused_names_.push_back(std::move(forms[at].name));
  forms.erase(forms.begin() + static_cast<std::ptrdiff_t>(at));
}

void PostgresConnection::free_names() {
  if (unused_names_.empty()) return;
  std::string sql;
  for (const auto& name : unused_names_) sql += "deallocate " + name + ';';
  unused_names_.clear();
  exec(sql, patience());
}

const std::string& PostgresConnection::prepared(Statement& statement, std::span<const Param> params) {
  static constexpr struct {
    char operator()(std::monostate) const { return 'n'; }
    char operator()(bool) const { return 'b'; }
    char operator()(std::int64_t) const { return 'i'; }
    char operator()(double) const { return 'f'; }
    char operator()(std::string_view) const { return 't'; }
    char operator()(const std::string&) const { return 't'; }
    char operator()(const Array& array) const { return array.of() == Array::Of::integer ? 'I' : 'T'; }
  } letter;
  const auto has_types = [&](const Form& form) {
    return std::ranges::equal(form.types, params, [](char type, const Param& param) { return type == std::visit(letter, param); });
  };
  if (const auto known = std::ranges::find_if(statement.forms, has_types); known != statement.forms.end()) return known->name;

  if (statement.forms.size() >= kFormsKept) forget(statement.forms, 0);
  free_names();
  Form form{.types = {}, .name = fmt::format("w{}", ++last_name_)};
  std::vector<Oid> types;
  for (const auto& param : params) {
    form.types += std::visit(letter, param);
    switch (form.types.back()) {
      case 'b':
        types.push_back(kBool);
        break;
      case 'i':
        types.push_back(kInt8);
        break;
      case 'f':
        types.push_back(kFloat8);
        break;
      case 't':
        types.push_back(kText);
        break;
      case 'I':
        types.push_back(kInt8Array);
        break;
      case 'T':
        types.push_back(kTextArray);
        break;
      default:
        types.push_back(InvalidOid);
        break;
    }
  }
  require(answer(pq().sendPrepare(connection_.get(), form.name.c_str(), statement.text.sql.c_str(), static_cast<int>(types.size()), types.data()), patience(),
                 statement.source));
  statement.forms.push_back(std::move(form));
  return statement.forms.back().name;
}

std::expected<PgResult, PostgresConnection::Failed> PostgresConnection::execute(const std::string& name, std::span<const Param> params, std::string_view sql) {
  struct Binder {
    std::vector<const char*> values;
    std::vector<int> lengths;
    std::vector<std::array<char, 8>> numbers;

    void add(std::string_view bytes) {
      values.push_back(bytes.data() ? bytes.data() : "");  // no pointer would be NULL, not the empty text
      lengths.push_back(static_cast<int>(bytes.size()));
    }
    void number(std::uint64_t bits) {
      bits = std::byteswap(bits);
      auto& place = numbers.emplace_back();
      std::memcpy(place.data(), &bits, sizeof bits);
      add({place.data(), place.size()});
    }
    void operator()(std::monostate) {
      values.push_back(nullptr);
      lengths.push_back(0);
    }
    void operator()(bool value) { add(value ? std::string_view("\1", 1) : std::string_view("\0", 1)); }
    void operator()(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
    void operator()(double value) { number(std::bit_cast<std::uint64_t>(value)); }
    void operator()(std::string_view value) { add(value); }
    void operator()(const std::string& value) { add(value); }
    void operator()(const Array& value) { add(value.bytes()); }
  } binder;
  binder.values.reserve(params.size());
  binder.lengths.reserve(params.size());
  binder.numbers.reserve(params.size());  // they are pointed to
  for (const auto& param : params) std::visit(binder, param);
  const std::vector<int> binary(params.size(), 1);
  return answer(
      pq().sendQueryPrepared(connection_.get(), name.c_str(), static_cast<int>(params.size()), binder.values.data(), binder.lengths.data(), binary.data(), 0),
      patience(), sql);
}

Cursor& PostgresConnection::start(std::string_view sql, std::span<const Param> params) {
  be_ready();
  if (open_ && broken_)
    throw Fault(Fault::Kind::other, fmt::format("an earlier statement of this transaction failed, so that it takes no more: {}", brief(sql)));
  auto& found = statement(sql);
  if (params.size() != found.text.parameters)
    throw Fault(Fault::Kind::schema, fmt::format("{} parameters given to a statement of {}: {}", params.size(), found.text.parameters, brief(sql)));
  auto answered = execute(prepared(found, params), params, sql);
  if (!answered && answered.error().stale_plan) {
    while (!found.forms.empty()) forget(found.forms, 0);
    // Inside a transaction it has failed; run again, that one prepares it anew.
    if (!open_) answered = execute(prepared(found, params), params, sql);
  }
  auto result = require(std::move(answered));
  if (idle_cursors_.empty()) idle_cursors_.push_back(&cursors_.emplace_back(*this));
  auto& cursor = *idle_cursors_.back();
  idle_cursors_.pop_back();
  ++running_;
  cursor.take(std::move(result));
  return cursor;
}

void PostgresConnection::control(Control what) {
  switch (what) {
    case Control::begin_read:
    case Control::begin_write:
    case Control::begin_read_committed: {
      WATCHBELL_ASSERT(!in_transaction());
      open_ = false;  // one that was lost needs no end
      reading_ = what == Control::begin_read;
      const char* const text = reading_                           ? "begin isolation level repeatable read read only"
                               : what == Control::begin_write ? "begin isolation level serializable read write"
                                                              : "begin isolation level read committed read write";
      broken_.reset();
      be_ready();
      try {
        exec(text, after(kControlDeadline));
      } catch (const Fault& fault) {
        // It may have gone away since it was last used; nothing has been done yet, so once more does no harm.
        if (fault.kind() != Fault::Kind::disconnected) throw;
        broken_.reset();
        be_ready();
        exec(text, after(kControlDeadline));
      }
      open_ = true;
      return;
    }
    case Control::commit: {
      WATCHBELL_ASSERT(open_);
      const auto failed = broken_;
      if (failed) {
        control(Control::rollback);
        throw Fault(*failed == Fault::Kind::serialization || *failed == Fault::Kind::disconnected ? *failed : Fault::Kind::other,
                    "the database rolled the transaction back, for an error in it that was hidden");
      }
      struct Ended {
        PostgresConnection& self;
        ~Ended() { self.open_ = false; }
      } const ended{*this};
      const auto result = exec("commit", after(kControlDeadline));
      if (std::string_view(pq().cmdStatus(result.get())) != "COMMIT") throw Fault(Fault::Kind::other, "the database rolled the transaction back");
      return;
    }
    case Control::rollback:
      if (open_ && connection_) {
        try {
          exec("rollback", after(kControlDeadline));
        } catch (const Fault&) {  // closing it rolls back as well
          connection_.reset();
        }
      }
      open_ = false;
      broken_.reset();
      return;
    case Control::savepoint:
      be_ready();
      exec("savepoint job", after(kControlDeadline));
      return;
    case Control::release:
      be_ready();
      exec("release savepoint job", after(kControlDeadline));
      return;
    case Control::rollback_to:
      be_ready();
      exec("rollback to savepoint job", after(kControlDeadline));
      broken_.reset();
      return;
  }
}

std::vector<std::string> PostgresConnection::tables() {
  std::vector<std::string> names;
  {
    const Running running{start("select tablename from pg_catalog.pg_tables where schemaname = current_schema()", {})};
    while (running.cursor.step()) names.emplace_back(running.cursor.text(0));
  }
  std::ranges::sort(names);
  return names;
}

Result<void> PostgresConnection::migrate(const std::function<Result<void>()>& body) {
  struct Restore {
    PostgresConnection& self;
    ~Restore() {
      self.migrating_ = false;
      self.control(Control::rollback);  // of nothing, where it was committed
    }
  } const restore{*this};
  migrating_ = true;
  be_ready();
  broken_.reset();
  reading_ = false;
  // Read committed: what the one before did while the lock was waited for is seen.
  exec("begin isolation level read committed read write", std::nullopt);
  open_ = true;
  exec(fmt::format("set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local lock_timeout = {}; "
                   "select pg_advisory_xact_lock({}, hashtext(current_schema()))",
                   std::chrono::milliseconds(kMigrationLockWait).count(), kMigrationLock),
       std::nullopt);
  if (auto outcome = body(); !outcome) return outcome;
  control(Control::commit);
  return {};
}

}  // namespace

std::unique_ptr<Connection> open_postgres(const PostgresOptions& options) { return std::make_unique<PostgresConnection>(options); }

}  // namespace watchbell::sql::detail
