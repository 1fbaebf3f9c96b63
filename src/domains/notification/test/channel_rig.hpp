#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "domains/notification/channels/http_channel.hpp"
#include "platform/http_client/test/fixture.hpp"

namespace watchbell::notification::channels::test {

using namespace std::chrono_literals;
using Kind = rules::Verdict::Kind;

inline const Timestamp kMade = Timestamp::parse("2026-01-02T03:04:05.678Z").value();
inline const Timestamp kNow = kMade + 3s;

inline Outgoing outgoing(Importance importance = Importance::critical) {
  return {.key = DeliveryId::parse("01900000-0000-7000-8000-000000000001").value(),
          .message = {.title = "Disk \"full\" <!channel> & *50 %*",
                      .body = "**/var** is full, see [the page](https://a.test/) @everyone",
                      .importance = importance,
                      .action = Action{.label = "Open", .url = "https://w.test/x?a=1&b=2"}},
          .created_at = kMade};
}

/// As long as everything may be, in characters that every form has to escape or that take four bytes.
inline Outgoing longest(char c) {
  auto out = outgoing();
  out.message.title = std::string(200, c);
  out.message.body.clear();
  for (int i = 0; i < 2500; ++i) out.message.body += std::string(1, c) + "a\\" + std::string(1, c);
  out.message.action = Action{.label = std::string(120, c), .url = "https://w.test/" + std::string(2033, '&')};
  return out;
}

/// One channel, a loop that nothing runs on, and what its requests say.
template <class C>
struct Rig {
  using Admin = typename C::AdminConfig;
  using User = typename C::UserConfig;
  async::Loop loop;
  http::test::Bench bench{loop};
  SystemClock clock;
  C channel{bench.client, clock};

  http::ClientRequest request(const Outgoing& message, const Admin& admin, const User& user) {
    auto made = channel.request(message, admin, user, kNow);
    EXPECT_TRUE(made) << made.error();
    return made.value_or(http::ClientRequest());
  }
  boost::json::value body(const Outgoing& message, const Admin& admin, const User& user) { return boost::json::parse(request(message, admin, user).body); }
  std::string missing(const Admin& admin, const User& user) {
    const auto made = channel.request(outgoing(), admin, user, kNow);
    return made ? "nothing" : made.error();
  }
  rules::Verdict verdict(int status, std::string body = {}, http::Headers headers = {}) {
    http::ClientResponse answer;
    answer.status = status;
    answer.body = std::move(body);
    answer.headers = std::move(headers);
    return channel.judge_answer(answer, kNow);
  }
  /// For providers that say it all by the status: which are delivered, tried again and refused.
  void judges_by_status(std::string delivered_body = {}) {
    for (const int status : {200, 201, 204}) EXPECT_EQ(verdict(status, delivered_body).kind, Kind::delivered) << status;
    for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_EQ(verdict(status).kind, Kind::retry) << status;
    for (const int status : {301, 302, 400, 401, 403, 404, 410, 413}) EXPECT_EQ(verdict(status).kind, Kind::refused) << status;
    EXPECT_EQ(verdict(429, {}, {{"retry-after", "33"}}).retry_after, 33s);
    EXPECT_EQ(verdict(503, {}, {{"retry-after", "7"}}).retry_after, 7s);
  }
};

inline std::string header(const http::ClientRequest& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name) return value;
  return "none";
}

inline std::string text(const boost::json::value& value, std::string_view pointer) {
  boost::system::error_code error;
  const auto* found = value.find_pointer(pointer, error);
  if (found == nullptr) return "none";
  return found->is_string() ? std::string(found->get_string()) : boost::json::serialize(*found);
}

template <class Text>
std::optional<Secret<Text>> secret(std::string value) {
  return Secret<Text>{*Text::make(std::move(value))};
}

}  // namespace watchbell::notification::channels::test
