#pragma once

#include "domains/notification/test/fixture.hpp"

namespace watchbell::notification::test {

using http::test::Sink;
using http::test::SinkReply;
using http::test::SinkRequest;

inline std::string head(const SinkRequest& request, std::string_view name) {
  const std::string lower = ascii_lower(request.head);
  const auto at = lower.find("\r\n" + ascii_lower(name) + ": ");
  if (at == std::string::npos) return "none";
  const auto from = at + name.size() + 4;
  return request.head.substr(from, request.head.find("\r\n", from) - from);
}

inline std::string status(int code, std::string more = {}) { return fmt::format("HTTP/1.1 {} X\r\n{}Content-Length: 0\r\n\r\n", code, more); }

/// The domain with a receiver that gives its answers one after the other, the last one for ever.
struct WithSink : Fixture {
  explicit WithSink(async::Loop& l, std::vector<std::string> replies, std::string egress_allow = "127.0.0.0/8", Places places = {})
      : Fixture(l, std::move(egress_allow), nullptr, Storage::memory, places), answers(std::move(replies)), sink(l.executor(), [this](const SinkRequest&) {
          const std::size_t i = std::min(sink.requests, answers.size() - 1);
          return SinkReply{answers[i], SinkReply::Then::close};
        }) {
    sink.start();
  }
  awaitable<void> begin(std::string secret = {}) {
    co_await queue->start();
    const std::string config = R"({"url":")" + sink.url("/hook") + "\"" + (secret.empty() ? "" : R"(,"signingSecret":")" + secret + "\"") + "}";
    EXPECT_TRUE(co_await set_webhook(user(1), config));
  }
  awaitable<std::string> state() { co_return co_await one<std::string>("select state || ' ' || attempts || ' ' || coalesce(reason, '') from deliveries"); }
  awaitable<std::string> attempts() { co_return co_await joined("select status from delivery_attempts order by attempted_at, id"); }
  awaitable<void> until_settled(std::uint64_t done) {
    co_await until([&, done] { return queue->statistics().done + queue->statistics().retried >= done && queue->statistics().running == 0; });
    // The queue looks for what is due next; its timer must be armed before a test moves the clock.
    co_await until_idle();
  }
  awaitable<void> end() {
    co_await sink.close();
    co_await shut();
  }
  std::vector<std::string> answers;
  Sink sink;
};

}  // namespace watchbell::notification::test
