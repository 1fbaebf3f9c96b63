#pragma once

#include <watchbell/cache/redis/transport.hpp>

#include <boost/asio/io_context.hpp>

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace watchbell::cache::redis::test {

inline Reply text(std::string bytes) {
  Reply reply;
  reply.kind = Reply::Kind::text;
  reply.text = std::move(bytes);
  return reply;
}
inline Reply error(std::string message) {
  Reply reply;
  reply.kind = Reply::Kind::error;
  reply.text = std::move(message);
  return reply;
}
inline Reply integer(std::int64_t number) {
  Reply reply;
  reply.kind = Reply::Kind::integer;
  reply.integer = number;
  return reply;
}
inline Reply array(std::vector<Reply> items) {
  Reply reply;
  reply.kind = Reply::Kind::array;
  reply.items = std::move(items);
  return reply;
}
/// As the scripts that read answer.
inline Reply read(int state, std::string bytes = "", std::int64_t ms = 0, int bad = 0) {
  return array({integer(state), integer(bad), text(std::move(bytes)), integer(ms)});
}

/// Answers as the test has written down, and writes down what it is sent.
class ScriptedTransport final : public Transport {
 public:
  using Batch = std::vector<Command>;
  using Answer = std::function<Outcome<std::vector<Reply>>(const Batch&)>;

  explicit ScriptedTransport(boost::asio::io_context& loop) : loop_(loop) {}

  Outcome<std::string> id = std::string("run1");
  std::function<void()> on_server = [] {};
  std::deque<Answer> answers;

  std::vector<Batch> batches;
  std::vector<std::string> run_ids;
  std::vector<Duration> deadlines;
  int server_calls = 0;
  int stops = 0;

  void answer(std::vector<Reply> replies) {
    answers.emplace_back([replies = std::move(replies)](const Batch&) { return Outcome<std::vector<Reply>>(replies); });
  }
  void fail(boost::system::error_code code) {
    answers.emplace_back([code](const Batch&) { return Outcome<std::vector<Reply>>(code); });
  }

  boost::asio::awaitable<Outcome<std::string>> server(Duration) override {
    ++server_calls;
    on_server();
    co_return id;
  }
  boost::asio::awaitable<Outcome<std::vector<Reply>>> pipeline(std::string run_id, std::vector<Command> commands,
                                                               Duration deadline) override {
    run_ids.push_back(std::move(run_id));
    deadlines.push_back(deadline);
    batches.push_back(std::move(commands));
    if (answers.empty()) co_return make_error_code(boost::system::errc::timed_out);
    const Answer next = std::move(answers.front());
    answers.pop_front();
    co_return next(batches.back());
  }
  boost::asio::awaitable<void> stop() override {
    ++stops;
    co_return;
  }
  boost::asio::any_io_executor executor() override { return loop_.get_executor(); }

 private:
  boost::asio::io_context& loop_;
};

}  // namespace watchbell::cache::redis::test
