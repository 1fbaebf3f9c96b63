#include "platform/http_server/connection.hpp"

#include <charconv>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "async/loop.hpp"
#include "platform/http_server/websocket_session.hpp"

namespace watchbell::http {
namespace {

using boost::system::error_code;

// Bodies up to this size are copied behind the head: one short copy is cheaper than a second element in the write.
constexpr std::size_t kCopiedBody = 1024;
// What is read before other connections have their turn: of a body of megabytes the kernel may hand out all that it has at once, which takes it milliseconds.
constexpr std::size_t kReadAtOnce = 64 * 1024;
// What a client may still send after the last answer before it is cut.
constexpr std::size_t kLingerBytes = 4 * 1024 * 1024;
// Pipelined requests of one connection that are answered on the spot before the others have their turn.
constexpr int kAnswersInARow = 16;
constexpr std::string_view kJson = "application/json";

}  // namespace

std::string_view reason_phrase(int status) noexcept {
  switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Payload Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

struct Connection::OnRead {
  Ptr self;
  void operator()(error_code error, std::size_t bytes) {
    try {
      self->on_read(error, bytes);
    } catch (...) {  // boundary: what fails here (no memory, most likely) ends this connection, not the loop
      self->fail();
    }
  }
};

struct Connection::OnWritten {
  Ptr self;
  void operator()(error_code error, std::size_t bytes) {
    try {
      self->on_written(error, bytes);
    } catch (...) {  // boundary, as above
      self->fail();
    }
  }
};

Connection::Connection(Core& core, Socket socket, std::string peer_address)
    : Member(core),
      socket_(std::move(socket)),
      peer_(std::move(peer_address)),
      reader_(core.options.max_header_bytes),
      timer_([this] { on_timer(); }) {
  core.connections.push_back(*this);
  reader_.set_peer_address(peer_);
}

Connection::~Connection() { core_.buffered -= buffered_; }

void Connection::start() {
  error_code ignored;  // a socket that is gone already says so at the first read
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  set_deadline(core_.options.header_timeout);
  read();
}

void Connection::read() {
  WATCHBELL_ASSERT(!read_pending_);
  read_pending_ = true;
  auto room = phase_ == Phase::lingering ? std::span<char>(core_.scratch) : reader_.writable();
  room = room.first(std::min(room.size(), kReadAtOnce));
  socket_.async_read_some(asio::buffer(room.data(), room.size()), OnRead{this});
}

void Connection::on_read(error_code error, std::size_t bytes) {
  read_pending_ = false;
  if (phase_ == Phase::closed) return;
  if (phase_ == Phase::lingering) {
    lingered_ += bytes;
    if (error || lingered_ > kLingerBytes) return close();
    return read();
  }
  if (phase_ != Phase::reading) return;  // refused meanwhile; linger() reads on
  if (error == asio::error::operation_aborted && core_.stopping) {
    error_code failure;
    if (socket_.available(failure) > 0 && !failure) return read();
    return close();
  }
  if (error) {
    // Half of a request and then the end: the client may still listen, so it is told. Anything but an orderly end is not worth it.
    if (error == asio::error::eof && !reader_.idle()) return refuse(400, "Request ends early");
    return close();
  }
  reader_.received(bytes);
  proceed();
}

// Serves what is there until it must wait for bytes, for a handler, or for the socket.
void Connection::proceed() {
  int in_a_row = 0;
  while (true) {
    switch (reader_.advance()) {
      case RequestReader::Stage::complete:
        if (in_a_row++ == kAnswersInARow) return proceed_later();
        if (!answer()) return;
        break;
      case RequestReader::Stage::judge: {
        std::size_t limit = 0;
        try {
          limit = core_.handler.body_limit(reader_.request());
        } catch (...) {  // boundary: a request
          core_.report("http request", std::current_exception());
          return refuse(500, "Internal Server Error");
        }
        reader_.allow_body(limit);
        set_deadline(core_.options.body_timeout);
        if (reader_.advance() == RequestReader::Stage::body && reader_.expects_continue()) {
          send_continue();
          if (phase_ == Phase::closed) return;
        }
        break;
      }
      case RequestReader::Stage::refused: return refuse(reader_.refusal().status, reader_.refusal().reason);
      case RequestReader::Stage::head:
        if (reader_.idle()) {
          if (core_.stopping) return linger();
          if (served_) set_deadline(now_ + core_.options.idle_timeout);
        } else if (!head_started_) {
          head_started_ = true;
          set_deadline(core_.options.header_timeout);
        }
        return read();
      case RequestReader::Stage::body:
        if (!within_budget()) return refuse(503, "Too many large requests at once");
        return read();
    }
  }
}

void Connection::proceed_later() {
  asio::post(core_.tasks.executor(), [self = Ptr(this)] {
    try {
      if (self->phase_ == Phase::reading) self->proceed();
    } catch (...) {  // boundary, as for a read
      self->fail();
    }
  });
}

// Whether the connection is ready for its next request.
bool Connection::answer() {
  no_deadline();
  response_.reset();
  now_ = core_.now();
  reader_.set_began(now_);
  bool filled = false;
  try {
    filled = core_.handler.answer_now(reader_.request(), response_);
  } catch (...) {  // boundary: a request
    core_.report("http request", std::current_exception());
    plain_fault();
    filled = true;
  }
  if (filled) return send_answer();
  response_.reset();
  phase_ = Phase::handling;
  core_.tasks.spawn("http request", run_handler(this));
  return false;
}

awaitable<void> Connection::run_handler(Ptr self) {
  try {
    co_await self->core_.handler.handle(self->reader_.request(), self->response_);
  } catch (const boost::system::system_error& error) {
    // Cancelled by the stop: the connection is cut as well. The same word from elsewhere is a fault like any other.
    if (error.code() == asio::error::operation_aborted && self->phase_ == Phase::closed) throw;
    self->core_.report("http request", std::current_exception());
    self->plain_fault();
  } catch (...) {  // boundary: a request
    self->core_.report("http request", std::current_exception());
    self->plain_fault();
  }
  if (self->phase_ == Phase::closed) co_return;
  self->now_ = self->core_.now();
  if (!self->send_answer()) co_return;
  // A handler that never waits runs inside the call that read its request: pipelined requests go through the loop's queue, or each would nest in the one
  // before it until the stack ends.
  if (!self->reader_.idle()) co_await asio::post(self->core_.tasks.executor(), use_awaitable);
  if (self->phase_ == Phase::reading) self->proceed();
}

void Connection::plain_fault() {
  response_.reset();
  response_.status = 500;
  response_.content_type = kJson;
  response_.body = std::string_view(R"({"error":"Internal Server Error"})");
}

void Connection::send_continue() {
  constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
  error_code error;
  // Earlier answers are written, so the socket has room unless the client does not read; then it gets no body in either.
  const std::size_t sent = socket_.write_some(asio::buffer(kContinue), error);
  if (error || sent != kContinue.size()) close();
}

bool Connection::send_answer() {
  if (response_.upgrade) {
    if (reader_.request().is_upgrade()) {
      begin_upgrade();
      return false;
    }
    response_.reset();
    response_.status = 426;
    response_.content_type = kJson;
    response_.extra_headers = "Upgrade: websocket\r\n";
    response_.body = std::string_view(R"({"error":"Upgrade Required"})");
  }
  last_ = response_.close || core_.stopping || !reader_.keep_alive();
  build_answer(response_.body_view());
  if (response_.hold.count() == 0) return write();
  phase_ = Phase::holding;
  held_ = this;
  set_deadline(response_.hold);
  return false;
}

void Connection::build_answer(std::string_view body) {
  char digits[24];
  const auto number = [&](auto value) { return std::string_view(digits, static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits)); };
  const int status = response_.status;
  out_.clear();
  if (status == 200) out_.append("HTTP/1.1 200 OK\r\n");
  else out_.append("HTTP/1.1 ").append(number(status)).append(" ").append(reason_phrase(status)).append("\r\n");
  out_.append(core_.date_line(now_));
  const bool has_body = status != 204 && status != 304;  // RFC 9110, 8.6: neither has a length of its own
  if (has_body) {
    if (!response_.content_type.empty()) out_.append("Content-Type: ").append(response_.content_type).append("\r\n");
    out_.append("Content-Length: ").append(number(body.size())).append("\r\n");
  }
  if (last_) out_.append("Connection: close\r\n");
  else if (reader_.request().version() < 11) out_.append("Connection: keep-alive\r\n");
  out_.append(response_.extra_headers).append("\r\n");
  out_body_ = {};
  out_sent_ = 0;
  if (!has_body || reader_.request().method() == "HEAD") return;
  if (body.size() <= kCopiedBody) out_.append(body);
  else out_body_ = body;
}

// Whether the whole answer is out and the connection is ready for its next request.
bool Connection::write() {
  const std::size_t total = out_.size() + out_body_.size();
  while (out_sent_ < total) {
    error_code error;
    std::size_t sent = 0;
    const std::size_t head_left = out_.size() - std::min(out_.size(), out_sent_);
    const std::string_view body_left = out_body_.substr(out_sent_ + head_left - out_.size());
    const asio::const_buffer head(out_.data() + out_.size() - head_left, head_left);
    const asio::const_buffer body(body_left.data(), body_left.size());
    if (body_left.empty()) sent = socket_.write_some(head, error);
    else if (head_left == 0) sent = socket_.write_some(body, error);
    else sent = socket_.write_some(std::array{head, body}, error);
    if (error == asio::error::would_block || error == asio::error::try_again) {
      phase_ = Phase::writing;
      set_deadline(core_.options.write_timeout);
      socket_.async_write_some(std::array{head, body}, OnWritten{this});
      return false;
    }
    if (error) {
      close();
      return false;
    }
    out_sent_ += sent;
  }
  return answered();
}

void Connection::on_written(error_code error, std::size_t bytes) {
  if (phase_ != Phase::writing) return;
  if (error) return close();
  out_sent_ += bytes;
  now_ = core_.now();
  no_deadline();
  if (write()) proceed();
}

bool Connection::answered() {
  out_body_ = {};
  if (last_) {
    linger();
    return false;
  }
  phase_ = Phase::reading;
  served_ = true;
  head_started_ = false;
  reader_.next();
  within_budget();
  return true;
}

// Keeps the account of the memory that bodies take. Whether there is room for this connection's.
bool Connection::within_budget() {
  const std::size_t held = reader_.body_held();
  if (held == buffered_) return true;
  const bool grew = held > buffered_;
  core_.buffered += held - buffered_;
  buffered_ = held;
  return !grew || core_.buffered <= core_.options.max_buffered_bytes;
}

// The answer to what no handler sees.
void Connection::refuse(int status, std::string_view reason) {
  reader_.drop_body();
  within_budget();
  response_.reset();
  response_.status = status;
  response_.content_type = kJson;
  response_.text().append(R"({"error":")").append(reason).append("\"}");  // the reasons are ours and need no escapes
  last_ = true;
  now_ = core_.now();
  no_deadline();
  phase_ = Phase::writing;
  build_answer(response_.body_view());
  // A refused head leaves the method unknown, so HEAD gets a body too; the connection ends behind it.
  write();
}

void Connection::begin_upgrade() {
  phase_ = Phase::closed;
  timer_.cancel();
  run_websocket(core_, std::move(socket_), reader_.request(), std::string(reader_.rest()), std::move(response_.extra_headers),
                std::move(response_.upgrade));
}

void Connection::linger() {
  error_code error;
  socket_.shutdown(asio::socket_base::shutdown_send, error);
  if (error) return close();
  phase_ = Phase::lingering;
  set_deadline(core_.options.linger_timeout);
  if (!read_pending_) read();
}

void Connection::fail() {
  core_.report("http connection", std::current_exception());
  close();
}

void Connection::close() {
  const Ptr until_the_end = std::move(held_);
  phase_ = Phase::closed;
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);  // ends the operations under way, and with them the references
}

// A request may have been read already and wait in the loop's queue, or wait in the kernel. Cancelling the read tells: it ends with bytes in
// the first case, and aborted otherwise; on_read() then looks into the kernel.
void Connection::stop() {
  if (phase_ != Phase::reading || !reader_.idle()) return;
  error_code ignored;
  socket_.cancel(ignored);
}

void Connection::set_deadline(std::chrono::milliseconds from_now) { set_deadline(core_.now() + from_now); }

void Connection::set_deadline(Monotonic at) {
  deadline_ = at;
  if (timer_.armed() && timer_at_ <= at) return;
  timer_at_ = at;
  core_.wheel.arm(timer_, at - core_.now());
}

void Connection::on_timer() {
  if (phase_ == Phase::closed || deadline_ == Monotonic::max()) return;
  if (core_.now() < deadline_) {
    timer_at_ = deadline_;
    core_.wheel.arm(timer_, deadline_ - core_.now());
    return;
  }
  const Ptr self(this);
  if (phase_ == Phase::holding) {
    held_.reset();
    no_deadline();
    if (write()) proceed();
    return;
  }
  if (phase_ == Phase::reading && !reader_.idle()) return refuse(408, "Request Timeout");
  close();
}

}  // namespace watchbell::http
