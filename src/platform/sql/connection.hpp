#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "platform/sql/fault.hpp"

namespace watchbell::sql {

enum class Dialect { sqlite, postgres };

/// What a database driver gives to Session and Database; nothing else uses it. A new database is one file that implements Connection and Cursor.
namespace detail {

/// Many values in one parameter, in PostgreSQL's binary form of an array of one dimension.
class Array {
 public:
  enum class Of { text, integer };
  Array(Of of, std::size_t count);
  Of of() const noexcept { return of_; }
  const std::string& bytes() const noexcept { return bytes_; }
  void add(std::string_view text);
  void add(std::int64_t value);

 private:
  Of of_;
  std::string bytes_;
};

/// A parameter as drivers take it; monostate is NULL. Views live until the statement has ended.
using Param = std::variant<std::monostate, bool, std::int64_t, double, std::string_view, std::string, Array>;

/// A running statement, standing on one of its rows after step() was true. Column numbers start at 0. A getter throws Fault (schema) naming the column
/// when the value is NULL or of another type: nothing is converted silently.
class Cursor {
 public:
  /// Goes to the next row; false at the end.
  virtual bool step() = 0;
  virtual std::size_t columns() const = 0;
  virtual std::string column_name(std::size_t column) const = 0;
  virtual bool is_null(std::size_t column) const = 0;
  virtual bool boolean(std::size_t column) const = 0;
  virtual std::int64_t integer(std::size_t column) const = 0;
  virtual double real(std::size_t column) const = 0;
  /// Valid until the next step().
  virtual std::string_view text(std::size_t column) const = 0;
  /// Rows inserted, updated or deleted by the statement itself. REQUIRES that step() was false.
  virtual std::int64_t affected() const = 0;
  /// Resets the statement and hands it back to the cache; the cursor is gone.
  virtual void finish() noexcept = 0;

  /// Throws Fault (schema) that names the column and what is wrong with its value.
  [[noreturn]] void mismatch(std::size_t column, std::string_view what) const;

 protected:
  ~Cursor() = default;
};

/// One connection, used by one thread at a time.
class Connection {
 public:
  enum class Control { begin_read, begin_write, begin_read_committed, commit, rollback, savepoint, release, rollback_to };
  enum class Access { read, write };

  virtual ~Connection() = default;
  virtual Dialect dialect() const noexcept = 0;
  /// Prepares (or takes from the cache) and binds. The caller steps it to its end and finishes it, whatever happens.
  virtual Cursor& start(std::string_view sql, std::span<const Param> params) = 0;
  /// Transaction control; text of this kind is refused in start() and script(). A rollback of what is gone already is none and no fault.
  virtual void control(Control what) = 0;
  virtual bool in_transaction() const noexcept = 0;
  /// Whether the open transaction holds a broken foreign key that its COMMIT would refuse.
  virtual bool owes_foreign_keys() const noexcept = 0;
  /// What the open transaction has failed of already, where only ending it is left, whatever COMMIT says.
  virtual std::optional<Fault::Kind> broken() const noexcept = 0;
  /// With Access::read a statement that would write is a Fault (schema).
  virtual void set_access(Access access) noexcept = 0;
  /// Asserts that no statement is left between its first and its last step.
  virtual void assert_idle() const noexcept = 0;
  /// Runs every statement of a script.
  virtual void script(const std::string& sql) = 0;
  /// Names of the tables, without those of the database itself.
  virtual std::vector<std::string> tables() = 0;
  /// Runs body() in one write transaction, under the lock that keeps other processes out, with foreign keys checked at its end. An error or a
  /// fault rolls it back.
  virtual Result<void> migrate(const std::function<Result<void>()>& body) = 0;
  /// Writes a consistent, compact copy to `file`, which is absent or empty.
  virtual void copy_to(const std::string& file) = 0;
  /// The driver's own handle, so that a test can break rules which the interface keeps.
  virtual void* native_handle_for_test() noexcept = 0;
};

struct SqliteOptions {
  enum class Role {
    writer,
    reader,     ///< SQLite itself refuses what would write
    inspector,  ///< opened read-only: the file is not made, and not changed
  };
  std::string file;  ///< ":memory:" for a database of this connection alone
  Role role = Role::writer;
  std::chrono::milliseconds busy_timeout{5000};
  std::chrono::milliseconds statement_deadline{10000};  ///< 0 for none
  bool synchronous_full = true;
};

/// Opens or creates an SQLite database. Throws Fault.
std::unique_ptr<Connection> open_sqlite(const SqliteOptions& options);

/// Judges the first bytes and the length of a file, changing nothing: an Error when it is no SQLite database or is cut short. An absent or empty file
/// is fine, it becomes a database. REQUIRES that this process has no connection to the file: closing it here would drop that one's locks.
Result<void> check_sqlite_file(const std::string& file);

/// A PostgreSQL database as its connections share it: where it is, and when it may be tried again after it could not be reached. Thread-safe.
class PostgresServer {
 public:
  virtual ~PostgresServer() = default;
  /// "postgresql://HOST:PORT/DATABASE", for people: without user and password.
  virtual const std::string& shown() const noexcept = 0;
};

/// Reads "postgresql://..." in the form that libpq documents; looks nothing up. An Error says what is wrong without repeating the URL.
Result<std::shared_ptr<PostgresServer>> postgres_server(const std::string& url, const Clock& clock);

struct PostgresOptions {
  std::shared_ptr<PostgresServer> server;
  std::chrono::milliseconds statement_deadline{10000};  ///< kept by the server; 0 for none
  /// How much later than that a server is held to be gone that does not even refuse.
  std::chrono::milliseconds grace{3000};
  std::chrono::milliseconds connect_deadline{5000};
};

/// A connection to a PostgreSQL database, made when it is first needed and made anew by the next transaction after it was lost. While the server cannot be
/// reached, it is tried again not before 50 ms, doubling to 2 s with jitter, have passed since the last try of any connection; what needs it meanwhile
/// gets that try's fault at once (disconnected).
std::unique_ptr<Connection> open_postgres(const PostgresOptions& options);

}  // namespace detail
}  // namespace watchbell::sql
