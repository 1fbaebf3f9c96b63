#pragma once

#include "domains/auth/contract.hpp"
#include "domains/auth/endpoints.hpp"
#include "domains/auth/test/fixture.hpp"

namespace watchbell::auth::test {

/// The procedures and session endpoints, through the front.
struct WebFixture : Fixture {
  explicit WebFixture(async::Loop& l)
      : Fixture(l),
        dispatcher(*service, pool),
        front(dispatcher, wheel, {.base_url = "http://w.test", .trusted_origins = {"http://w.test", "http://localhost:3000"}, .trusted_proxies = {}}) {
    mount_endpoints(front, *service);
    EXPECT_TRUE(dispatcher.mount(contract(*service)));
    front.open();
  }
  struct Answer {
    int status;
    std::string body;
    std::string headers;
  };
  awaitable<Answer> call(std::string method, std::string target, std::vector<http::Header> headers = {}, std::string body = {}) {
    const auto request = http::Request::make_for_test(method, target, headers, body);
    http::Response response;
    co_await front.handle(request, response);
    co_return Answer{response.status, std::string(response.body_view()), response.extra_headers};
  }
  /// From a page of ours, with what a session's cookie says.
  awaitable<Answer> from_page(std::string path, std::string cookie_text, std::string body = "{}") {
    std::vector<http::Header> headers{{"content-type", "application/json"}, {"origin", "http://w.test"}};
    if (!cookie_text.empty()) headers.push_back({"cookie", cookie_text});
    co_return co_await call("POST", "/api/auth/" + path, std::move(headers), std::move(body));
  }
  /// The first cookie an answer sets, as a browser sends it back.
  static std::string cookie_in(const Answer& answer) {
    const auto at = answer.headers.find("Set-Cookie: ") + 12;
    return answer.headers.substr(at, answer.headers.find(';', at) - at);
  }
  async::BlockingPool pool{{.name = "test", .threads = 1}};
  rpc::Dispatcher dispatcher;
  rpc::Front front;
};

}  // namespace watchbell::auth::test
