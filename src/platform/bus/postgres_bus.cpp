#include "platform/bus/postgres_bus.hpp"

#include <deque>
#include <utility>

#include <boost/system/system_error.hpp>

#include "async/backoff.hpp"
#include "async/event.hpp"
#include "platform/sql/listener.hpp"

namespace watchbell::bus {
namespace {

// Of one statement: more would hold up those behind it, and a server keeps what it is to tell in memory until it commits.
constexpr std::size_t kMostOfBatch = 256;
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{1000};

class PostgresBus final : public Bus {
 public:
  PostgresBus(async::TimerWheel& wheel, sql::Database& database, PostgresBusOptions options, async::TaskScope::OnFault on_fault)
      : wheel_(wheel),
        database_(database),
        options_(std::move(options)),
        random_(static_cast<std::uint64_t>(wheel.clock().monotonic().time_since_epoch().count())),
        more_(wheel.executor()),
        scope_(wheel.executor(), std::move(on_fault)) {}

  Result<void> listen(const async::TaskScope::OnFault& on_fault) {
    auto made = sql::Listener::make(wheel_, {.url = options_.url, .channels = {options_.channel}},
                                    {.on_listening = [this] { events_.on_up(); },
                                     .on_message = [this](std::string_view, std::string_view message) { events_.on_message(message); },
                                     .on_lost = [this] { events_.on_down(); }},
                                    on_fault);
    if (!made) return std::unexpected(std::move(made.error()));
    listener_ = std::move(*made);
    return {};
  }

  void start(Events events) override {
    events_ = std::move(events);
    listener_->start();
    scope_.spawn("bus.send", send());
  }
  awaitable<void> stop() override {
    co_await listener_->stop();
    co_await scope_.stop();
  }
  std::size_t most_bytes() const noexcept override { return sql::kMostOfMessage; }
  void publish(std::string message) override {
    if (waiting_bytes_ + message.size() > options_.most_waiting_bytes) return;  // its receivers see the gap
    waiting_bytes_ += message.size();
    waiting_.push_back(std::move(message));
    more_.notify_all();
  }

 private:
  awaitable<void> send() {
    async::Backoff backoff(kFirstRetry, kLastRetry);
    while (true) {
      while (waiting_.empty()) co_await more_.wait();
      auto batch = std::make_shared<std::vector<std::string>>();
      while (!waiting_.empty() && batch->size() < kMostOfBatch) {
        waiting_bytes_ -= waiting_.front().size();
        batch->push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      // Sent again when nobody knows whether it was sent: receivers pass over what they have heard already.
      while (!co_await sent(batch)) co_await wheel_.sleep(backoff.next(random_));
      backoff = async::Backoff(kFirstRetry, kLastRetry);
    }
  }
  awaitable<bool> sent(std::shared_ptr<const std::vector<std::string>> batch) {
    try {
      const auto written = co_await database_.write(
          [batch, channel = options_.channel](sql::Session& session) {
            session.execute("select pg_notify(:1, value) from json_each(:2)", channel, sql::List(*batch));
          },
          sql::Isolation::each_statement);
      co_return written.has_value();
    } catch (const sql::Fault&) {  // a server that is away comes back, or the process ends
      co_return false;
    }
  }

  async::TimerWheel& wheel_;
  sql::Database& database_;
  const PostgresBusOptions options_;
  Random random_;
  Events events_;
  std::unique_ptr<sql::Listener> listener_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;
  async::Event more_;
  async::TaskScope scope_;
};

}  // namespace

Result<std::unique_ptr<Bus>> postgres_bus(async::TimerWheel& wheel, sql::Database& database, PostgresBusOptions options, async::TaskScope::OnFault on_fault) {
  auto made = std::make_unique<PostgresBus>(wheel, database, std::move(options), on_fault);
  if (auto listening = made->listen(on_fault); !listening) return std::unexpected(std::move(listening.error()));
  return made;
}

}  // namespace watchbell::bus
