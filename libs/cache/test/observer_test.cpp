// What the cache tells as it happens.
#include "gated_provider.hpp"
#include "support.hpp"

#include <watchbell/cache/observer.hpp>
#include <watchbell/cache/shared.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace watchbell::cache::test {
namespace {

const Key kKey("f", "k");

struct Told final : Observer {
  std::vector<std::string> heard;

  void load_ended(std::string_view scope, LoadEnding how, Duration took) override {
    EXPECT_GE(took, Duration::zero());
    const char* const word = how == LoadEnding::loaded ? "loaded" : how == LoadEnding::failed ? "failed" : "timed out";
    heard.push_back(std::string(scope) + " " + word);
  }
  void invalidated(std::string_view scope, Invalidated what, bool queued) override {
    heard.push_back(std::string(scope) + (what == Invalidated::key ? " key" : " family") + (queued ? " queued" : " applied"));
  }
  void provider_called(ProviderCall call, bool ok, Duration) override {
    const char* const word = call == ProviderCall::fetch ? "fetch" : call == ProviderCall::fill ? "fill" : "invalidate";
    heard.push_back(std::string(word) + (ok ? " ok" : " failed"));
  }
};

CacheOptions told_to(Observer& observer) {
  CacheOptions options;
  options.observer = &observer;
  return options;
}

TEST(Observation, loads_and_invalidations_are_told_by_scope_and_hits_are_not) {
  Told told;
  World world(told_to(told));
  world.text(kKey);
  world.text(kKey);
  auto fails = []() -> awaitable<std::string> { throw std::runtime_error("loader"); };
  spawn(world.loop, world.scope.wrap<std::string>(Key("other"), fails));
  drain(world.loop);
  world.scope.invalidate(kKey);
  world.scope.invalidate_prefix(Family("f"));
  EXPECT_EQ(told.heard, (std::vector<std::string>{"scope loaded", "scope failed", "scope key applied", "scope family applied"}));
}

TEST(Observation, a_batch_is_one_load_and_one_that_hangs_is_told_when_it_has_ended) {
  Told told;
  World world(told_to(told));
  const CachedScope hasty(world.engine, "hasty", ScopeOptions(15s, 1ms));
  auto batch = [](std::vector<int> ids) { return World::give(std::vector<std::string>(ids.size(), "v")); };
  const auto key_for = [](int id) { return Key("f", id); };
  spawn(world.loop, hasty.wrap_many_batched<std::string>(std::vector<int>{1, 2, 3}, key_for, batch));
  drain(world.loop);
  world.source.hold();
  spawn(world.loop, hasty.wrap<std::string>(kKey, world.source.loader()));
  world.loop.restart();
  world.loop.run();
  EXPECT_EQ(told.heard, (std::vector<std::string>{"hasty loaded", "hasty timed out"}));
}

TEST(Observation, calls_to_a_provider_are_told_and_whether_an_invalidation_had_to_wait) {
  Told told;
  World world;
  const auto provider = std::make_shared<GatedProvider>(world.loop, std::make_shared<MemoryProvider>(world.loop.get_executor()));
  SharedOptions options;
  options.observer = &told;
  options.first_retry = 1ms;
  SharedCache shared(world.engine, provider, options);
  const SharedScope scope(shared, "shared", Consistency::strict, 15s);
  spawn(world.loop, scope.wrap<std::string>(kKey, world.source.loader()));
  drain(world.loop);
  spawn(world.loop, scope.invalidate<Executor>(kKey));
  drain(world.loop);
  provider->mode = GatedProvider::Mode::fail;
  spawn(world.loop, scope.invalidate_prefix<Executor>(Family("f")));
  drain(world.loop);
  provider->mode = GatedProvider::Mode::pass;
  world.loop.restart();
  world.loop.run();
  EXPECT_EQ(told.heard, (std::vector<std::string>{"fetch ok", "fill ok", "invalidate ok", "shared key applied",
                                                  "invalidate failed", "shared family queued", "invalidate ok"}));
  EXPECT_EQ(shared.snapshot().invalidations_queued, 1u);
  spawn(world.loop, shared.close<Executor>());
  drain(world.loop);
}

}  // namespace
}  // namespace watchbell::cache::test
