#include "platform/mail/reply_reader.hpp"

#include <gtest/gtest.h>

namespace watchbell::mail {
namespace {

TEST(ReplyReader, gives_replies_of_any_lines_however_they_are_cut) {
  const std::string bytes = "250-one\r\n250-\r\n250 three\r\n354\r\n550 no\n";
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    ReplyReader reader;
    std::string seen;
    for (std::size_t at = 0; at < bytes.size(); at += size) {
      reader.feed(std::string_view(bytes).substr(at, size));
      while (const auto reply = reader.take()) seen += std::to_string(reply->code) + "(" + reply->text + ")";
    }
    EXPECT_EQ(seen, "250(three)354()550(no)");
    EXPECT_TRUE(reader.idle() && !reader.broken());
  }
}

TEST(ReplyReader, what_is_no_reply_breaks_it) {
  for (const std::string bytes : {"hello\r\n", "25\r\n", "650 x\r\n", "250x\r\n", "250-a\r\n251 b\r\n", "\r\n"}) {
    ReplyReader reader;
    reader.feed(bytes);
    EXPECT_FALSE(reader.take()) << bytes;
    EXPECT_TRUE(reader.broken()) << bytes;
  }
  ReplyReader endless;
  endless.feed(std::string(ReplyReader::kMaxReply + 1, '2'));
  EXPECT_FALSE(endless.take());
  EXPECT_TRUE(endless.broken());
}

TEST(ReplyReader, text_is_fit_to_be_shown) {
  ReplyReader reader;
  reader.feed("550 a\x1b[31m\xff" + std::string(500, 'x') + "\r\n");
  const auto reply = reader.take();
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text.substr(0, 7), "a?[31m?");
  EXPECT_EQ(reply->text.size(), 200u);
}

}  // namespace
}  // namespace watchbell::mail
