#include "app/backup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/admin.hpp"
#include "app/data_folder.hpp"
#include "app/descriptor.hpp"
#include "app/modules.hpp"
#include "app/run_alone.hpp"
#include "app/stored_key.hpp"
#include "platform/sql/database.hpp"
#include "platform/sql/peek.hpp"

namespace watchbell::app {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// How long a server that starts or stops, or another command, is waited for.
constexpr std::chrono::seconds kPatience(10);
/// What a database may have beside its file: what was committed last, and what a statement that was cut has to take back.
constexpr std::array kLogs{"-wal", "-journal"};

std::unexpected<Error> failed(std::string_view what, const fs::path& path, int error) {
  return fail(ErrorCode::unavailable, "cannot {} {}: {}", what, path.string(), std::strerror(error));
}

fs::path with(const fs::path& path, std::string_view suffix) { return path.string() + std::string(suffix); }

bool has_content(const fs::path& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 && about.st_size > 0;
}

/// The lock of the folder; nothing when a server that answers has it.
Result<std::optional<DataFolder>> lock_unless_served(const fs::path& data) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto folder = DataFolder::open(data);
    if (folder) return std::optional(std::move(*folder));
    if (folder.error().code != ErrorCode::conflict) return std::unexpected(std::move(folder.error()));
    const Descriptor opened{::open(data.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    // Any answer will do: it is a server's, so that nothing else works on the folder.
    if (opened.fd >= 0 && ask_admin(DataFolder::admin_socket_of(opened.fd), "{}", kPatience)) return std::optional<DataFolder>();
    if (std::chrono::steady_clock::now() >= deadline) return std::unexpected(std::move(folder.error()));
    std::this_thread::sleep_for(50ms);
  }
}

awaitable<Result<void>> copy_and_close(sql::Database& database, std::string file) {
  auto copied = co_await database.backup(std::move(file));
  co_await database.close();
  co_return copied;
}

awaitable<Result<void>> close_alone(sql::Database& database) {
  co_await database.close();
  co_return Result<void>();
}

/// Opens a database and runs f(Database&) -> awaitable<Result<void>> to its end, which closes it.
template <class F>
Result<void> over(const fs::path& path, F f) {
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto database = sql::Database::open(loop, wheel, {.url = path.string(), .readers = 1});
  if (!database) return std::unexpected(std::move(database.error()));
  return run_alone(loop, f(**database));
}

/// A private file of the folder's owner with the same bytes as `from`, synced.
Result<void> copy_file(const fs::path& from, const fs::path& to, const struct stat& folder) {
  const Descriptor in{::open(from.c_str(), O_RDONLY | O_CLOEXEC)};
  if (in.fd < 0) return failed("read", from, errno);
  const Descriptor out{::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (out.fd < 0) return failed("make", to, errno);
  // Root restores for the user the server runs as.
  if (::geteuid() == 0 && ::fchown(out.fd, folder.st_uid, folder.st_gid) != 0) return failed("give away", to, errno);
  std::vector<char> buffer(1 << 20);
  for (;;) {
    const ssize_t got = ::read(in.fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("read", from, errno);
    if (got == 0) break;
    for (ssize_t done = 0; done < got;) {
      const ssize_t some = ::write(out.fd, buffer.data() + done, static_cast<std::size_t>(got - done));
      if (some < 0 && errno == EINTR) continue;
      if (some < 0) return failed("write", to, errno);
      done += some;
    }
  }
  if (::fsync(out.fd) != 0) return failed("write", to, errno);
  return {};
}

/// Judged are a copy's bytes, which nobody changes any more: what was judged is what is put in place.
Result<void> judge(const fs::path& copy, const fs::path& named, Restored& restored, const std::optional<crypto::Keyring>& ring) {
  if (auto ours = sql::Database::inspect(copy.string(), Modules::migrations()); !ours) {
    // The message names the copy, of which nobody knows.
    std::string message = ours.error().message;
    if (const auto at = message.find(copy.string()); at != std::string::npos) message.replace(at, copy.string().size(), named.string());
    return fail(ours.error().code, "{}", message);
  }
  Result<void> verdict;
  auto looked = sql::peek(copy.string(), 0ms, [&](sql::Session& session) {
    const auto tables = session.connection().tables();
    if (std::ranges::find(tables, "schema_migrations") == tables.end()) {
      verdict = fail(ErrorCode::precondition_failed, "{} holds nothing", named.string());
      return;
    }
    auto check = session.one<std::string>("pragma integrity_check(1)").value_or("no answer");
    if (check != "ok") {
      std::ranges::replace(check, '\n', ' ');
      verdict = fail(ErrorCode::precondition_failed, "{} is damaged: {}", named.string(), check);
      return;
    }
    restored.migrations_to_run = migrations_to_run(session);
    restored.key_fits = !ring || opens_settings(session, *ring);
  });
  if (!looked) return fail(looked.error().code, "{} cannot be used: {}", named.string(), looked.error().message);
  return verdict;
}

std::string dated_name() {
  auto now = SystemClock().now().to_iso();  // 2026-01-02T03:04:05.678Z
  std::erase_if(now, [](char c) { return c == '-' || c == ':'; });
  return "watchbell.db.replaced-" + now.substr(0, 15) + "Z";
}

}  // namespace

Result<std::uintmax_t> back_up(const config::Config& config, const fs::path& file) {
  if (config.uses_postgresql()) return fail(ErrorCode::precondition_failed, "a PostgreSQL database is backed up with pg_dump");
  const auto database = config.data / "watchbell.db";
  std::error_code unknown;
  if (fs::file_size(database, unknown) == 0 || unknown) return fail(ErrorCode::not_found, "there is no database {}", database.string());
  auto lock = lock_unless_served(config.data);
  if (!lock) return std::unexpected(std::move(lock.error()));
  if (auto ours = sql::Database::inspect(database.string(), Modules::migrations()); !ours) return std::unexpected(std::move(ours.error()));
  auto copied = over(database, [&](sql::Database& open) { return copy_and_close(open, file.string()); });
  if (!copied) return std::unexpected(std::move(copied.error()));
  return fs::file_size(file, unknown);
}

Result<Restored> restore(const config::Config& config, const fs::path& file) {
  if (config.uses_postgresql()) return fail(ErrorCode::precondition_failed, "a PostgreSQL database is restored with pg_restore");
  std::error_code unknown;
  if (!fs::is_regular_file(file, unknown)) return fail(ErrorCode::not_found, "there is no file {}", file.string());
  if (fs::file_size(file, unknown) == 0) return fail(ErrorCode::precondition_failed, "{} is empty", file.string());
  for (const char* log : kLogs)
    if (has_content(with(file, log)))
      return fail(ErrorCode::precondition_failed, "{} has a {} beside it, so that it is not whole: take a copy that `watchbell backup` made", file.string(),
                  with(file.filename(), log).string());
  // A first look before the folder is made, where there is none.
  if (auto ours = sql::Database::inspect(file.string(), Modules::migrations()); !ours) return std::unexpected(std::move(ours.error()));
  const auto ring = present_keyring(config);
  if (!ring) return std::unexpected(std::move(ring.error()));
  const auto folder = DataFolder::open(config.data);
  if (!folder) return std::unexpected(std::move(folder.error()));
  if (auto secured = folder->make_private(); !secured) return std::unexpected(std::move(secured.error()));
  struct stat about{};
  const Descriptor directory{::open(config.data.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (directory.fd < 0 || ::fstat(directory.fd, &about) != 0) return failed("open", config.data, errno);

  const fs::path database = folder->database();
  const auto aside = with(database, ".restoring");
  if (fs::equivalent(file, database, unknown)) return fail(ErrorCode::bad_request, "{} is the database itself", file.string());
  if (fs::equivalent(file, aside, unknown)) return fail(ErrorCode::bad_request, "{} is what a restore left that was cut off", file.string());
  struct Remove {
    const fs::path& path;
    ~Remove() { now(); }
    void now() const {
      for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink(with(path, suffix).c_str());
    }
  } const remove{aside};
  remove.now();  // of one that was cut off
  Restored restored;
  if (auto copied = copy_file(file, aside, about); !copied) return std::unexpected(std::move(copied.error()));
  restored.bytes = fs::file_size(aside, unknown);
  if (auto sound = judge(aside, file, restored, *ring); !sound) return std::unexpected(std::move(sound.error()));

  if (fs::exists(database, unknown)) {
    // What is in the log of a sound database goes into its file, so that no moment leaves one without the other. A damaged one is parted from its log below.
    if (has_content(with(database, "-wal")) && sql::Database::inspect(database.string(), Modules::migrations()))
      static_cast<void>(over(database, [](sql::Database& open) { return close_alone(open); }));
    const auto dated = config.data / dated_name();
    auto kept = dated;
    // Two restores in one second are a person's change of mind, and both databases are wanted.
    for (int more = 2; ::link(database.c_str(), kept.c_str()) != 0; ++more) {
      if (errno != EEXIST || more > 9) return failed("keep the present database as", kept, errno);
      kept = with(dated, "-" + std::to_string(more));
    }
    restored.kept = kept;
    for (const char* log : kLogs)
      if (::rename(with(database, log).c_str(), with(kept, log).c_str()) != 0 && errno != ENOENT) return failed("keep", with(database, log), errno);
  } else {
    // Left of a database that is gone; it would be taken for a part of the new one.
    for (const char* log : kLogs) ::unlink(with(database, log).c_str());
  }
  ::unlink(with(database, "-shm").c_str());
  if (::fsync(directory.fd) != 0 || ::rename(aside.c_str(), database.c_str()) != 0 || ::fsync(directory.fd) != 0)
    return failed("put in place", database, errno);
  return restored;
}

}  // namespace watchbell::app
