#include "platform/redis/transport.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/system_error.hpp>

#include "async/backoff.hpp"
#include "async/event.hpp"
#include "async/loop.hpp"
#include "async/task_scope.hpp"
#include "base/random.hpp"
#include "platform/redis/pipeline.hpp"

// A call is a Caller on its coroutine's frame. It waits in one of three places: waiting_ while the connection is made, the queue of the connection's
// Pipeline, or there among the sent ones. Its deadline, its cancellation, its replies and the loss of the connection all end in Call::finish(). Three kinds of
// tasks run in scope_: one that connects, one that writes and one that reads; the last two end when their Connection is `lost`.

namespace watchbell::redis {
namespace {

using namespace std::chrono_literals;
using boost::system::error_code;
using Socket = asio::basic_stream_socket<asio::generic::stream_protocol, Executor>;

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::chrono::hours kLongestDeadline{1};
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{2000};
/// A connection that answered nobody and lasted less counts as a failed try, or a server that hangs up on us would be called without end.
constexpr std::chrono::seconds kSettled{1};

constexpr const char* kConnecting = "redis connection";  // the task

constexpr auto with_error = asio::as_tuple(use_awaitable);

error_code bad_message() { return {EBADMSG, boost::system::system_category()}; }

/// One code for all the ways in which a peer goes away.
error_code as_reset(error_code error) {
  if (error == asio::error::eof || error == asio::error::broken_pipe || error == asio::error::connection_aborted ||
      error == asio::ssl::error::stream_truncated || error == asio::error::operation_aborted || error == asio::error::bad_descriptor)
    return asio::error::connection_reset;
  return error;
}

/// What broke, for callers and for a person.
struct Failure {
  error_code code;
  std::string message;
};

/// Bytes to and from the server, whatever they travel over.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual awaitable<std::tuple<error_code, std::size_t>> read_some(asio::mutable_buffer into) = 0;
  virtual awaitable<std::tuple<error_code, std::size_t>> write(asio::const_buffer from) = 0;
  /// Ends what runs. May be called again.
  virtual void close() = 0;
};

template <class Layer>
class StreamOf final : public Stream {
 public:
  explicit StreamOf(Layer layer) : layer_(std::move(layer)) {}
  awaitable<std::tuple<error_code, std::size_t>> read_some(asio::mutable_buffer into) override { return layer_.async_read_some(into, with_error); }
  awaitable<std::tuple<error_code, std::size_t>> write(asio::const_buffer from) override { return asio::async_write(layer_, from, with_error); }
  void close() override {
    error_code ignored;
    layer_.lowest_layer().close(ignored);
  }
  Layer& layer() { return layer_; }

 private:
  Layer layer_;
};
using PlainStream = StreamOf<Socket>;
using TlsStream = StreamOf<asio::ssl::stream<Socket>>;

struct Connection {
  Connection(Executor executor, const ReplyLimits& limits) : pipeline(limits), writable(executor) {}
  ~Connection() { pipeline.fail(asio::error::connection_reset); }

  std::unique_ptr<Stream> stream;
  Pipeline pipeline;
  async::Event writable;  // something was submitted, or the connection is lost
  std::string run_id;
  std::uint64_t greeting_replies = 0;
  Monotonic since;
  bool lost = false;
};

/// The commands that open a connection.
class Greeting final : public Call {
 public:
  using Call::Call;

 private:
  void on_finished() noexcept override {}
};

/// The hexadecimal value behind a label such as "run_id:" in what INFO answered; empty when there is none.
std::string_view hex_in(std::string_view info, std::string_view label) {
  while (!info.empty()) {
    const auto end = std::min(info.find('\n'), info.size());
    std::string_view line = info.substr(0, end);
    info.remove_prefix(std::min(end + 1, info.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.starts_with(label)) continue;
    line.remove_prefix(label.size());
    const bool sound = std::ranges::all_of(line, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    return sound && line.size() <= 64 ? line : std::string_view();
  }
  return {};
}

/// Letters of a server's name that the keys of the cache have room for.
constexpr std::size_t kMostIdentity = 64;

/// The code word of an error reply. The rest may quote our own words, the password among them.
std::string_view first_word(std::string_view text) { return text.substr(0, std::min({text.find(' '), text.size(), std::size_t{32}})); }

class RedisTransport final : public Transport {
 public:
  RedisTransport(async::TimerWheel& wheel, net::Resolver& resolver, Settings settings)
      : wheel_(wheel),
        resolver_(resolver),
        settings_(std::move(settings)),
        random_(static_cast<std::uint64_t>(wheel.clock().monotonic().time_since_epoch().count())),
        backoff_(kFirstRetry, kLastRetry),
        overdue_([this] { judge_overdue(); }),
        scope_(wheel.executor(), [this](std::string_view task, std::exception_ptr fault) { on_fault(task, fault); }) {}
  ~RedisTransport() override { WATCHBELL_ASSERT(waiting_.empty()); }

  asio::awaitable<Outcome<std::string>> server(cache::Duration deadline) override {
    WATCHBELL_ASSERT_ON_LOOP();
    if (connection_ && !stopped_) co_return connection_->run_id;
    Caller caller(*this, std::nullopt, {}, 0, until(deadline));
    begin(caller);
    co_await caller.ended();
    if (!*caller.outcome) co_return caller.outcome->error();
    co_return std::move(caller.server);
  }

  asio::awaitable<Outcome<std::vector<Reply>>> pipeline(std::string run_id, std::vector<Command> commands, cache::Duration deadline) override {
    WATCHBELL_ASSERT_ON_LOOP();
    // Refused before it is encoded: whoever sends too much is not given more memory.
    if (outstanding() + commands.size() > settings_.max_outstanding) co_return error_code(asio::error::no_buffer_space);
    Caller caller(*this, std::move(run_id), encode(commands), commands.size(), until(deadline));
    commands = {};
    begin(caller);
    co_await caller.ended();
    co_return std::move(*caller.outcome);
  }

  asio::awaitable<void> stop() override {
    WATCHBELL_ASSERT_ON_LOOP();
    stopped_ = true;
    fail_waiting(asio::error::shut_down);
    if (connection_) lose(*connection_, {asio::error::shut_down, "was closed"});
    if (abort_connecting_) abort_connecting_();
    co_await asio::co_spawn(wheel_.executor(), scope_.stop(), asio::use_awaitable);
  }

  asio::any_io_executor executor() override { return wheel_.executor(); }
  Counters counters() const override {
    Counters counters = counters_;
    if (connection_) counters.discarded += connection_->pipeline.discarded();
    return counters;
  }
  const std::string& last_error() const override { return last_error_; }

 private:
  /// A call and the coroutine that waits for it.
  class Caller final : public Call {
   public:
    Caller(RedisTransport& owner, std::optional<std::string> wanted, std::string bytes, std::size_t commands, Monotonic deadline)
        : Call(std::move(bytes), commands, deadline), run_id(std::move(wanted)), owner_(owner), timer_([this] {
            ++owner_.counters_.timeouts;
            owner_.let_go(*this);
            finish(error_code(asio::error::timed_out));
          }) {}
    ~Caller() override { owner_.let_go(*this); }

    /// Suspends until there is an outcome. Cancellation throws operation_aborted.
    asio::awaitable<void> ended() {
      const auto left = deadline() - owner_.wheel_.clock().monotonic();
      if (!outcome && left <= left.zero()) {
        ++owner_.counters_.timeouts;
        owner_.let_go(*this);
        finish(error_code(asio::error::timed_out));
      }
      if (outcome) co_return;
      owner_.wheel_.arm(timer_, left);
      co_await asio::async_initiate<const asio::use_awaitable_t<>, void(error_code)>([this](auto handler) { suspend(std::move(handler)); },
                                                                                     asio::use_awaitable);
    }

    std::optional<std::string> run_id;  // the server it is meant for; absent: any
    std::string server;                 // the one it reached
    bool waiting = false;               // in waiting_

   private:
    template <class Handler>
    void suspend(Handler handler) {
      auto slot = asio::get_associated_cancellation_slot(handler);
      const auto to = asio::get_associated_executor(handler);
      resume_ = [to, slot, h = std::move(handler)](error_code error) mutable {
        if (slot.is_connected()) slot.clear();
        asio::post(to, [h = std::move(h), error]() mutable { std::move(h)(error); });
      };
      if (slot.is_connected())
        slot.assign([this](asio::cancellation_type) {
          if (!resume_) return;
          timer_.cancel();
          owner_.let_go(*this);
          std::exchange(resume_, nullptr)(asio::error::operation_aborted);
        });
    }
    void on_finished() noexcept override {
      timer_.cancel();
      if (resume_) std::exchange(resume_, nullptr)({});
    }

    RedisTransport& owner_;
    async::Timer timer_;
    std::move_only_function<void(error_code)> resume_;
  };

  Monotonic until(cache::Duration deadline) const { return wheel_.clock().monotonic() + std::min<cache::Duration>(deadline, kLongestDeadline); }

  std::size_t outstanding() const { return waiting_commands_ + (connection_ ? connection_->pipeline.outstanding() : 0); }
  std::size_t queued_bytes() const { return waiting_bytes_ + (connection_ ? connection_->pipeline.queued_bytes() + writing_bytes_ : 0); }

  void begin(Caller& caller) {
    if (stopped_) return caller.finish(error_code(asio::error::shut_down));
    if (caller.deadline() <= wheel_.clock().monotonic()) return;  // ended() says so, before anything is sent
    if (queued_bytes() + caller.bytes() > settings_.max_queued_bytes) return caller.finish(error_code(asio::error::no_buffer_space));
    if (connection_) return send(caller);
    if (!connecting_ && wheel_.clock().monotonic() < not_before_) return caller.finish(last_code_);
    waiting_.push_back(caller);
    caller.waiting = true;
    waiting_commands_ += caller.commands();
    waiting_bytes_ += caller.bytes();
    if (connecting_) return;
    connecting_ = true;
    scope_.spawn(kConnecting, connect());
  }

  /// REQUIRES a connection.
  void send(Caller& caller) {
    if (caller.run_id && *caller.run_id != connection_->run_id) return caller.finish(error_code(asio::error::connection_reset));
    caller.server = connection_->run_id;
    if (caller.commands() == 0) return caller.finish(std::vector<Reply>());
    connection_->pipeline.submit(caller);
    connection_->writable.notify_all();
  }

  /// Takes the caller out of every place; its replies are read and dropped.
  void let_go(Caller& caller) {
    if (!caller.waiting) return caller.leave();
    caller.waiting = false;
    waiting_commands_ -= caller.commands();
    waiting_bytes_ -= caller.bytes();
    caller.unlink();
  }

  void fail_waiting(error_code error) {
    while (!waiting_.empty()) {
      auto& caller = static_cast<Caller&>(waiting_.front());
      let_go(caller);
      caller.finish(error);
    }
  }

  awaitable<void> connect() {
    std::shared_ptr<Connection> made;
    Failure failure;
    try {
      auto tried = co_await try_connecting();
      if (tried)
        made = std::move(*tried);
      else
        failure = std::move(tried).error();
    } catch (const boost::system::system_error& error) {
      if (stopped_) throw;
      failure = {error.code(), error.code().message()};
    }
    abort_connecting_ = nullptr;
    connecting_ = false;
    if (stopped_) co_return;
    if (!made) {
      ++counters_.failed_connects;
      note(failure);
      hold_off();
      fail_waiting(last_code_);
      co_return;
    }
    if (counters_.connects++ > 0) ++counters_.reconnects;
    made->since = wheel_.clock().monotonic();
    connection_ = made;
    scope_.spawn("redis replies", read(made));
    scope_.spawn("redis commands", write(std::move(made)));
    // A reader that ends at once may have lost the connection already.
    while (connection_ && !waiting_.empty()) {
      auto& caller = static_cast<Caller&>(waiting_.front());
      let_go(caller);
      send(caller);
    }
    if (!connection_) fail_waiting(last_code_);
  }

  void hold_off() { not_before_ = wheel_.clock().monotonic() + backoff_.next(random_); }

  void note(const Failure& failure) {
    last_code_ = failure.code;
    last_error_ = fmt::format("{} ({}): {}", settings_.name, settings_.place(), failure.message);
  }

  awaitable<std::expected<std::shared_ptr<Connection>, Failure>> try_connecting() {
    bool late = false;
    async::Timer limit([&] {
      late = true;
      if (abort_connecting_) abort_connecting_();
    });
    wheel_.arm(limit, settings_.connect_timeout);
    auto made = std::make_shared<Connection>(wheel_.executor(), settings_.replies);
    // Resets what points into this frame, however it ends.
    struct Clear {
      std::function<void()>& abort;
      ~Clear() { abort = nullptr; }
    } const clear{abort_connecting_};
    auto failure = co_await open(*made, late);
    if (!failure) failure = co_await greet(*made);
    if (!failure && (late || stopped_)) failure = Failure{};
    if (!failure) co_return made;
    if (made->stream) made->stream->close();
    if (late) co_return std::unexpected(Failure{asio::error::timed_out, fmt::format("no connection within {} ms", settings_.connect_timeout.count())});
    co_return std::unexpected(std::move(*failure));
  }

  /// Everything up to a stream over which commands can go.
  awaitable<std::optional<Failure>> open(Connection& made, const bool& late) {
    std::vector<asio::generic::stream_protocol::endpoint> endpoints;
    if (!settings_.unix_path.empty()) {
      endpoints.emplace_back(asio::local::stream_protocol::endpoint(settings_.unix_path));
    } else {
      auto addresses = co_await resolver_.resolve(settings_.host, settings_.connect_timeout);
      if (!addresses) co_return Failure{look_up_code(addresses.error().code), addresses.error().message};
      for (const auto& address : *addresses) endpoints.emplace_back(asio::ip::tcp::endpoint(asio::ip::make_address(address.to_string()), settings_.port));
    }
    const Monotonic end = wheel_.clock().monotonic() + settings_.connect_timeout;
    Failure failure{asio::error::host_not_found, "there is no address to connect to"};
    for (std::size_t i = 0; i < endpoints.size() && !late && !stopped_; ++i) {
      Socket socket(wheel_.executor());
      const auto close = [&socket] {
        error_code ignored;
        socket.close(ignored);
      };
      abort_connecting_ = close;
      // An address that does not answer leaves time for those behind it.
      bool given_up = false;
      async::Timer share([&] {
        given_up = true;
        close();
      });
      if (i + 1 < endpoints.size()) wheel_.arm(share, (end - wheel_.clock().monotonic()) / static_cast<std::int64_t>(endpoints.size() - i));
      const auto [error] = co_await socket.async_connect(endpoints[i], with_error);
      abort_connecting_ = nullptr;
      share.cancel();
      if (error || late || stopped_ || given_up) {
        const error_code code = given_up ? error_code(asio::error::timed_out) : error;
        failure = {code, code.message()};
        continue;
      }
      if (settings_.unix_path.empty()) {
        error_code ignored;
        socket.set_option(asio::ip::tcp::no_delay(true), ignored);
        socket.set_option(asio::socket_base::keep_alive(true), ignored);
      }
      if (settings_.tls) co_return co_await shake_hands(made, std::move(socket));
      adopt(made, std::make_unique<PlainStream>(std::move(socket)));
      co_return std::nullopt;
    }
    co_return failure;
  }

  void adopt(Connection& made, std::unique_ptr<Stream> stream) {
    made.stream = std::move(stream);
    abort_connecting_ = [s = made.stream.get()] { s->close(); };
  }

  awaitable<std::optional<Failure>> shake_hands(Connection& made, Socket socket) {
    if (!tls_) {
      // Kept once it is sound: the authorities of the system take milliseconds to read.
      auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
      error_code error;
      ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
      context->set_verify_mode(asio::ssl::verify_peer);
      if (settings_.ca_file.empty())
        context->set_default_verify_paths(error);
      else
        context->load_verify_file(settings_.ca_file, error);
      if (error) co_return Failure{error, fmt::format("the certificate authorities cannot be read: {}", error.message())};
      tls_ = std::move(context);
    }
    auto stream = std::make_unique<TlsStream>(asio::ssl::stream<Socket>(std::move(socket), *tls_));
    auto& layer = stream->layer();
    layer.set_verify_callback(asio::ssl::host_name_verification(settings_.host));
    if (!net::Address::parse(settings_.host) && ::SSL_set_tlsext_host_name(layer.native_handle(), settings_.host.c_str()) != 1)
      co_return Failure{asio::error::invalid_argument, "the host cannot be asked for by name"};
    adopt(made, std::move(stream));
    const auto [error] = co_await layer.async_handshake(asio::ssl::stream_base::client, with_error);
    if (error) co_return Failure{as_reset(error), fmt::format("TLS: {}", error.message())};
    co_return std::nullopt;
  }

  /// AUTH, SELECT, CLIENT SETNAME and INFO in one round trip; learns whom it speaks to. The run_id alone would not tell
  /// a server that was demoted, copied another's data and leads again without a restart; its replication id is a new one
  /// after every promotion (Redis: replication, "Replication ID explained").
  awaitable<std::optional<Failure>> greet(Connection& made) {
    std::vector<Command> commands;
    if (!settings_.password.empty()) {
      if (settings_.username.empty())
        commands.push_back({"AUTH", settings_.password});
      else
        commands.push_back({"AUTH", settings_.username, settings_.password});
    }
    commands.push_back({"SELECT", std::to_string(settings_.database)});
    commands.push_back({"CLIENT", "SETNAME", settings_.client_name});
    commands.push_back({"INFO", "server"});
    commands.push_back({"INFO", "replication"});
    Greeting greeting(encode(commands), commands.size(), wheel_.clock().monotonic() + settings_.connect_timeout);
    made.pipeline.submit(greeting);
    const auto batch = made.pipeline.take_output();
    const auto [failed, written] = co_await made.stream->write(asio::buffer(batch.bytes));
    // A server that refuses us at once says why before it closes; that is still there to read.
    if (failed && failed != asio::error::broken_pipe && failed != asio::error::connection_reset) co_return Failure{as_reset(failed), failed.message()};
    std::array<char, 4096> buffer;
    while (!greeting.outcome) {
      const auto [error, size] = co_await made.stream->read_some(asio::buffer(buffer));
      if (error) co_return Failure{as_reset(error), fmt::format("the connection ended while it was made: {}", error.message())};
      if (const auto broken = made.pipeline.receive({buffer.data(), size})) co_return Failure{broken, made.pipeline.why()};
      // A server that has too many clients says so once, whatever was asked, and closes.
      const auto& first = greeting.replies_so_far();
      if (!greeting.outcome && !first.empty() && first[0].kind == Reply::Kind::error) co_return refusal(commands[0], first[0]);
    }
    const auto& replies = **greeting.outcome;
    for (std::size_t i = 0; i < replies.size(); ++i)
      if (replies[i].kind == Reply::Kind::error) co_return refusal(commands[i], replies[i]);
    made.run_id = hex_in(replies[replies.size() - 2].text, "run_id:");
    if (!made.run_id.empty()) made.run_id += hex_in(replies.back().text, "master_replid:").substr(0, kMostIdentity - std::min(made.run_id.size(), kMostIdentity));
    if (made.run_id.empty()) co_return Failure{bad_message(), "INFO names no run_id"};
    made.greeting_replies = made.pipeline.received();
    co_return std::nullopt;
  }

  static Failure refusal(const Command& command, const Reply& reply) {
    const auto word = first_word(reply.text);
    const bool full = reply.text.starts_with("ERR max number of clients");
    error_code code = bad_message();
    if (full)
      code = asio::error::connection_refused;
    else if (command[0] == "AUTH" || word == "NOAUTH" || word == "NOPERM" || word == "WRONGPASS" || word == "DENIED")
      code = asio::error::access_denied;
    else if (word == "LOADING" || word == "BUSY" || word == "MASTERDOWN")
      code = asio::error::try_again;
    else if (command[0] == "SELECT")
      code = asio::error::invalid_argument;
    return {code, full ? "the server has too many clients" : fmt::format("{} was refused: {}", command[0], word)};
  }

  static error_code look_up_code(ErrorCode code) {
    switch (code) {
      case ErrorCode::not_found:
        return asio::error::host_not_found;
      case ErrorCode::timeout:
        return asio::error::timed_out;
      case ErrorCode::bad_request:
        return asio::error::invalid_argument;
      default:
        return asio::error::host_not_found_try_again;
    }
  }

  awaitable<void> write(std::shared_ptr<Connection> connection) {
    while (!connection->lost) {
      if (!connection->pipeline.has_output()) {
        co_await connection->writable.wait();
        continue;
      }
      const auto batch = connection->pipeline.take_output();
      ++counters_.round_trips;
      counters_.commands += batch.commands;
      watch_overdue();
      writing_bytes_ = batch.bytes.size();
      const auto [error, size] = co_await connection->stream->write(asio::buffer(batch.bytes));
      if (connection->lost) break;
      writing_bytes_ = 0;
      if (error) lose(*connection, {as_reset(error), error.message()});
    }
  }

  awaitable<void> read(std::shared_ptr<Connection> connection) {
    std::vector<char> buffer(kReadBytes);
    while (!connection->lost) {
      const auto [error, size] = co_await connection->stream->read_some(asio::buffer(buffer));
      if (connection->lost) break;
      if (error) {
        lose(*connection, {as_reset(error), error == asio::error::eof ? "the server closed the connection" : error.message()});
        break;
      }
      if (const auto broken = connection->pipeline.receive({buffer.data(), size})) lose(*connection, {broken, connection->pipeline.why()});
      else watch_overdue();
    }
  }

  /// Ends the connection and everyone who waits for its replies. REQUIRES that it is the present one.
  void lose(Connection& connection, const Failure& failure) {
    WATCHBELL_ASSERT(connection_.get() == &connection && !connection.lost);
    const auto kept = std::exchange(connection_, nullptr);
    kept->lost = true;
    kept->stream->close();
    kept->writable.notify_all();
    counters_.discarded += kept->pipeline.discarded();
    writing_bytes_ = 0;
    overdue_.cancel();
    note(failure);
    const bool settled = kept->pipeline.received() > kept->greeting_replies || wheel_.clock().monotonic() - kept->since >= kSettled;
    if (settled) {
      backoff_ = async::Backoff(kFirstRetry, kLastRetry);
      not_before_ = wheel_.clock().monotonic();
    } else {
      hold_off();
    }
    kept->pipeline.fail(failure.code);
  }

  /// Sees to it that overdue_ fires no later than it has to. Early is harmless: it looks again.
  void watch_overdue() {
    const auto oldest = connection_ ? connection_->pipeline.oldest_deadline() : std::nullopt;
    if (!oldest) return overdue_.cancel();
    const Monotonic at = *oldest + settings_.overdue;
    if (overdue_.armed() && overdue_at_ <= at) return;
    overdue_at_ = at;
    wheel_.arm(overdue_, at - wheel_.clock().monotonic());
  }

  void judge_overdue() {
    if (!connection_) return;
    const auto oldest = connection_->pipeline.oldest_deadline();
    if (oldest && *oldest + settings_.overdue <= wheel_.clock().monotonic())
      lose(*connection_, {asio::error::timed_out, "the server does not answer"});
    else
      watch_overdue();
  }

  /// Memory ran out, or a bug: the connection's state is not to be trusted any more.
  void on_fault(std::string_view task, std::exception_ptr fault) {
    std::string what = "unknown fault";
    try {
      std::rethrow_exception(fault);
    } catch (const std::exception& error) {  // the boundary of a task
      what = error.what();
    }
    const Failure failure{asio::error::no_memory, fmt::format("{}: {}", task, what)};
    if (task == kConnecting) {
      connecting_ = false;
      note(failure);
      hold_off();
      fail_waiting(failure.code);
    } else if (connection_) {
      lose(*connection_, failure);
    }
  }

  async::TimerWheel& wheel_;
  net::Resolver& resolver_;
  const Settings settings_;
  Random random_;

  std::shared_ptr<Connection> connection_;                                             // greeted and not lost
  boost::intrusive::list<Call, boost::intrusive::constant_time_size<false>> waiting_;  // Callers, for the connection that is being made
  std::size_t waiting_commands_ = 0;
  std::size_t waiting_bytes_ = 0;
  std::size_t writing_bytes_ = 0;
  bool connecting_ = false;
  bool stopped_ = false;
  std::function<void()> abort_connecting_;  // closes what the connecting task waits for

  async::Backoff backoff_;
  Monotonic not_before_{};
  error_code last_code_;
  std::string last_error_;
  async::Timer overdue_;
  Monotonic overdue_at_{};
  Counters counters_;
  std::unique_ptr<asio::ssl::context> tls_;
  async::TaskScope scope_;
};

}  // namespace

std::unique_ptr<Transport> make_transport(async::TimerWheel& wheel, net::Resolver& resolver, Settings settings) {
  return std::make_unique<RedisTransport>(wheel, resolver, std::move(settings));
}

}  // namespace watchbell::redis
