#include "platform/sql/test/postgres_backend.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace watchbell::sql::test {
namespace {

std::unique_ptr<watchbell::test::PostgresServer> running;

/// Starts the server before the first test and stops it after the last, on the thread that it ends with.
class Server final : public ::testing::Environment {
 public:
  void SetUp() override {
    if (watchbell::test::PostgresServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP names postgres";
    running = std::make_unique<watchbell::test::PostgresServer>();
  }
  void TearDown() override { running.reset(); }
};

[[maybe_unused]] const auto* const kServer = ::testing::AddGlobalTestEnvironment(new Server);

class PostgresBackend final : public Backend {
 public:
  std::string url() const override { return url_; }
  std::unique_ptr<detail::Connection> connect(std::chrono::milliseconds statement_deadline) override { return connect_to(url_, statement_deadline); }

 private:
  std::string url_ = server().fresh_url();
};

}  // namespace

watchbell::test::PostgresServer& server() {
  if (!running) throw std::runtime_error("the server does not run");
  return *running;
}

std::unique_ptr<detail::Connection> connect_to(const std::string& url, std::chrono::milliseconds statement_deadline, std::chrono::milliseconds grace) {
  static const SystemClock clock;
  auto place = detail::postgres_server(url, clock);
  if (!place) throw std::runtime_error(place.error().message);
  return detail::open_postgres({.server = *place, .statement_deadline = statement_deadline, .grace = grace});
}

std::int64_t pid_of(Session& session) { return session.one<std::int64_t>("select pg_backend_pid()").value(); }

void terminate(std::int64_t pid) {
  const auto name = std::to_string(pid);
  server().ask("select pg_terminate_backend(" + name + ")");
  while (!server().ask("select 1 from pg_stat_activity where pid = " + name).empty()) std::this_thread::yield();
}

std::unique_ptr<Backend> fresh_backend() { return std::make_unique<PostgresBackend>(); }

}  // namespace watchbell::sql::test
