#include "platform/redis/pipeline.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include <boost/asio/error.hpp>

#include "base/random.hpp"
#include "platform/redis/test/replies.hpp"

namespace watchbell::redis {
namespace {

namespace error = boost::asio::error;

class Waiter final : public Call {
 public:
  explicit Waiter(std::vector<Command> commands, Monotonic deadline = {}) : Call(encode(commands), commands.size(), deadline) {}
  int ended = 0;

 private:
  void on_finished() noexcept override { ++ended; }
};

bool is_broken(boost::system::error_code code) { return code.value() == EBADMSG; }

/// What a reader makes of a stream that comes in one piece: the replies, then "waits" or the error.
std::string read(std::string_view stream, ReplyLimits limits = {}) {
  return test::read_all(stream, limits, [] { return SIZE_MAX; });
}

TEST(ReplyReader, reads_every_kind) {
  EXPECT_EQ(read("+OK\r\n"), "\"OK\" waits");
  EXPECT_EQ(read("-ERR no\r\n"), "!\"ERR no\" waits");
  EXPECT_EQ(read(":-42\r\n"), "-42 waits");
  EXPECT_EQ(read("$-1\r\n*-1\r\n"), "null null waits");
  EXPECT_EQ(read(std::string_view("$5\r\na\0\r\nb\r\n", 11)), "\"a\\0\\r\\nb\" waits");
  EXPECT_EQ(read("$0\r\n\r\n*0\r\n"), "\"\" [] waits");
  EXPECT_EQ(read("*3\r\n:1\r\n*2\r\n$1\r\na\r\n*1\r\n:2\r\n*0\r\n:3\r\n"), "[1 [\"a\" [2]] []] 3 waits");
}

TEST(ReplyReader, the_same_comes_out_wherever_the_stream_was_split) {
  const std::string stream = "+OK\r\n*3\r\n:1\r\n*2\r\n$1\r\na\r\n*1\r\n:2\r\n$-1\r\n-ERR x\r\n$12\r\nhello\r\nworld\r\n:7\r\n";
  const std::string whole = read(stream);
  for (std::size_t first = 0; first <= stream.size(); ++first) {
    bool cut = false;
    EXPECT_EQ(test::read_all(stream, {}, [&] { return std::exchange(cut, true) ? SIZE_MAX : std::max<std::size_t>(first, 1); }), whole) << first;
  }
  EXPECT_EQ(test::read_all(stream, {}, [] { return std::size_t{1}; }), whole);
}

TEST(ReplyReader, what_is_no_resp2_ends_it) {
  for (const std::string_view stream : {"x\r\n", "HTTP/1.1 400\r\n", "\r\n", ":1x\r\n", ":\r\n", "$x\r\n", "$-2\r\n", "*x\r\n", "*-2\r\n", ">2\r\n+a\r\n",
                                        "_\r\n", "%1\r\n", "#t\r\n", ":99999999999999999999\r\n", "*4294967296\r\n", "*1\r\n?\r\n"}) {
    EXPECT_EQ(read(stream), "broken") << stream;
    EXPECT_EQ(read("+OK\r\n" + std::string(stream) + "+OK\r\n"), "\"OK\" broken") << stream;
  }
}

TEST(ReplyReader, bounds_are_kept_and_a_length_over_them_is_refused_by_its_head_alone) {
  ReplyLimits limits{.max_text_bytes = 10, .max_items = 3, .max_depth = 2, .max_call_bytes = 10'000};
  EXPECT_EQ(read("$10\r\n0123456789\r\n", limits), "\"0123456789\" waits");
  EXPECT_EQ(read("$11\r\n0123456789a\r\n", limits), "too large");
  EXPECT_EQ(read("$11", limits), "too large");
  EXPECT_EQ(read("*1\r\n$99999999", limits), "too large");
  EXPECT_EQ(read("$" + std::string(30, '0'), limits), "too large");
  EXPECT_EQ(read("*3\r\n:1\r\n:2\r\n:3\r\n", limits), "[1 2 3] waits");
  EXPECT_EQ(read("*4\r\n", limits), "too large");
  EXPECT_EQ(read("*1\r\n*1\r\n:1\r\n", limits), "[[1]] waits");
  EXPECT_EQ(read("*1\r\n*1\r\n*1\r\n", limits), "too large");
  limits.max_depth = 7;
  EXPECT_EQ(read("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", limits), "[[[[[[[1]]]]]]] waits");
  EXPECT_EQ(read("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", limits), "too large");
  EXPECT_EQ(read("+" + std::string(70'000, 'x')), "too large");
  EXPECT_EQ(read("+" + std::string(60'000, 'x')), "waits");
  limits.max_call_bytes = sizeof(Reply) * 2;
  EXPECT_EQ(read("*1\r\n:1\r\n", limits), "[1] waits");
  EXPECT_EQ(read("*2\r\n:1\r\n:1\r\n", limits), "too large");
  EXPECT_EQ(read(":1\r\n:1\r\n:1\r\n", limits), "1 1 too large");
}

TEST(ReplyReader, eight_mebibytes_pass_and_one_byte_more_does_not) {
  const std::string text(8 * 1024 * 1024, 'a');
  ReplyReader reader{ReplyLimits{}};
  reader.feed("$8388608\r\n");
  for (std::size_t at = 0; at < text.size(); at += 65'536) {
    reader.feed(std::string_view(text).substr(at, 65'536));
    ASSERT_TRUE(reader.next().has_value());
  }
  reader.feed("\r\n");
  const auto reply = reader.next();
  ASSERT_TRUE(reply.has_value() && reply->has_value());
  EXPECT_EQ((*reply)->text, text);
  reader.feed("$8388609\r\n");
  EXPECT_EQ(reader.next().error(), error::message_size);
  EXPECT_FALSE(reader.why().empty());
  reader.feed("+OK\r\n");
  EXPECT_EQ(reader.next().error(), error::message_size);
}

TEST(Encode, writes_words_of_any_bytes) {
  EXPECT_EQ(encode({{"SET", std::string("k\0\r\n", 4), ""}, {"GET", "k"}}),
            std::string("*3\r\n$3\r\nSET\r\n$4\r\nk\0\r\n\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", 49));
  EXPECT_EQ(encode({}), "");
}

TEST(Pipeline, gathers_what_was_submitted_and_matches_replies_in_order) {
  Pipeline pipeline{ReplyLimits{}};
  Waiter a({{"GET", "a"}});
  Waiter b({{"GET", "b"}, {"GET", "c"}});
  EXPECT_FALSE(pipeline.has_output());
  pipeline.submit(a);
  pipeline.submit(b);
  EXPECT_EQ(pipeline.outstanding(), 3u);
  EXPECT_GT(pipeline.queued_bytes(), 0u);
  const auto batch = pipeline.take_output();
  EXPECT_EQ(batch.bytes, encode({{"GET", "a"}, {"GET", "b"}, {"GET", "c"}}));
  EXPECT_EQ(batch.commands, 3u);
  EXPECT_EQ(pipeline.queued_bytes(), 0u);
  EXPECT_FALSE(pipeline.receive("+A\r\n+B\r\n$1\r\n"));
  EXPECT_EQ(a.ended, 1);
  EXPECT_EQ(a.outcome->value()[0].text, "A");
  EXPECT_EQ(b.ended, 0);
  EXPECT_FALSE(pipeline.receive("C\r\n"));
  EXPECT_EQ(b.ended, 1);
  EXPECT_EQ(b.outcome->value().at(1).text, "C");
  EXPECT_EQ(pipeline.outstanding(), 0u);
  EXPECT_EQ(pipeline.received(), 3u);
}

TEST(Pipeline, a_caller_who_leaves_before_the_write_is_not_sent_and_one_after_it_gets_no_reply) {
  Pipeline pipeline{ReplyLimits{}};
  auto unsent = std::make_unique<Waiter>(std::vector<Command>{{"GET", "a"}});
  auto sent = std::make_unique<Waiter>(std::vector<Command>{{"GET", "b"}, {"GET", "c"}}, Monotonic(std::chrono::seconds(5)));
  Waiter last({{"GET", "d"}}, Monotonic(std::chrono::seconds(1)));
  pipeline.submit(*unsent);
  pipeline.submit(*sent);
  pipeline.submit(last);
  unsent.reset();
  EXPECT_EQ(pipeline.outstanding(), 3u);
  EXPECT_EQ(pipeline.take_output().bytes, encode({{"GET", "b"}, {"GET", "c"}, {"GET", "d"}}));
  EXPECT_FALSE(pipeline.receive("+b\r\n"));
  sent.reset();
  EXPECT_EQ(pipeline.outstanding(), 2u);
  EXPECT_EQ(pipeline.oldest_deadline(), Monotonic(std::chrono::seconds(5)));
  EXPECT_FALSE(pipeline.receive("+c\r\n"));
  EXPECT_EQ(pipeline.discarded(), 1u);
  EXPECT_EQ(pipeline.oldest_deadline(), Monotonic(std::chrono::seconds(1)));
  EXPECT_FALSE(pipeline.receive("+d\r\n"));
  EXPECT_EQ(last.outcome->value()[0].text, "d");
  EXPECT_FALSE(pipeline.oldest_deadline().has_value());
}

TEST(Pipeline, a_reply_nobody_asked_for_ends_it) {
  Pipeline pipeline{ReplyLimits{}};
  EXPECT_TRUE(is_broken(pipeline.receive("+hello\r\n")));
  EXPECT_FALSE(pipeline.why().empty());
}

TEST(Pipeline, failing_ends_everyone_once) {
  Pipeline pipeline{ReplyLimits{}};
  Waiter sent({{"A"}, {"B"}});
  pipeline.submit(sent);
  static_cast<void>(pipeline.take_output());
  Waiter queued({{"C"}});
  pipeline.submit(queued);
  EXPECT_TRUE(is_broken(pipeline.receive("+1\r\n?")));
  EXPECT_EQ(sent.ended, 0);
  pipeline.fail(error::connection_reset);
  EXPECT_EQ(sent.ended, 1);
  EXPECT_EQ(queued.ended, 1);
  EXPECT_EQ(sent.outcome->error(), error::connection_reset);
  EXPECT_EQ(pipeline.outstanding(), 0u);
  sent.finish(boost::system::error_code(error::timed_out));
  EXPECT_EQ(sent.ended, 1);
}

TEST(Pipeline, the_bound_of_memory_is_for_one_call) {
  Pipeline pipeline{ReplyLimits{.max_call_bytes = sizeof(Reply) * 2}};
  Waiter a({{"A"}, {"A"}});
  Waiter b({{"B"}, {"B"}});
  Waiter c({{"C"}, {"C"}, {"C"}});
  for (auto* each : {&a, &b, &c}) pipeline.submit(*each);
  static_cast<void>(pipeline.take_output());
  EXPECT_FALSE(pipeline.receive(":1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n"));
  EXPECT_EQ(b.ended, 1);
  EXPECT_EQ(pipeline.receive(":7\r\n"), error::message_size);
  pipeline.fail(error::connection_reset);
}

}  // namespace
}  // namespace watchbell::redis
