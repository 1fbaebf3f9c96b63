#include "platform/http_server/request_reader.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <optional>

#include "base/assert.hpp"

namespace watchbell::http {
namespace {

namespace beast_http = boost::beast::http;

constexpr std::size_t kFirstBlock = 4 * 1024;
constexpr std::size_t kLeastRoom = 1024;          // reading into less would cost more calls than copying
constexpr std::size_t kBodyStep = 16 * 1024;
constexpr std::size_t kMeant = 64 * 1024;         // a body of which so much came is going to come
constexpr std::size_t kMaxHeaders = 256;
constexpr std::size_t kMaxChunkExtra = 16 * 1024;

constexpr Refusal kBadRequest{400, "Bad Request"};

bool is_host_char(char c) noexcept {
  // uri-host [":" port] of RFC 3986: names, IPv4, bracketed IPv6.
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("-._~%!$&'()*+,;=:[]").find(c) != std::string_view::npos;
}

bool is_token_char(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

bool is_lower(std::string_view text, std::string_view lower_case) noexcept {
  return text.size() == lower_case.size() && std::equal(text.begin(), text.end(), lower_case.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a | 0x20) : a) == b;
         });
}

std::string_view view(boost::beast::string_view text) noexcept { return {text.data(), text.size()}; }

/// A request line that is fine but for a version we do not speak deserves 505; anything else is malformed.
bool names_other_version(std::string_view head) noexcept {
  const std::string_view line = head.substr(0, head.find('\r'));
  const auto space = line.rfind(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view version = line.substr(space + 1);
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return version.size() == 8 && version.starts_with("HTTP/") && digit(version[5]) && version[6] == '.' && digit(version[7]) && version != "HTTP/1.1" && version != "HTTP/1.0";
}

}  // namespace

/// Beast's grammar of a head, without its message: the fields become views. Given the whole head at once, so nothing it keeps for
/// partial input is used. Judges what Beast lets pass.
class HeadParser final : public beast_http::basic_parser<true> {
 public:
  HeadParser(Request& request, std::vector<Header>& headers) : request_(request), headers_(headers) {
    header_limit(std::numeric_limits<std::uint32_t>::max());  // RequestReader bounds the head
    body_limit(boost::none);                                  // and the body
  }

  /// Nothing, or why the head is refused.
  std::optional<Refusal> parse(std::string_view head) {
    boost::beast::error_code error;
    const std::size_t used = put(boost::asio::const_buffer(head.data(), head.size()), error);
    if (refusal_) return refusal_;
    if (error == beast_http::error::bad_version && names_other_version(head)) return Refusal{505, "HTTP Version Not Supported"};
    // need_more counts too: the head is complete, so Beast found no end where one must be.
    if (error || used != head.size()) return kBadRequest;
    if (hosts_ == 0 && request_.version() >= 11) return Refusal{400, "Host is missing"};
    if (has_transfer_encoding_ && lengths_ > 0) return Refusal{400, "Transfer-Encoding and Content-Length exclude each other"};
    if (has_transfer_encoding_ && request_.version() < 11) return Refusal{400, "Transfer-Encoding needs HTTP/1.1"};
    return std::nullopt;
  }
  bool expects_continue() const noexcept { return expects_continue_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void refuse(std::string_view reason, error_code& error, int status = 400) {
    refusal_ = Refusal{status, reason};
    error = beast_http::error::bad_field;
  }

  void on_request_impl(beast_http::verb, string_view method, string_view target, int version, error_code&) override {
    request_.method_ = view(method);
    request_.target_ = view(target);
    request_.version_ = version;
  }

  void on_field_impl(beast_http::field field, string_view name, string_view value, error_code& error) override {
    if (headers_.size() >= kMaxHeaders) return refuse("Too many headers", error, 431);
    headers_.push_back({view(name), view(value)});
    switch (field) {
      case beast_http::field::host:
        if (++hosts_ > 1) return refuse("Host is repeated", error);
        if (!std::all_of(value.begin(), value.end(), is_host_char)) return refuse("Host is malformed", error);
        break;
      case beast_http::field::content_length:
        // Beast takes equal repetitions; who else on the way reads them otherwise is not for us to guess.
        if (++lengths_ > 1 || value.find(',') != string_view::npos) return refuse("Content-Length is repeated", error);
        break;
      case beast_http::field::transfer_encoding:
        if (has_transfer_encoding_ || !is_lower(view(value), "chunked")) return refuse("Transfer-Encoding is not understood", error);
        has_transfer_encoding_ = true;
        break;
      case beast_http::field::expect: expects_continue_ = is_lower(view(value), "100-continue"); break;
      default: break;
    }
  }

  void on_header_impl(error_code&) override {}
  // The parser is dropped after the head; bodies are RequestReader's.
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  Request& request_;
  std::vector<Header>& headers_;
  std::optional<Refusal> refusal_;
  int hosts_ = 0;
  int lengths_ = 0;
  bool has_transfer_encoding_ = false;
  bool expects_continue_ = false;
};

void Block::grow(std::size_t capacity, std::size_t used) {
  if (capacity <= capacity_) return;
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (used > 0) std::memcpy(larger.get(), data_.get(), used);
  data_ = std::move(larger);
  capacity_ = capacity;
}

void Block::release() noexcept {
  data_.reset();
  capacity_ = 0;
}

void ChunkDecoder::start(std::size_t limit) noexcept {
  *this = ChunkDecoder();
  limit_ = limit;
}

void ChunkDecoder::refuse(int status, std::string_view reason) noexcept {
  state_ = State::refused;
  refusal_ = {status, reason};
}

bool ChunkDecoder::begin_chunk() noexcept {
  if (size_ <= limit_) return true;
  refuse(413, "Payload Too Large");
  return false;
}

std::size_t ChunkDecoder::feed(std::string_view in, char* out, std::size_t& written) noexcept {
  constexpr std::string_view kBadChunk = "Chunked body is malformed";
  written = 0;
  std::size_t i = 0;
  while (i < in.size() && state_ != State::done && state_ != State::refused) {
    if (state_ == State::data) {
      const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(size_, in.size() - i));
      std::memmove(out + written, in.data() + i, n);
      written += n;
      i += n;
      limit_ -= n;
      size_ -= n;
      if (size_ == 0) state_ = State::data_cr;
      continue;
    }
    const char c = in[i++];
    switch (state_) {
      case State::size_first:
        size_ = 0;
        digits_ = 0;
        [[fallthrough]];
      case State::size: {
        int digit = -1;
        if (c >= '0' && c <= '9') digit = c - '0';
        else if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
        else if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
        if (digit >= 0) {
          if (++digits_ > 15) refuse(400, kBadChunk);
          size_ = size_ * 16 + static_cast<std::uint64_t>(digit);
          if (state_ == State::size_first) state_ = State::size;
        } else if (digits_ == 0) {
          refuse(400, kBadChunk);
        } else if (c == '\r') {
          if (begin_chunk()) state_ = State::size_lf;
        } else if (c == ';') {
          if (begin_chunk()) state_ = State::extension;
        } else {
          refuse(400, kBadChunk);
        }
        break;
      }
      case State::extension:
        if (c == '\r') state_ = State::size_lf;
        else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f || ++extra_ > kMaxChunkExtra) refuse(400, kBadChunk);
        break;
      case State::size_lf:
        if (c != '\n') refuse(400, kBadChunk);
        else state_ = size_ == 0 ? State::trailer_first : State::data;
        break;
      case State::data_cr:
        if (c != '\r') refuse(400, kBadChunk);
        else state_ = State::data_lf;
        break;
      case State::data_lf:
        if (c != '\n') refuse(400, kBadChunk);
        else state_ = State::size_first;
        break;
      case State::trailer_first:
        if (c == '\r') {
          state_ = State::end_lf;
          break;
        }
        state_ = State::trailer;
        [[fallthrough]];
      case State::trailer:
        if (c == '\r') state_ = State::trailer_lf;
        else if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) refuse(400, kBadChunk);
        else if (++extra_ > kMaxChunkExtra) refuse(431, "Trailers are too large");
        break;
      case State::trailer_lf:
        if (c != '\n') refuse(400, kBadChunk);
        else state_ = State::trailer_first;
        break;
      case State::end_lf:
        if (c != '\n') refuse(400, kBadChunk);
        else state_ = State::done;
        break;
      case State::data:
      case State::done:
      case State::refused: break;
    }
  }
  return i;
}

void RequestReader::refuse(int status, std::string_view reason) noexcept {
  stage_ = Stage::refused;
  refusal_ = {status, reason};
}

std::span<char> RequestReader::writable() {
  if (stage_ == Stage::body && apart_) {
    if (chunked_) {
      if (body_.capacity() - raw_end_ < kLeastRoom) body_.grow(std::max(body_.capacity() * 2, kBodyStep), raw_end_);
      return {body_.data() + raw_end_, body_.capacity() - raw_end_};
    }
    const std::size_t length = static_cast<std::size_t>(length_);
    // Grown as bytes come, not at once: a length that is only claimed costs nothing. Once some came there is room for all, or what is there would be copied again
    // and again; room that nothing was put into is no memory yet.
    if (body_.capacity() == body_size_) body_.grow(body_size_ < kMeant ? std::min(length, std::max(body_.capacity() * 2, kBodyStep)) : length, body_size_);
    return {body_.data() + body_size_, std::min(body_.capacity(), length) - body_size_};
  }
  if (stage_ == Stage::head) {
    // No view points into the block here, so it may move.
    if (begin_ == end_) begin_ = end_ = line_ = scanned_ = 0;
    if (in_.capacity() - end_ < kLeastRoom && begin_ > 0) {
      std::memmove(in_.data(), in_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      line_ -= begin_;
      scanned_ -= begin_;
      begin_ = 0;
    }
    if (in_.capacity() - end_ < kLeastRoom) in_.grow(in_.capacity() == 0 ? kFirstBlock : in_.capacity() * 2, end_);
  }
  return {in_.data() + end_, in_.capacity() - end_};
}

void RequestReader::received(std::size_t bytes) {
  if (stage_ == Stage::body && apart_) {
    if (chunked_) raw_end_ += bytes;
    else body_size_ += bytes;
  } else {
    end_ += bytes;
  }
}

RequestReader::Stage RequestReader::advance() {
  if (stage_ == Stage::head) scan_head();
  if (stage_ == Stage::body) {
    const std::size_t length = static_cast<std::size_t>(length_);
    if (chunked_) {
      decode_chunks();
    } else if (apart_) {
      if (body_size_ == length) {
        request_end_ = end_;
        finish_body({body_.data(), body_size_});
      }
    } else if (end_ - body_begin_ >= length) {
      request_end_ = body_begin_ + length;
      finish_body({in_.data() + body_begin_, length});
    }
  }
  return stage_;
}

// Finds the end of the head line by line, each byte once, and refuses what must not depend on Beast's leniency: a line that ends in LF
// alone and a folded line. Beast then parses the complete head in one go, so that neither views nor verdicts depend on how it arrived.
void RequestReader::scan_head() {
  if (begin_ == end_) return;
  const char* const data = in_.data();
  const std::size_t limit = std::min(end_, begin_ + max_header_bytes_);
  while (scanned_ < limit) {
    // A stranger to HTTP (TLS, say) is told at once rather than when the time for a head is over.
    if (scanned_ == begin_ && data[begin_] != '\r' && !is_token_char(data[begin_])) return refuse(400, kBadRequest.reason);
    const void* const found = std::memchr(data + scanned_, '\n', limit - scanned_);
    if (found == nullptr) {
      scanned_ = limit;
      break;
    }
    const std::size_t lf = static_cast<std::size_t>(static_cast<const char*>(found) - data);
    if (lf == line_ || data[lf - 1] != '\r') return refuse(400, "A line ends without CR");
    if (lf == line_ + 1) {
      if (line_ != begin_) {
        body_begin_ = lf + 1;
        return read_head();
      }
      // One empty line before a request is forgiven (RFC 9112, 2.2).
      if (blank_line_skipped_) return refuse(400, kBadRequest.reason);
      blank_line_skipped_ = true;
      begin_ = lf + 1;
      line_ = scanned_ = begin_;
      return scan_head();
    }
    if (line_ != begin_ && (data[line_] == ' ' || data[line_] == '\t')) return refuse(400, "Folded header lines are not accepted");
    line_ = scanned_ = lf + 1;
  }
  if (end_ - begin_ >= max_header_bytes_) refuse(431, "Request Header Fields Too Large");
}

void RequestReader::read_head() {
  HeadParser parser(request_, request_.headers_);
  if (const auto refusal = parser.parse({in_.data() + begin_, body_begin_ - begin_})) return refuse(refusal->status, refusal->reason);
  request_.split_target();
  keep_alive_ = parser.keep_alive();
  chunked_ = parser.chunked();
  expects_continue_ = parser.expects_continue() && request_.version_ >= 11;
  length_ = parser.content_length().value_or(0);
  request_.upgrade_ = parser.upgrade() && request_.version_ >= 11 && request_.method_ == "GET" && request_.names_websocket();
  if (chunked_ || length_ > 0) {
    stage_ = Stage::judge;
  } else {
    request_end_ = body_begin_;
    stage_ = Stage::complete;
  }
}

void RequestReader::allow_body(std::size_t limit) {
  WATCHBELL_ASSERT(stage_ == Stage::judge);
  if (!chunked_ && length_ > limit) return refuse(413, "Payload Too Large");
  stage_ = Stage::body;
  body_size_ = raw_begin_ = raw_end_ = 0;
  const std::size_t there = end_ - body_begin_;
  if (chunked_) {
    apart_ = true;
    chunks_.start(limit);
    if (there == 0) return;
    body_.grow(there, 0);
    const std::size_t used = chunks_.feed({in_.data() + body_begin_, there}, body_.data(), body_size_);
    raw_begin_ = raw_end_ = body_size_;
    request_end_ = body_begin_ + used;
    if (!chunks_.done()) end_ = body_begin_;
    return;
  }
  apart_ = length_ > in_.capacity() - body_begin_;
  if (!apart_) return;
  body_.grow(std::min(static_cast<std::size_t>(length_), std::max(there, kBodyStep)), 0);
  std::memcpy(body_.data(), in_.data() + body_begin_, there);
  body_size_ = there;
  end_ = body_begin_;
}

void RequestReader::decode_chunks() {
  if (raw_end_ > raw_begin_ && !chunks_.done()) {
    // Decoded in place: the body never outruns the bytes it is decoded from.
    std::size_t written = 0;
    const std::size_t used = chunks_.feed({body_.data() + raw_begin_, raw_end_ - raw_begin_}, body_.data() + body_size_, written);
    body_size_ += written;
    raw_begin_ += used;
    if (!chunks_.done()) raw_begin_ = raw_end_ = body_size_;
    request_end_ = end_;
  }
  if (chunks_.refused()) return refuse(chunks_.refusal().status, chunks_.refusal().reason);
  if (chunks_.done()) finish_body({body_.data(), body_size_});
}

void RequestReader::finish_body(std::string_view body) noexcept {
  request_.body_ = body;
  stage_ = Stage::complete;
}

bool RequestReader::expects_continue() const noexcept {
  if (!expects_continue_ || stage_ != Stage::body) return false;
  // Some of the body is here already: the client did not wait.
  return apart_ ? body_size_ == 0 && raw_end_ == 0 : end_ == body_begin_;
}

void RequestReader::drop_body() noexcept {
  stage_ = Stage::refused;
  request_.body_ = {};
  body_.release();
}

std::string_view RequestReader::rest() const noexcept {
  if (raw_end_ > raw_begin_) return {body_.data() + raw_begin_, raw_end_ - raw_begin_};
  return {in_.data() + request_end_, end_ - request_end_};
}

void RequestReader::next() {
  WATCHBELL_ASSERT(stage_ == Stage::complete);
  if (raw_end_ > raw_begin_) {
    // The rest came behind the last chunk. Nothing of `in_` is alive, and all of it is consumed.
    const std::size_t size = raw_end_ - raw_begin_;
    in_.grow(size, 0);
    std::memcpy(in_.data(), body_.data() + raw_begin_, size);
    begin_ = 0;
    end_ = size;
  } else {
    begin_ = request_end_;
  }
  line_ = scanned_ = begin_;
  blank_line_skipped_ = false;
  request_.method_ = request_.target_ = request_.path_ = request_.query_ = request_.body_ = {};
  request_.headers_.clear();
  request_.version_ = 11;
  raw_begin_ = raw_end_ = body_size_ = 0;
  apart_ = chunked_ = expects_continue_ = false;
  body_.release();  // or idle connections would hold what others need
  if (begin_ == end_ && in_.capacity() > 2 * kFirstBlock) in_.release();  // an idle connection keeps little; the next read makes a new one
  if (in_.capacity() == 0) begin_ = end_ = line_ = scanned_ = 0;
  stage_ = Stage::head;
}

}  // namespace watchbell::http
