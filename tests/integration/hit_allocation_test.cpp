// A cached read allocates nothing from its first byte to its last, authentication, access, rate limits and the cache included: counted in the loop's thread of
// the whole server, while a client in another thread asks.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <new>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "app/server.hpp"
#include "tests/support/co_test.hpp"

namespace {
thread_local std::int64_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* counted(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto to = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(to, (size + to - 1) / to * to)) return memory;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new(std::size_t size, std::align_val_t alignment) { return counted(size, alignment); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace watchbell::app {
namespace {

/// Asks one after the other on one connection.
class Client {
 public:
  explicit Client(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  /// The answer, head and body.
  std::string post(std::string_view path, std::string_view body, std::string_view header = {}) {
    std::string request = "POST " + std::string(path) + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + std::string(header);
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
    asio::write(socket_, asio::buffer(request));
    std::string answer;
    const auto head = asio::read_until(socket_, asio::dynamic_buffer(answer), "\r\n\r\n");
    const auto length = answer.find("Content-Length: ");
    const auto whole = head + (length == std::string::npos ? 0 : std::stoul(answer.substr(length + 16)));
    if (answer.size() < whole) asio::read(socket_, asio::dynamic_buffer(answer), asio::transfer_exactly(whole - answer.size()));
    return answer;
  }

 private:
  asio::io_context context_;
  asio::ip::tcp::socket socket_{context_};
};

std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  const auto from = text.find(begin);
  if (from == std::string::npos) return {};
  return text.substr(from + begin.size(), text.find(end, from + begin.size()) - from - begin.size());
}

/// An area that tells how many allocations the loop's thread has made.
std::vector<rpc::Area> probe() {
  rpc::Area area("probe");
  area.query("allocations", access::anonymous(), [](const rpc::Caller&) { return std::to_string(allocations); });
  return {std::move(area)};
}

/// What the thread of a client found out.
struct Seen {
  std::string by_session, by_key, by_visitor;  // an answer each
  std::int64_t least_by_session = -1, least_by_key = -1, least_by_visitor = -1;
};

void ask(std::uint16_t port, Seen& seen) {
  Client client(port);
  client.post("/api/auth/completeOnboarding", R"({"json":{"name":"Ann","email":"ann@example.com","password":"Passw0rd-ann"}})");
  const auto cookie = "Cookie: " + between(client.post("/api/auth/sign-in/email", R"({"email":"ann@example.com","password":"Passw0rd-ann"})"), "Set-Cookie: ", ";") + "\r\n";
  client.post("/api/catalog/createSystem", R"({"json":{"name":"Shop"}})", cookie);
  const auto made = client.post("/api/auth/createApplication", R"({"json":{"name":"ci"}})", cookie);
  const auto key = "Authorization: Bearer " + between(made, R"("secret":")", "\"") + "\r\n";
  const auto count = [&] { return std::stoll(between(client.post("/api/probe/allocations", "{}"), R"({"json":")", "\"")); };
  // The server has other things to do now and then: what counts is what a request costs by itself, so the least of many windows. A probe costs the same each
  // time, and its buffers and frames are recycled after the first.
  const auto least = [&](std::string_view path, std::string_view body, const std::string& header, std::string& answer) {
    answer = client.post(path, body, header);
    std::int64_t found = std::numeric_limits<std::int64_t>::max();
    for (int window = 0; window < 50 && found > 0; ++window) {
      const auto first = count(), second = count();
      for (int i = 0; i < 100; ++i) client.post(path, body, header);
      found = std::min<std::int64_t>(found, (count() - second) - (second - first));
    }
    return found;
  };
  seen.least_by_session = least("/api/notification/getUnreadCount", "{}", cookie, seen.by_session);
  seen.least_by_key = least("/api/catalog/getSystems", "{}", key, seen.by_key);
  seen.least_by_visitor = least("/api/catalog/getSystems", "{}", "", seen.by_visitor);
}

awaitable<void> serve_and_count(async::Loop& loop, std::filesystem::path folder, Seen& seen) {
  config::Config config;
  config.listen = {.host = "127.0.0.1", .port = 0};
  config.data = std::move(folder);
  // Every request is counted, and none of this many refused.
  config.rate_limit_principal = config.rate_limit_address = config::Rate{.per_second = 1'000'000, .burst = 1'000'000};
  auto server = co_await Server::open(loop, config, {.extra_areas = probe, .extra_settings = {}, .say = [](const std::string&) {}, .before_migrating = {}});
  CO_ASSERT_TRUE(server);
  CO_ASSERT_TRUE(co_await (*server)->start());
  std::atomic<bool> done = false;
  std::thread client([&] {
    try {
      ask((*server)->port(), seen);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    done = true;
  });
  while (!done) co_await asio::post(loop.executor(), use_awaitable);
  client.join();
  co_await (*server)->stop();
}

TEST(Hit, allocates_nothing_by_session_by_key_or_for_visitors) {
  std::string folder = (std::filesystem::temp_directory_path() / "watchbell-hit-test.XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  Seen seen;
  async::Loop loop;
  EXPECT_TRUE(test::run_on(loop, serve_and_count(loop, std::filesystem::path(folder) / "data", seen), std::chrono::seconds(60)));
  std::filesystem::remove_all(folder);
  EXPECT_TRUE(seen.by_session.ends_with(R"({"json":{"count":0}})")) << seen.by_session;
  EXPECT_NE(seen.by_key.find("Shop"), std::string::npos) << seen.by_key;
  EXPECT_NE(seen.by_visitor.find("Shop"), std::string::npos) << seen.by_visitor;
  EXPECT_EQ(seen.least_by_session, 0) << "in 100 requests";
  EXPECT_EQ(seen.least_by_key, 0) << "in 100 requests";
  EXPECT_EQ(seen.least_by_visitor, 0) << "in 100 requests";
}

}  // namespace
}  // namespace watchbell::app
