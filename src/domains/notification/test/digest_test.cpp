#include "domains/notification/digest.hpp"

#include <gtest/gtest.h>

#include "base/text.hpp"
#include "domains/notification/rules.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification {
namespace {

Message message(std::string title, std::string body = {}, Importance importance = Importance::info) {
  return {.title = std::move(title), .body = std::move(body), .importance = importance, .action = {}};
}

std::string plain(const Message& digest) { return markdown::render(markdown::Format::plain, digest.body); }

Message digest(const std::vector<Message>& messages) { return digest_of(messages, "https://w.test/inbox"); }

TEST(Digest, lists_titles_the_beginning_of_bodies_and_actions) {
  auto disk = message("Disk full", "**/var** is at [98 %](https://a.test/)", Importance::warning);
  disk.action = Action{.label = "Open", .url = "https://w.test/systems/1?a=(b)"};
  const auto made = digest({disk, message("CPU high")});
  EXPECT_EQ(made.title, "2 messages: Disk full, CPU high");
  EXPECT_EQ(made.importance, Importance::warning);
  EXPECT_EQ(made.action, (Action{.label = "Open the inbox", .url = "https://w.test/inbox"}));
  EXPECT_EQ(plain(made), "- Disk full\n  /var is at 98 % (https://a.test/)\n  Open (https://w.test/systems/1?a=%28b%29)\n- CPU high");
}

TEST(Digest, no_text_becomes_markup) {
  for (const std::string title : {"**a** _b_ `c`", "[x](https://evil.test)", "<b>1. #", "a\\", "*", "&amp;", "- - -", "@everyone"}) {
    auto one = message(title);
    one.action = Action{.label = "](https://evil.test)", .url = "https://w.test/<x>"};
    const auto made = digest({one, one});
    EXPECT_EQ(plain(made).substr(0, 3 + title.size()), "- " + title + "\n") << made.body;
    EXPECT_EQ(markdown::to_mail_html(made.body).find("href=\"https://evil"), std::string::npos) << made.body;
  }
}

TEST(Digest, names_what_the_messages_are_about_each_once_and_as_the_newest_has_it) {
  const auto subject = [](std::string id, SubjectStatus status) {
    return Subject{.kind = "catalog.system", .id = id, .name = "System " + id, .url = {}, .status = status};
  };
  auto down = message("Down"), up = message("Up"), many = message("Many");
  down.subjects = {subject("1", SubjectStatus::unhealthy), subject("2", SubjectStatus::degraded)};
  up.subjects = {subject("1", SubjectStatus::healthy)};
  EXPECT_EQ(digest({down, up}).subjects, (std::vector{subject("1", SubjectStatus::healthy), subject("2", SubjectStatus::degraded)}));
  for (int i = 0; i < 100; ++i) many.subjects.push_back(subject(std::to_string(i), SubjectStatus::unknown));
  EXPECT_LE(digest({many, many}).subjects.size(), rules::kSubjectsMax);
  EXPECT_TRUE(digest({message("a"), message("b")}).subjects.empty());
}

TEST(Digest, is_bounded_however_much_was_collected) {
  std::vector<Message> many(5000, message(std::string(200, '*'), std::string(10'000, '`'), Importance::warning));
  const auto made = digest(many);
  EXPECT_LE(utf16_length(made.title), 200u);
  EXPECT_TRUE(made.title.starts_with("5000 messages: "));
  EXPECT_LE(made.body.size(), 10'000u);
  EXPECT_NE(plain(made).find(" are in your inbox."), std::string::npos) << "the last line is not what is cut";
  std::vector<Message> short_ones(60, message("t"));
  EXPECT_NE(plain(digest(short_ones)).find("The other 10 are in your inbox."), std::string::npos);
}

}  // namespace
}  // namespace watchbell::notification
