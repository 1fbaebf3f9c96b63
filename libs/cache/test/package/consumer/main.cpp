#include <watchbell/cache/scope.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <memory>

namespace asio = boost::asio;
namespace cache = watchbell::cache;

using Executor = asio::io_context::executor_type;
template <class T>
using awaitable = asio::awaitable<T, Executor>;

static awaitable<int> answer() { co_return 42; }

static awaitable<void> use(cache::Cache& engine, int& seen) {
  cache::CachedScope scope(engine, "consumer", std::chrono::seconds(15));
  const cache::Key key("answer");
  const auto first = co_await scope.wrap<int>(key, answer);
  if (const auto second = scope.find<int>(key)) seen = *second + *first - 42;
  scope.invalidate(key);
  if (scope.find<int>(key)) seen = 0;
  co_await engine.close<Executor>();
}

int main() {
  asio::io_context loop;
  cache::Cache engine;
  int seen = 0;
  asio::co_spawn(loop, use(engine, seen), [](std::exception_ptr fault) {
    if (fault) std::rethrow_exception(fault);
  });
  loop.run();
  return seen == 42 ? 0 : 1;
}
