#include "platform/resolver/resolver.hpp"

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "async/manual_clock.hpp"
#include "async/task_scope.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::net {
namespace {

using namespace std::chrono_literals;
using Addresses = Result<std::vector<Address>>;

/// Look-ups as a test tells them: each name hangs until it is released.
class Names {
 public:
  Addresses look_up(const std::string& name) {
    std::unique_lock lock(mutex_);
    ++calls_[name];
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_ || !hanging_.contains(name); });
    if (const auto it = answers_.find(name); it != answers_.end()) return it->second;
    return fail(ErrorCode::not_found, "there is no host {}", name);
  }
  void answer(const std::string& name, Addresses with) {
    const std::lock_guard lock(mutex_);
    answers_.insert_or_assign(name, std::move(with));
  }
  void hang(const std::string& name) {
    const std::lock_guard lock(mutex_);
    hanging_.insert(name);
  }
  void release(const std::string& name) {
    const std::lock_guard lock(mutex_);
    hanging_.erase(name);
    changed_.notify_all();
  }
  void release_all() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int calls(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return calls_[name];
  }
  /// Blocks the calling thread until the name was asked for that often.
  void wait_for_calls(const std::string& name, int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return calls_[name] >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Addresses> answers_;
  std::map<std::string, int> calls_;
  std::set<std::string> hanging_;
  bool open_ = false;
};

Addresses one(std::string_view text) { return std::vector{*Address::parse(text)}; }

struct Fixture {
  explicit Fixture(async::Loop& loop, Resolver::Options options = {})
      : names(std::make_shared<Names>()),
        wheel(loop.executor(), clock),
        resolver(loop.executor(), wheel, options, [n = names](const std::string& name) { return n->look_up(name); }) {}
  ~Fixture() { names->release_all(); }
  SystemClock clock;
  std::shared_ptr<Names> names;  // outlives the threads, which may still hang in it
  async::TimerWheel wheel;
  Resolver resolver;
};

awaitable<void> store(Resolver& resolver, std::string host, std::chrono::milliseconds deadline, std::optional<Addresses>& into) {
  into = co_await resolver.resolve(std::move(host), deadline);
}

CO_TEST(Resolver, answers_literals_without_a_thread) {
  Fixture f(loop);
  EXPECT_EQ((co_await f.resolver.resolve("127.0.0.1", 1s)).value(), one("127.0.0.1").value());
  EXPECT_EQ((co_await f.resolver.resolve("::1", 1s)).value(), one("::1").value());
  EXPECT_TRUE(f.resolver.known("10.0.0.1"));
}

CO_TEST(Resolver, looks_up_and_keeps_answers_for_a_while) {
  async::ManualClock clock;
  async::TimerWheel wheel(loop.executor(), clock, async::TimerWheel::Drive::manual);
  clock.attach(wheel);
  const auto names = std::make_shared<Names>();
  names->answer("example.test", std::vector{*Address::parse("192.0.2.1"), *Address::parse("2001:db8::1")});
  Resolver resolver(loop.executor(), wheel, {.keep = 5s}, [names](const std::string& name) { return names->look_up(name); });
  EXPECT_FALSE(resolver.known("example.test"));
  const auto first = co_await resolver.resolve("Example.TEST.", 1s);
  CO_ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->size(), 2u);
  EXPECT_EQ(resolver.known("EXAMPLE.test"), *first);
  EXPECT_EQ((co_await resolver.resolve("example.test", 1s)).value(), *first);
  EXPECT_EQ(names->calls("example.test"), 1);
  clock.advance(5s, 1s);
  EXPECT_FALSE(resolver.known("example.test"));
  EXPECT_TRUE((co_await resolver.resolve("example.test", 1s)).has_value());
  EXPECT_EQ(names->calls("example.test"), 2);
}

CO_TEST(Resolver, keeps_a_bounded_number_of_answers_and_none_when_told) {
  Fixture f(loop, {.max_kept = 2});
  for (const std::string name : {"a.test", "b.test", "c.test"}) {
    f.names->answer(name, one("192.0.2.1"));
    EXPECT_TRUE((co_await f.resolver.resolve(name, 5s)).has_value());
  }
  EXPECT_FALSE(f.resolver.known("a.test"));
  EXPECT_TRUE(f.resolver.known("c.test"));
  Fixture none(loop, {.keep = 0ms});
  none.names->answer("a.test", one("192.0.2.1"));
  EXPECT_TRUE((co_await none.resolver.resolve("a.test", 5s)).has_value());
  EXPECT_FALSE(none.resolver.known("a.test"));
}

CO_TEST(Resolver, says_what_failed) {
  Fixture f(loop);
  f.names->answer("broken.test", fail(ErrorCode::unavailable, "name service failed"));
  f.names->answer("empty.test", std::vector<Address>());
  EXPECT_EQ((co_await f.resolver.resolve("nowhere.test", 5s)).error().code, ErrorCode::not_found);
  EXPECT_EQ((co_await f.resolver.resolve("broken.test", 5s)).error().code, ErrorCode::unavailable);
  EXPECT_EQ((co_await f.resolver.resolve("empty.test", 5s)).error().code, ErrorCode::not_found);
  for (const std::string_view bad : {"", ".", "a b", "a/b", "fe80::1%eth0", "\xc3\xa4.test"})
    EXPECT_EQ((co_await f.resolver.resolve(std::string(bad), 5s)).error().code, ErrorCode::bad_request) << bad;
  EXPECT_EQ((co_await f.resolver.resolve(std::string(254, 'a'), 5s)).error().code, ErrorCode::bad_request);
}

CO_TEST(Resolver, a_throwing_look_up_is_a_failure_not_the_end) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  Resolver resolver(loop.executor(), wheel, {}, [](const std::string&) -> Addresses { throw std::runtime_error("boom"); });
  EXPECT_EQ((co_await resolver.resolve("a.test", 5s)).error().code, ErrorCode::unavailable);
}

CO_TEST(Resolver, drops_addresses_past_its_bound) {
  Fixture f(loop);
  std::vector<Address> many;
  for (std::uint8_t i = 0; i < 200; ++i) many.push_back(Address::v4({192, 0, 2, i}));
  f.names->answer("many.test", many);
  EXPECT_EQ((co_await f.resolver.resolve("many.test", 5s))->size(), Resolver::kMaxAddresses);
}

CO_TEST(Resolver, joins_a_running_look_up) {
  Fixture f(loop);
  f.names->answer("a.test", one("192.0.2.1"));
  f.names->hang("a.test");
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  std::vector<std::optional<Addresses>> results(10);
  for (auto& result : results) scope.spawn("look-up", store(f.resolver, "a.test", 10s, result));
  co_await asio::post(loop.executor(), use_awaitable);
  f.names->wait_for_calls("a.test", 1);
  f.names->release("a.test");
  co_await scope.join();
  EXPECT_EQ(f.names->calls("a.test"), 1);
  for (const auto& result : results) EXPECT_EQ(result->value(), one("192.0.2.1").value());
}

CO_TEST(Resolver, answers_at_the_deadline_although_the_thread_hangs_on) {
  Fixture f(loop);
  f.names->answer("a.test", one("192.0.2.1"));
  f.names->hang("a.test");
  const auto begun = f.clock.monotonic();
  EXPECT_EQ((co_await f.resolver.resolve("a.test", 50ms)).error().code, ErrorCode::timeout);
  EXPECT_GE(f.clock.monotonic() - begun, 50ms);
  EXPECT_EQ(f.resolver.busy_threads(), 1u);
  // The late answer is of use to the next one.
  std::optional<Addresses> next;
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  scope.spawn("next", store(f.resolver, "a.test", 10s, next));
  co_await asio::post(loop.executor(), use_awaitable);
  f.names->release("a.test");
  co_await scope.join();
  EXPECT_TRUE(next->has_value());
  EXPECT_EQ(f.names->calls("a.test"), 1);
}

CO_TEST(Resolver, a_hanging_name_takes_at_most_half_of_the_threads) {
  Fixture f(loop, {.threads = 4, .join_for = 0ms});
  f.names->answer("good.test", one("192.0.2.1"));
  f.names->hang("bad.test");
  for (int i = 0; i < 6; ++i) EXPECT_EQ((co_await f.resolver.resolve("bad.test", 20ms)).error().code, ErrorCode::timeout);
  f.names->wait_for_calls("bad.test", 2);
  EXPECT_EQ(f.resolver.busy_threads(), 2u);
  EXPECT_EQ(f.names->calls("bad.test"), 2);
  EXPECT_TRUE((co_await f.resolver.resolve("good.test", 10s)).has_value());
}

/// The first call fails and the second answers, each when told.
class TwoTries {
 public:
  Addresses look_up() {
    std::unique_lock lock(mutex_);
    const int call = ++calls_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return released_ >= call; });
    if (call == 1) return fail(ErrorCode::unavailable, "lost");
    return one("192.0.2.9");
  }
  void wait_for_calls(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return calls_ >= count; });
  }
  void release(int calls) {
    const std::lock_guard lock(mutex_);
    released_ = calls;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int calls_ = 0;
  int released_ = 0;
};

CO_TEST(Resolver, a_late_failure_is_ignored_while_a_second_try_runs) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  const auto tries = std::make_shared<TwoTries>();
  Resolver resolver(loop.executor(), wheel, {.threads = 4, .join_for = 0ms}, [tries](const std::string&) { return tries->look_up(); });
  EXPECT_EQ((co_await resolver.resolve("a.test", 20ms)).error().code, ErrorCode::timeout);
  tries->wait_for_calls(1);
  std::optional<Addresses> second;
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  scope.spawn("second", store(resolver, "a.test", 10s, second));
  co_await asio::post(loop.executor(), use_awaitable);
  tries->wait_for_calls(2);
  tries->release(1);
  while (resolver.busy_threads() > 1) co_await asio::post(loop.executor(), use_awaitable);
  // A thread that is no longer busy has posted its answer; two turns let it through to the waiter.
  for (int i = 0; i < 3; ++i) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_FALSE(second);
  tries->release(2);
  co_await scope.join();
  EXPECT_EQ(second->value(), one("192.0.2.9").value());
}

CO_TEST(Resolver, refuses_beyond_its_queue_and_forgets_what_nobody_waits_for) {
  Fixture f(loop, {.threads = 1, .max_queued = 2});
  for (const std::string name : {"hung.test", "b.test", "c.test", "d.test", "e.test"}) f.names->answer(name, one("192.0.2.1"));
  f.names->hang("hung.test");
  EXPECT_EQ((co_await f.resolver.resolve("hung.test", 20ms)).error().code, ErrorCode::timeout);
  f.names->wait_for_calls("hung.test", 1);
  async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  std::optional<Addresses> b;
  std::optional<Addresses> c;
  scope.spawn("b", store(f.resolver, "b.test", 10s, b));
  scope.spawn("c", store(f.resolver, "c.test", 30ms, c));
  co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ((co_await f.resolver.resolve("d.test", 10s)).error().code, ErrorCode::unavailable);
  while (!c) co_await f.wheel.sleep(10ms);
  EXPECT_EQ(c->error().code, ErrorCode::timeout);
  std::optional<Addresses> e;
  scope.spawn("e", store(f.resolver, "e.test", 10s, e));
  co_await asio::post(loop.executor(), use_awaitable);
  f.names->release("hung.test");
  co_await scope.join();
  EXPECT_TRUE(b->has_value());
  EXPECT_TRUE(e->has_value());
  EXPECT_EQ(f.names->calls("c.test"), 0);
}

CO_TEST(Resolver, a_cancelled_caller_leaves_the_others_alone) {
  Fixture f(loop);
  f.names->answer("a.test", one("192.0.2.1"));
  f.names->hang("a.test");
  async::TaskScope impatient(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  async::TaskScope patient(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
  std::optional<Addresses> cancelled;
  std::optional<Addresses> answered;
  impatient.spawn("impatient", store(f.resolver, "a.test", 10s, cancelled));
  patient.spawn("patient", store(f.resolver, "a.test", 10s, answered));
  co_await asio::post(loop.executor(), use_awaitable);
  co_await impatient.stop();
  EXPECT_FALSE(cancelled);
  f.names->release("a.test");
  co_await patient.join();
  EXPECT_TRUE(answered->has_value());
}

CO_TEST(Resolver, closing_fails_the_waiting_and_does_not_wait_for_the_hanging) {
  const auto names = std::make_shared<Names>();
  {
    SystemClock clock;
    async::TimerWheel wheel(loop.executor(), clock);
    Resolver resolver(loop.executor(), wheel, {}, [names](const std::string& name) { return names->look_up(name); });
    names->hang("a.test");
    std::optional<Addresses> result;
    async::TaskScope scope(loop.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE(); });
    scope.spawn("look-up", store(resolver, "a.test", 10s, result));
    co_await asio::post(loop.executor(), use_awaitable);
    names->wait_for_calls("a.test", 1);
    resolver.close();
    co_await scope.join();
    EXPECT_EQ(result->error().code, ErrorCode::unavailable);
    EXPECT_EQ((co_await resolver.resolve("b.test", 10s)).error().code, ErrorCode::unavailable);
  }
  names->release_all();  // the thread ends on its own, long after the resolver
}

CO_TEST(Resolver, the_system_knows_localhost) {
  SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  Resolver resolver(loop.executor(), wheel, {});
  const auto local = co_await resolver.resolve("localhost", 10s);
  CO_ASSERT_TRUE(local.has_value());
  for (const auto& address : *local) EXPECT_TRUE(address == Address::parse("127.0.0.1") || address == Address::parse("::1")) << address.to_string();
}

}  // namespace
}  // namespace watchbell::net
