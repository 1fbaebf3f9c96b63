#include "platform/http_server/websocket_session.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include <boost/asio/append.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
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
// Frames are joined into writes of about this size.
constexpr std::size_t kJoinedWrite = 64 * 1024;
constexpr std::size_t kMaxReason = 123;

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

/// The first bytes of an unmasked frame that ends its message (RFC 6455, 5.2).
std::string frame_head(unsigned opcode, std::size_t size) {
  std::string head(1, static_cast<char>(0x80 | opcode));
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
  return head;
}

/// One websocket: Beast shakes hands and reads, one queue of ours carries all that is written. Three tasks at most: the user's (run), the
/// reader, and the closing handshake. Each holds the session.
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
    unread_.pop_front();
    room_.notify_all();
    co_return message;
  }

  void send(std::shared_ptr<const std::string> text) override {
    WATCHBELL_ASSERT_ON_LOOP();
    if (!open_) return;
    const auto& limits = core_.options.websocket;
    if (backlog_messages_ + 1 > limits.max_backlog_messages || backlog_bytes_ + text->size() > limits.max_backlog_bytes) {
      drop_messages();
      close(1013, "too slow");
      return;
    }
    ++backlog_messages_;
    backlog_bytes_ += text->size();
    std::string head = frame_head(1, text->size());
    queue_.push_back({std::move(head), std::move(text), {}});
    flush_soon();
  }

  void close(std::uint16_t code, std::string reason) override {
    WATCHBELL_ASSERT_ON_LOOP();
    if (!open_) return;
    shut();
    reason.resize(utf8_prefix(reason, kMaxReason).size());
    core_.tasks.spawn("websocket close", shake_hands_goodbye(shared_from_this(), code, std::move(reason)));
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
    // 8 is a close (RFC 6455, 5.5.1): Beast answers one, or gives up on a peer that breaks the protocol.
    if (accepted_ && !bytes.empty() && (bytes.front() & 0x0f) == 8) on_close_frame();
    accepted_ = true;  // the first bytes are the handshake's
    queue_.push_back({std::move(bytes), nullptr, std::move(done)});
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

  struct Item {
    std::string bytes;                           // a message's frame head, or all of what Beast writes
    std::shared_ptr<const std::string> message;  // null for what Beast writes and for pings
    Completion done;
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
    self->handshake_ = {};
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
    beast::flat_buffer buffer;
    while (true) {
      error_code error;
      co_await self->stream_.async_read(buffer, asio::redirect_error(use_awaitable, error));
      if (error) co_return;
      self->heard_ = self->core_.now();
      if (self->open_ && !self->stream_.got_text()) self->close(1003, "text only");
      if (self->open_) {
        const auto bytes = buffer.cdata();
        self->unread_.emplace_back(static_cast<const char*>(bytes.data()), bytes.size());
        self->arrived_.notify_all();
      }
      buffer.consume(buffer.size());
      while (self->unread_.size() >= kMaxUnread && self->open_) co_await self->room_.wait();
    }
  }

  static awaitable<void> shake_hands_goodbye(std::shared_ptr<Session> self, std::uint16_t code, std::string reason) {
    error_code error;
    const websocket::close_reason why(static_cast<websocket::close_code>(code), beast::string_view(reason.data(), reason.size()));
    co_await self->stream_.async_close(why, asio::redirect_error(use_awaitable, error));
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
      queue_.push_back({frame_head(9, 0), nullptr, {}});
      flush_soon();
    }
    arm_open();
  }

  /// Forgets the messages that no byte was written of. What Beast writes stays: it waits for its completion.
  void drop_messages() {
    std::erase_if(queue_, [this](const Item& item) {
      if (!item.message) return false;
      --backlog_messages_;
      backlog_bytes_ -= item.message->size();
      return true;
    });
  }

  // At the end of the loop's turn, so that what is sent in one turn leaves in one write.
  void flush_soon() {
    if (writing_ || flush_posted_) return;
    flush_posted_ = true;
    asio::post(core_.tasks.executor(), [self = shared_from_this()] {
      self->flush_posted_ = false;
      self->flush();
    });
  }

  void flush() {
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
          self->flush();
        });
        return;
      }
      if (error) return lose(error);
      out_sent_ += sent;
    }
  }

  /// Settles what was written and joins what waits into out_. Whether there is anything.
  bool join() {
    backlog_messages_ -= out_messages_;
    backlog_bytes_ -= out_bytes_;
    out_messages_ = out_bytes_ = 0;
    out_sent_ = 0;
    out_.clear();
    for (auto& [done, size] : std::exchange(out_done_, {})) done({}, size);
    while (!queue_.empty() && out_.size() < kJoinedWrite) {
      Item item = std::move(queue_.front());
      queue_.pop_front();
      out_.append(item.bytes);
      if (item.done) out_done_.emplace_back(std::move(item.done), item.bytes.size());
      if (!item.message) continue;
      out_.append(*item.message);
      ++out_messages_;
      out_bytes_ += item.message->size();
    }
    if (out_.empty() && out_.capacity() > kJoinedWrite / 16) out_ = std::string();  // twenty thousand idle sockets keep no buffers
    return !out_.empty();
  }

  /// Nothing written from here on arrives.
  void lose(error_code error) {
    out_.clear();
    out_sent_ = 0;
    for (auto& [done, size] : std::exchange(out_done_, {})) done(error, 0);
    auto queue = std::exchange(queue_, {});
    for (auto& item : queue)
      if (item.done) item.done(error, 0);
    backlog_messages_ = backlog_bytes_ = out_messages_ = out_bytes_ = 0;
  }

  Core& core_;
  const std::string peer_;
  websocket::stream<Transport, false> stream_;
  beast::http::request<beast::http::empty_body> handshake_;
  bool open_ = false;
  bool accepted_ = false;
  bool running_ = false;
  bool pumping_ = false;

  std::deque<std::string> unread_;
  async::Event arrived_;
  async::Event room_;

  std::deque<Item> queue_;
  std::string out_;  // joined frames being written
  std::size_t out_sent_ = 0;
  std::size_t out_messages_ = 0;
  std::size_t out_bytes_ = 0;
  std::vector<std::pair<Completion, std::size_t>> out_done_;
  std::size_t backlog_messages_ = 0;  // in queue_ and out_
  std::size_t backlog_bytes_ = 0;
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
