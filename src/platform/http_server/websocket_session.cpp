#include "platform/http_server/websocket_session.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <vector>

#include <boost/asio/append.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/websocket/stream.hpp>

#include "async/loop.hpp"
#include "base/text.hpp"

namespace watchbell::http {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
using boost::system::error_code;

// Messages a user has not read yet; more wait in the kernel.
constexpr std::size_t kMaxUnread = 64;
constexpr std::size_t kMaxReason = 123;
constexpr unsigned kClose = 8;  // opcode (RFC 6455, 5.5.1)

class Session;

/// Called once when bytes are written or lost.
using Completion = std::move_only_function<void(error_code, std::size_t)>;

/// Beast's view of the socket. It reads what came behind the upgrade request first, and hands what Beast writes (the handshake, pongs,
/// closes) to the session, which joins it with the messages waiting: Beast itself writes one frame at a time.
class Transport {
 public:
  using executor_type = Executor;
  Transport(Socket socket, std::string received, Session& session) : socket_(std::move(socket)), received_(std::move(received)), session_(session) {}

  executor_type get_executor() noexcept { return socket_.get_executor(); }
  Socket& socket() noexcept { return socket_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& into) {
          if (used_ == received_.size()) return socket_.async_read_some(into, std::move(handler));
          const std::size_t size = asio::buffer_copy(into, asio::buffer(received_) + used_);
          used_ += size;
          if (used_ == received_.size()) {
            received_ = std::string();
            used_ = 0;
          }
          asio::post(socket_.get_executor(), asio::append(std::move(handler), error_code(), size));
        },
        token, buffers);
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(error_code, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          std::string bytes(asio::buffer_size(from), '\0');
          asio::buffer_copy(asio::buffer(bytes), from);
          write(std::move(bytes), [executor = socket_.get_executor(), handler = std::move(handler)](error_code error, std::size_t size) mutable {
            asio::post(executor, asio::append(std::move(handler), error, size));
          });
        },
        token, buffers);
  }

 private:
  void write(std::string bytes, Completion done);

  Socket socket_;
  std::string received_;
  std::size_t used_ = 0;
  Session& session_;
};

// Found by Beast through argument-dependent look-up.
void beast_close_socket(Transport& transport) {
  error_code ignored;
  transport.socket().close(ignored);
}

template <class Handler>
void async_teardown(beast::role_type role, Transport& transport, Handler&& handler) {
  websocket::async_teardown(role, transport.socket(), std::forward<Handler>(handler));
}

/// Appends the first bytes of an unmasked frame that ends its message (RFC 6455, 5.2).
void append_frame_head(std::string& head, unsigned opcode, std::size_t size) {
  head.push_back(static_cast<char>(0x80 | opcode));
  const auto add = [&](std::size_t bytes) {
    for (std::size_t i = bytes; i-- > 0;) head.push_back(static_cast<char>((size >> (8 * i)) & 0xff));
  };
  if (size < 126) {
    add(1);
  } else if (size <= 0xffff) {
    head.push_back(126);
    add(2);
  } else {
    head.push_back(127);
    add(8);
  }
}

/// One websocket: Beast shakes hands and reads, one buffer of ours carries all that is written. Two tasks at most: the user's (run) and the
/// reader. Each holds the session.
///
/// The session's own close is written here, never by Beast's async_close: that one waits for the reader while it keeps others from writing, and a reader
/// that meets a broken frame meanwhile waits to write, so that both would wait for ever.
class Session final : public WebSocket, public std::enable_shared_from_this<Session> {
 public:
  using Use = std::function<awaitable<void>(std::shared_ptr<WebSocket>)>;

  Session(Core& core, Socket socket, const Request& request, std::string received, std::string extra_headers)
      : core_(core),
        peer_(request.peer_address()),
        stream_(std::move(socket), std::move(received), *this),
        arrived_(core.tasks.executor()),
        room_(core.tasks.executor()),
        timer_([this] { on_timer(); }),
        presence_(std::in_place, core, *this) {
    handshake_.method_string(beast::string_view(request.method().data(), request.method().size()));
    handshake_.target(beast::string_view(request.target().data(), request.target().size()));
    handshake_.version(11);
    for (const Header& header : request.headers())
      handshake_.insert(beast::string_view(header.name.data(), header.name.size()), beast::string_view(header.value.data(), header.value.size()));
    stream_.read_message_max(core.options.websocket.max_message_bytes);
    stream_.set_option(websocket::stream_base::decorator([lines = std::move(extra_headers)](websocket::response_type& response) {
      response.set(beast::http::field::server, "Watchbell");  // left out, Beast would name itself and its version
      add_headers(response, lines);
    }));
    // Runs inside Beast's reading.
    stream_.control_callback([this](websocket::frame_type kind, beast::string_view) {
      heard_ = core_.now();
      if (kind == websocket::frame_type::close) on_close_frame();
    });
  }

  // --- WebSocket
  awaitable<std::optional<std::string>> read() override {
    WATCHBELL_ASSERT_ON_LOOP();
    while (unread_.empty() && open_) co_await arrived_.wait();
    if (unread_.empty()) co_return std::nullopt;
    std::string message = std::move(unread_.front());
    unread_.erase(unread_.begin());
    room_.notify_all();
    co_return message;
  }

  void send(std::shared_ptr<const std::string> text) override {
    hold(*text, {});
    flush();
  }

  void hold(std::string_view begin, std::string_view rest) override {
    WATCHBELL_ASSERT_ON_LOOP();
    if (!open_) return;
    const auto& limits = core_.options.websocket;
    const std::size_t size = begin.size() + rest.size();
    if (waiting_.count + out_messages_.count + 1 > limits.max_backlog_messages || waiting_.bytes + out_messages_.bytes + size > limits.max_backlog_bytes) {
      drop_messages();
      close(1013, "too slow");
      return;
    }
    ++waiting_.count;
    waiting_.bytes += size;
    append_frame_head(messages_, 1, size);
    messages_.append(begin).append(rest);
  }

  void flush() override {
    WATCHBELL_ASSERT_ON_LOOP();
    if (!messages_.empty()) flush_soon();
  }

  void close(std::uint16_t code, std::string reason) override {
    WATCHBELL_ASSERT_ON_LOOP();
    if (!open_) return;
    shut();
    reason.resize(utf8_prefix(reason, kMaxReason).size());
    std::string frame;
    append_frame_head(frame, kClose, 2 + reason.size());
    frame.push_back(static_cast<char>(code >> 8));
    frame.push_back(static_cast<char>(code & 0xff));
    frame.append(reason);
    controls_.push_back({std::move(frame), {}});
    closed_here_ = true;
    flush_soon();
  }

  bool open() const noexcept override { return open_; }
  std::string_view peer_address() const noexcept override { return peer_; }

  // --- what the server and the transport call
  void start(Use use) { core_.tasks.spawn("websocket", run(shared_from_this(), std::move(use), Leave(shared_from_this(), running_))); }

  void cut() {
    open_ = false;
    arrived_.notify_all();
    room_.notify_all();
    timer_.cancel();
    error_code ignored;
    socket().close(ignored);
    lose(asio::error::operation_aborted);
  }

  void write(std::string bytes, Completion done) {
    // Beast answers a close, or gives up on a peer that breaks the protocol.
    if (accepted_ && !bytes.empty() && (bytes.front() & 0x0f) == kClose) on_close_frame();
    accepted_ = true;  // the first bytes are the handshake's
    const std::size_t size = bytes.size();
    if (closed_here_) bytes.clear();  // no frame comes behind a close (RFC 6455, 5.5.1); it has left when Beast goes on
    controls_.push_back({std::move(bytes), [done = std::move(done), size](error_code error) mutable { done(error, error ? 0 : size); }});
    flush_soon();
  }

 private:
  /// Keeps the server from ending while the session runs, however long a user keeps the object.
  class Presence final : public Core::Member {
   public:
    Presence(Core& core, Session& session) : Member(core), session_(session) {
      core.sockets.push_back(*this);
      ++core.websockets;
    }
    ~Presence() override { --core_.websockets; }
    void stop() override { session_.close(1001, "going away"); }
    void cut() override { session_.cut(); }

   private:
    Session& session_;
  };

  /// Marks one of the session's tasks as running from its making to its end; a parameter, so that a task dropped unstarted ends too.
  class Leave {
   public:
    Leave(std::shared_ptr<Session> session, bool& flag) : session_(std::move(session)), flag_(&flag) { flag = true; }
    Leave(Leave&& other) noexcept : session_(std::move(other.session_)), flag_(other.flag_) {}
    Leave& operator=(Leave&&) = delete;
    ~Leave() {
      if (!session_) return;
      *flag_ = false;
      if (flag_ == &session_->pumping_) session_->shut();
      if (session_->running_ || session_->pumping_) return;
      session_->cut();
      session_->presence_.reset();
    }

   private:
    std::shared_ptr<Session> session_;
    bool* flag_;
  };

  /// What Beast writes, pings, and the close of the session itself.
  struct Control {
    std::string bytes;
    std::move_only_function<void(error_code)> done;
  };

  struct Backlog {
    std::size_t count = 0;
    std::size_t bytes = 0;  // without the heads of frames
  };

  static void add_headers(websocket::response_type& response, std::string_view lines) {
    while (!lines.empty()) {
      const auto end = lines.find("\r\n");
      const std::string_view line = lines.substr(0, end);
      if (const auto colon = line.find(": "); colon != std::string_view::npos)
        response.insert(beast::string_view(line.data(), colon), beast::string_view(line.data() + colon + 2, line.size() - colon - 2));
      lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 2);
    }
  }

  Socket& socket() noexcept { return stream_.next_layer().socket(); }

  /// The user's task, between the handshake and the goodbye.
  static awaitable<void> run(std::shared_ptr<Session> self, Use use, Leave /*marks the end*/) {
    self->arm(self->core_.options.header_timeout);
    error_code error;
    co_await self->stream_.async_accept(self->handshake_, asio::redirect_error(use_awaitable, error));
    // Twenty thousand sockets do not keep what was for their beginning.
    self->handshake_ = {};
    self->stream_.set_option(websocket::stream_base::decorator([](websocket::response_type&) {}));
    if (error) {
      self->cut();
      co_return;
    }
    self->open_ = true;
    self->heard_ = self->core_.now();
    self->next_ping_ = self->heard_ + self->core_.options.websocket.ping_interval;
    self->arm_open();
    if (self->core_.stopping) self->close(1001, "going away");
    self->core_.tasks.spawn("websocket reader", pump(self, Leave(self, self->pumping_)));
    try {
      co_await use(self);
    } catch (const boost::system::system_error& fault) {
      if (fault.code() == asio::error::operation_aborted && self->core_.cutting) throw;
      self->core_.report("websocket", std::current_exception());
      self->close(1011, "internal error");
    } catch (...) {  // boundary: a websocket session
      self->core_.report("websocket", std::current_exception());
      self->close(1011, "internal error");
    }
    self->close(1000, "");
  }

  /// Reads until the connection ends. Reading never stops for long, because pongs and closes come this way too.
  static awaitable<void> pump(std::shared_ptr<Session> self, Leave /*marks the end*/) {
    std::string message;
    while (true) {
      error_code error;
      const std::size_t size = co_await self->stream_.async_read_some(asio::buffer(self->piece_), asio::redirect_error(use_awaitable, error));
      if (error) co_return;
      message.append(self->piece_.data(), size);
      if (!self->stream_.is_message_done()) continue;
      self->heard_ = self->core_.now();
      if (self->open_ && !self->stream_.got_text()) self->close(1003, "text only");
      // Beast looks at each piece, but not whether an empty last one leaves a character unfinished.
      if (self->open_ && !is_utf8(message)) self->close(1007, "not UTF-8");
      if (self->open_) {
        self->unread_.push_back(std::move(message));
        self->arrived_.notify_all();
      }
      message = std::string();
      while (self->unread_.size() >= kMaxUnread && self->open_) co_await self->room_.wait();
    }
  }

  /// No more messages either way; the rest of the close has a deadline.
  void shut() {
    if (!open_) return;
    open_ = false;
    arrived_.notify_all();
    room_.notify_all();
    arm(core_.options.websocket.close_timeout);
  }

  void on_close_frame() {
    if (!open_) return;
    drop_messages();  // the peer reads no further than the close
    shut();
  }

  void arm(std::chrono::nanoseconds delay) { core_.wheel.arm(timer_, delay); }

  void arm_open() {
    const Monotonic silent = heard_ + core_.options.websocket.pong_timeout;
    arm(std::min(silent, next_ping_) - core_.now());
  }

  void on_timer() {
    const auto self = shared_from_this();
    if (!open_) return cut();  // the handshake, or the peer's part of the close, took too long
    const Monotonic now = core_.now();
    // With unread messages in the way, silence is ours.
    if (unread_.size() >= kMaxUnread) heard_ = now;
    if (now - heard_ >= core_.options.websocket.pong_timeout) return cut();
    if (now >= next_ping_) {
      next_ping_ = now + core_.options.websocket.ping_interval;
      std::string ping;
      append_frame_head(ping, 9, 0);
      controls_.push_back({std::move(ping), {}});
      flush_soon();
    }
    arm_open();
  }

  /// Forgets the messages that no byte was written of. What Beast writes stays: it waits for its completion.
  void drop_messages() {
    messages_ = std::string();
    waiting_ = {};
  }

  // At the end of the loop's turn, so that what is sent in one turn leaves in one write.
  void flush_soon() {
    if (writing_ || flush_posted_) return;
    flush_posted_ = true;
    asio::post(core_.tasks.executor(), [self = shared_from_this()] {
      self->flush_posted_ = false;
      self->write_out();
    });
  }

  void write_out() {
    while (!writing_) {
      if (out_sent_ == out_.size() && !join()) return;
      error_code error;
      const auto left = asio::buffer(out_) + out_sent_;
      const std::size_t sent = socket().write_some(left, error);
      if (error == asio::error::would_block || error == asio::error::try_again) {
        writing_ = true;
        socket().async_write_some(left, [self = shared_from_this()](error_code failure, std::size_t size) {
          self->writing_ = false;
          if (failure) return self->lose(failure);
          self->out_sent_ += size;
          self->write_out();
        });
        return;
      }
      if (error) return lose(error);
      out_sent_ += sent;
    }
  }

  /// Settles what was written and joins what waits into out_: the messages, then what Beast writes, since no message comes behind a close. Whether
  /// there is anything.
  bool join() {
    out_messages_ = std::exchange(waiting_, {});
    out_sent_ = 0;
    out_ = std::exchange(messages_, {});  // freed when nothing waits: twenty thousand idle sockets keep no buffers
    settle({});
    for (auto& control : std::exchange(controls_, {})) {
      out_.append(control.bytes);
      if (control.done) out_done_.push_back(std::move(control.done));
    }
    if (out_.empty()) settle({});
    return !out_.empty();
  }

  void settle(error_code error) {
    for (auto& done : std::exchange(out_done_, {})) done(error);
  }

  /// Nothing written from here on arrives.
  void lose(error_code error) {
    out_ = std::string();
    out_sent_ = 0;
    out_messages_ = {};
    drop_messages();
    settle(error);
    for (auto& control : std::exchange(controls_, {}))
      if (control.done) control.done(error);
  }

  Core& core_;
  const std::string peer_;
  websocket::stream<Transport, false> stream_;
  beast::http::request<beast::http::empty_body> handshake_;
  bool open_ = false;
  bool accepted_ = false;
  bool closed_here_ = false;  // the session's own close waits to be written, or was
  bool running_ = false;
  bool pumping_ = false;

  std::array<char, 256> piece_;  // of a message; clients send short ones, and most none
  std::vector<std::string> unread_;
  async::Event arrived_;
  async::Event room_;

  // Vectors and strings, because an empty deque holds half a kilobyte.
  std::string messages_;           // frames that wait
  Backlog waiting_;                // in messages_
  std::vector<Control> controls_;  // likewise, to leave behind them
  std::string out_;                // joined frames being written
  std::size_t out_sent_ = 0;
  Backlog out_messages_;           // in out_
  std::vector<std::move_only_function<void(error_code)>> out_done_;
  bool writing_ = false;
  bool flush_posted_ = false;

  async::Timer timer_;
  Monotonic heard_{};
  Monotonic next_ping_{};
  std::optional<Presence> presence_;
};

void Transport::write(std::string bytes, Completion done) { session_.write(std::move(bytes), std::move(done)); }

}  // namespace

void run_websocket(Core& core, Socket socket, const Request& request, std::string received, std::string extra_headers,
                   std::function<awaitable<void>(std::shared_ptr<WebSocket>)> use) {
  const auto session = std::make_shared<Session>(core, std::move(socket), request, std::move(received), std::move(extra_headers));
  session->start(std::move(use));
}

}  // namespace watchbell::http
