#pragma once

#include <watchbell/cache/redis/transport.hpp>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace watchbell::cache::redis::test {

namespace asio = boost::asio;

/// The plainest RESP2 client that can carry the provider's tests: it blocks, and has no deadlines.
class PlainTransport final : public Transport {
 public:
  PlainTransport(asio::io_context& loop, std::string path) : loop_(loop), path_(std::move(path)), socket_(loop) {}

  std::uint64_t round_trips = 0;
  std::uint64_t commands = 0;

  asio::awaitable<Outcome<std::string>> server(Duration) override { co_return connect(); }

  asio::awaitable<Outcome<std::vector<Reply>>> pipeline(std::string run_id, std::vector<Command> batch,
                                                        Duration) override {
    const auto now = connect();
    if (!now) co_return now.error();
    if (*now != run_id) co_return boost::system::error_code(asio::error::connection_reset);
    co_return exchange(batch);
  }

  asio::awaitable<void> stop() override {
    close();
    co_return;
  }
  asio::any_io_executor executor() override { return loop_.get_executor(); }

  /// For tests that look behind the provider's back.
  Reply command(const Command& one) {
    for (int attempt = 0;; ++attempt) {  // the server may have been started again since
      const auto now = connect();
      if (!now) throw boost::system::system_error(now.error());
      auto replies = exchange({one});
      if (replies || attempt == 1) return std::move(replies.value().front());
    }
  }

 private:
  Outcome<std::string> connect() {
    if (!run_id_.empty()) return run_id_;
    boost::system::error_code error;
    socket_ = asio::local::stream_protocol::socket(loop_);
    socket_.connect(asio::local::stream_protocol::endpoint(path_), error);
    if (error) return error;
    const auto info = exchange({Command{"INFO", "server"}});
    if (!info) return info.error();
    const std::string& text = info->front().text;
    const std::size_t at = text.find("run_id:");
    run_id_ = text.substr(at + 7, 40);
    return run_id_;
  }

  void close() {
    run_id_.clear();
    buffer_.clear();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  Outcome<std::vector<Reply>> exchange(const std::vector<Command>& batch) {
    std::string out;
    for (const Command& command : batch) {
      out += "*" + std::to_string(command.size()) + "\r\n";
      for (const std::string& part : command) out += "$" + std::to_string(part.size()) + "\r\n" + part + "\r\n";
    }
    ++round_trips;
    commands += batch.size();
    boost::system::error_code error;
    asio::write(socket_, asio::buffer(out), error);
    std::vector<Reply> replies;
    while (!error && replies.size() < batch.size()) replies.push_back(read(error));
    if (!error) return replies;
    close();
    return boost::system::error_code(asio::error::connection_reset);
  }

  Reply read(boost::system::error_code& error) {
    Reply reply;
    const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(buffer_), "\r\n", error);
    if (error) return reply;
    const char type = buffer_[0];
    const std::string line = buffer_.substr(1, size - 3);
    buffer_.erase(0, size);
    switch (type) {
      case '+': reply.kind = Reply::Kind::text; reply.text = line; break;
      case '-': reply.kind = Reply::Kind::error; reply.text = line; break;
      case ':': reply.kind = Reply::Kind::integer; reply.integer = std::stoll(line); break;
      case '$': {
        const long long length = std::stoll(line);
        if (length < 0) break;
        const auto whole = static_cast<std::size_t>(length) + 2;
        if (buffer_.size() < whole)
          asio::read(socket_, asio::dynamic_buffer(buffer_), asio::transfer_at_least(whole - buffer_.size()), error);
        reply.kind = Reply::Kind::text;
        reply.text = buffer_.substr(0, whole - 2);
        buffer_.erase(0, whole);
        break;
      }
      default: {
        const long long items = std::stoll(line);
        if (items < 0) break;
        reply.kind = Reply::Kind::array;
        for (long long i = 0; i < items && !error; ++i) reply.items.push_back(read(error));
      }
    }
    return reply;
  }

  asio::io_context& loop_;
  std::string path_;
  asio::local::stream_protocol::socket socket_;
  std::string run_id_;
  std::string buffer_;
};

}  // namespace watchbell::cache::redis::test
