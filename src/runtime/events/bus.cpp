#include "runtime/events/bus.hpp"

#include <algorithm>

#include <boost/asio/this_coro.hpp>
#include <boost/system/system_error.hpp>

#include "runtime/events/row.hpp"

namespace watchbell::events {
namespace {

// What is published can be read again: the rows' bound, with room for sealing.
constexpr std::size_t kMaxEvent = 500'000;

// The row of an event that failed for good: nobody will handle it any more, so nobody needs its secrets. What does not read may hold any.
std::string without_secrets(std::string_view payload) {
  const auto row = rpc::from_json<StoredRow>(payload);
  return rpc::to_json(Row{.payload = row ? row->payload.str() : std::string(), .secrets = {}});
}

}  // namespace

Bus::Bus(jobs::Queue& queue, const crypto::Keyring& keyring, async::TaskScope& scope, OnFault on_fault)
    : queue_(queue), keyring_(keyring), scope_(scope), on_fault_(std::move(on_fault)) {}

Result<void> Bus::subscribe_work(std::string event, std::string group, Handler handler) {
  auto shared = std::make_shared<Handler>(std::move(handler));
  struct Run {
    static awaitable<jobs::Outcome> job(Bus& bus, std::string name, std::shared_ptr<Handler> target, jobs::Job what) {
      auto row = rpc::from_json<StoredRow>(what.payload);
      if (!row) co_return jobs::Outcome::give_up("event row does not read");
      Event received{.name = std::move(name), .payload = std::move(row->payload).str(), .secrets = {}};
      if (!row->secrets.empty()) {
        auto opened = bus.keyring_.open(row->secrets.str(), aad_of(received.name));
        if (!opened) co_return jobs::Outcome::give_up("event secrets do not open");
        received.secrets = std::move(*opened);
      }
      co_await bus.handle(*target, received, Mode::durable);
      co_return jobs::Outcome::done();
    }
  };
  const std::string queue = queue_of(event);
  events_.insert(event);
  return queue_.consume(queue, std::move(group),
                        [this, event = std::move(event), shared](const jobs::Job& job) { return Run::job(*this, event, shared, job); },
                        {.remains = without_secrets});
}

Result<void> Bus::insert(sql::Session& session, const Event& event, Timestamp now) const {
  if (event.payload.size() + event.secrets.size() > kMaxEvent) return fail(ErrorCode::payload_too_large, "event {} is larger than {} bytes", event.name, kMaxEvent);
  Row row{.payload = event.payload, .secrets = event.secrets.empty() ? std::string() : keyring_.seal(event.secrets, aad_of(event.name))};
  auto inserted = queue_.insert(session, {.queue = queue_of(event.name), .payload = rpc::to_json(row), .dedupe_id = {}, .correlation_id = {}}, now);
  if (!inserted) return std::unexpected(std::move(inserted.error()));
  return {};
}

Result<void> Bus::take_part(Change& change, const Event& event) const {
  const auto it = within_.find(event.name);
  if (it == within_.end()) return {};
  for (const auto& participant : it->second)
    if (auto done = participant(change, event); !done) return done;
  return {};
}

Bus::Subscription Bus::add(Listeners& listeners, std::string event, Handler handler) {
  const auto id = next_id_++;
  events_.insert(event);
  listeners[event].push_back({.id = id, .handler = std::make_shared<Handler>(std::move(handler))});
  std::weak_ptr<Listeners> weak = &listeners == broadcast_.get() ? broadcast_ : local_;
  return Subscription([weak, event = std::move(event), id] {
    const auto alive = weak.lock();
    if (!alive) return;
    const auto it = alive->find(event);
    if (it == alive->end()) return;
    std::erase_if(it->second, [id](const Listener& listener) { return listener.id == id; });
    if (it->second.empty()) alive->erase(it);
  });
}

Bus::Subscription Bus::subscribe_broadcast(std::string event, Handler handler) { return add(*broadcast_, std::move(event), std::move(handler)); }
Bus::Subscription Bus::subscribe_local(std::string event, Handler handler) { return add(*local_, std::move(event), std::move(handler)); }

awaitable<void> Bus::handle(const Handler& handler, const Event& event, Mode mode) {
  struct Handled {
    const Bus& bus;
    const Event& event;
    Mode mode;
    bool ok = false;
    ~Handled() {
      if (bus.on_handled_) bus.on_handled_(event.name, mode, ok);
    }
  } handled{*this, event, mode};
  co_await handler(event);
  handled.ok = true;
}

awaitable<void> Bus::run(std::shared_ptr<Handler> handler, std::shared_ptr<const Event> event) { co_await handle(*handler, *event, Mode::broadcast); }

void Bus::deliver(const Event& event) {
  const auto it = broadcast_->find(event.name);
  if (it == broadcast_->end()) return;
  const auto shared = std::make_shared<const Event>(event);
  for (const auto& listener : it->second) scope_.spawn("event " + event.name, run(listener.handler, shared));
}

awaitable<void> Bus::emit_local(Event event) {
  const auto it = local_->find(event.name);
  if (it == local_->end()) co_return;
  const auto listeners = it->second;  // a listener may come or go meanwhile
  for (const auto& listener : listeners) {
    std::exception_ptr aborted;
    try {
      co_await handle(*listener.handler, event, Mode::local);
    } catch (const boost::system::system_error& error) {
      if (error.code() == asio::error::operation_aborted) aborted = std::current_exception();
      else on_fault_("event " + event.name, std::current_exception());
    } catch (const std::exception&) {  // a boundary: one listener does not stop the others
      on_fault_("event " + event.name, std::current_exception());
    }
    if (!aborted) continue;
    // Ours passes through; that of something a listener used is a fault of the listener.
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) std::rethrow_exception(aborted);
    on_fault_("event " + event.name, aborted);
  }
}

}  // namespace watchbell::events
