#include "domains/notification/channels/smtp.hpp"

#include "domains/notification/account_messages.hpp"
#include "domains/notification/test/channel_rig.hpp"
#include "domains/notification/test/fixture.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/mail/test/smtp_sink.hpp"

namespace watchbell::notification::channels {
namespace {

using namespace std::chrono_literals;
using mail::test::Reaction;
using mail::test::SmtpSink;
using notification::test::user;
using Kind = rules::Verdict::Kind;

SmtpAdmin admin() {
  SmtpAdmin admin;
  admin.host = Text<1, 253>::of("mail.test");
  admin.from_address = *Email::make("bell@w.test");
  return admin;
}

Outgoing to_ada() {
  auto out = test::outgoing();
  out.recipient = {.email = "ada@w.test", .name = "Ada"};
  out.thread = "catalog.system.1";
  return out;
}

TEST(Smtp, N_13_a_mail_shows_what_is_said_and_nothing_else) {
  auto out = to_ada();
  out.message.body = "**bold** <script>alert(1)</script> [x](javascript:alert(1))";
  out.message.action = Action{.label = "Open <b>", .url = "https://w.test/?a=\"><script>"};
  auto settings = admin();
  settings.footer_text = Text<1, 500>::of("<i>foot</i>");
  const auto made = Smtp::message(out, settings);
  EXPECT_EQ(made.subject, out.message.title);
  EXPECT_NE(made.html.find("<strong>bold</strong>"), std::string::npos);
  EXPECT_EQ(made.html.find("<script"), std::string::npos) << made.html;
  EXPECT_EQ(made.html.find("javascript:"), std::string::npos) << made.html;
  EXPECT_EQ(made.html.find("<!channel>"), std::string::npos);
  EXPECT_EQ(made.html.find("<i>"), std::string::npos);
  EXPECT_NE(made.html.find(R"(<a href="https://w.test/?a=&quot;&gt;&lt;script&gt;")"), std::string::npos) << made.html;
  EXPECT_NE(made.html.find("background:#ef4444"), std::string::npos) << "critical";
  EXPECT_TRUE(made.text.starts_with("bold ")) << made.text;
  EXPECT_TRUE(made.text.ends_with("\n-- \n<i>foot</i>\n")) << made.text;
  settings.primary_color = Text<1, 7>::of("#123456");
  EXPECT_EQ(Smtp::message(out, settings).html.find("#ef4444"), std::string::npos);
}

TEST(Smtp, N_5_a_repeated_try_is_the_same_mail_and_one_group_is_one_thread) {
  const auto first = mail::compose(Smtp::message(to_ada(), admin())).value();
  EXPECT_EQ(mail::compose(Smtp::message(to_ada(), admin())).value(), first);
  auto later = to_ada();
  later.key = DeliveryId::parse("01900000-0000-7000-8000-000000000002").value();
  EXPECT_NE(Smtp::message(later, admin()).id, Smtp::message(to_ada(), admin()).id);
  EXPECT_EQ(Smtp::message(later, admin()).thread, Smtp::message(to_ada(), admin()).thread);
  later.thread = "catalog.system.2";
  EXPECT_NE(Smtp::message(later, admin()).thread, Smtp::message(to_ada(), admin()).thread);
  later.thread = std::nullopt;
  EXPECT_EQ(mail::compose(Smtp::message(later, admin())).value().find("References"), std::string::npos);
}

TEST(Smtp, N_5_what_each_answer_means) {
  using enum mail::SmtpFailure;
  EXPECT_EQ(Smtp::judge(std::string("taken")), rules::Verdict::delivered());
  const auto verdict = [](mail::SmtpFailure kind) { return Smtp::judge(std::unexpected(mail::SmtpError{.kind = kind, .message = "why"})).kind; };
  for (const auto kind : {bad_request, permanent}) EXPECT_EQ(verdict(kind), Kind::refused);
  for (const auto kind : {unresolvable, connect_failed, tls_failed, login_refused, timed_out, protocol_error, temporary, cancelled, busy})
    EXPECT_EQ(verdict(kind), Kind::retry);
}

TEST(Smtp, N_9_settings_are_judged_when_they_are_written) {
  const auto& type = channels::record_type<SmtpAdmin>();
  const std::string base = R"("host":"mail.test","fromAddress":"bell@w.test")";
  EXPECT_TRUE(type.validate("{" + base + "}"));
  EXPECT_TRUE(type.validate("{" + base + R"(,"username":"u","password":"p","tls":"implicit","port":465,"primaryColor":"#aBc123"})"));
  for (const std::string bad : {R"(,"username":"u")", R"(,"password":"p")", R"(,"username":"u","password":"p","tls":"none")", R"(,"primaryColor":"red")",
                                R"(,"accentColor":"#12345g")", R"(,"port":0)", R"(,"tls":"maybe")"})
    EXPECT_FALSE(type.validate("{" + base + bad + "}")) << bad;
  EXPECT_FALSE(type.validate(R"({"host":"a b","fromAddress":"bell@w.test"})"));
  EXPECT_FALSE(type.validate(R"({"host":"mail.test","fromAddress":"bell@w.test\r\nBcc: x@y.test"})"));
  EXPECT_FALSE(type.validate("{}"));
}

/// The domain with the mail channel on, over a sink.
struct WithSink : notification::test::Fixture {
  explicit WithSink(async::Loop& l, SmtpSink::Answer answer = {}) : Fixture(l, ""), sink(l.executor(), std::move(answer)) { sink.start(); }
  awaitable<void> begin() {
    co_await queue->start();
    EXPECT_TRUE(co_await set(true, R"({"host":"127.0.0.1","port":)" + std::to_string(sink.port()) + R"(,"tls":"none","fromAddress":"bell@w.test"})"));
  }
  awaitable<Result<void>> set(bool on, std::string config) {
    co_return co_await channel_settings.update_strategy(
        {.strategy_id = Text<1, 200>::of("notification-smtp.smtp"), .enabled = {on}, .config = Patch<ConfigJson>::set(ConfigJson{.text = std::move(config)})});
  }
  awaitable<void> settled(std::uint64_t done) {
    co_await until([&, done] { return queue->statistics().done + queue->statistics().retried >= done && queue->statistics().running == 0; });
  }
  awaitable<std::string> state() { co_return co_await one<std::string>("select state || ' ' || attempts || ' ' || coalesce(reason, '') from deliveries"); }
  awaitable<void> end() {
    co_await shut();
    co_await sink.close();
  }
  SmtpSink sink;
};

CO_TEST(Smtp, N_5_everybody_is_mailed_who_has_not_switched_it_off) {
  WithSink f(loop);
  co_await f.begin();
  SetPreference off{.strategy_id = Text<1, 200>::of("notification-smtp.smtp"), .enabled = {false}, .user_config = {}};
  EXPECT_TRUE(co_await f.channel_settings.set_preference(user(2), std::move(off)));
  const auto views = (co_await f.channel_settings.user_channels(user(1))).value();
  const auto view = std::ranges::find(views, "notification-smtp.smtp", &ChannelView::strategy_id);
  CO_ASSERT_TRUE(view != views.end());
  EXPECT_TRUE(view->is_configured && view->enabled);
  EXPECT_EQ(co_await f.notify({user(1), user(2)}), 2);
  co_await f.settled(1);
  EXPECT_EQ(co_await f.state(), "delivered 1 ");
  CO_ASSERT_EQ(f.sink.mails.size(), 1u);
  EXPECT_EQ(f.sink.commands.at(3), "RCPT TO:<ada@w.test>");
  EXPECT_NE(f.sink.mails[0].find("\r\nMessage-ID: <" + co_await f.one<std::string>("select id from deliveries") + "@w.test>\r\n"), std::string::npos);
  EXPECT_NE(f.sink.mails[0].find("\r\nTo: \"Ada\"\r\n <ada@w.test>\r\n"), std::string::npos);
  co_await f.end();
}

CO_TEST(Smtp, N_5_a_temporary_refusal_is_tried_again_and_a_permanent_one_is_not) {
  for (const auto& [reply, state] : {std::pair("451 later\r\n", "pending 1"), std::pair("550 nobody\r\n", "refused 1")}) {
    WithSink f(loop, [reply](const std::string& said) { return said.starts_with("RCPT") ? Reaction{reply} : SmtpSink::obliging(said); });
    co_await f.begin();
    co_await f.notify({user(1)});
    co_await f.settled(1);
    EXPECT_EQ((co_await f.state()).substr(0, 9), state);
    EXPECT_EQ(co_await f.one<std::string>("select status from delivery_attempts"), "failure");
    co_await f.end();
  }
}

CO_TEST(Smtp, N_5_what_is_told_to_a_group_is_its_thread) {
  WithSink f(loop);
  co_await f.begin();
  EXPECT_TRUE(co_await f.database->write([](sql::Session& s) {
    store::put_group(s, {.id = "catalog.system.1", .name = "Web", .description = "", .owner = "catalog"}, Timestamp());
    s.execute("insert into notification_subscriptions (user_id, group_id, subscribed_at) values (:1, 'catalog.system.1', 0)", user(1));
  }));
  for (const std::string key : {"a", "b"}) {
    co_await f.change([&f, key](Change& change) -> Result<void> {
      const Message message{.title = "Web is down", .body = "", .importance = Importance::critical, .action = {}};
      return f.service.notify_groups_later(change, {"catalog.system.1"}, message, key);
    });
  }
  co_await f.settled(4);
  CO_ASSERT_EQ(f.sink.mails.size(), 2u);
  const auto reference = [](const std::string& mail) {
    const auto at = mail.find("\r\nReferences: ");
    return at == std::string::npos ? std::string() : mail.substr(at, mail.find("\r\n", at + 2) - at);
  };
  EXPECT_NE(reference(f.sink.mails[0]), "");
  EXPECT_EQ(reference(f.sink.mails[0]), reference(f.sink.mails[1]));
  co_await f.end();
}

CO_TEST(Smtp, N_9_the_password_is_sealed_and_can_be_cleared) {
  WithSink f(loop);
  co_await f.begin();
  EXPECT_TRUE(co_await f.set(true, R"({"tls":"starttls","username":"S3CRET-name","password":"S3CRET"})"));
  const auto stored = co_await f.one<std::string>("select data from settings_records where record = 'strategy.notification-smtp.smtp.config'");
  EXPECT_EQ(stored.find("S3CRET"), std::string::npos);
  const auto shown = [&]() -> awaitable<StrategyView> {
    auto views = (co_await f.channel_settings.strategies()).value();
    co_return *std::ranges::find(views, "notification-smtp.smtp", &StrategyView::qualified_id);
  };
  auto view = co_await shown();
  EXPECT_EQ(view.config->text.find("S3CRET"), std::string::npos);
  EXPECT_EQ(*view.secrets_set, (std::vector<std::string>{"username", "password"}));
  EXPECT_FALSE(co_await f.set(true, R"({"tls":"none"})")) << "a password in the clear";
  EXPECT_TRUE(co_await f.set(true, R"({"username":null,"password":null,"tls":"none"})"));
  view = co_await shown();
  EXPECT_TRUE(!view.secrets_set || view.secrets_set->empty());
  co_await f.end();
}

}  // namespace
}  // namespace watchbell::notification::channels
