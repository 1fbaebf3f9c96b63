#include "platform/sql/listener.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "async/backoff.hpp"
#include "async/blocking_pool.hpp"
#include "base/assert.hpp"
#include "base/random.hpp"
#include "platform/sql/postgres_server.hpp"
#include "platform/sql/pq.hpp"

// Connecting looks names up, and so blocks: it runs on a thread. Everything after that is the loop's: a socket to wait for, and libpq's buffers.

namespace watchbell::sql {

using detail::pq;

namespace {

constexpr std::chrono::milliseconds kFirstRetry{100};
constexpr std::chrono::milliseconds kLastRetry{2000};

using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

class PostgresListener final : public Listener {
 public:
  PostgresListener(async::TimerWheel& wheel, Options options, Events events, async::TaskScope::OnFault on_fault,
                   std::shared_ptr<detail::PostgresAddress> server)
      : wheel_(wheel),
        options_(std::move(options)),
        events_(std::move(events)),
        server_(std::move(server)),
        random_(static_cast<std::uint64_t>(wheel.clock().monotonic().time_since_epoch().count())),
        pool_({.name = "sql-listen", .threads = 1}),
        scope_(wheel.executor(), std::move(on_fault)) {
    for (const auto& channel : options_.channels) listen_ += fmt::format("listen \"{}\";", channel);
  }

  void start() override { scope_.spawn("sql listener", run()); }
  awaitable<void> stop() override { return scope_.stop(); }
  bool listening() const noexcept override { return listening_; }
  const std::string& last_error() const noexcept override { return last_error_; }

 private:
  awaitable<void> run() {
    async::Backoff backoff(kFirstRetry, kLastRetry);
    while (true) {
      if (const auto connection = co_await connect()) {
        // Also when this task is cancelled: whoever trusts what he keeps must know that nobody listens any more.
        struct Lost {
          PostgresListener& self;
          ~Lost() {
            if (std::exchange(self.listening_, false)) self.events_.on_lost();
          }
        } const lost{*this};
        co_await hear(connection.get(), backoff);
      }
      co_await wheel_.sleep(backoff.next(random_));
    }
  }

  awaitable<detail::PgConnection> connect() {
    try {
      auto connected =
          co_await pool_.run([server = server_, deadline = options_.connect_deadline] { return server->connect(deadline, "-c client_min_messages=error"); });
      if (connected) co_return std::move(*connected);
      last_error_ = connected.error().message;
    } catch (const Fault& fault) {  // a server that is away is what this class is for
      last_error_ = fault.what();
    }
    co_return nullptr;
  }

  /// Until the connection is lost.
  awaitable<void> hear(pg_conn* connection, async::Backoff& backoff) {
    Descriptor socket(wheel_.executor(), pq().socket(connection));
    struct Release {
      Descriptor& socket;
      ~Release() { socket.release(); }  // libpq closes it
    } const release{socket};
    bool asked = true;  // something that is to be answered
    bool silent = false;
    const auto ask = [&](const std::string& sql) { asked = true, silent = pq().sendQuery(connection, sql.c_str()) == 0 || pq().flush(connection) != 0; };
    async::Timer ping([&] {
      if (asked)
        silent = true;
      else
        ask("");
      if (silent)
        socket.cancel();
      else
        wheel_.arm(ping, options_.ping);
    });
    ask(listen_);
    wheel_.arm(ping, options_.ping);
    while (!silent) {
      const auto [error] = co_await socket.async_wait(Descriptor::wait_read, asio::as_tuple(use_awaitable));
      if (silent) break;
      if (error) throw boost::system::system_error(error);
      if (pq().consumeInput(connection) == 0) {
        last_error_ = fmt::format("the database server {} closed the connection", server_->shown());
        co_return;
      }
      while (pq().isBusy(connection) == 0) {
        const detail::PgResult answer(pq().getResult(connection));
        if (!answer) break;
        asked = false;
        const auto status = pq().resultStatus(answer.get());
        if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
          last_error_ = fmt::format("the database server {} does not let us listen: {}", server_->shown(), detail::words_of(answer.get()));
          co_return;
        }
      }
      if (!asked && !listening_) {
        listening_ = true;
        backoff = async::Backoff(kFirstRetry, kLastRetry);
        events_.on_listening();
      }
      tell(connection);
    }
    last_error_ = fmt::format("the database server {} does not answer", server_->shown());
  }

  void tell(pg_conn* connection) {
    while (const std::unique_ptr<PGnotify, decltype([](PGnotify* heard) { pq().freemem(heard); })> heard{pq().notifies(connection)})
      events_.on_message(heard->relname, heard->extra);
  }

  async::TimerWheel& wheel_;
  const Options options_;
  const Events events_;
  const std::shared_ptr<detail::PostgresAddress> server_;
  Random random_;
  std::string listen_;
  bool listening_ = false;
  std::string last_error_;
  async::BlockingPool pool_;
  async::TaskScope scope_;
};

}  // namespace

void notify(Session& session, std::string_view channel, std::string_view message) {
  WATCHBELL_ASSERT(session.dialect() == Dialect::postgres);
  if (message.size() > kMostOfMessage) throw Fault(Fault::Kind::other, fmt::format("a message of {} bytes is too long to be sent by value", message.size()));
  session.execute("select 1 from pg_notify(:1, :2)", channel, message);
}

Result<std::unique_ptr<Listener>> Listener::make(async::TimerWheel& wheel, Options options, Events events, async::TaskScope::OnFault on_fault) {
  for (const auto& channel : options.channels)
    WATCHBELL_ASSERT(!channel.empty() && channel.size() < 64 && channel.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos);
  auto server = detail::postgres_server(options.url, wheel.clock());
  if (!server) return std::unexpected(std::move(server.error()));
  return std::make_unique<PostgresListener>(wheel, std::move(options), std::move(events), std::move(on_fault),
                                            std::dynamic_pointer_cast<detail::PostgresAddress>(*server));
}

}  // namespace watchbell::sql
