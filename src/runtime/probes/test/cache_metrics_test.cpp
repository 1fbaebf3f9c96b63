#include "tests/support/co_test.hpp"

#include <optional>
#include <sstream>

#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <watchbell/cache/scope.hpp>

#include "async/event.hpp"
#include "async/task_scope.hpp"
#include "runtime/probes/cache_metrics.hpp"

namespace watchbell::probes {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// Metrics wired to a cache as the server does it.
struct Fixture {
  explicit Fixture(cache::CacheOptions options = {}) : cache(with(std::move(options), observer)) {}
  static cache::CacheOptions with(cache::CacheOptions options, CacheMetrics& observer) {
    options.observer = &observer;
    return options;
  }
  /// The series of the cache without their buckets, each on a line that begins and ends with a line's end.
  std::string text() {
    std::istringstream all(metrics.registry.render());
    std::string kept = "\n";
    for (std::string line; std::getline(all, line);)
      if (line.starts_with("watchbell_cache_") && line.find("_bucket{") == std::string::npos) kept += line + "\n";
    return kept;
  }

  Metrics metrics;
  CacheMetrics observer{metrics};
  cache::Cache cache;
};

awaitable<int> number(cache::CachedScope scope, cache::Key key) {
  auto loader = []() -> awaitable<int> { co_return 7; };
  co_return *co_await scope.wrap<int>(std::move(key), loader);
}

CO_TEST(CacheMetrics, every_scope_is_counted_apart) {
  Fixture f;
  const cache::CachedScope systems(f.cache, "catalog");
  const cache::CachedScope inbox(f.cache, "notification");
  f.observer.follow(f.cache);
  for (int i = 0; i < 3; ++i) co_await number(systems, cache::Key("a"));
  co_await number(systems, cache::Key("b"));
  co_await number(inbox, cache::Key("a"));
  systems.invalidate(cache::Key("b"));
  systems.invalidate_prefix(cache::Family("c"));
  inbox.invalidate_all();
  co_await f.cache.close<Executor>();  // the loads have ended
  const std::string text = f.text();
  for (const char* series : {
           "cache_requests_total{scope=\"catalog\",result=\"hit\"} 2\n",
           "cache_requests_total{scope=\"catalog\",result=\"miss\"} 2\n",
           "cache_requests_total{scope=\"catalog\",result=\"joined\"} 0\n",
           "cache_requests_total{scope=\"notification\",result=\"hit\"} 0\n",
           "cache_requests_total{scope=\"notification\",result=\"miss\"} 1\n",
           "cache_loader_seconds_count{scope=\"catalog\"} 2\n",
           "cache_loader_seconds_count{scope=\"notification\"} 1\n",
           "cache_invalidations_total{scope=\"catalog\",kind=\"key\",result=\"applied\"} 1\n",
           "cache_invalidations_total{scope=\"catalog\",kind=\"family\",result=\"applied\"} 1\n",
           "cache_invalidations_total{scope=\"notification\",kind=\"family\",result=\"applied\"} 1\n",
           "cache_entries{scope=\"catalog\"} 1\n",
           "cache_invalidation_backlog 0\n",
           "cache_invalidation_lag_seconds 0\n",
       })
    EXPECT_THAT(text, HasSubstr("\nwatchbell_" + std::string(series)));
  EXPECT_THAT(text, Not(HasSubstr("\"all\"")));
  EXPECT_THAT(text, Not(HasSubstr("\"other\"")));
  EXPECT_EQ(f.text(), text) << "looking changes nothing";
}

CO_TEST(CacheMetrics, what_was_loaded_in_vain_is_counted_by_reason) {
  Fixture f;
  const cache::CachedScope scope(f.cache, "catalog");
  f.observer.follow(f.cache);
  async::Event go(loop.executor());
  async::TaskScope tasks(loop.executor(), [](std::string_view, std::exception_ptr) {});
  struct Held {
    static awaitable<int> load(async::Event& event) {
      co_await event.wait();
      co_return 7;
    }
    static awaitable<void> read(cache::CachedScope from, async::Event& event, int& done) {
      auto loader = [&event] { return load(event); };
      co_await from.wrap<int>(cache::Key("held"), loader);
      ++done;
    }
  };
  int done = 0;
  tasks.spawn("first", Held::read(scope, go, done));
  tasks.spawn("joins", Held::read(scope, go, done));
  while (go.waiting() == 0) co_await asio::post(loop.executor(), use_awaitable);
  scope.invalidate_all();
  go.notify_all();
  while (done < 2) co_await asio::post(loop.executor(), use_awaitable);
  auto failing = []() -> awaitable<int> {
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
    throw std::runtime_error("no");
  };
  bool thrown = false;
  try {
    co_await scope.wrap<int>(cache::Key("failing"), failing);
  } catch (const std::runtime_error&) {
    thrown = true;
  }
  EXPECT_TRUE(thrown);
  co_await tasks.stop();
  co_await f.cache.close<Executor>();
  const std::string text = f.text();
  for (const char* series : {"cache_requests_total{scope=\"catalog\",result=\"joined\"} 1\n", "cache_fill_discarded_total{scope=\"catalog\",reason=\"invalidated\"} 1\n",
                             "cache_fill_discarded_total{scope=\"catalog\",reason=\"error\"} 1\n", "cache_fill_discarded_total{scope=\"catalog\",reason=\"superseded\"} 0\n",
                             "cache_loader_seconds_count{scope=\"catalog\"} 2\n"})
    EXPECT_THAT(text, HasSubstr("\nwatchbell_" + std::string(series)));
}

CO_TEST(CacheMetrics, the_late_value_of_a_load_that_timed_out_is_counted_as_superseded) {
  Fixture f;
  const cache::CachedScope scope(f.cache, "catalog", {30s, 1ms});
  f.observer.follow(f.cache);
  async::Event go(loop.executor());
  struct Late {
    static awaitable<int> load(async::Event& event) {
      co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
      co_await event.wait();
      co_return 7;
    }
  };
  auto loader = [&go] { return Late::load(go); };
  bool timed_out = false;
  try {
    co_await scope.wrap<int>(cache::Key("late"), loader);
  } catch (const cache::LoadTimedOut&) {
    timed_out = true;
  }
  EXPECT_TRUE(timed_out);
  EXPECT_THAT(f.text(), HasSubstr("\nwatchbell_cache_fill_discarded_total{scope=\"catalog\",reason=\"error\"} 1\n"));
  go.notify_all();
  co_await f.cache.close<Executor>();
  EXPECT_THAT(f.text(), HasSubstr("\nwatchbell_cache_fill_discarded_total{scope=\"catalog\",reason=\"superseded\"} 1\n"));
}

CO_TEST(CacheMetrics, evictions_are_counted_where_they_happen) {
  cache::CacheOptions options;
  options.max_entries = 2;
  Fixture f(options);
  const cache::CachedScope scope(f.cache, "catalog");
  f.observer.follow(f.cache);
  for (int i = 0; i < 5; ++i) co_await number(scope, cache::Key("k", i));
  EXPECT_THAT(f.text(), HasSubstr("\nwatchbell_cache_evictions_total{scope=\"catalog\"} 3\n"));
  EXPECT_THAT(f.text(), HasSubstr("\nwatchbell_cache_entries{scope=\"catalog\"} 2\n"));
  co_await f.cache.close<Executor>();
}

CO_TEST(CacheMetrics, L_5_scopes_that_come_later_share_one_label_and_a_scope_that_went_holds_nothing) {
  Fixture f;
  std::optional<cache::CachedScope> known(std::in_place, f.cache, "catalog");
  f.observer.follow(f.cache);
  co_await number(*known, cache::Key("a"));
  const cache::CachedScope one(f.cache, "one");
  const cache::CachedScope two(f.cache, "two");
  co_await number(one, cache::Key("a"));
  co_await number(two, cache::Key("a"));
  co_await f.cache.close<Executor>();
  const std::string text = f.text();
  EXPECT_THAT(text, HasSubstr("\nwatchbell_cache_requests_total{scope=\"other\",result=\"miss\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nwatchbell_cache_entries{scope=\"other\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("\nwatchbell_cache_loader_seconds_count{scope=\"other\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"one\"")));
  f.cache.clear();
  known.reset();
  EXPECT_THAT(f.text(), HasSubstr("\nwatchbell_cache_entries{scope=\"catalog\"} 0\n"));
  EXPECT_THAT(f.text(), HasSubstr("\nwatchbell_cache_requests_total{scope=\"catalog\",result=\"miss\"} 1\n"));
}

CO_TEST(CacheMetrics, calls_of_a_provider_are_counted_by_what_they_do) {
  Fixture f;
  f.observer.provider_called(cache::ProviderCall::fetch, true, 1ms);
  f.observer.provider_called(cache::ProviderCall::fetch, false, 1ms);
  f.observer.provider_called(cache::ProviderCall::fill, true, 1ms);
  f.observer.provider_called(cache::ProviderCall::invalidate, false, 1ms);
  f.observer.invalidated("nobody", cache::Invalidated::key, true);
  const std::string text = f.text();
  for (const char* series : {"cache_provider_seconds_count{op=\"fetch\"} 2\n", "cache_provider_seconds_count{op=\"fill\"} 1\n", "cache_provider_errors_total{op=\"fetch\"} 1\n",
                             "cache_provider_errors_total{op=\"invalidate\"} 1\n", "cache_invalidations_total{scope=\"other\",kind=\"key\",result=\"queued\"} 1\n"})
    EXPECT_THAT(text, HasSubstr("\nwatchbell_" + std::string(series)));
  EXPECT_THAT(text, Not(HasSubstr("errors_total{op=\"fill\"}")));
  co_await f.cache.close<Executor>();
}

}  // namespace
}  // namespace watchbell::probes
