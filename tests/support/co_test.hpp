#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <exception>
#include <functional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>

#include "async/awaitable.hpp"
#include "async/loop.hpp"

/// Coroutine tests: `CO_TEST(Suite, name) { co_await ...; CO_ASSERT_EQ(a, b); }` runs its body on a loop of its own (`loop` in the body) under
/// a deadline of 20 s of real time, so that a hang is a failure and not a stuck build. ASSERT_* cannot return from a coroutine; CO_ASSERT_* can.
namespace watchbell::test {

/// Runs a coroutine to its end on `loop`; rethrows what it threw. False when the deadline passed.
inline bool run_on(async::Loop& loop, awaitable<void> body, std::chrono::seconds deadline = std::chrono::seconds(20)) {
  bool done = false;
  bool late = false;
  std::exception_ptr fault;
  asio::steady_timer timer(loop.context());
  timer.expires_after(deadline);
  timer.async_wait([&](boost::system::error_code error) {
    if (!error) late = true;
  });
  asio::co_spawn(loop.executor(), std::move(body), [&](std::exception_ptr thrown) {
    fault = thrown;
    done = true;
  });
  loop.run_until([&] { return done || late; });
  timer.cancel();
  if (fault) std::rethrow_exception(fault);
  return done;
}

}  // namespace watchbell::test

#define CO_TEST(suite, name)                                                                    \
  static ::watchbell::awaitable<void> suite##_##name##_body(::watchbell::async::Loop& loop);    \
  TEST(suite, name) {                                                                           \
    ::watchbell::async::Loop loop;                                                              \
    EXPECT_TRUE(::watchbell::test::run_on(loop, suite##_##name##_body(loop))) << "timed out";   \
  }                                                                                             \
  static ::watchbell::awaitable<void> suite##_##name##_body([[maybe_unused]] ::watchbell::async::Loop& loop)

#define CO_ASSERT_TRUE(condition)          \
  do {                                     \
    if (!(condition)) {                    \
      ADD_FAILURE() << #condition;         \
      co_return;                           \
    }                                      \
  } while (false)
/// Compares as EXPECT_EQ does, and evaluates its arguments once.
#define CO_ASSERT_EQ(a, b)                                                                       \
  do {                                                                                           \
    if (const auto equal_ = ::testing::internal::EqHelper::Compare(#a, #b, a, b); !equal_) {     \
      ADD_FAILURE() << equal_.message();                                                         \
      co_return;                                                                                 \
    }                                                                                            \
  } while (false)
