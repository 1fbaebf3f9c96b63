// `config check` against a real PostgreSQL and a real Redis; what it says of SQLite and of mail servers is in tests/integration/config_check.mjs.
#include "app/config_check.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/modules.hpp"
#include "app/run_alone.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/sql/database.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_server.hpp"

namespace watchbell::app {
namespace {

using test::PostgresServer;
using test::RedisServer;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::unique_ptr<PostgresServer> running;

/// One server for all tests, stopped on the thread that started it.
class Servers final : public ::testing::Environment {
 public:
  void SetUp() override {
    if (PostgresServer::skipped() || RedisServer::skipped()) GTEST_SKIP() << "WATCHBELL_TEST_SKIP";
    running = std::make_unique<PostgresServer>();
  }
  void TearDown() override { running.reset(); }
};
[[maybe_unused]] const auto* const kServers = ::testing::AddGlobalTestEnvironment(new Servers);

config::Config over(const std::string& url) {
  config::Config config;
  config.database_url = url;
  config.master_key = crypto::Keyring::generate();
  return config;
}

std::string line_of(const config::Config& config, std::string_view about) {
  const auto found = look_around(config);
  const auto it = std::ranges::find(found, about, &Finding::about);
  return it == found.end() ? std::string("nothing") : it->line();
}

awaitable<Result<void>> close(sql::Database& database) {
  co_await database.close();
  co_return Result<void>();
}

void migrate(const std::string& url) {
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto database = sql::Database::open(loop, wheel, {.url = url});
  ASSERT_TRUE(database) << database.error().message;
  const auto migrated = (*database)->migrate(Modules::migrations());
  EXPECT_TRUE(migrated) << migrated.error().message;
  ASSERT_TRUE(run_alone(loop, close(**database)));
}

TEST(ConfigCheck, a_postgresql_that_is_empty_and_one_that_is_up_to_date) {
  const auto config = over(running->fresh_url());
  EXPECT_THAT(line_of(config, "database"), ContainsRegex("^database: ok \\(PostgreSQL [0-9.]+, [0-9]+ MB, [0-9]+ migrations to run\\)$"));
  EXPECT_THAT(line_of(config, "clock"), StartsWith("clock: ok ("));
  migrate(*config.database_url);
  EXPECT_THAT(line_of(config, "database"), HasSubstr("up to date"));
  EXPECT_EQ(line_of(config, "mail"), "mail: ok (no mail server is set up)");
  EXPECT_EQ(line_of(config, "redis"), "nothing");
}

TEST(ConfigCheck, a_postgresql_that_cannot_be_used_is_said_in_time) {
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_THAT(line_of(over("postgresql://nobody@127.0.0.1:1/bell"), "database"), ContainsRegex("^database: .*(refused|cannot|could not)"));
  auto config = over(running->url());
  config.database_url->append(config.database_url->find('?') == std::string::npos ? "?dbname=absent" : "&dbname=absent");
  EXPECT_THAT(line_of(config, "database"), HasSubstr("absent"));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(6));
}

TEST(ConfigCheck, a_postgresql_that_says_nothing_is_given_up_in_time) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_THAT(line_of(over("postgresql://nobody@127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/bell"), "database"), StartsWith("database: "));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(4));
  ::close(listener);
}

TEST(ConfigCheck, redis_answers_refuses_and_is_away) {
  auto config = over(running->fresh_url());
  auto server = std::make_unique<RedisServer>(RedisServer::Options{.users = {"app on >secret ~* +@all", "mute on >secret ~* +ping +auth"}});
  config.redis_url = server->unix_url();
  EXPECT_THAT(line_of(config, "redis"), ContainsRegex("^redis: ok \\([0-9.]+\\)$"));
  EXPECT_EQ(server->command({"CONFIG", "SET", "maxmemory", "50mb"}), "+OK");
  EXPECT_THAT(line_of(config, "redis"), ContainsRegex("at its memory's end: noeviction"));
  config.redis_url = "unix://app:wrong@" + server->unix_path();
  EXPECT_THAT(line_of(config, "redis"), StartsWith("redis: " + server->unix_path() + " cannot be used: "));
  config.redis_url = "unix://mute:secret@" + server->unix_path();
  EXPECT_THAT(line_of(config, "redis"), StartsWith("redis: " + server->unix_path()));
  server->stop();
  config.redis_url = server->unix_url();
  EXPECT_THAT(line_of(config, "redis"), StartsWith("redis: " + server->unix_path() + " cannot be used: "));
}

}  // namespace
}  // namespace watchbell::app
