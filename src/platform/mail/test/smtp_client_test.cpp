#include "platform/mail/smtp_client.hpp"

#include "platform/mail/test/smtp_sink.hpp"
#include "tests/support/co_test.hpp"

namespace watchbell::mail {
namespace {

using namespace std::chrono_literals;
using test::Reaction;
using test::SmtpSink;
using Then = Reaction::Then;

struct Bench {
  explicit Bench(async::Loop& l, SmtpSink::Answer answer = {}, SmtpClient::Options options = {})
      : wheel(l.executor(), clock), resolver(l.executor(), wheel, {}, [](const std::string& name) -> Result<std::vector<net::Address>> {
          if (name == "mail.test") return std::vector{*net::Address::parse("127.0.0.1")};
          return fail(ErrorCode::not_found, "there is no host {}", name);
        }),
        client(l, wheel, resolver, std::move(options)), scope(l.executor(), [](std::string_view, std::exception_ptr) { ADD_FAILURE() << "a task threw"; }),
        sink(l.executor(), std::move(answer)) {
    sink.start();
    server.host = "127.0.0.1";
    server.port = sink.port();
    server.tls = Tls::none;
    server.helo = "bell.test";
  }
  awaitable<SmtpResult> send(std::string content = "Subject: x\r\n\r\nhello\r\n") {
    co_return co_await client.send(server, {.from = "bell@w.test", .to = "ada@w.test", .content = std::move(content)});
  }
  void spawn() { scope.spawn("send", store(*this)); }
  std::size_t taken = 0;
  awaitable<void> end() {
    co_await client.close();
    co_await scope.join();
    co_await sink.close();
    resolver.close();
  }
  std::optional<SmtpResult> result;

  SystemClock clock;
  async::TimerWheel wheel;
  net::Resolver resolver;
  SmtpClient client;
  async::TaskScope scope;
  SmtpSink sink;
  SmtpServer server;

 private:
  static awaitable<void> store(Bench& bench) {
    bench.result = co_await bench.send();
    if (*bench.result) ++bench.taken;
  }
};

/// An obliging sink but for one command.
SmtpSink::Answer but(std::string command, Reaction reaction) {
  return [command = std::move(command), reaction = std::move(reaction)](const std::string& said) {
    return said.starts_with(command) ? reaction : SmtpSink::obliging(said);
  };
}

CO_TEST(SmtpClient, a_mail_is_said_and_its_dots_survive) {
  Bench bench(loop);
  const auto sent = co_await bench.send("Subject: x\r\n\r\n.hidden\r\n..\r\n.\r\nlast");
  CO_ASSERT_TRUE(sent);
  EXPECT_EQ(*sent, "2.0.0 taken as 4711");
  EXPECT_EQ(bench.sink.commands, (std::vector<std::string>{"CONNECT", "EHLO bell.test", "MAIL FROM:<bell@w.test>", "RCPT TO:<ada@w.test>", "DATA", "."}));
  EXPECT_EQ(bench.sink.mails.at(0), "Subject: x\r\n\r\n..hidden\r\n...\r\n..\r\nlast\r\n");
  co_await bench.end();
}

CO_TEST(SmtpClient, a_connection_is_kept_for_the_next_mail_under_the_same_settings) {
  Bench bench(loop);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(co_await bench.send());
  EXPECT_EQ(bench.sink.accepted, 1u);
  EXPECT_EQ(bench.sink.mails.size(), 3u);
  bench.server.helo = "other.test";
  EXPECT_TRUE(co_await bench.send());
  EXPECT_EQ(bench.sink.accepted, 2u);
  co_await bench.end();
}

CO_TEST(SmtpClient, a_kept_connection_that_the_server_gave_up_is_not_used) {
  Bench bench(loop, [](const std::string& said) {
    auto reaction = SmtpSink::obliging(said);
    if (said == ".") reaction = {"250 taken\r\n421 too idle\r\n", Then::close};
    return reaction;
  });
  EXPECT_TRUE(co_await bench.send());
  co_await bench.sink.wait_for_closed(1);
  EXPECT_TRUE(co_await bench.send());
  EXPECT_EQ(bench.sink.accepted, 2u);
  co_await bench.end();
}

CO_TEST(SmtpClient, each_answer_and_fault_has_its_kind) {
  using enum SmtpFailure;
  struct Case {
    std::string command;
    Reaction reaction;
    SmtpFailure kind;
    std::string said;
  };
  const std::vector<Case> cases{
      {"CONNECT", {"554 not today\r\n", Then::hang}, connect_failed, "would not begin: 554 not today"},
      {"CONNECT", {"", Then::reset}, protocol_error, ""},
      {"CONNECT", {"HTTP/1.1 400 Bad\r\n\r\n", Then::hang}, timed_out, ""},
      {"CONNECT", {"", Then::hang}, timed_out, ""},
      {"EHLO", {"", Then::close}, protocol_error, ""},
      {"MAIL", {"451 4.3.0 later\r\n", Then::hang}, temporary, "answered 451 4.3.0 later"},
      {"MAIL", {"530 login first\r\n"}, login_refused, "530"},
      {"MAIL", {"", Then::reset}, protocol_error, "closed the connection"},
      {"RCPT", {"450-grey\r\n450 4.2.0 list\r\n"}, temporary, "answered 450 4.2.0 list"},
      {"RCPT", {"550 5.1.1 no such user\r\n", Then::hang}, permanent, "answered 550 5.1.1 no such user"},
      {"RCPT", {"hello\r\n"}, protocol_error, "no proper answer"},
      {"RCPT", {"", Then::hang}, timed_out, "did not answer in time"},
      {"DATA", {"250 what\r\n"}, protocol_error, "answered 250"},
      {".", {"452 disk full\r\n"}, temporary, "452"},
      {".", {"554 looks like spam\r\n"}, permanent, "554 looks like spam"},
      {".", {"421 going down\r\n", Then::close}, temporary, "421"},
      {".", {"", Then::close}, protocol_error, "closed the connection"},
      {".", {"", Then::hang}, timed_out, ""},
  };
  for (const auto& one : cases) {
    Bench bench(loop, but(one.command, one.reaction));
    bench.server.total_timeout = one.kind == timed_out ? 150ms : 30s;
    const auto sent = co_await bench.send();
    CO_ASSERT_TRUE(!sent);
    EXPECT_EQ(sent.error().kind, one.kind) << one.command << " " << one.reaction.bytes << ": " << sent.error().message;
    EXPECT_NE(sent.error().message.find(one.said), std::string::npos) << sent.error().message;
    co_await bench.sink.wait_for_closed(1);
    co_await bench.end();
  }
}

CO_TEST(SmtpClient, nothing_is_said_without_starttls_or_a_login_that_was_asked_for) {
  Bench bench(loop);
  bench.server.tls = Tls::starttls;
  bench.server.username = "u";
  bench.server.password = "S3CRET";
  auto sent = co_await bench.send();
  CO_ASSERT_TRUE(!sent);
  EXPECT_EQ(sent.error().kind, SmtpFailure::tls_failed) << sent.error().message;
  EXPECT_EQ(bench.sink.commands, (std::vector<std::string>{"CONNECT", "EHLO bell.test"}));
  bench.server.tls = Tls::none;
  sent = co_await bench.send();
  CO_ASSERT_TRUE(!sent);
  EXPECT_EQ(sent.error().kind, SmtpFailure::bad_request);
  EXPECT_EQ(bench.sink.accepted, 1u);
  co_await bench.end();
}

CO_TEST(SmtpClient, nothing_that_could_be_another_command_is_sent) {
  Bench bench(loop);
  for (const std::string bad : {"a@b.test>\r\nRCPT TO:<c@d.test", "a@b.test\n", "a b@c.test", "ab.test", "a@b@c", "", "\xc3\xa4@b.test"}) {
    for (const bool as_sender : {false, true}) {
      const auto sent = co_await bench.client.send(bench.server, {.from = as_sender ? bad : "a@b.test", .to = as_sender ? "a@b.test" : bad, .content = "x"});
      EXPECT_TRUE(!sent && sent.error().kind == SmtpFailure::bad_request) << bad;
    }
  }
  for (const std::string host : {"127.0.0.1/x", "a@b", "", "a b", "a\r\nb"}) {
    bench.server.host = host;
    const auto sent = co_await bench.send();
    EXPECT_TRUE(!sent && sent.error().kind == SmtpFailure::bad_request) << host;
  }
  EXPECT_EQ(bench.sink.accepted, 0u);
  co_await bench.end();
}

CO_TEST(SmtpClient, a_name_is_looked_up_and_no_server_is_a_fault) {
  Bench bench(loop);
  bench.server.host = "mail.test";
  EXPECT_TRUE(co_await bench.send());
  bench.server.host = "nowhere.test";
  auto sent = co_await bench.send();
  EXPECT_TRUE(!sent && sent.error().kind == SmtpFailure::unresolvable);
  bench.server.host = "127.0.0.1";
  bench.server.port = 1;
  sent = co_await bench.send();
  EXPECT_TRUE(!sent && sent.error().kind == SmtpFailure::connect_failed) << sent.error().message;
  co_await bench.end();
}

CO_TEST(SmtpClient, a_server_sees_a_few_connections_whatever_waits) {
  Bench bench(loop, {}, {.max_per_server = 2});
  for (int i = 0; i < 20; ++i) bench.spawn();
  co_await bench.scope.join();
  EXPECT_EQ(bench.taken, 20u);
  EXPECT_EQ(bench.sink.accepted, 2u);
  co_await bench.end();

  Bench stuck(loop, but("MAIL", {"", Then::hang}), {.max_per_server = 2});
  for (int i = 0; i < 3; ++i) stuck.spawn();
  co_await stuck.sink.wait_for_commands(6);
  EXPECT_EQ(stuck.client.stats().in_flight, 3u);
  EXPECT_EQ(stuck.sink.accepted, 2u);
  co_await stuck.end();
  EXPECT_EQ(stuck.taken, 0u);
}

CO_TEST(SmtpClient, closing_ends_what_is_under_way) {
  for (const std::string command : {"CONNECT", "RCPT"}) {
    Bench bench(loop, but(command, {"", Then::hang}));
    bench.spawn();
    co_await bench.sink.wait_for_commands(command == "CONNECT" ? 1 : 4);
    co_await bench.end();
    CO_ASSERT_TRUE(bench.result && !*bench.result);
    EXPECT_EQ(bench.result->error().kind, SmtpFailure::cancelled);
  }
}

CO_TEST(SmtpClient, a_greeting_goes_as_far_as_the_sender_and_sends_nothing) {
  Bench bench(loop);
  const auto greeted = co_await bench.client.greet(bench.server, "bell@w.test");
  EXPECT_TRUE(greeted);
  co_await bench.sink.wait_for_closed(1);
  EXPECT_EQ(bench.sink.commands, (std::vector<std::string>{"CONNECT", "EHLO bell.test", "MAIL FROM:<bell@w.test>", "QUIT"}));
  EXPECT_TRUE(bench.sink.mails.empty());
  co_await bench.end();

  Bench refusing(loop, but("MAIL", {"530 5.7.0 log in first\r\n"}));
  const auto refused = co_await refusing.client.greet(refusing.server, "bell@w.test");
  CO_ASSERT_TRUE(!refused);
  EXPECT_EQ(refused.error().kind, SmtpFailure::login_refused);
  co_await refusing.end();
}

}  // namespace
}  // namespace watchbell::mail
