#include "platform/log/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>
#include <thread>

#include <boost/asio/error.hpp>
#include <boost/json.hpp>
#include <boost/system/system_error.hpp>

#include "base/fault.hpp"
#include "base/text.hpp"
#include "base/timestamp.hpp"

namespace watchbell::log {
namespace {

/// The line behind its time.
std::string tail(const std::string& line) { return line.substr(25); }

TEST(Log, text_lines_hold_time_level_message_and_fields) {
  const Capture capture;
  const std::string owned = "owned text";
  info("message", {{"key", "value"}, {"other", owned}, {"n", 42}, {"d", 1.5}, {"yes", true}, {"empty", ""}});
  ASSERT_EQ(capture.lines().size(), 1u);
  const std::string line = capture.lines()[0];
  EXPECT_TRUE(Timestamp::parse(line.substr(0, 24))) << line;
  EXPECT_EQ(tail(line), R"(info message key=value other="owned text" n=42 d=1.5 yes=true empty="")");
}

TEST(Log, json_lines_are_one_object_each) {
  const Capture capture({.level = Level::trace, .format = Format::json});
  warn("said \"so\"", {{"text", "a\"b\\c\n"}, {"n", -7}, {"d", 0.25}, {"no", false}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
  ASSERT_EQ(capture.lines().size(), 1u);
  const auto object = boost::json::parse(capture.lines()[0]).as_object();
  EXPECT_TRUE(Timestamp::parse(std::string_view(object.at("time").as_string())));
  EXPECT_EQ(object.at("level"), "warn");
  EXPECT_EQ(object.at("message"), "said \"so\"");
  EXPECT_EQ(object.at("text"), "a\"b\\c\n");
  EXPECT_EQ(object.at("n").as_int64(), -7);
  EXPECT_EQ(object.at("d").as_double(), 0.25);
  EXPECT_EQ(object.at("no").as_bool(), false);
  EXPECT_EQ(object.at("nan"), "nan");
}

TEST(Log, G_1_a_value_cannot_begin_a_line_or_pose_as_a_field) {
  const Capture capture;
  const std::string nul("a\0b", 3);
  warn("sign-in\nrefused", {{"email", "x@y.z level=error user=root"},
                            {"agent", "curl\r\n2026-01-01T00:00:00.000Z info forged"},
                            {"terminal", "\x1b[2J\x07\x7f"},
                            {"c1", "\xc2\x9b"},
                            {"separator", "\xe2\x80\xa8"},
                            {"turned", "\xe2\x80\xae" "abc"},
                            {"quote", "\" forged=1"},
                            {"nul", nul}});
  ASSERT_EQ(capture.lines().size(), 1u);
  EXPECT_EQ(tail(capture.lines()[0]),
            "warn sign-in\\nrefused email=\"x@y.z level=error user=root\" agent=\"curl\\r\\n2026-01-01T00:00:00.000Z info forged\" "
            "terminal=\"\\u001b[2J\\u0007\\u007f\" c1=\"\\u009b\" separator=\"\\u2028\" turned=\"\\u202eabc\" quote=\"\\\" forged=1\" "
            "nul=\"a\\u0000b\"");
}

TEST(Log, G_1_json_values_cannot_break_out) {
  const Capture capture({.level = Level::trace, .format = Format::json});
  error("m", {{"v", "\",\"level\":\"info\"}\n{\"x\":\"\xff\xc3"}});
  ASSERT_EQ(capture.lines().size(), 1u);
  EXPECT_EQ(capture.lines()[0].find('\n'), std::string::npos);
  const auto object = boost::json::parse(capture.lines()[0]).as_object();
  EXPECT_EQ(object.at("level"), "error");
  EXPECT_EQ(object.at("v"), "\",\"level\":\"info\"}\n{\"x\":\"\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(Log, long_values_are_cut_between_characters) {
  const Capture capture;
  std::string text(kMaxText - 1, 'a');
  text += "\xc3\xa4\xc3\xa4";  // the first begins inside the bound and ends outside
  info(text, {{"v", text}});
  const std::string line = capture.lines().at(0);
  EXPECT_TRUE(is_utf8(line));
  EXPECT_LT(line.size(), 2 * kMaxText + 100);
  EXPECT_TRUE(line.ends_with("a...(+4 bytes)\"")) << line.substr(line.size() - 30);
}

TEST(Log, any_bytes_give_one_valid_line) {
  const Capture capture({.level = Level::trace, .format = Format::json});
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  info(all, {{"v", all}, {"lead", "\xf4"}, {"long", std::string(5000, '\x80')}});
  EXPECT_TRUE(is_utf8(capture.lines().at(0)));
  EXPECT_NO_THROW(boost::json::parse(capture.lines()[0]));
}

TEST(Log, levels_below_the_one_set_write_nothing) {
  const Capture capture({.level = Level::warn, .format = Format::text});
  EXPECT_FALSE(enabled(Level::debug));
  EXPECT_TRUE(enabled(Level::error));
  EXPECT_FALSE(enabled(Level::off));
  debug("d");
  info("i");
  warn("w");
  error("e");
  EXPECT_EQ(capture.lines().size(), 2u);
  configure({.level = Level::off, .format = Format::text});
  error("e");
  EXPECT_EQ(capture.lines().size(), 2u);
}

TEST(Log, words_of_levels_and_formats_are_read_back) {
  for (const Level level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error, Level::off})
    EXPECT_EQ(parse_level(to_string(level)), level);
  EXPECT_FALSE(parse_level("INFO"));
  EXPECT_EQ(parse_format("json"), Format::json);
  EXPECT_EQ(parse_format("text"), Format::text);
  EXPECT_FALSE(parse_format("xml"));
}

std::exception_ptr nested_fault() {
  try {
    try {
      throw std::runtime_error("disk full");
    } catch (...) {
      std::throw_with_nested(Fault("cannot write"));
    }
  } catch (...) {
    return std::current_exception();
  }
}

TEST(Log, a_fault_is_one_line_with_its_causes) {
  const Capture capture;
  fault("http", nested_fault(), {{"correlation_id", "c-1"}});
  ASSERT_EQ(capture.lines().size(), 1u);
  EXPECT_EQ(tail(capture.lines()[0]), R"(error fault where=http error="cannot write: disk full" correlation_id=c-1)");
  fault("job", std::make_exception_ptr(42));
  EXPECT_TRUE(capture.contains("an exception of unknown type"));
}

TEST(Log, cancellation_is_no_fault) {
  const Capture capture;
  fault("http", std::make_exception_ptr(boost::system::system_error(boost::asio::error::operation_aborted)));
  fault("http", nullptr);
  EXPECT_TRUE(capture.lines().empty());
  fault("http", std::make_exception_ptr(boost::system::system_error(boost::asio::error::connection_reset)));
  EXPECT_EQ(capture.lines().size(), 1u);
}

TEST(Log, captures_nest_and_restore) {
  const Capture outer({.level = Level::error, .format = Format::text});
  {
    const Capture inner;
    info("inside");
    EXPECT_EQ(inner.lines().size(), 1u);
  }
  info("outside");
  error("outside");
  EXPECT_EQ(outer.lines().size(), 1u);
}

TEST(Log, lines_go_to_standard_error) {
  testing::internal::CaptureStderr();
  error("to the stream", {{"k", 1}});
  const std::string written = testing::internal::GetCapturedStderr();
  EXPECT_THAT(written, testing::EndsWith("error to the stream k=1\n"));
}

TEST(Log, threads_write_whole_lines) {
  const Capture capture;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i) info("line", {{"i", i}});
    });
  threads.clear();
  EXPECT_EQ(capture.lines().size(), 800u);
}

}  // namespace
}  // namespace watchbell::log
