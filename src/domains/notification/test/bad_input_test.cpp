// What nobody should send, and what answers it.
#include <gtest/gtest.h>

#include "domains/notification/channels/teams.hpp"
#include "domains/notification/test/fixture.hpp"
#include "domains/notification/test/samples.hpp"
#include "platform/log/log.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using channels::test::at;
using channels::test::samples;
using test::user;
using Kind = rules::Verdict::Kind;

template <class Input>
std::string refusal(std::string json) {
  const auto read = rpc::from_json<Input>(json);
  return read ? "accepted" : std::string(wire_code(read.error().code)) + " " + (read.error().data == nullptr ? "" : read.error().data->json);
}
std::string users_of(std::size_t count) {
  std::string list = "[\"x\"";
  for (std::size_t n = 1; n < count; ++n) list += ",\"x\"";
  return list + "]";
}

CO_TEST(BadInput, empty_recipients_are_no_send_and_100001_are_refused) {
  test::Fixture f(loop);
  co_await f.queue->start();
  EXPECT_EQ(co_await f.notify({}), 0);
  EXPECT_EQ(co_await f.rows("notifications"), 0);
  const auto many = refusal<NotifyUsers>(R"({"userIds":)" + users_of(100'001) + R"(,"title":"t","body":""})");
  EXPECT_EQ(many.find(R"(BAD_REQUEST {"issues":[{"origin":"array","code":"too_big","maximum":100000)"), 0u) << many.substr(0, 300);
  std::string groups = "[";
  for (int n = 0; n < 1001; ++n) groups += std::string(n == 0 ? "" : ",") + "\"g\"";
  EXPECT_EQ(refusal<NotifyGroups>(R"({"groupIds":)" + groups + R"(],"title":"t","body":""})").substr(0, 11), "BAD_REQUEST");
  const auto nobody = co_await f.service.notify_groups(test::application(1), {.group_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = {}});
  EXPECT_EQ(nobody->notified_count, 0);
  co_await f.shut();
}

CO_TEST(BadInput, unknown_users_and_groups_are_nobody_and_stop_no_other) {
  test::Fixture f(loop);
  co_await f.queue->start();
  f.gone.insert(user(9));
  NotifyUsers input{.user_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = {}};
  for (const std::string& id : {user(9).to_string(), std::string("' or 1=1 --"), std::string("nobody"), user(1).to_string()}) input.user_ids.push_back(Text<1, 200>::of(id));
  EXPECT_EQ((co_await f.service.notify_users(test::application(1), input))->notified_count, 1);
  co_await f.change([&f](Change& change) { return f.service.put_group(change, {.id = "ci.a", .name = "A", .description = "", .owner = "ci"}); });
  EXPECT_TRUE(co_await f.service.subscribe(user(2), "ci.a"));
  NotifyGroups groups{.group_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = {}, .idempotency_key = {}};
  for (const char* id : {"no.such", "catalog.system.", "ci.a", "ci.a", "%"}) groups.group_ids.push_back(GroupIdText::of(id));
  EXPECT_EQ((co_await f.service.notify_groups(test::application(1), groups))->notified_count, 1);
  EXPECT_EQ(co_await f.rows("notifications"), 2);
  co_await f.shut();
}

TEST(BadInput, N_16_titles_bodies_and_buttons_past_their_bounds_are_refused) {
  const auto send = [](std::string title, std::string body, std::string more = {}) {
    return refusal<NotifyUsers>(R"({"userIds":[],"title":")" + title + R"(","body":")" + body + "\"" + more + "}").substr(0, 11);
  };
  const auto x = [](std::size_t n) { return std::string(n, 'x'); };
  EXPECT_EQ(send(x(200), x(10'000), R"(,"action":{"label":")" + x(120) + R"(","url":"/)" + x(2047) + "\"}"), "accepted");
  EXPECT_EQ(send("", ""), "BAD_REQUEST");
  EXPECT_EQ(send(x(201), ""), "BAD_REQUEST");
  EXPECT_EQ(send("t", x(10'001)), "BAD_REQUEST");
  EXPECT_EQ(send("t\\u0000", ""), "BAD_REQUEST");
  EXPECT_EQ(send("t", "\\ud800"), "BAD_REQUEST");
  EXPECT_EQ(send("t", "", R"(,"action":{"label":"","url":"/"})"), "BAD_REQUEST");
  EXPECT_EQ(send("t", "", R"(,"action":{"label":")" + x(121) + R"(","url":"/"})"), "BAD_REQUEST");
  EXPECT_EQ(send("t", "", R"(,"action":{"label":"a","url":"/)" + x(2048) + "\"}"), "BAD_REQUEST");
  EXPECT_EQ(send("t", "", R"(,"importance":"loud")"), "BAD_REQUEST");
}

CO_TEST(BadInput, buttons_lead_to_the_web_or_to_this_site_alone) {
  test::Fixture f(loop);
  for (const char* url : {"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "ftp://a.test/", "file:///etc/passwd", "//evil.test", "\\\\evil.test", "mailto:a@b.co",
                          "http://", "https:///x", "/a b", "/a\nb", "vbscript:x"}) {
    NotifyUsers input{.user_ids = {}, .title = Text<1, 200>::of("t"), .body = {}, .action = ActionInput{.label = Text<1, 120>::of("Go"), .url = Text<1, 2048>::of(url)}, .idempotency_key = {}};
    input.user_ids.push_back(Text<1, 200>::of(user(1).to_string()));
    const auto sent = co_await f.service.notify_users(test::application(1), input);
    CO_ASSERT_TRUE(!sent);
    EXPECT_EQ(sent.error().code, ErrorCode::bad_request) << url;
  }
  EXPECT_EQ(co_await f.rows("notifications"), 0);
  co_await f.shut();
}

CO_TEST(BadInput, N_8_a_config_that_no_longer_validates_stops_its_channel_alone) {
  test::Fixture f(loop);
  co_await f.queue->start();
  const log::Capture capture;
  http::test::Sink sink(loop.executor(), [](const http::test::SinkRequest&) { return http::test::SinkReply{http::test::ok("{}"), http::test::SinkReply::Then::close}; });
  sink.start();
  const auto on = [&f](std::string_view id, std::string config) -> awaitable<void> {
    UpdateStrategy input{.strategy_id = Text<1, 200>::of(std::string(id)), .enabled = {true}, .config = {}};
    input.config = Patch<ConfigJson>::set(ConfigJson{.text = std::move(config)});
    EXPECT_TRUE(co_await f.channel_settings.update_strategy(std::move(input)));
  };
  co_await on("notification-webhook.webhook", R"({"timeoutSeconds":5})");
  co_await on("notification-ntfy.ntfy", R"({"serverUrl":")" + sink.url("") + "\"}");
  EXPECT_TRUE(co_await f.set_webhook(user(1), R"({"url":")" + sink.url("/hook") + "\"}"));
  SetPreference topic{.strategy_id = Text<1, 200>::of("notification-ntfy.ntfy"), .enabled = {true}, .user_config = {}};
  topic.user_config = Patch<ConfigJson>::set(ConfigJson{.text = R"({"topic":"mine"})"});
  EXPECT_TRUE(co_await f.channel_settings.set_preference(user(1), std::move(topic)));
  // As a version with other bounds would have left it.
  co_await f.database->write([](sql::Session& s) {
    s.execute("update settings_records set data = replace(data, :1, :2) where record like '%webhook.config'", "Seconds\":5", "Seconds\":5000");
  });
  EXPECT_EQ(co_await f.rows("settings_records where data like '%5000%'"), 1);
  EXPECT_EQ(co_await f.notify({user(1)}), 1);
  while (co_await f.rows("jobs") > 0) co_await asio::post(loop.executor(), use_awaitable);
  EXPECT_EQ(sink.requests, 1u) << "the other channel";
  EXPECT_EQ(co_await f.rows("deliveries where state = 'delivered'"), 1);
  EXPECT_TRUE(capture.contains("settings of a channel cannot be read"));
  co_await sink.close();
  co_await f.shut();
}

CO_TEST(BadInput, N_13_no_contact_and_no_secret_makes_a_header_of_its_own) {
  test::Fixture f(loop);
  std::vector<std::string> heads;
  http::test::Sink sink(loop.executor(), [&](const http::test::SinkRequest& request) {
    heads.push_back(request.head);
    return http::test::SinkReply{http::test::ok(R"({"ok":true,"status":1,"id":"19:c"})"), http::test::SinkReply::Then::close};
  });
  sink.start();
  std::string server = sink.url("/");
  server.pop_back();
  std::size_t sent = 0, refused = 0;
  for (const auto& sample : samples()) {
    const auto* channel = channels::find(f.registry, sample.id);
    for (const bool admins : {true, false}) {
      const auto& type = admins ? channel->admin_config() : channel->user_config();
      const auto clear = boost::json::parse(at(admins ? sample.admin : sample.user, server));
      for (const auto& member : clear.as_object()) {
        if (!member.value().is_string()) continue;
        for (const char* tail : {"\r\nX-Evil: 1", "\nX-Evil: 1", "\r\n\r\nX-Evil: 1", "\x01\r\nX-Evil: 1"}) {
          auto altered = clear.as_object();
          altered[member.key()] = std::string(member.value().get_string()) + tail;
          const auto json = boost::json::serialize(altered);
          if (!type.validate(json)) {
            ++refused;
            continue;
          }
          ++sent;
          co_await channel->send(channels::test::outgoing(), admins ? json : at(sample.admin, server), admins ? at(sample.user, server) : json);
        }
      }
    }
  }
  EXPECT_GT(sent, 20u);
  EXPECT_GT(refused, 20u) << "addresses at least";
  for (const auto& head : heads) EXPECT_EQ(ascii_lower(head).find("\nx-evil"), std::string::npos) << head;
  co_await sink.close();
  co_await f.shut();
}

/// Sends bytes for ever, and counts them.
class Endless final : public http::test::Sink {
 public:
  Endless(Executor executor, std::string head) : Sink(executor, [](const http::test::SinkRequest&) { return http::test::SinkReply{}; }), head_(std::move(head)) {}
  std::size_t sent = 0;

 private:
  awaitable<void> connection(http::test::Socket socket) override {
    std::array<char, 4096> request;
    co_await socket.async_read_some(asio::buffer(request), use_awaitable);
    co_await asio::async_write(socket, asio::buffer(head_), use_awaitable);
    const std::string part(64 * 1024, 'x');
    while (true) {
      co_await asio::async_write(socket, asio::buffer(part), use_awaitable);
      sent += part.size();
    }
  }
  std::string head_;
};

CO_TEST(BadInput, N_14_an_answer_of_a_gibibyte_is_not_read) {
  test::Fixture f(loop);
  // What sockets on the way hold; nothing of it is ours.
  constexpr std::size_t kOnTheWay = std::size_t{16} << 20;
  for (const char* head : {"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 503 No\r\nContent-Length: 1073741824\r\n\r\n", "HTTP/1.1 200 OK\r\nX: "}) {
    Endless peer(loop.executor(), head);
    peer.start();
    std::string server = peer.url("/");
    server.pop_back();
    for (const auto& sample : samples()) {
      const std::size_t before = peer.sent;
      const auto verdict = co_await channels::find(f.registry, sample.id)->send(channels::test::outgoing(), at(sample.admin, server), at(sample.user, server));
      EXPECT_LT(peer.sent - before, kOnTheWay) << sample.id << " " << head;
      if (std::string_view(head).contains("503")) EXPECT_EQ(verdict.kind, Kind::retry) << sample.id;
    }
    co_await peer.close();
  }
  co_await f.shut();
}

CO_TEST(BadInput, N_14_a_redirect_that_leads_to_itself_is_asked_once) {
  test::Fixture f(loop);
  for (const int status : {301, 302, 303, 307, 308}) {
    http::test::Sink sink(loop.executor(), [&](const http::test::SinkRequest& request) {
      const auto path = request.first_line().substr(5, request.first_line().find(" HTTP") - 5);
      return http::test::SinkReply{fmt::format("HTTP/1.1 {} Moved\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", status, path), http::test::SinkReply::Then::close};
    });
    sink.start();
    std::string server = sink.url("/");
    server.pop_back();
    for (const auto& sample : samples()) {
      const auto before = sink.requests;
      const auto verdict = co_await channels::find(f.registry, sample.id)->send(channels::test::outgoing(), at(sample.admin, server), at(sample.user, server));
      EXPECT_EQ(verdict.kind, Kind::refused) << sample.id << " " << status;
      EXPECT_EQ(sink.requests, before + 1) << sample.id << " " << status;
    }
    co_await sink.close();
  }
  co_await f.shut();
}

}  // namespace
}  // namespace watchbell::notification
