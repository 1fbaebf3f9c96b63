#pragma once

#include "runtime/coherence/test/world.hpp"

namespace watchbell::workers::test {

using namespace std::chrono_literals;

/// A world whose time stands still while the database works: what is asked at one moment is answered at that moment, however slow the machine is.
struct SteadyWorld : coherence::test::World {
  using World::World;
  template <class Predicate>
  awaitable<void> elapse_until(Predicate done) {
    while (!done()) {
      clock.advance(10ms);
      for (int turns = 0; turns < 10; ++turns) {
        if (!away && (database->waiting() > 0 || database->sessions().busy > 0)) turns = 0;
        co_await asio::post(loop.executor(), use_awaitable);
      }
    }
  }
  awaitable<void> elapse(std::chrono::milliseconds time) {
    const auto end = clock.monotonic() + time;
    co_await elapse_until([&] { return clock.monotonic() >= end; });
  }
  bool away = false;  ///< the database answers nobody
};

}  // namespace watchbell::workers::test
