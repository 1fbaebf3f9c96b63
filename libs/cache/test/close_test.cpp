#include "support.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace watchbell::cache::test {
namespace {

const Key kKey("k");

TEST(Close, cancels_running_loads_and_ends_when_they_have_ended) {
  World world;
  world.source.hold();
  const auto reader = world.read(kKey);
  const auto other = world.read(Key("other"));
  const auto closed = spawn(world.loop, world.engine.close<Executor>());
  drain(world.loop);
  EXPECT_TRUE(closed->ended);
  EXPECT_TRUE(reader->aborted());
  EXPECT_TRUE(other->aborted());
  EXPECT_EQ(world.source.running, 0);
  EXPECT_EQ(world.engine.snapshot().running_loads, 0u);
}

awaitable<std::string> deaf(std::shared_ptr<Gate> gate) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await gate->pass();
  co_return "done";
}

TEST(Close, waits_for_a_loader_that_ignores_cancellation) {
  World world;
  const auto gate = std::make_shared<Gate>(world.loop);
  auto loader = [gate] { return deaf(gate); };
  const auto reader = spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  const auto closed = spawn(world.loop, world.engine.close<Executor>());
  const auto twice = spawn(world.loop, world.engine.close<Executor>());
  drain(world.loop);
  EXPECT_FALSE(closed->ended || twice->ended);
  gate->open();
  drain(world.loop);
  EXPECT_TRUE(closed->ended && twice->ended);
  EXPECT_EQ(*reader->value, "done");
}

TEST(Close, refuses_new_loads_and_still_serves_and_invalidates) {
  World world;
  world.text(kKey);
  spawn(world.loop, world.engine.close<Executor>());
  drain(world.loop);
  EXPECT_EQ(world.text(kKey), "one");
  world.scope.invalidate(kKey);
  EXPECT_TRUE(world.read(kKey)->threw<CacheClosed>());
  EXPECT_EQ(world.engine.snapshot().flights, 0u);
}

TEST(Close, of_an_idle_cache_ends_at_once_and_may_be_repeated) {
  World world;
  for (int i = 0; i < 2; ++i) {
    const auto closed = spawn(world.loop, world.engine.close<Executor>());
    drain(world.loop);
    EXPECT_TRUE(closed->ended && !closed->error);
  }
}

TEST(Close, can_be_given_up) {
  World world;
  const auto gate = std::make_shared<Gate>(world.loop);
  auto loader = [gate] { return deaf(gate); };
  spawn(world.loop, world.scope.wrap<std::string>(kKey, loader));
  const auto closed = spawn(world.loop, world.engine.close<Executor>());
  drain(world.loop);
  closed->cancel.emit(asio::cancellation_type::terminal);
  drain(world.loop);
  EXPECT_TRUE(closed->aborted());
  gate->open();
  drain(world.loop);
}

TEST(Close, may_be_called_from_another_thread_than_that_of_the_loads) {
  World world;
  world.source.hold();
  const auto reader = world.read(kKey);
  asio::io_context elsewhere;
  bool closed = false;
  asio::co_spawn(elsewhere, world.engine.close<Executor>(), [&](std::exception_ptr) { closed = true; });
  std::thread other([&] { elsewhere.run(); });
  world.loop.restart();
  world.loop.run();  // runs dry once the load was cancelled from there
  while (!reader->ended) {
    world.loop.restart();
    world.loop.run();
    std::this_thread::yield();
  }
  other.join();
  EXPECT_TRUE(closed);
  EXPECT_TRUE(reader->aborted());
}

TEST(Close, a_scope_may_outlive_its_cache) {
  asio::io_context loop;
  auto engine = std::make_unique<Cache>();
  const CachedScope scope(*engine, "scope");
  engine.reset();
  EXPECT_EQ(scope.find<int>(kKey), nullptr);
  scope.invalidate(kKey);
  auto loader = [] { return World::give(1); };
  const auto reader = spawn(loop, scope.wrap<int>(kKey, loader));
  drain(loop);
  EXPECT_TRUE(reader->threw<CacheClosed>());
}

}  // namespace
}  // namespace watchbell::cache::test
