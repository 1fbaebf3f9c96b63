// Questions: how many round trips does a bulk read of 100 keys take on Redis, cold and warm? And what do 1,000 reads a second of a strict scope feel of a
// Redis that stands still for 30 s? Starts a redis-server of its own and prints one JSON object a line. Exit code 1 when what is promised was missed:
//
//     redis_cache_bench round_trips      two cold and one warm, the batch loader called once
//     redis_cache_bench frozen [30]      no error, no stale read; at most one deadline more until the circuit opens, then none; recovery after the thaw
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "platform/redis/test/frozen.hpp"

namespace {

using namespace watchbell;
using namespace std::chrono_literals;
using redis::test::Client;
using redis::test::Frozen;

int missed = 0;

void expect(bool holds, std::string_view what) {
  if (holds) return;
  ++missed;
  std::fputs(fmt::format("redis_cache_bench: missed: {}\n", what).c_str(), stderr);
}

void print(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

/// A loop with what clients of Redis need.
struct World {
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel{loop.executor(), clock};
  net::Resolver resolver{loop.executor(), wheel, {}};
  test::RedisServer server;

  std::unique_ptr<Client> client() { return std::make_unique<Client>(wheel, resolver, *redis::parse_url(server.unix_url())); }

  void run(awaitable<void> work) {
    bool ended = false;
    std::exception_ptr fault;
    asio::co_spawn(loop.executor(), std::move(work), [&](std::exception_ptr thrown) {
      fault = std::move(thrown);
      ended = true;
    });
    loop.run_until([&] { return ended; });
    if (fault) std::rethrow_exception(fault);
  }
};

cache::Key key_of(int id) { return cache::Key("bulk", id); }

struct Loader {
  int calls = 0;
  awaitable<std::vector<std::string>> all(std::vector<int> ids) {
    ++calls;
    co_return std::vector<std::string>(ids.size(), std::string(200, 'v'));
  }
  awaitable<std::string> one(int /*id*/) {
    ++calls;
    co_return std::string(200, 'v');
  }
};

/// Waits until all that the client has to send was answered.
awaitable<void> settle(World& world, Client& client, std::uint64_t fills) {
  while (client.shared.snapshot().fills < fills) co_await asio::post(world.loop.executor(), use_awaitable);
}

awaitable<void> read(World& world, Client& client, std::string_view name, bool together, bool warm, int first, Loader& loader) {
  std::vector<int> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(first + i);
  const int calls = loader.calls;
  const auto before = client.transport->counters();
  const auto fills = client.shared.snapshot().fills;
  const auto began = std::chrono::steady_clock::now();
  if (together) {
    auto load = [&loader](std::vector<int> missing) { return loader.all(std::move(missing)); };
    co_await client.strict.wrap_many_batched<std::string>(ids, key_of, std::move(load));
  } else {
    auto load = [&loader](int id) { return loader.one(id); };
    co_await client.strict.wrap_many<std::string>(ids, key_of, std::move(load));
  }
  const auto us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count();
  if (!warm) co_await settle(world, client, fills + 100);
  const auto after = client.transport->counters();
  const auto trips = after.round_trips - before.round_trips;
  print(fmt::format(R"({{"row":"{}","state":"{}","keys":100,"roundTrips":{},"commands":{},"loaderCalls":{},"us":{:.0f}}})", name, warm ? "warm" : "cold", trips,
                    after.commands - before.commands, loader.calls - calls, us));
  expect(trips == (warm ? 1u : 2u), fmt::format("{} {}: {} round trips", name, warm ? "warm" : "cold", trips));
  const int most = warm ? 0 : together ? 1 : 100;
  expect(loader.calls - calls == most, fmt::format("{} {}: {} calls of the loader", name, warm ? "warm" : "cold", loader.calls - calls));
}

awaitable<void> round_trips(World& world, Client& one, Client& other) {
  Loader loader;
  for (Client* client : {&one, &other}) {  // connected, and the scripts are known
    auto load = [&loader](int id) { return loader.one(id); };
    const int id = client == &one ? -1 : -2;
    co_await client->strict.wrap_many<std::string>(std::vector<int>(1, id), key_of, std::move(load));
    co_await settle(world, *client, 1);
  }
  int first = 0;
  for (int round = 0; round < 3; ++round) {
    for (const bool together : {true, false}) {
      const auto name = together ? "wrap_many_batched" : "wrap_many";
      co_await read(world, one, name, together, false, first, loader);
      co_await read(world, other, name, together, true, first, loader);
      first += 100;
    }
  }
  co_await one.close();
  co_await other.close();
}

awaitable<void> freeze(Frozen& frozen, Client& client) {
  co_await frozen.run();
  co_await client.close();
}

void measure_frozen(World& world, std::chrono::seconds time) {
  const auto client = world.client();
  Frozen::Options options;
  options.frozen = time;
  Frozen frozen(world.loop, *client, world.server, options);
  world.run(freeze(frozen, *client));
  const auto result = frozen.result();
  for (std::size_t i = 0; i < Frozen::kPhases; ++i) {
    const auto& phase = result.phases[i];
    print(fmt::format(R"({{"row":"frozen","phase":"{}","reads":{},"p50Us":{:.0f},"p99Us":{:.0f},"maxUs":{:.0f},"lateUsMax":{:.0f},"servedP50Us":{:.0f},"servedP99Us":{:.0f}}})",
                      Frozen::kNames[i], phase.reads, phase.p50_us, phase.p99_us, phase.max_us, phase.late_us_max, phase.served_p50_us, phase.served_p99_us));
  }
  print(fmt::format(
      R"({{"row":"frozen","seconds":{},"errors":{},"stale":{},"changes":{},"circuitOpenedAfterMs":{:.1f},"askedWhileOpen":{},"recoveredAfterMs":{:.0f},"hitsAfter":{},"seed":{}}})",
      time.count(), result.errors, result.verdict.kind == cache::testing::Verdict::Kind::ok ? 0 : 1, result.changes, result.opened_after_ms,
      result.asked_while_open, result.recovered_after_ms, result.hits_after, options.seed));
  expect(result.errors == 0, "no error");
  expect(result.verdict.kind == cache::testing::Verdict::Kind::ok, result.told);
  expect(result.opened, "the circuit opens");
  expect(result.asked_while_open == 0, "nothing is asked while it is open");
  expect(result.recovered, "it recovers");
  expect(result.hits_after > 0, "Redis answers again");
  // One deadline of 50 ms, kept to the wheel's tick, and what the loop was late in beginning or had to do first.
  const auto& was = result.phases[Frozen::before];
  const auto& opening = result.phases[Frozen::opening];
  const auto& open = result.phases[Frozen::open];
  expect(opening.max_us <= 60'000 + 10'000 + opening.late_us_max, "at most one deadline more until it opens");
  // Counted from when a read began: how late that was is the machine's doing, and hides what is looked for.
  expect(open.served_p50_us <= was.served_p50_us, "the median is no longer than before");
  expect(open.served_p99_us <= was.served_p99_us + 500, "p99 is no longer than before, but for half a millisecond");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  World world;
  if (what == "round_trips") {
    const auto one = world.client();
    const auto other = world.client();
    world.run(round_trips(world, *one, *other));
  } else if (what == "frozen") {
    measure_frozen(world, std::chrono::seconds(argc > 2 ? std::atoi(argv[2]) : 30));
  } else {
    std::fputs("usage: redis_cache_bench round_trips | frozen [SECONDS]\n", stderr);
    return 2;
  }
  world.resolver.close();
  return missed == 0 ? 0 : 1;
}
