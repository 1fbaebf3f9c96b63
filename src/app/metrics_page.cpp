#include "app/metrics_page.hpp"

#include <limits>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/post.hpp>

#include "platform/log/log.hpp"

namespace watchbell::app {

using namespace std::chrono_literals;

namespace {

std::string_view status_of(jobs::Outcome::Kind outcome) {
  switch (outcome) {
    case jobs::Outcome::Kind::done: return "done";
    case jobs::Outcome::Kind::retry: return "retry";
    case jobs::Outcome::Kind::give_up: return "failed";
    case jobs::Outcome::Kind::hold: break;  // no run
  }
  return probes::kOther;
}

std::string_view name_of(events::Bus::Mode mode) {
  switch (mode) {
    case events::Bus::Mode::durable: return "durable";
    case events::Bus::Mode::broadcast: return "broadcast";
    case events::Bus::Mode::local: return "local";
  }
  return probes::kOther;
}

}  // namespace

MetricsPage::MetricsPage(Runtime& runtime, probes::Metrics& metrics, const std::vector<std::string>& signals)
    : runtime_(runtime), metrics_(metrics), queues_(runtime.queue.queues()) {
  auto& registry = metrics_.registry;
  for (const auto& queue : queues_) registry.declare("queue", queue);
  for (const auto& event : runtime_.bus.events()) registry.declare("hook", event);
  for (const auto& signal : signals) registry.declare("signal", signal);
  registry.before_render([this] { refresh(); });
  runtime_.queue.on_ran([this](const jobs::Queue::Ran& ran) {
    const auto status = status_of(ran.outcome);
    metrics_.queue_wait_seconds.at({ran.queue, status}).observe(ran.waited);
    metrics_.queue_run_seconds.at({ran.queue, status}).observe(ran.took);
    metrics_.queue_attempts_total.at({ran.queue, status}).add();
  });
  runtime_.bus.on_handled(
      [this](std::string_view event, events::Bus::Mode mode, bool ok) { metrics_.hook_deliveries_total.at({event, name_of(mode), ok ? "ok" : "error"}).add(); });
}

MetricsPage::~MetricsPage() {
  runtime_.queue.on_ran({});
  runtime_.bus.on_handled({});
}

void MetricsPage::refresh() {
  auto& m = metrics_;
  const auto h = runtime_.hub.statistics();
  m.ws_connections.at({"user"}).set(static_cast<double>(h.user_sockets));
  m.ws_connections.at({"anonymous"}).set(static_cast<double>(h.anonymous_sockets));
  for (const auto& [signal, tally] : runtime_.hub.tallies()) {
    m.signals_emitted_total.at({signal}).follow(tally.emitted);
    m.signals_delivered_total.at({signal}).follow(tally.delivered);
    m.signals_dropped_total.at({signal, "closed"}).follow(tally.closed);
    m.signals_dropped_total.at({signal, "overflow"}).follow(tally.overflow);
  }
  const auto sessions = runtime_.database.sessions();
  m.db_pool_connections.at({"idle"}).set(static_cast<double>(sessions.idle));
  m.db_pool_connections.at({"busy"}).set(static_cast<double>(sessions.busy));
  m.db_pool_connections.at({"waiting"}).set(static_cast<double>(runtime_.database.waiting()));
}

awaitable<void> MetricsPage::count_jobs() {
  Result<std::map<std::string, jobs::Counts, std::less<>>> counted;
  try {
    counted = co_await runtime_.queue.counts();
  } catch (const Fault&) {  // the other series are worth an answer
    log::fault("metrics", std::current_exception());
    counted = fail(ErrorCode::unavailable, "the jobs cannot be counted");
  }
  // What cannot be read is unknown, not zero.
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  for (const auto& queue : queues_) {
    const auto set = [&](std::string_view state, std::int64_t jobs::Counts::*member) {
      metrics_.queue_jobs.at({queue, state}).set(counted ? static_cast<double>((*counted)[queue].*member) : kUnknown);
    };
    set("waiting", &jobs::Counts::waiting);
    set("delayed", &jobs::Counts::delayed);
    set("running", &jobs::Counts::running);
    set("failed", &jobs::Counts::failed);
  }
}

awaitable<void> MetricsPage::handle(const http::Request& request, http::Response& response) {
  if (request.path() != "/metrics") co_return rpc::answer_json(response, 404, R"({"error":"Not Found"})");
  co_await count_jobs();
  response.content_type = probes::kMetricsContentType;
  response.body = metrics_.registry.render();
}

awaitable<void> MetricsPage::watch_lag(Executor executor, probes::Histogram& lag) {
  using Clock = std::chrono::steady_clock;
  asio::basic_waitable_timer<Clock, asio::wait_traits<Clock>, Executor> timer(executor);
  const auto posted = Clock::now();
  co_await asio::post(executor, use_awaitable);
  lag.observe(Clock::now() - posted);
  // The budget of an idle process is one wake-up a second.
  while (true) {
    timer.expires_after(1s);
    co_await timer.async_wait(use_awaitable);
    lag.observe(Clock::now() - timer.expiry());
  }
}

}  // namespace watchbell::app
