#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "platform/http_server/http.hpp"

namespace watchbell::http {

/// Why a request is refused before any handler sees it.
struct Refusal {
  int status = 0;            ///< 400, 413, 431 or 505
  std::string_view reason;   ///< for the client; static storage
};

/// Bytes that grow without being filled first. Moves when it grows. Loop-only.
class Block {
 public:
  char* data() noexcept { return data_.get(); }
  const char* data() const noexcept { return data_.get(); }
  std::size_t capacity() const noexcept { return capacity_; }
  /// Makes room for `capacity` bytes and keeps the first `used`.
  void grow(std::size_t capacity, std::size_t used);
  void release() noexcept;

 private:
  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
};

/// Takes the chunks off a body (RFC 9112, 7.1), byte by byte, so that it does not matter how the bytes are split. Extensions and trailers are
/// read and dropped; both are bounded. Beast's own reader of chunks wants whole lines in one buffer and asserts on some splits. Loop-only.
class ChunkDecoder {
 public:
  void start(std::size_t limit) noexcept;
  /// Decodes from `in` and writes the body's bytes to `out`, which has room for in.size() and may lie at or before in.data() (not after).
  /// @returns  bytes of `in` consumed; all of them unless done() or refused()
  std::size_t feed(std::string_view in, char* out, std::size_t& written) noexcept;
  bool done() const noexcept { return state_ == State::done; }
  bool refused() const noexcept { return state_ == State::refused; }
  const Refusal& refusal() const noexcept { return refusal_; }

 private:
  enum class State { size_first, size, extension, size_lf, data, data_cr, data_lf, trailer_first, trailer, trailer_lf, end_lf, done, refused };
  void refuse(int status, std::string_view reason) noexcept;
  bool begin_chunk() noexcept;

  State state_ = State::size_first;
  std::uint64_t size_ = 0;  // of the chunk; counts down in State::data
  std::size_t digits_ = 0;
  std::size_t limit_ = 0;   // what the body may still grow by
  std::size_t extra_ = 0;   // bytes of extensions and trailers so far
  Refusal refusal_;
};

/// Requests out of a stream of bytes: a state machine without a socket. It owns the buffers: bytes are received into writable(), then advance()
/// says how far the request at hand has come. The result does not depend on how the stream was split.
///
/// A head stays where it was received until next(), so the views of the request hold. A body that fits behind its head stays there too; a
/// longer one, and a chunked one, goes to a block of its own, so that a growing body never moves the head. Loop-only.
class RequestReader {
 public:
  enum class Stage {
    head,      ///< more bytes are needed for a head
    judge,     ///< the head is there and a body follows: allow_body() comes next
    body,      ///< more bytes are needed for the body
    complete,  ///< request() is whole; next() comes next
    refused,   ///< refusal() says why; nothing follows on this connection
  };

  explicit RequestReader(std::size_t max_header_bytes) : max_header_bytes_(max_header_bytes) {}

  /// Where the next bytes go; never empty in the stages head and body.
  std::span<char> writable();
  /// So many bytes were put into writable().
  void received(std::size_t bytes);
  Stage advance();
  Stage stage() const noexcept { return stage_; }
  /// Answers Stage::judge: the body may have up to `limit` bytes.
  void allow_body(std::size_t limit);
  /// Forgets the request and goes on with the bytes that follow it. REQUIRES Stage::complete.
  void next();

  const Request& request() const noexcept { return request_; }
  const Refusal& refusal() const noexcept { return refusal_; }
  /// Whether no byte of a next request has been received.
  bool idle() const noexcept { return stage_ == Stage::head && begin_ == end_; }
  /// Whether the client waits for 100 Continue before it sends the body, as far as we know.
  bool expects_continue() const noexcept;
  bool keep_alive() const noexcept { return keep_alive_; }
  /// Gives the memory of a body back that nobody will read: the request is refused and nothing follows it.
  void drop_body() noexcept;
  /// Bytes received of a body that did not fit behind its head, until that is forgotten.
  std::size_t body_held() const noexcept { return body_.capacity() == 0 ? 0 : std::max(body_size_, raw_end_); }
  /// What was received after the request. REQUIRES Stage::complete.
  std::string_view rest() const noexcept;
  /// Every request says so from now on.
  void set_peer_address(std::string_view peer) noexcept { request_.peer_ = peer; }
  void set_began(Monotonic at) noexcept { request_.began_ = at; }

 private:
  void refuse(int status, std::string_view reason) noexcept;
  void scan_head();
  void read_head();
  void finish_body(std::string_view body) noexcept;
  void decode_chunks();

  const std::size_t max_header_bytes_;
  Stage stage_ = Stage::head;
  Request request_;
  Refusal refusal_;

  Block in_;                   // [begin_, end_) are received and not yet done with
  std::size_t begin_ = 0;      // first byte of the request
  std::size_t end_ = 0;
  std::size_t line_ = 0;       // first byte of the head's line being scanned
  std::size_t scanned_ = 0;    // no line ends between line_ and here
  std::size_t body_begin_ = 0; // first byte after the head
  std::size_t request_end_ = 0;
  bool blank_line_skipped_ = false;

  bool keep_alive_ = true;
  bool chunked_ = false;
  bool expects_continue_ = false;
  std::uint64_t length_ = 0;
  bool apart_ = false;         // the body goes to body_
  ChunkDecoder chunks_;
  Block body_;
  std::size_t body_size_ = 0;
  std::size_t raw_begin_ = 0;  // [raw_begin_, raw_end_) of body_: received, not yet decoded; after the last chunk the rest
  std::size_t raw_end_ = 0;
};

}  // namespace watchbell::http
