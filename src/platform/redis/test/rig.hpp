#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/co_spawn.hpp>

#include "async/manual_clock.hpp"
#include "async/task_scope.hpp"
#include "platform/redis/transport.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::redis::test {

using namespace std::chrono_literals;
using cache::Outcome;
using cache::redis::Command;
using cache::redis::Reply;
using Replies = Outcome<std::vector<Reply>>;

/// A transport over a resolver whose names a test gives. With a ManualClock no deadline passes unless the test says so.
struct Rig {
  explicit Rig(async::Loop& l, Settings settings, bool manual = true)
      : loop(l),
        wheel(l.executor(), manual ? static_cast<const Clock&>(clock) : system, manual ? async::TimerWheel::Drive::manual : async::TimerWheel::Drive::system),
        resolver(l.executor(), wheel, {.keep = 0ms},
                 [n = names](const std::string& name) -> Result<std::vector<net::Address>> {
                   const auto it = n->find(name);
                   if (it == n->end()) return fail(ErrorCode::not_found, "there is no host {}", name);
                   return it->second;
                 }),
        transport(make_transport(wheel, resolver, std::move(settings))),
        scope(l.executor(), [](std::string_view task, std::exception_ptr) { ADD_FAILURE() << task << " threw"; }) {
    if (manual) clock.attach(wheel);
  }

  /// Runs a call of the transport from a coroutine of the loop.
  template <class T>
  awaitable<T> get(asio::awaitable<T> call) {
    co_return co_await asio::co_spawn(loop.executor(), std::move(call), use_awaitable);
  }
  awaitable<std::string> run_id() {
    auto outcome = co_await get(transport->server(1s));
    co_return outcome ? *outcome : outcome.error().message();
  }
  awaitable<Replies> ask(std::vector<Command> commands, cache::Duration deadline = 1s) {
    auto id = co_await get(transport->server(deadline));
    if (!id) co_return id.error();
    co_return co_await get(transport->pipeline(*id, std::move(commands), deadline));
  }
  /// Starts a call and goes on. The answer stands in the result once it is there.
  std::shared_ptr<std::optional<Replies>> start_all(std::string id, std::vector<Command> commands, cache::Duration deadline = 1s) {
    auto into = std::make_shared<std::optional<Replies>>();
    ++running;
    scope.spawn("call", store(std::move(id), std::move(commands), deadline, into));
    return into;
  }
  std::shared_ptr<std::optional<Replies>> start(std::string id, Command command, cache::Duration deadline = 1s) {
    return start_all(std::move(id), std::vector<Command>{std::move(command)}, deadline);
  }
  /// Waits until all that was started has ended.
  awaitable<void> all_ended() { co_await scope.join(); }
  awaitable<void> stop() {
    co_await get(transport->stop());
    co_await scope.join();
    resolver.close();
  }

  async::Loop& loop;
  async::ManualClock clock;
  SystemClock system;
  std::shared_ptr<std::map<std::string, std::vector<net::Address>>> names = std::make_shared<std::map<std::string, std::vector<net::Address>>>();
  async::TimerWheel wheel;
  net::Resolver resolver;
  std::unique_ptr<Transport> transport;
  async::TaskScope scope;
  std::size_t running = 0;

 private:
  awaitable<void> store(std::string id, std::vector<Command> commands, cache::Duration deadline, std::shared_ptr<std::optional<Replies>> into) {
    auto outcome = co_await get(transport->pipeline(std::move(id), std::move(commands), deadline));
    into->emplace(std::move(outcome));
    --running;
  }
};

/// The text of the only reply, or what went wrong.
inline std::string text(const Replies& replies) {
  if (!replies) return replies.error().message();
  return replies->size() == 1 ? (*replies)[0].text : fmt::format("{} replies", replies->size());
}

}  // namespace watchbell::redis::test
