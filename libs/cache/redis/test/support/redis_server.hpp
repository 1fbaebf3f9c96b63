#pragma once

#include <gtest/gtest.h>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>

namespace watchbell::cache::redis::test {

/// A redis-server of the test's own, on a socket in a temporary folder; ends with the object, and with the process.
class RedisServer {
 public:
  RedisServer() {
    std::string folder = (std::filesystem::temp_directory_path() / "watchbell-redis.XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = folder;
    start();
  }
  ~RedisServer() {
    kill();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  std::string socket() const { return folder_ / "redis.sock"; }

  /// Starts it, from its last snapshot if there is one; returns when it takes connections.
  void start() {
    int out[2];
    if (::pipe(out) != 0) throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(out[1], STDOUT_FILENO);
      ::close(out[0]);
      ::close(out[1]);
      ::execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", socket().c_str(), "--dir",
               folder_.c_str(), "--save", "", "--appendonly", "no", "--loglevel", "notice", static_cast<char*>(nullptr));
      ::_exit(127);
    }
    ::close(out[1]);
    std::string log;
    char buffer[512];
    for (ssize_t size = 0; (size = ::read(out[0], buffer, sizeof buffer)) > 0;) {
      log.append(buffer, static_cast<std::size_t>(size));
      if (log.find("eady to accept connections") == std::string::npos) continue;
      log_ = out[0];  // kept open: a server whose log is cut off is ended by SIGPIPE
      return;
    }
    ::close(out[0]);
    reap();
    throw std::runtime_error("redis-server did not start; is it installed? " + log);
  }

  /// As a crash would end it: nothing is saved.
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    reap();
    if (log_ >= 0) ::close(log_);
    log_ = -1;
  }

 private:
  void reap() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }

  std::filesystem::path folder_;
  pid_t pid_ = -1;
  int log_ = -1;
};

/// Skips the whole program when WATCHBELL_TEST_SKIP names redis; otherwise a missing server fails it.
class RedisOrSkip : public testing::Environment {
 public:
  void SetUp() override {
    const char* const skip = std::getenv("WATCHBELL_TEST_SKIP");
    if (skip != nullptr && std::string_view(skip).find("redis") != std::string_view::npos)
      GTEST_SKIP() << "WATCHBELL_TEST_SKIP names redis";
  }
};

}  // namespace watchbell::cache::redis::test
