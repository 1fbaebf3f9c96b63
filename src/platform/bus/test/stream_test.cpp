#include "platform/bus/stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/text.hpp"

namespace watchbell::bus {
namespace {

using ::testing::ElementsAre;

std::string heard(Incoming& incoming, std::string_view frame) {
  const auto h = incoming.take(frame);
  return h.sender + (h.gap ? " gap" : "") + (h.message ? " " + *h.message : "");
}

TEST(BusStream, a_message_of_any_length_arrives_whole) {
  Outgoing out("a", 400);
  Incoming in;
  EXPECT_EQ(heard(in, out.frames("short").front()), "a short");
  EXPECT_EQ(heard(in, out.frames("").front()), "a ");
  std::string text;
  while (text.size() < 2000) text += "Glocke 🔔 ";
  const auto frames = out.frames(text);
  ASSERT_GT(frames.size(), 4u);
  for (const auto& frame : frames) {
    EXPECT_LE(frame.size(), 400u);
    EXPECT_TRUE(is_utf8(frame));
  }
  for (std::size_t i = 0; i + 1 < frames.size(); ++i) EXPECT_EQ(heard(in, frames[i]), "a");
  EXPECT_EQ(heard(in, frames.back()), "a " + text);
}

TEST(BusStream, C_18_what_was_missed_shows) {
  Outgoing out("a", 400);
  Incoming in;
  EXPECT_EQ(heard(in, out.frames("1").front()), "a 1");
  static_cast<void>(out.frames("lost"));
  EXPECT_EQ(heard(in, out.frames("3").front()), "a gap 3");
  EXPECT_EQ(heard(in, out.frames("4").front()), "a 4");
}

TEST(BusStream, C_18_a_message_that_lacks_a_part_is_a_gap_and_no_message) {
  Outgoing out("a", 400);
  Incoming in;
  const auto frames = out.frames(std::string(700, 'x'));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(heard(in, frames[0]), "a");
  EXPECT_EQ(heard(in, frames[2]), "a gap");
  EXPECT_EQ(heard(in, out.frames("next").front()), "a next");
}

TEST(BusStream, a_sender_is_known_from_the_first_frame_that_is_heard_of_it) {
  Outgoing out("a", 400);
  static_cast<void>(out.frames("before"));
  Incoming in;
  EXPECT_EQ(heard(in, out.frames("one").front()), "a one");
  // But the end of something whose begin was before is a gap.
  Incoming other;
  const auto frames = out.frames(std::string(600, 'x'));
  EXPECT_EQ(heard(other, frames.back()), "a gap");
}

TEST(BusStream, what_comes_twice_counts_once) {
  Outgoing out("a", 400);
  Incoming in;
  const auto one = out.frames("1").front();
  const auto two = out.frames("2").front();
  EXPECT_EQ(heard(in, one), "a 1");
  EXPECT_EQ(heard(in, two), "a 2");
  EXPECT_EQ(heard(in, one), "a");
  EXPECT_EQ(heard(in, two), "a");
}

TEST(BusStream, senders_are_told_apart) {
  Outgoing a("a", 400);
  Outgoing b("b", 400);
  Incoming in;
  EXPECT_EQ(heard(in, a.frames("1").front()), "a 1");
  static_cast<void>(b.frames("lost to us"));
  EXPECT_EQ(heard(in, b.frames("2").front()), "b 2");
  EXPECT_EQ(heard(in, a.frames("2").front()), "a 2");
}

TEST(BusStream, what_is_no_frame_is_nobodys) {
  Incoming in;
  for (const char* bad : {"", "x", "a 1 1 1", "a 0 1 1\nx", "a 1 2 1\nx", "a 1 0 1\nx", "a 1 1 1 1\nx", "a b 1 1\nx", "ä 1 1 1\nx", " 1 1 1\nx", "a 1 2 2\nx", "a 99999999999999999999 1 1\nx", "a +1 1 1\nx"})
    EXPECT_EQ(heard(in, bad), "") << bad;
}

TEST(BusStream, whatever_is_lost_or_repeated_what_arrives_was_said_and_a_loss_shows) {
  EXPECT_TRUE(rc::check([](const std::vector<std::string>& said) {
    Outgoing out("s", 400);
    Incoming in;
    std::vector<std::pair<std::string, std::size_t>> frames;  // and the message each is of
    for (std::size_t i = 0; i < said.size(); ++i) {
      std::string text = said[i];
      text.append(*rc::gen::inRange<std::size_t>(0, 900), 'x');
      for (auto& frame : out.frames(text)) frames.emplace_back(std::move(frame), i);
    }
    bool first = true;
    bool missing = false;
    for (const auto& [frame, of] : frames) {
      const auto fate = *rc::gen::inRange(0, 10);
      if (fate == 0) {
        missing = !first || missing;
        continue;
      }
      const auto h = in.take(frame);
      if (missing) RC_ASSERT(h.gap);
      missing = false;
      first = false;
      if (h.message) RC_ASSERT(h.message->starts_with(said[of]));
      if (fate == 1) RC_ASSERT(!in.take(frame).message);
    }
  }));
}

}  // namespace
}  // namespace watchbell::bus
