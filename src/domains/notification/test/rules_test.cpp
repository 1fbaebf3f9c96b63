#include <gtest/gtest.h>

#include "domains/notification/rules.hpp"

namespace watchbell::notification {
namespace {

using namespace std::chrono_literals;
using rules::Verdict;

const Timestamp kNow = Timestamp::parse("2026-01-02T03:04:05Z").value();

TEST(NotificationRules, buttons_lead_to_the_web_or_to_this_site) {
  for (const char* good : {"/incident/1", "incident/1", "/", "https://example.com", "HTTP://example.com/a?b#c", "/a?x=http://b", "?page=2", "a/b:c"})
    EXPECT_TRUE(rules::usable_action_url(good)) << good;
  for (const char* bad : {"", "javascript:alert(1)", "data:text/html,x", "mailto:a@b.de", "//evil.example", "https://", "https:///x", "/a b", "/a\nb", "\\\\evil", "ftp://x", "JavaScript:x/y"})
    EXPECT_FALSE(rules::usable_action_url(bad)) << bad;
}

TEST(NotificationRules, paths_become_absolute_with_one_slash) {
  EXPECT_EQ(rules::absolute_url("https://w.test", "/a"), "https://w.test/a");
  EXPECT_EQ(rules::absolute_url("https://w.test", "a"), "https://w.test/a");
  EXPECT_EQ(rules::absolute_url("https://w.test/base", "/a"), "https://w.test/base/a");
  EXPECT_EQ(rules::absolute_url("https://w.test", "http://x.test/a"), "http://x.test/a");
  // Not an absolute URL, for all that it begins like one.
  EXPECT_EQ(rules::absolute_url("https://w.test", "httpd"), "https://w.test/httpd");
}

TEST(NotificationRules, hosts_are_counted_by_name_and_port) {
  EXPECT_EQ(rules::host_of("https://Example.COM:8443/a/b"), "example.com:8443");
  EXPECT_EQ(rules::host_of("http://a.test?x"), "a.test");
  EXPECT_EQ(rules::host_of("nonsense"), "");
}

TEST(NotificationRules, our_own_senders_messages_are_cut_between_characters) {
  std::string smileys;
  for (int i = 0; i < 101; ++i) smileys += "\xF0\x9F\x98\x80";  // two UTF-16 units each
  const auto cut = rules::clamped({.title = smileys + "x", .body = std::string(20'000, 'b'), .action = Action{.label = std::string(200, 'l'), .url = "/a"}});
  EXPECT_EQ(cut.title.size(), 400u);
  EXPECT_EQ(cut.body.size(), 10'000u);
  EXPECT_EQ(cut.action->label.size(), 120u);
  EXPECT_FALSE(rules::clamped({.title = "t", .body = "b", .action = Action{.label = "l", .url = "javascript:x"}}).action);
  const Message fine{.title = "t", .body = "b", .importance = Importance::critical, .action = Action{.label = "l", .url = "/x"}};
  EXPECT_EQ(rules::clamped(fine), fine);
}

TEST(NotificationRules, N_11_outside_senders_take_no_name_of_ours) {
  for (const char* good : {"x", "ci", "build-bot-2"}) EXPECT_TRUE(rules::judge_owner(good)) << good;
  for (const char* malformed : {"", "CI", "2fast", "-x", "a.b", "a_b", "ä"}) EXPECT_EQ(rules::judge_owner(malformed).error().code, ErrorCode::bad_request) << malformed;
  for (const char* ours : {"catalog", "incident", "notification", "core", "healthcheck"}) EXPECT_EQ(rules::judge_owner(ours).error().code, ErrorCode::forbidden) << ours;
}

TEST(NotificationRules, groups_of_systems_are_told_by_their_ids) {
  EXPECT_EQ(rules::shown_object("catalog.system.01"), "01");
  EXPECT_EQ(rules::shown_object("catalog.system."), "");
  for (const char* other : {"", "catalog.system", "catalog.systems.01", "catalog.group.01", "build-bot.catalog.system.01"})
    EXPECT_FALSE(rules::shown_object(other)) << other;
}

TEST(NotificationRules, N_16_what_is_searched_for_is_trimmed_and_has_a_bound) {
  EXPECT_EQ(rules::clean_search("  disk full\n").value(), "disk full");
  EXPECT_EQ(rules::clean_search(" " + std::string(100, 'x') + " ").value(), std::string(100, 'x'));
  std::string umlauts;
  for (int i = 0; i < 100; ++i) umlauts += "ä";
  EXPECT_EQ(rules::clean_search(umlauts).value(), umlauts);
  for (const std::string& bad : {std::string(), std::string(" \t "), std::string(101, 'x'), umlauts + "ä"}) {
    const auto refused = rules::clean_search(bad);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::bad_request);
    EXPECT_EQ(refused.error().field, "search");
  }
}

TEST(NotificationRules, N_5_retry_after_in_both_forms) {
  EXPECT_EQ(rules::parse_retry_after("120", kNow), 120s);
  EXPECT_EQ(rules::parse_retry_after(" 0 ", kNow), 0s);
  EXPECT_EQ(rules::parse_retry_after("99999999999999999999", kNow), 24h);
  EXPECT_EQ(rules::parse_retry_after("90000", kNow), 24h);
  EXPECT_EQ(rules::parse_retry_after("Fri, 02 Jan 2026 03:05:05 GMT", kNow), 60s);
  EXPECT_EQ(rules::parse_retry_after("Fri, 02 Jan 2026 03:00:00 GMT", kNow), 0s);
  EXPECT_EQ(rules::parse_retry_after("Sat, 02 Jan 2027 03:00:00 GMT", kNow), 24h);
  for (const char* bad : {"", "soon", "-1", "1.5", "Fri, 42 Jan 2026 03:05:05 GMT", "Fri, 02 Foo 2026 03:05:05 GMT", "2026-01-02T03:04:05Z"})
    EXPECT_FALSE(rules::parse_retry_after(bad, kNow)) << bad;
}

TEST(NotificationRules, N_5_what_an_answer_means) {
  const auto kinds = [](int from, int to) {
    std::string text;
    for (int status = from; status <= to; ++status) text += "drx"[static_cast<int>(rules::judge_status(status, {}, kNow).kind)];
    return text;
  };
  EXPECT_EQ(kinds(200, 206), "ddddddd");
  EXPECT_EQ(kinds(299, 308), "dxxxxxxxxx");
  //                          400..................408...............425.429
  EXPECT_EQ(kinds(400, 431), "xxxxxxxxrxxxxxxxxxxxxxxxxrxxxrxx");
  EXPECT_EQ(kinds(499, 504), "xrrrrr");
  EXPECT_EQ(rules::judge_status(503, "7", kNow), Verdict::retry("the receiver answered 503", 7s));
  EXPECT_EQ(rules::judge_status(404, "7", kNow), Verdict::refused("the receiver answered 404"));
  EXPECT_EQ(rules::judge_status(302, {}, kNow).reason, "the receiver answered 302; redirects are not followed");
}

TEST(NotificationRules, N_5_the_schedule_of_tries) {
  const std::vector<std::chrono::seconds> pauses{5s, 5min, 30min, 2h, 5h, 10h, 14h, 20h, 24h};
  for (int tried = 1; tried < rules::kTries; ++tried) {
    EXPECT_EQ(rules::pause_after(tried, {}, 0), pauses[static_cast<std::size_t>(tried - 1)]);
    const auto longest = rules::pause_after(tried, {}, 0.999).value();
    EXPECT_GT(longest, pauses[static_cast<std::size_t>(tried - 1)] * 119 / 100);
    EXPECT_LT(longest, pauses[static_cast<std::size_t>(tried - 1)] * 12 / 10);
  }
  EXPECT_FALSE(rules::pause_after(rules::kTries, {}, 0));
  // Never sooner than asked, and never sooner than the schedule.
  EXPECT_EQ(rules::pause_after(1, 60s, 0), 60s);
  EXPECT_EQ(rules::pause_after(2, 60s, 0), 5min);
}

TEST(NotificationRules, N_5_states_of_a_delivery) {
  using rules::Settled;
  EXPECT_EQ(rules::settle(Verdict::delivered(), 1, 0), (Settled{DeliveryState::delivered, {}}));
  EXPECT_EQ(rules::settle(Verdict::refused("no"), 1, 0), (Settled{DeliveryState::refused, {}}));
  EXPECT_EQ(rules::settle(Verdict::retry("later"), 1, 0), (Settled{DeliveryState::pending, 5s}));
  EXPECT_EQ(rules::settle(Verdict::retry("later", 9s), 1, 0), (Settled{DeliveryState::pending, 9s}));
  EXPECT_EQ(rules::settle(Verdict::retry("later", 9s), 10, 0), (Settled{DeliveryState::dead, {}}));
  EXPECT_EQ(rules::settle(Verdict::delivered(), 10, 0), (Settled{DeliveryState::delivered, {}}));
}

TEST(NotificationRules, a_test_never_leads_to_the_readers_own_machine) {
  EXPECT_EQ(rules::test_message("Webhook", "https://w.test").action->url, "https://w.test/notification/settings");
  EXPECT_EQ(rules::test_message("Webhook", "http://localhost:3000").action->url, "https://watchbell.example.com/notification/settings");
  EXPECT_NE(rules::test_message("Webhook", "http://127.0.0.1:3000").body.find("example"), std::string::npos);
  EXPECT_NE(rules::test_message("Webhook", "https://w.test").body.find("Webhook"), std::string::npos);
}

TEST(NotificationRules, N_10_a_return_path_is_one_of_this_site) {
  for (const char* good : {"/", "/notification/settings", "/a?b=c&d=%20", "/a:b", "/a//b"}) EXPECT_TRUE(rules::usable_return_path(good)) << good;
  for (const char* bad : {"", "a", "//evil.test", "/\\evil.test", "https://evil.test", "/a#b", "/a b", "/a\n", "\t/a", "?a", "@evil.test"})
    EXPECT_FALSE(rules::usable_return_path(bad)) << bad;
  EXPECT_FALSE(rules::usable_return_path("/" + std::string(500, 'a')));
}

}  // namespace
}  // namespace watchbell::notification
