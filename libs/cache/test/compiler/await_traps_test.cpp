// What g++ 12 makes of await expressions, and that the library's interface survives it when used as its comments say.
// A probe of a trap records the compiler's defect where it has it: if one of them fails, the trap is gone (or has come
// to another compiler) and the advice in scope.hpp and in the README should change.
#include <watchbell/cache/scope.hpp>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <string>
#include <utility>

namespace {

namespace asio = boost::asio;
namespace cache = watchbell::cache;
using Executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, Executor>;

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
constexpr bool kDestroysTwice = true;
#else
constexpr bool kDestroysTwice = false;
#endif

/// Counts constructions minus destructions; owns nothing, so that a second destruction is counted and harms nobody.
struct Counted {
  static inline int alive = 0;
  Counted() { ++alive; }
  Counted(const Counted& /*other*/) { ++alive; }
  Counted& operator=(const Counted&) = default;
  ~Counted() { --alive; }
};

struct Aggregate {
  Counted part;
  int number = 0;
};

class Constructed {
 public:
  explicit Constructed(Counted part) : part_(part) {}

 private:
  Counted part_;
};

awaitable<int> take_aggregate(Aggregate /*value*/) { co_return 1; }
awaitable<int> take_constructed(Constructed /*value*/) { co_return 1; }
template <class F>
awaitable<int> take_function(F f) {
  co_return f();
}

/// What is left alive after `work` has run: 0 when everything built was destroyed once.
int left_alive(awaitable<void> work) {
  Counted::alive = 0;
  asio::io_context loop;
  asio::co_spawn(loop, std::move(work), [](std::exception_ptr fault) { EXPECT_FALSE(fault); });
  loop.run();
  return Counted::alive;
}

awaitable<void> aggregate_in_place() { static_cast<void>(co_await take_aggregate(Aggregate{.part = Counted(), .number = 1})); }

awaitable<void> lambda_in_place() {
  const Counted captured;
  static_cast<void>(co_await take_function([captured] { return static_cast<void>(captured), 1; }));
}

awaitable<void> constructed_in_place() { static_cast<void>(co_await take_constructed(Constructed(Counted()))); }

awaitable<void> named_lambda() {
  const Counted captured;
  auto function = [captured] { return static_cast<void>(captured), 1; };
  static_cast<void>(co_await take_function(std::move(function)));
}

TEST(AwaitTraps, an_aggregate_built_in_an_await_expression) {
  EXPECT_EQ(left_alive(aggregate_in_place()) < 0, kDestroysTwice);
}

TEST(AwaitTraps, a_lambda_with_owning_captures_built_in_an_await_expression) {
  EXPECT_EQ(left_alive(lambda_in_place()) < 0, kDestroysTwice);
}

TEST(AwaitTraps, a_type_with_a_constructor_and_a_named_lambda_are_safe_everywhere) {
  EXPECT_EQ(left_alive(constructed_in_place()), 0);
  EXPECT_EQ(left_alive(named_lambda()), 0);
}

// The library, used as its comments say: every value built and destroyed once.

struct Value {
  Counted counted;
  std::string text;
};
std::size_t size_in_bytes(const Value& value) { return sizeof(Value) + value.text.capacity(); }

awaitable<Value> load(Counted /*context*/, std::string text) {
  Value value{Counted(), std::move(text)};
  co_return value;
}

const std::string kLong = "a text too long to be kept inside of the string itself";

awaitable<void> use_library(cache::CachedScope scope) {
  const Counted context;
  auto loader = [context, text = kLong] { return load(context, text); };
  const auto loaded = co_await scope.wrap<Value>(cache::Key("system", kLong, 7), std::move(loader));
  EXPECT_EQ(loaded->text, kLong);

  // A key built in place with every kind of segment; a loader that captures by reference only, built in place.
  const auto again = co_await scope.wrap<Value>(cache::Key(std::string("system"), kLong, 7),
                                                [&] { return load(context, "never called"); });
  EXPECT_EQ(again, loaded);
  scope.invalidate_prefix(cache::Family("system", kLong));
}

TEST(AwaitTraps, the_library_builds_and_destroys_once_what_passes_through_it) {
  cache::Cache engine({.max_bytes = 1 << 20, .max_entries = 100});
  EXPECT_EQ(left_alive(use_library(cache::CachedScope(engine, "scope", std::chrono::seconds(15)))), 1)
      << "only the entry, which is dead but not yet met";
  engine.clear();
  EXPECT_EQ(Counted::alive, 0);
}

awaitable<void> failing_load(cache::CachedScope scope) {
  auto loader = [text = kLong]() -> awaitable<std::string> { throw text; };
  try {
    static_cast<void>(co_await scope.wrap<std::string>(cache::Key("k"), std::move(loader)));
    ADD_FAILURE() << "did not throw";
  } catch (const std::string& thrown) {
    EXPECT_EQ(thrown, kLong);
  }
}

TEST(AwaitTraps, exceptions_of_any_type_pass_through) {
  cache::Cache engine;
  EXPECT_EQ(left_alive(failing_load(cache::CachedScope(engine, "scope"))), 0);
}

}  // namespace
