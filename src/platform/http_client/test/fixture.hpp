#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task_scope.hpp"
#include "platform/http_client/client.hpp"
#include "platform/http_client/test/sink.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::http::test {

using namespace std::chrono_literals;

/// A client over a resolver whose names a test gives, allowed to reach 127.0.0.0/8 unless it says otherwise.
struct Bench {
  explicit Bench(async::Loop& l, std::string allow = "127.0.0.0/8", Client::Options options = {})
      : loop(l),
        wheel(l.executor(), clock),
        names(std::make_shared<std::map<std::string, std::vector<net::Address>>>()),
        resolver(l.executor(), wheel, {.keep = 0ms},
                 [n = names](const std::string& name) -> Result<std::vector<net::Address>> {
                   const auto it = n->find(name);
                   if (it == n->end()) return fail(ErrorCode::not_found, "there is no host {}", name);
                   return it->second;
                 }),
        egress(*net::Cidr::parse_list(allow)),
        client(l, wheel, resolver, egress, std::move(options)),
        scope(l.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE() << "a task threw"; }) {}

  /// REQUIRES that no look-up runs.
  void name(const std::string& host, std::initializer_list<std::string_view> addresses) {
    auto& list = (*names)[host];
    list.clear();
    for (const auto text : addresses) list.push_back(*net::Address::parse(text));
  }
  void send(ClientRequest request, std::optional<ClientResult>& into) { scope.spawn("send", store(client, std::move(request), into)); }
  awaitable<void> close() {
    co_await client.close();
    resolver.close();
  }

  async::Loop& loop;
  SystemClock clock;
  async::TimerWheel wheel;
  std::shared_ptr<std::map<std::string, std::vector<net::Address>>> names;
  net::Resolver resolver;
  net::Egress egress;
  Client client;
  async::TaskScope scope;

 private:
  static awaitable<void> store(Client& client, ClientRequest request, std::optional<ClientResult>& into) { into = co_await client.send(std::move(request)); }
};

inline ClientRequest get(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return request;
}

}  // namespace watchbell::http::test
