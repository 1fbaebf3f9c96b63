#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/crypto/keyring.hpp"
#include "runtime/jobs/queue.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell {
class Change;
}

namespace watchbell::events {

/// An event a domain declares: `inline constexpr Definition<SystemDeleted> kSystemDeleted{"catalog.system.deleted"};`. Payload is a
/// described struct.
template <class Payload>
struct Definition {
  std::string_view name;
};

/// One event as published. Secrets are JSON text too; they are sealed while the event waits and erased with its row once it was handled.
struct Event {
  std::string name;
  std::string payload;
  std::string secrets;
};
template <class Payload>
Event make(const Definition<Payload>& definition, const Payload& payload) {
  return {.name = std::string(definition.name), .payload = rpc::to_json(payload), .secrets = {}};
}

/// How domains tell each other what happened, without knowing each other.
///
/// - work: durable. Each worker group gets its own copy, at least once, retried as jobs are; the rows are written by the Change that publishes, so that
///   an event exists exactly when its change does. Groups are registered before start and the same in every process, so "nobody listens" is
///   judged over all processes.
/// - broadcast: every listener of every process hears it once after the commit; nothing is kept. (One process for now: the bus carries it later.)
/// - local: emitted and heard in this process only; a failing listener does not stop the others.
///
/// - within: no message at all, but a part of the publishing change: it writes in the same transaction and drops cached values with it, so that a read
///   after the change returned never sees what the event made stale. What takes long belongs into work.
///
/// Handlers must be idempotent. Loop-only, but for insert() and take_part().
class Bus {
 public:
  using Handler = std::function<awaitable<void>(const Event&)>;
  using OnFault = async::TaskScope::OnFault;

  Bus(jobs::Queue& queue, const crypto::Keyring& keyring, async::TaskScope& scope, OnFault on_fault);

  /// Registers a worker group; before the queue starts. A group name used twice for one event is an Error and leaves no trace.
  Result<void> subscribe_work(std::string event, std::string group, Handler handler);

  /// Takes part in every change that publishes the event: `f(Change&, const Payload&) -> Result<void>` runs inside its transaction, on a pool thread; an
  /// error refuses the whole change. Registered before the first change.
  template <class Payload, class F>
  void on_change(const Definition<Payload>& definition, F f) {
    within_[std::string(definition.name)].push_back([f = std::move(f)](Change& change, const Event& event) -> Result<void> {
      const auto payload = rpc::from_json<Payload>(event.payload);
      if (!payload) throw Fault("event " + event.name + " does not fit its type");
      return f(change, *payload);
    });
  }

  /// Removes exactly its listener when destroyed.
  class [[nodiscard]] Subscription {
   public:
    Subscription() = default;
    explicit Subscription(std::function<void()> remove) : remove_(std::move(remove)) {}
    Subscription(Subscription&& other) noexcept : remove_(std::exchange(other.remove_, nullptr)) {}
    Subscription& operator=(Subscription&& other) noexcept {
      if (remove_) remove_();
      remove_ = std::exchange(other.remove_, nullptr);
      return *this;
    }
    ~Subscription() {
      if (remove_) remove_();
    }

   private:
    std::function<void()> remove_;
  };
  Subscription subscribe_broadcast(std::string event, Handler handler);
  Subscription subscribe_local(std::string event, Handler handler);

  /// The typed forms.
  template <class Payload, class F>
  Result<void> on_work(const Definition<Payload>& definition, std::string group, F handler) {
    return subscribe_work(std::string(definition.name), std::move(group), typed<Payload>(std::move(handler)));
  }

  /// Writes the rows of an event inside the transaction of its change. On a pool thread.
  Result<void> insert(sql::Session& session, const Event& event, Timestamp now) const;
  /// Lets those who asked for it take part in the change that publishes the event. On a pool thread.
  Result<void> take_part(Change& change, const Event& event) const;
  /// After the commit: tells the broadcast listeners, each in a task of its own.
  void deliver(const Event& event);
  /// Runs all local listeners, one after the other; faults are told to on_fault.
  awaitable<void> emit_local(Event event);

 private:
  struct Listener {
    std::uint64_t id;
    std::shared_ptr<Handler> handler;
  };
  using Listeners = std::map<std::string, std::list<Listener>, std::less<>>;

  template <class Payload, class F>
  static Handler typed(F handler) {
    return [handler = std::move(handler)](const Event& event) -> awaitable<void> { return call<Payload>(handler, event); };
  }
  template <class Payload, class F>
  static awaitable<void> call(const F& handler, const Event& event) {
    auto payload = rpc::from_json<Payload>(event.payload);
    if (!payload) throw Fault("event " + event.name + " does not fit its type");
    co_await handler(*std::move(payload));
  }
  Subscription add(Listeners& listeners, std::string event, Handler handler);
  static awaitable<void> run(std::shared_ptr<Handler> handler, std::shared_ptr<const Event> event);

  jobs::Queue& queue_;
  const crypto::Keyring& keyring_;
  async::TaskScope& scope_;
  OnFault on_fault_;
  std::map<std::string, std::vector<std::function<Result<void>(Change&, const Event&)>>, std::less<>> within_;
  std::uint64_t next_id_ = 1;
  std::shared_ptr<Listeners> broadcast_ = std::make_shared<Listeners>();
  std::shared_ptr<Listeners> local_ = std::make_shared<Listeners>();
};

}  // namespace watchbell::events
