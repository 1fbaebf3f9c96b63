#pragma once

#include <watchbell/cache/redis/transport.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/redis/settings.hpp"

namespace watchbell::redis {

using cache::Outcome;
using cache::redis::Command;
using cache::redis::Reply;

/// Cuts a stream of bytes of a Redis server (RESP2) into replies, within bounds. No sockets. Loop-only.
class ReplyReader {
 public:
  explicit ReplyReader(const ReplyLimits& limits);
  ~ReplyReader();
  ReplyReader(const ReplyReader&) = delete;
  ReplyReader& operator=(const ReplyReader&) = delete;

  /// Copies the bytes. After each feed(), next() is to be called until it wants more: only then the bounds are looked at.
  void feed(std::string_view bytes);
  /// The next whole reply; nothing when more bytes are needed. `message_size` when a bound was broken, `bad_message` when this is no RESP2; the reader
  /// is of no use after either, and why() says more.
  Outcome<std::optional<Reply>> next();
  /// The replies that follow belong to another call: ReplyLimits::max_call_bytes counts from here.
  void begin_call() noexcept;
  /// For a person; empty as long as nothing is wrong.
  const std::string& why() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The bytes of the commands, one after the other. REQUIRES that each has at least its name: an empty one would get no reply.
std::string encode(const std::vector<Command>& commands);

}  // namespace watchbell::redis
