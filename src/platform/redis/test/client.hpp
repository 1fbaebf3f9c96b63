#pragma once

#include <memory>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <watchbell/cache/redis/provider.hpp>
#include <watchbell/cache/shared.hpp>

#include "platform/redis/transport.hpp"

namespace watchbell::redis::test {

/// What one process has of a shared cache: its memory, its provider, its connection. Two of them on one server play two processes.
class Client {
 public:
  /// `wheel` and `resolver` must outlive it.
  Client(async::TimerWheel& wheel, net::Resolver& resolver, Settings settings, cache::SharedOptions options = {}, std::string instance = {})
      : transport(make_transport(wheel, resolver, std::move(settings))),
        provider(std::make_shared<cache::redis::RedisProvider>(transport, provider_options(wheel.clock(), std::move(instance)))),
        shared(local, provider, options),
        strict(shared, kScope, cache::Consistency::strict, std::chrono::minutes(1)),
        bounded(shared, kScope, cache::Consistency::bounded, std::chrono::minutes(1)) {}

  static constexpr const char* kScope = "catalog";

  const std::shared_ptr<Transport> transport;
  const std::shared_ptr<cache::redis::RedisProvider> provider;
  cache::Cache local;
  cache::SharedCache shared;
  cache::SharedScope strict;
  cache::SharedScope bounded;

  cache::SharedScope scope(std::string_view name) { return cache::SharedScope(shared, name, cache::Consistency::strict, std::chrono::minutes(1)); }

  /// REQUIRED before it is destroyed.
  awaitable<void> close() {
    co_await shared.close<Executor>();
    co_await local.close<Executor>();
    const auto executor = co_await asio::this_coro::executor;
    co_await asio::co_spawn(executor, provider->stop(), use_awaitable);
  }

 private:
  static cache::redis::RedisOptions provider_options(const Clock& clock, std::string instance) {
    cache::redis::RedisOptions options;
    options.instance = std::move(instance);
    options.clock = [&clock] { return clock.monotonic(); };
    return options;
  }
};

}  // namespace watchbell::redis::test
