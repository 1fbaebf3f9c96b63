#include "platform/mail/message.hpp"

#include <gtest/gtest.h>

namespace watchbell::mail {
namespace {

Message sample() {
  return {.from = {.address = "bell@w.test", .name = "Watch \"Bell\""},
          .to = {.address = "ada@w.test", .name = "Ada Lövelace"},
          .subject = "Disk full",
          .date = Timestamp::parse("2026-01-02T03:04:05.678Z").value(),
          .id = "1@w.test",
          .thread = "t@w.test",
          .urgent = true,
          .text = "plain",
          .html = "<p>rich</p>"};
}

TEST(MailMessage, the_whole_of_a_mail) {
  EXPECT_EQ(compose(sample()).value(),
            "Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n"
            "From: \"Watch \\\"Bell\\\"\"\r\n <bell@w.test>\r\n"
            "To: =?UTF-8?B?QWRhIEzDtnZlbGFjZQ==?=\r\n <ada@w.test>\r\n"
            "Subject: Disk full\r\n"
            "Message-ID: <1@w.test>\r\n"
            "In-Reply-To: <t@w.test>\r\n"
            "References: <t@w.test>\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "X-Auto-Response-Suppress: All\r\n"
            "Importance: high\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: multipart/alternative; boundary=\"=_watchbell\"\r\n"
            "\r\n"
            "--=_watchbell\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\ncGxhaW4=\r\n"
            "--=_watchbell\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nPHA+cmljaDwvcD4=\r\n"
            "--=_watchbell--\r\n");
}

TEST(MailMessage, N_13_no_text_makes_a_header_of_its_own) {
  auto message = sample();
  const std::string attack = "x\r\nBcc: eve@w.test\r\n\r\n<script>";
  message.subject = message.to.name = message.from.name = message.text = message.html = attack;
  const auto mail = compose(message).value();
  EXPECT_EQ(mail.find("\nBcc"), std::string::npos);
  EXPECT_EQ(mail.find("\r\n\r\n"), mail.find("\r\n\r\n--=_watchbell"));
  for (auto* member : {&message.from.address, &message.to.address, &message.id, &message.thread}) {
    const auto before = *member;
    for (const std::string bad : {"a@b\r\nBcc: eve@w.test", "a@b>", "<a@b", "a b@c", "a@b,c@d"}) {
      *member = bad;
      EXPECT_FALSE(compose(message)) << bad;
    }
    *member = before;
  }
}

TEST(MailMessage, one_click_is_offered_over_https_alone) {
  auto message = sample();
  message.unsubscribe_url = "http://w.test/leave?token=1";
  EXPECT_NE(compose(message).value().find("\r\nList-Unsubscribe: <http://w.test/leave?token=1>\r\nAuto-"), std::string::npos);
  message.unsubscribe_url = "https://w.test/leave?token=1";
  EXPECT_NE(compose(message).value().find("\r\nList-Unsubscribe: <https://w.test/leave?token=1>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"),
            std::string::npos);
  message.unsubscribe_url = "https://w.test/>\r\nBcc: eve@w.test";
  EXPECT_FALSE(compose(message));
}

TEST(MailMessage, lines_are_short_whatever_is_said) {
  auto message = sample();
  message.subject.clear();
  for (int i = 0; i < 200; ++i) message.subject += "ä🚨";
  message.to.name = std::string(300, 'n');
  message.text = std::string(10'000, 'x');
  const auto mail = compose(message).value();
  std::size_t begin = 0;
  while (begin < mail.size()) {
    const auto end = mail.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_LE(end - begin, 78u) << mail.substr(begin, end - begin);
    begin = end + 2;
  }
}

TEST(MailMessage, a_subject_is_plain_or_encoded_between_characters) {
  EXPECT_EQ(header_text("Disk full: 5 %"), "Disk full: 5 %");
  EXPECT_EQ(header_text("=?UTF-8?B?eA==?="), "=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?=");
  EXPECT_EQ(header_text("Ä"), "=?UTF-8?B?w4Q=?=");
  // 41 bytes and a character of two: it goes whole to the second word.
  EXPECT_EQ(header_text(std::string(41, 'a') + "Ä"), "=?UTF-8?B?YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWE=?=\r\n =?UTF-8?B?w4Q=?=");
}

}  // namespace
}  // namespace watchbell::mail
