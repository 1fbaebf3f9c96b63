#pragma once

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "platform/redis/reply_reader.hpp"

namespace watchbell::redis::test {

/// One line for a reply of any kind: 1, "text", !"error", null, [1 2].
inline void write(const Reply& reply, std::string& out) {
  const auto quoted = [&] {
    out += '"';
    for (const char c : reply.text) {
      if (c == '\0')
        out += "\\0";
      else if (c == '\r')
        out += "\\r";
      else if (c == '\n')
        out += "\\n";
      else
        out += c;
    }
    out += '"';
  };
  switch (reply.kind) {
    case Reply::Kind::null:
      out += "null";
      break;
    case Reply::Kind::text:
      quoted();
      break;
    case Reply::Kind::error:
      out += '!';
      quoted();
      break;
    case Reply::Kind::integer:
      out += std::to_string(reply.integer);
      break;
    case Reply::Kind::array:
      out += '[';
      for (std::size_t i = 0; i < reply.items.size(); ++i) {
        if (i > 0) out += ' ';
        write(reply.items[i], out);
      }
      out += ']';
      break;
  }
}

/// All replies of a stream that comes in pieces of at most what next_piece() says, then "waits", "broken" or "too large".
template <class Pieces>
std::string read_all(std::string_view stream, const ReplyLimits& limits, Pieces next_piece) {
  ReplyReader reader(limits);
  std::string log;
  while (true) {
    const auto piece = stream.substr(0, std::min(stream.size(), next_piece()));
    stream.remove_prefix(piece.size());
    reader.feed(piece);
    while (true) {
      const auto next = reader.next();
      if (!next) return log + (next.error().value() == EBADMSG ? "broken" : "too large");
      if (!*next) break;
      write(**next, log);
      log += ' ';
    }
    if (stream.empty()) return log + "waits";
  }
}

}  // namespace watchbell::redis::test
