// The whole server in one process, without its command line: how it opens, what it refuses to be opened with, how it goes.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <optional>
#include <system_error>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include <stdlib.h>

#include "app/server.hpp"
#include "async/timer_wheel.hpp"
#include "platform/sql/database.hpp"
#include "runtime/jobs/store.hpp"
#include "runtime/settings/store.hpp"
#include "tests/integration/echo_area.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::app {
namespace {

/// A folder that is gone with the test.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "watchbell-app-test.XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path data() const { return path_ / "data"; }

 private:
  std::filesystem::path path_;
};

config::Config config_of(const Folder& folder) {
  config::Config config;
  config.listen = {.host = "127.0.0.1", .port = 0};
  config.data = folder.data();
  return config;
}

/// Options that keep what is said.
ServerOptions telling(std::vector<std::string>& lines) {
  return {.extra_areas = {}, .extra_settings = {}, .say = [&lines](const std::string& line) { lines.push_back(line); }, .before_migrating = {}};
}

using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

asio::ip::tcp::endpoint endpoint_of(const Server& server) { return {asio::ip::address_v4::loopback(), server.port()}; }

awaitable<void> request(Socket& socket, std::string path) {
  co_await asio::async_write(socket, asio::buffer("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), use_awaitable);
}

/// All that comes until the connection is closed.
awaitable<std::string> answer_on(Socket& socket) {
  std::string answer;
  try {
    co_await asio::async_read(socket, asio::dynamic_buffer(answer), use_awaitable);
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::eof) throw;
  }
  co_return answer;
}

/// The whole answer to a request that closes its connection.
awaitable<std::string> ask(Socket& socket, std::string path) {
  co_await request(socket, std::move(path));
  co_return co_await answer_on(socket);
}

awaitable<std::string> get(async::Loop& loop, asio::ip::tcp::endpoint endpoint, std::string path) {
  Socket socket(loop.executor());
  co_await socket.async_connect(endpoint, use_awaitable);
  co_return co_await ask(socket, std::move(path));
}
awaitable<std::string> get(async::Loop& loop, const Server& server, std::string path) { return get(loop, endpoint_of(server), std::move(path)); }

/// The first answer about readiness that has this status.
awaitable<std::string> readiness_of(async::Loop& loop, async::TimerWheel& wheel, const Server& server, std::string status) {
  while (true) {
    auto answer = co_await get(loop, server, "/readyz");
    if (answer.starts_with("HTTP/1.1 " + status)) co_return answer;
    co_await wheel.sleep(std::chrono::milliseconds(100));
  }
}

bool refuses_connections(async::Loop& loop, asio::ip::tcp::endpoint endpoint) {
  Socket socket(loop.executor());
  boost::system::error_code error;
  socket.connect(endpoint, error);
  return error == asio::error::connection_refused;
}

CO_TEST(App, opens_starts_answers_and_stops) {
  const Folder folder;
  std::vector<std::string> said;
  auto server = co_await Server::open(loop, config_of(folder), telling(said));
  CO_ASSERT_TRUE(server);
  EXPECT_TRUE(said.empty()) << "says where it listens only once it answers";
  CO_ASSERT_TRUE(co_await (*server)->start());
  CO_ASSERT_TRUE(!said.empty());
  EXPECT_EQ(said.front(), "listening on " + (*server)->address());
  EXPECT_TRUE((co_await get(loop, **server, "/readyz")).starts_with("HTTP/1.1 200"));
  const auto endpoint = endpoint_of(**server);
  co_await (*server)->stop();
  server->reset();
  EXPECT_TRUE(refuses_connections(loop, endpoint));
}

CO_TEST(App, who_comes_before_the_start_waits_and_is_served) {
  const Folder folder;
  std::vector<std::string> said;
  auto server = co_await Server::open(loop, config_of(folder), telling(said));
  CO_ASSERT_TRUE(server);
  Socket early(loop.executor());
  co_await early.async_connect(endpoint_of(**server), use_awaitable);
  CO_ASSERT_TRUE(co_await (*server)->start());
  EXPECT_TRUE((co_await ask(early, "/api/auth/getOnboardingStatus")).ends_with(R"({"json":{"needsOnboarding":true,"setupTokenRequired":false}})"));
  early.close();
  co_await (*server)->stop();
}

/// A server whose start is held right before it brings its database up to date.
class Held {
 public:
  Held(async::Loop& loop, const Folder& folder, std::vector<std::string>& said, std::function<void()> then = [] {}) : loop_(loop) {
    auto options = telling(said);
    options.before_migrating = [this, then = std::move(then)](std::uint16_t port) {
      port_ = port;
      go_.get_future().wait();
      then();
    };
    asio::co_spawn(loop.executor(), Server::open(loop, config_of(folder), options), [this](std::exception_ptr fault, Result<std::unique_ptr<Server>> server) {
      EXPECT_FALSE(fault);
      opened_.emplace(std::move(server));
    });
  }
  ~Held() { release(); }
  /// Where it answers, once it is held.
  awaitable<asio::ip::tcp::endpoint> endpoint() {
    while (port_ == 0 && !opened_) co_await asio::post(loop_.executor(), use_awaitable);
    co_return asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), port_);
  }
  void release() {
    if (!std::exchange(released_, true)) go_.set_value();
  }
  awaitable<Result<std::unique_ptr<Server>>> opened() {
    while (!opened_) co_await asio::post(loop_.executor(), use_awaitable);
    co_return std::move(*opened_);
  }

 private:
  async::Loop& loop_;
  std::atomic<std::uint16_t> port_ = 0;
  std::promise<void> go_;
  bool released_ = false;
  std::optional<Result<std::unique_ptr<Server>>> opened_;
};

CO_TEST(App, while_it_migrates_the_probes_answer_and_other_requests_wait) {
  const Folder folder;
  std::vector<std::string> said;
  Held held(loop, folder, said);
  const auto endpoint = co_await held.endpoint();
  Socket early(loop.executor());
  co_await early.async_connect(endpoint, use_awaitable);
  co_await request(early, "/api/auth/getOnboardingStatus");
  // More than the procedure may be sent, which nobody could tell when it came.
  Socket large(loop.executor());
  co_await large.async_connect(endpoint, use_awaitable);
  const std::string body(2 * 1024 * 1024, ' ');
  co_await asio::async_write(large, asio::buffer("POST /api/auth/getOnboardingStatus HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body), use_awaitable);
  for (const char* path : {"/healthz", "/.checkstack/health"}) {
    const auto answer = co_await get(loop, endpoint, path);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200") && answer.ends_with(R"({"status":"ok"})")) << answer;
  }
  for (const char* path : {"/readyz", "/.checkstack/ready"}) {
    const auto answer = co_await get(loop, endpoint, path);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 503") && answer.ends_with(R"({"ready":false,"reason":"initializing","checks":[]})")) << answer;
    EXPECT_NE(answer.find("\r\nRetry-After: 1\r\n"), std::string::npos) << answer;
  }
  EXPECT_EQ(early.available(), 0u);
  EXPECT_TRUE(said.empty());
  held.release();
  auto server = co_await held.opened();
  CO_ASSERT_TRUE(server);
  CO_ASSERT_TRUE(co_await (*server)->start());
  EXPECT_TRUE((co_await answer_on(early)).ends_with(R"({"json":{"needsOnboarding":true,"setupTokenRequired":false}})"));
  EXPECT_TRUE((co_await answer_on(large)).starts_with("HTTP/1.1 413"));
  EXPECT_TRUE((co_await get(loop, endpoint, "/readyz")).starts_with("HTTP/1.1 200"));
  early.close();
  large.close();
  co_await (*server)->stop();
}

CO_TEST(App, who_waits_for_a_start_that_fails_is_sent_away) {
  const Folder folder;
  std::vector<std::string> said;
  Held held(loop, folder, said, [] { throw std::runtime_error("no such luck"); });
  const auto endpoint = co_await held.endpoint();
  Socket early(loop.executor());
  co_await early.async_connect(endpoint, use_awaitable);
  co_await request(early, "/api/auth/getOnboardingStatus");
  EXPECT_TRUE((co_await get(loop, endpoint, "/healthz")).starts_with("HTTP/1.1 200"));
  held.release();
  auto server = co_await held.opened();
  CO_ASSERT_TRUE(!server);
  EXPECT_EQ(server.error().message, "no such luck");
  const auto answer = co_await answer_on(early);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 503") && answer.ends_with(R"({"error":"Backend not ready","message":"The server is still starting"})")) << answer;
  EXPECT_NE(answer.find("\r\nRetry-After: 5\r\n"), std::string::npos) << answer;
  EXPECT_TRUE(refuses_connections(loop, endpoint));
}

CO_TEST(App, readiness_falls_at_once_when_stopping_and_requests_are_served_while_it_drains) {
  const Folder folder;
  std::vector<std::string> said;
  auto config = config_of(folder);
  config.drain = std::chrono::seconds(1);
  auto server = co_await Server::open(loop, config, telling(said));
  CO_ASSERT_TRUE(server);
  CO_ASSERT_TRUE(co_await (*server)->start());
  bool stopped = false;
  asio::co_spawn(loop.executor(), (*server)->stop(), [&](std::exception_ptr fault) {
    EXPECT_FALSE(fault);
    stopped = true;
  });
  EXPECT_TRUE((co_await get(loop, **server, "/readyz")).starts_with("HTTP/1.1 503"));
  EXPECT_TRUE((co_await get(loop, **server, "/healthz")).starts_with("HTTP/1.1 200"));
  EXPECT_TRUE((co_await get(loop, **server, "/api/auth/getOnboardingStatus")).starts_with("HTTP/1.1 200"));
  EXPECT_FALSE(stopped);
  while (!stopped) co_await asio::post(loop.executor(), use_awaitable);
}

CO_TEST(App, L_1_a_queue_that_cannot_take_jobs_is_not_ready_and_its_return_is) {
  const Folder folder;
  std::vector<std::string> said;
  auto server = co_await Server::open(loop, config_of(folder), telling(said));
  CO_ASSERT_TRUE(server);
  // From outside: a job that nobody can take, on a database that answers.
  const SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto outside = sql::Database::open(loop, wheel, {.url = (folder.data() / "watchbell.db").string()});
  CO_ASSERT_TRUE(outside);
  CO_ASSERT_TRUE(co_await (*outside)->write([&](sql::Session& session) {
    jobs::store::insert(session, {.queue = "dispatch", .payload = "{}", .dedupe_id = {}, .correlation_id = {}}, "notification", clock.now());
    session.execute("create trigger nobody_takes before update on jobs begin select raise(abort, 'no'); end");
  }));
  CO_ASSERT_TRUE(co_await (*server)->start());
  const std::string answer = co_await readiness_of(loop, wheel, **server, "503");
  EXPECT_NE(answer.find(R"({"name":"db.reachable","critical":true,"ok":true,)"), std::string::npos) << answer;
  EXPECT_NE(answer.find(R"({"name":"queue.reachable","critical":true,"ok":false,)"), std::string::npos) << answer;
  EXPECT_NE(answer.find(R"({"name":"cache.reachable","critical":false,"ok":true,)"), std::string::npos) << answer;
  EXPECT_TRUE((co_await get(loop, **server, "/healthz")).starts_with("HTTP/1.1 200"));
  CO_ASSERT_TRUE(co_await (*outside)->write([](sql::Session& session) { session.execute("drop trigger nobody_takes"); }));
  const auto back = clock.monotonic();
  co_await readiness_of(loop, wheel, **server, "200");
  EXPECT_LT(clock.monotonic() - back, std::chrono::seconds(5));
  co_await (*outside)->close();
  co_await (*server)->stop();
}

/// The third version of a record of tests; the first held {"old"}.
struct Renamed {
  static constexpr int kVersion = 3;
  static std::vector<settings::Step> steps() {
    return {{1, "old is named middle", [](boost::json::object& o) { settings::rename_member(o, "old", "middle"); }},
            {2, "middle is named fresh", [](boost::json::object& o) { settings::rename_member(o, "middle", "fresh"); }}};
  }
  Text<1, 100> fresh;
};
BOOST_DESCRIBE_STRUCT(Renamed, (), (fresh))

struct Row {
  std::string area;
  std::string record;
  std::string data;
};

/// Starts a server over settings that were put into its database behind its back. Why it did not, or nothing.
awaitable<std::optional<Error>> start_over(async::Loop& loop, const Folder& folder, std::vector<Row> rows, std::vector<std::string>& after) {
  std::vector<std::string> said;
  auto options = telling(said);
  options.extra_settings = [](settings::Store& store) {
    store.declare("test", [](std::string_view record) { return record == "renamed" ? &settings::type_of<Renamed>() : nullptr; });
  };
  auto server = co_await Server::open(loop, config_of(folder), options);
  if (!server) co_return server.error();
  const SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  auto outside = sql::Database::open(loop, wheel, {.url = (folder.data() / "watchbell.db").string()});
  EXPECT_TRUE(outside);
  EXPECT_TRUE(co_await (*outside)->write([&](sql::Session& session) {
    for (const auto& row : rows)
      session.execute("insert into settings_records (area, record, revision, data, updated_at) values (:1, :2, 1, :3, 0)", row.area, row.record, row.data);
  }));
  const auto started = co_await (*server)->start();
  after = *co_await (*outside)->read([](sql::Session& session) {
    return session.all<std::string>("select area || '/' || record || ' ' || revision || ' ' || data from settings_records order by area, record");
  });
  co_await (*outside)->close();
  co_await (*server)->stop();
  EXPECT_EQ(said.empty(), !started.has_value()) << "who is refused does not listen";
  if (!started) co_return started.error();
  co_return std::nullopt;
}

CO_TEST(App, G_5_settings_that_do_not_read_keep_the_server_from_starting) {
  const std::string meta = "strategy.notification-webhook.webhook.meta";
  const std::string user = "user-pref.0190a1b2-0000-7000-8000-000000000000.notification-webhook.webhook";
  const std::vector<std::pair<Row, std::string>> cases{
      {{"notification", meta, "secret-garbage"}, "notification/" + meta + " (damaged)"},
      {{"notification", meta, R"({"version":99,"value":{"enabled":true},"secrets":{}})"}, "notification/" + meta + " (written by a later version of this program)"},
      {{"notification", meta, R"({"version":1,"value":{"enabled":"secret-word"},"secrets":{}})"}, "notification/" + meta + " (does not fit its type)"},
      {{"notification", user, R"({"version":1,"value":{"url":7},"secrets":{}})"}, "notification/" + user + " (does not fit its type)"},
      {{"test", "renamed", R"({"version":2,"value":{},"secrets":{}})"}, "test/renamed (does not fit its type)"}};
  for (const auto& [row, what] : cases) {
    const Folder folder;
    std::vector<std::string> after;
    // One that is older stands beside it, and stays as it is: a refused start upgrades nothing.
    const Row older{"test", row.area == "test" ? "unknown" : "renamed", R"({"version":1,"value":{"old":"x"},"secrets":{}})"};
    const auto refused = co_await start_over(loop, folder, {row, older}, after);
    CO_ASSERT_TRUE(refused);
    EXPECT_EQ(refused->message, "settings cannot be read: " + what);
    for (const auto& each : {row, older}) EXPECT_EQ(std::ranges::count(after, each.area + "/" + each.record + " 1 " + each.data), 1) << each.record;
  }
}

CO_TEST(App, G_7_older_settings_are_upgraded_once_at_start) {
  const Folder folder;
  std::vector<std::string> after;
  const std::vector<Row> rows{{"test", "renamed", R"({"version":1,"value":{"old":"x"},"secrets":{}})"},
                              {"test", "unknown", R"({"version":1,"value":{"old":"x"},"secrets":{}})"}};
  const std::vector<std::string> upgraded{R"(test/renamed 2 {"version":3,"value":{"fresh":"x"},"secrets":{}})",
                                          R"(test/unknown 1 {"version":1,"value":{"old":"x"},"secrets":{}})"};
  EXPECT_FALSE(co_await start_over(loop, folder, rows, after));
  EXPECT_EQ(after, upgraded);
  EXPECT_FALSE(co_await start_over(loop, folder, {}, after));
  EXPECT_EQ(after, upgraded);
}

CO_TEST(App, a_folder_belongs_to_one_server_at_a_time) {
  const Folder folder;
  std::vector<std::string> said;
  auto first = co_await Server::open(loop, config_of(folder), telling(said));
  CO_ASSERT_TRUE(first);
  CO_ASSERT_TRUE(co_await (*first)->start());
  auto second = co_await Server::open(loop, config_of(folder), telling(said));
  CO_ASSERT_TRUE(!second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  co_await (*first)->stop();
  first->reset();
  auto third = co_await Server::open(loop, config_of(folder), telling(said));
  CO_ASSERT_TRUE(third);
  CO_ASSERT_TRUE(co_await (*third)->start());
  co_await (*third)->stop();
}

CO_TEST(App, areas_of_tests_stand_beside_the_real_ones) {
  const Folder folder;
  std::vector<std::string> said;
  auto options = telling(said);
  options.extra_areas = test::echo_areas;
  auto server = co_await Server::open(loop, config_of(folder), options);
  CO_ASSERT_TRUE(server);
  CO_ASSERT_TRUE(co_await (*server)->start());
  EXPECT_TRUE((co_await get(loop, **server, "/api/echo/rootDate")).ends_with(R"({"json":"1970-01-01T00:00:00.000Z","meta":[[1]]})"));
  EXPECT_TRUE((co_await get(loop, **server, "/api/auth/getOnboardingStatus")).starts_with("HTTP/1.1 200"));
  co_await (*server)->stop();
}

CO_TEST(App, an_area_that_takes_a_name_or_needs_an_undeclared_rule_keeps_the_server_from_opening) {
  for (const auto& area : {[] { return rpc::Area("catalog").query("getSystems", access::anonymous(), [](const rpc::Caller&) -> Result<void> { return {}; }); }(),
                           [] { return rpc::Area("other").query("x", access::user().needs("other.thing.read"), [](const rpc::Caller&) -> Result<void> { return {}; }); }()}) {
    const Folder folder;
    auto server = co_await Server::open(loop, config_of(folder), {.extra_areas = [area] { return std::vector<rpc::Area>{area}; }, .extra_settings = {}, .say = {}, .before_migrating = {}});
    CO_ASSERT_TRUE(!server);
    EXPECT_EQ(server.error().code, ErrorCode::internal);
  }
}

CO_TEST(App, a_postgresql_that_is_not_there_is_said_with_its_place_and_without_its_password) {
  const Folder folder;
  auto config = config_of(folder);
  config.database_url = "postgresql://watchbell:hunter2@127.0.0.1:1/watchbell";
  config.master_key = crypto::Keyring::generate();
  auto server = co_await Server::open(loop, config);
  CO_ASSERT_TRUE(!server);
  EXPECT_EQ(server.error().code, ErrorCode::unavailable);
  EXPECT_NE(server.error().message.find("127.0.0.1"), std::string::npos) << server.error().message;
  EXPECT_EQ(server.error().message.find("hunter2"), std::string::npos);
}

TEST(App, the_contract_is_read_off_without_a_folder_and_holds_no_test_area) {
  async::Loop loop;
  auto server = Server::open_in_memory(loop);
  ASSERT_TRUE(server) << server.error().message;
  const std::string contract = (*server)->contract_typescript();
  EXPECT_NE(contract.find("\n  catalog: {\n"), std::string::npos);
  EXPECT_EQ(contract.find("\n  echo: {\n"), std::string::npos);
  EXPECT_TRUE(test::run_on(loop, (*server)->stop()));
}

}  // namespace
}  // namespace watchbell::app
