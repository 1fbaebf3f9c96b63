#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "platform/crypto/keyring.hpp"
#include "runtime/jobs/queue.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell {
class Change;
}

namespace watchbell::events {

/// An event a domain declares: `inline constexpr Definition<SystemDeleted> kSystemDeleted{"catalog.system.deleted"};`. Payload is a
/// described struct; its members of type Secret<T> travel sealed. Secrets deeper inside do not compile.
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

namespace detail {

/// Whether a value of this type may hold a secret, looking into what it is made of.
template <class T>
inline constexpr bool kHoldsSecret = false;
template <class T>
inline constexpr bool kHoldsSecret<Secret<T>> = true;
template <template <class...> class Of, class... Ts>
  requires(!rpc::detail::Described<Of<Ts...>>)
inline constexpr bool kHoldsSecret<Of<Ts...>> = (kHoldsSecret<Ts> || ...);
template <template <class, std::size_t...> class Of, class T, std::size_t... Bounds>
  requires(sizeof...(Bounds) > 0 && !rpc::detail::Described<Of<T, Bounds...>>)
inline constexpr bool kHoldsSecret<Of<T, Bounds...>> = kHoldsSecret<T>;
template <template <class, class, std::size_t> class Of, class K, class V, std::size_t Max>
inline constexpr bool kHoldsSecret<Of<K, V, Max>> = kHoldsSecret<K> || kHoldsSecret<V>;
template <class T>
struct SecretIn {
  template <class D>
  using fn = std::bool_constant<kHoldsSecret<std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>>>;
};
template <rpc::detail::Described T>
inline constexpr bool kHoldsSecret<T> = boost::mp11::mp_any_of_q<rpc::detail::MembersOf<T>, SecretIn<T>>::value;

/// Calls f(name on the wire, member) for each secret member; a member that holds secrets in another way does not compile.
template <class Payload, class F>
void for_each_secret(Payload& payload, F f) {
  boost::mp11::mp_for_each<rpc::detail::MembersOf<std::remove_const_t<Payload>>>([&](auto d) {
    using Member = std::remove_cvref_t<decltype(payload.*d.pointer)>;
    if constexpr (rpc::detail::is_secret<Member>) f(rpc::detail::kCamelName<decltype(d)>.view(), payload.*d.pointer);
    else static_assert(!kHoldsSecret<Member>, "a secret of an event is a member of its payload itself: deeper inside it would be lost");
  });
}

template <class T>
const T* secret_in(const Secret<T>& member) {
  return &member.value;
}
template <class T>
const T* secret_in(const std::optional<Secret<T>>& member) {
  return member ? &member->value : nullptr;
}

}  // namespace detail

/// The event with its secret members apart.
template <class Payload>
Event make(const Definition<Payload>& definition, const Payload& payload) {
  rpc::Writer secrets;
  bool first = true;
  detail::for_each_secret(payload, [&](std::string_view name, const auto& member) {
    const auto* secret = detail::secret_in(member);
    if (secret == nullptr) return;
    if (first) secrets.begin_object();
    secrets.begin_member(first, name);
    rpc::encode(secrets, *secret);
    secrets.end_member();
  });
  if (!first) secrets.end_object();
  return {.name = std::string(definition.name), .payload = rpc::to_json(payload), .secrets = std::move(secrets.json)};
}

/// The payload of an event with its secret members in their places. A Fault when the event is not of this type.
template <class Payload>
Payload read(const Event& event) {
  auto payload = rpc::from_json<Payload>(event.payload);
  if (!payload) throw Fault("event " + event.name + " does not fit its type");
  rpc::Envelope secrets;
  const bool parsed = secrets.parse_plain(event.secrets).has_value();
  const auto* object = secrets.value() != nullptr ? secrets.value()->if_object() : nullptr;
  rpc::Issues issues;
  detail::for_each_secret(*payload, [&](std::string_view name, auto& member) {
    // Of a member that is not optional there always is one; decoding an absent value makes that an issue.
    const auto* given = object != nullptr ? object->if_contains(name) : nullptr;
    if constexpr (rpc::detail::is_optional<std::remove_cvref_t<decltype(member)>>) {
      if (given == nullptr) return;
    }
    rpc::Codec<std::remove_cvref_t<decltype(member)>>::decode(rpc::Input{given, &secrets, &issues, nullptr}, member);
  });
  // What it holds is not told.
  if (!parsed || !issues.empty()) throw Fault("the secrets of event " + event.name + " do not fit its type");
  return *std::move(payload);
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
    within_[std::string(definition.name)].push_back([f = std::move(f)](Change& change, const Event& event) -> Result<void> { return f(change, read<Payload>(event)); });
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

  /// Told of every event that a listener has handled or failed at.
  enum class Mode { durable, broadcast, local };
  void on_handled(std::function<void(std::string_view event, Mode mode, bool ok)> told) { on_handled_ = std::move(told); }
  /// The events that somebody has subscribed to, since the start.
  const std::set<std::string, std::less<>>& events() const noexcept { return events_; }

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
    co_await handler(read<Payload>(event));
  }
  Subscription add(Listeners& listeners, std::string event, Handler handler);
  awaitable<void> run(std::shared_ptr<Handler> handler, std::shared_ptr<const Event> event);
  awaitable<void> handle(const Handler& handler, const Event& event, Mode mode);

  jobs::Queue& queue_;
  const crypto::Keyring& keyring_;
  async::TaskScope& scope_;
  OnFault on_fault_;
  std::map<std::string, std::vector<std::function<Result<void>(Change&, const Event&)>>, std::less<>> within_;
  std::uint64_t next_id_ = 1;
  std::set<std::string, std::less<>> events_;
  std::function<void(std::string_view event, Mode mode, bool ok)> on_handled_;
  std::shared_ptr<Listeners> broadcast_ = std::make_shared<Listeners>();
  std::shared_ptr<Listeners> local_ = std::make_shared<Listeners>();
};

}  // namespace watchbell::events
