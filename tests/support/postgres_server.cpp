#include "tests/support/postgres_server.hpp"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include "tests/support/owned.hpp"

namespace watchbell::test {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kStart{60};
constexpr const char* kUser = "watchbell";

/// Whom the server runs as: it refuses root.
struct Identity {
  uid_t uid = ::getuid();
  gid_t gid = ::getgid();
  bool changes = false;

  static Identity of_server() {
    Identity self;
    if (self.uid != 0) return self;
    const ::passwd* nobody = ::getpwnam("nobody");
    if (nobody == nullptr) throw std::runtime_error("there is no user nobody to run PostgreSQL as");
    return {.uid = nobody->pw_uid, .gid = nobody->pw_gid, .changes = true};
  }
};

/// Debian keeps the programs of the server out of PATH, a folder a version; the newest is taken.
std::string program(const std::string& name) {
  int newest = 0;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none)) {
    std::error_code absent;
    if (fs::exists(version.path() / "bin" / name, absent)) newest = std::max(newest, std::atoi(version.path().filename().c_str()));
  }
  return newest == 0 ? name : "/usr/lib/postgresql/" + std::to_string(newest) + "/bin/" + name;
}

/// Starts a program as `who`, which gets `end_signal` when this thread dies. Its output goes to `output`.
pid_t spawn(const std::vector<std::string>& words, const Identity& who, int end_signal, int output) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) fail_with("fork");
  if (pid > 0) return pid;
  // Only what is safe after fork() in a program with threads.
  if (who.changes && (::setgroups(0, nullptr) != 0 || ::setresgid(who.gid, who.gid, who.gid) != 0 || ::setresuid(who.uid, who.uid, who.uid) != 0)) ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, end_signal);  // after the change of user, which clears it
  if (::getppid() != parent || ::chdir("/") != 0) ::_exit(126);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

/// Reads what a program says until it has said `words`, or has ended where that is what is waited for.
std::string read_until(int from, std::string_view words, const std::string& name) {
  std::string log;
  const auto until = std::chrono::steady_clock::now() + kStart;
  while (words.empty() || log.find(words) == std::string::npos) {
    ::pollfd wait{.fd = from, .events = POLLIN, .revents = 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno != EINTR) fail_with("poll");
    if (ready == 0) throw std::runtime_error(name + " takes too long: " + log);
    std::array<char, 4096> part;
    const auto size = wait.revents != 0 ? ::read(from, part.data(), part.size()) : -1;
    if (size == 0 && words.empty()) break;
    if (size == 0) throw std::runtime_error(name + " does not start (is it installed?): " + log);
    if (size > 0) log.append(part.data(), static_cast<std::size_t>(size));
  }
  return log;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail_with("waitpid");
  return status;
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_with("pipe");
  return ends;
}

}  // namespace

bool PostgresServer::skipped() {
  const char* skip = std::getenv("WATCHBELL_TEST_SKIP");
  return skip != nullptr && std::string_view(skip).find("postgres") != std::string_view::npos;
}

PostgresServer::PostgresServer(Options options) : options_(std::move(options)) {
  folder_ = (fs::temp_directory_path() / "watchbell-postgres-XXXXXX").string();
  if (::mkdtemp(folder_.data()) == nullptr) fail_with("no temporary folder");
  try {
    const auto who = Identity::of_server();
    if (who.changes && ::chown(folder_.c_str(), who.uid, who.gid) != 0) fail_with("chown of " + folder_);
    const auto ends = make_pipe();
    const Owned from(ends[0]);
    Owned to(ends[1]);
    const pid_t made = spawn({program("initdb"), "--pgdata", folder_ + "/data", "--username", kUser, "--auth", "trust", "--encoding", "UTF8", "--no-locale",
                              "--no-sync", "--no-instructions"},
                             who, SIGKILL, to.get());
    to.reset();
    std::string log;
    try {
      log = read_until(from.get(), "", "initdb");
    } catch (...) {
      ::kill(made, SIGKILL);
      wait_for(made);
      throw;
    }
    if (wait_for(made) != 0) throw std::runtime_error("initdb fails (is postgresql installed?): " + log);
    start();
  } catch (...) {  // the destructor does not run
    end(SIGQUIT);
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
    throw;
  }
}

PostgresServer::~PostgresServer() {
  crash();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void PostgresServer::start() {
  if (pid_ != 0) throw std::logic_error("the server runs already");
  std::vector<std::string> words{program("postgres"), "-D", folder_ + "/data", "-k", folder_};
  const auto set = [&](const std::string& setting) { words.insert(words.end(), {"-c", setting}); };
  for (const char* setting : {"listen_addresses=", "fsync=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=80", "autovacuum=off",
                              "max_wal_size=256MB", "unix_socket_permissions=0777", "log_checkpoints=off"})
    set(setting);
  for (const auto& setting : options_.settings) set(setting);
  const auto ends = make_pipe();
  const Owned from(ends[0]);
  Owned to(ends[1]);
  // The signal of an immediate shutdown: it ends its own processes too.
  pid_ = spawn(words, Identity::of_server(), SIGQUIT, to.get());
  to.reset();
  // Nobody reads the log once it is ready: the server ignores that.
  read_until(from.get(), "ready to accept connections", "postgres");
}

void PostgresServer::end(int signal) {
  if (pid_ == 0) return;
  ::kill(pid_, signal);
  wait_for(pid_);
  pid_ = 0;
}
void PostgresServer::stop() { end(SIGINT); }
void PostgresServer::crash() { end(SIGQUIT); }

std::string PostgresServer::url(const std::string& schema) const {
  return "postgresql:///postgres?host=" + folder_ + "&user=" + kUser + "&options=-csearch_path%3D" + schema;
}

std::string PostgresServer::fresh_url() {
  const auto schema = "test_" + std::to_string(++schemas_);
  ask("create schema " + schema);
  return url(schema);
}

std::string PostgresServer::ask(const std::string& sql) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url().c_str()), &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()), &PQclear);
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) throw std::runtime_error(PQerrorMessage(connection.get()));
  return PQntuples(result.get()) > 0 && PQnfields(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

}  // namespace watchbell::test
