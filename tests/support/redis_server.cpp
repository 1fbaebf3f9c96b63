#include "tests/support/redis_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "tests/support/owned.hpp"

namespace watchbell::test {
namespace {

constexpr std::chrono::seconds kStart{20};
constexpr int kAnswerMs = 20'000;

std::uint16_t free_port() {
  const Owned socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof address;
  if (::bind(socket.get(), reinterpret_cast<::sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket.get(), reinterpret_cast<::sockaddr*>(&address), &size) != 0)
    fail_with("no free port");
  return ntohs(address.sin_port);
}

/// Starts a program that dies with this thread. Its output goes to `output`.
pid_t spawn(const std::vector<std::string>& words, int output) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) fail_with("fork");
  if (pid > 0) return pid;
  // Only what is safe after fork() in a program with threads.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::execvp(argv[0], argv.data());
  ::_exit(127);
}

void run(const std::vector<std::string>& words) {
  const Owned nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  const pid_t pid = spawn(words, nowhere.get());
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) fail_with("waitpid");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) throw std::runtime_error(words[0] + " " + words[1] + " failed");
}

}  // namespace

bool RedisServer::skipped() {
  const char* skip = std::getenv("WATCHBELL_TEST_SKIP");
  return skip != nullptr && std::string_view(skip).find("redis") != std::string_view::npos;
}

RedisServer::RedisServer(Options options) : options_(std::move(options)) {
  folder_ = (std::filesystem::temp_directory_path() / "watchbell-redis-XXXXXX").string();
  if (::mkdtemp(folder_.data()) == nullptr) fail_with("no temporary folder");
  unix_path_ = folder_ + "/socket";
  try {
    if (options_.tls) make_certificates();
    start();
  } catch (...) {  // the destructor does not run
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    throw;
  }
}

RedisServer::~RedisServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void RedisServer::make_certificates() const {
  const auto in = [&](const char* name) { return folder_ + "/" + name; };
  std::ofstream(in("names.cnf")) << "subjectAltName=DNS:redis.test,IP:127.0.0.1\n";
  run({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=Test CA", "-keyout",
       in("ca.key"), "-out", in("ca.pem")});
  run({"openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=redis.test", "-keyout", in("server.key"), "-out",
       in("server.csr")});
  run({"openssl", "x509", "-req", "-in", in("server.csr"), "-CA", in("ca.pem"), "-CAkey", in("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
       in("names.cnf"), "-out", in("server.pem")});
}

void RedisServer::start() {
  if (pid_ != 0) throw std::logic_error("the server runs already");
  const bool choose = (options_.tcp || options_.tls) && port_ == 0;
  // Between choosing a port and listening on it another program may take it.
  for (int tries = choose ? 5 : 1;; --tries) {
    if (choose) port_ = free_port();
    try {
      launch();
      return;
    } catch (const std::runtime_error&) {
      kill();
      if (tries <= 1) throw;
    }
  }
}

void RedisServer::launch() {
  std::filesystem::remove(unix_path_);
  std::vector<std::string> words{"redis-server", "--dir",       folder_, "--unixsocket", unix_path_, "--save", "",         "--appendonly",
                                 "no",           "--daemonize", "no",    "--logfile",    "",         "--bind", "127.0.0.1"};
  const std::string port = std::to_string(port_);
  words.insert(words.end(), {"--port", options_.tls ? "0" : port});
  if (options_.tls)
    words.insert(words.end(), {"--tls-port", port, "--tls-cert-file", folder_ + "/server.pem", "--tls-key-file", folder_ + "/server.key", "--tls-ca-cert-file",
                               ca_file(), "--tls-auth-clients", "no"});
  for (const auto& user : options_.users) {
    words.emplace_back("--user");
    std::istringstream rules(user);  // a word each, or they would be one quoted name
    for (std::string rule; rules >> rule;) words.push_back(rule);
  }
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());

  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail_with("pipe");
  const Owned from(ends[0]);
  Owned to(ends[1]);
  pid_ = spawn(words, to.get());
  to.reset();
  // The log says when it is ready. Nobody reads it afterwards: the server ignores that.
  std::string log;
  const auto until = std::chrono::steady_clock::now() + kStart;
  while (log.find("eady to accept connections") == std::string::npos) {
    ::pollfd wait{.fd = from.get(), .events = POLLIN, .revents = 0};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    if (left <= 0) throw std::runtime_error("redis-server is not ready in time: " + log);
    if (::poll(&wait, 1, static_cast<int>(left)) < 0 && errno != EINTR) fail_with("poll");
    std::array<char, 4096> part;
    const auto size = wait.revents != 0 ? ::read(from.get(), part.data(), part.size()) : -1;
    if (size == 0) throw std::runtime_error("redis-server does not start (is it installed?): " + log);
    if (size > 0) log.append(part.data(), static_cast<std::size_t>(size));
  }
}

void RedisServer::wait_for(int signal, int flags) {
  ::kill(pid_, signal);
  int status = 0;
  while (::waitpid(pid_, &status, flags) < 0)
    if (errno != EINTR) fail_with("waitpid");
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    pid_ = 0;
    frozen_ = false;
  }
}

void RedisServer::stop() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGCONT);
  wait_for(SIGTERM, 0);
}
void RedisServer::kill() {
  if (pid_ != 0) wait_for(SIGKILL, 0);
}
void RedisServer::freeze() {
  if (pid_ == 0 || frozen_) return;
  wait_for(SIGSTOP, WUNTRACED);
  frozen_ = true;
}
void RedisServer::thaw() {
  if (pid_ == 0 || !frozen_) return;  // one that runs does not tell that it goes on
  frozen_ = false;
  wait_for(SIGCONT, WCONTINUED);
}
void RedisServer::flush() {
  if (const auto answer = command({"FLUSHALL"}); answer != "+OK") throw std::runtime_error("FLUSHALL: " + answer);
}

std::string RedisServer::command(const std::vector<std::string>& words) const {
  const Owned socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, unix_path_.c_str(), sizeof address.sun_path - 1);
  if (::connect(socket.get(), reinterpret_cast<const ::sockaddr*>(&address), sizeof address) != 0) fail_with("connecting to " + unix_path_);
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const auto& word : words) out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  for (std::string_view left = out; !left.empty();) {
    const auto sent = ::send(socket.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) fail_with("sending to redis-server");
    if (sent > 0) left.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string in;
  while (true) {
    if (const auto line = in.find("\r\n"); line != std::string::npos) {
      if (in[0] != '$' || in.starts_with("$-1")) return in.substr(0, line);
      const auto size = static_cast<std::size_t>(std::stoul(in.substr(1, line - 1)));
      if (in.size() >= line + 2 + size) return in.substr(line + 2, size);
    }
    ::pollfd wait{.fd = socket.get(), .events = POLLIN, .revents = 0};
    if (::poll(&wait, 1, kAnswerMs) == 0) throw std::runtime_error("redis-server does not answer");
    std::array<char, 65536> part;
    const auto size = ::recv(socket.get(), part.data(), part.size(), 0);
    if (size == 0) throw std::runtime_error("redis-server closed the connection");
    if (size > 0) in.append(part.data(), static_cast<std::size_t>(size));
  }
}

}  // namespace watchbell::test
