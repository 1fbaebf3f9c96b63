#include "domains/healthcheck/scheduler.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/loop.hpp"
#include "domains/healthcheck/rules.hpp"

namespace watchbell::healthcheck {

/// Stays in the map while its check runs or waits, even when the check was removed, so that a check put back in its place waits for it.
struct Scheduler::Entry : std::enable_shared_from_this<Entry> {
  Entry(Scheduler& owner, const CheckKey& k) : key(k), timer([this, &owner] { owner.tick(*this); }) {}

  std::chrono::seconds interval() const { return std::chrono::seconds(check->configuration->interval_seconds); }

  CheckKey key;
  std::shared_ptr<const Check> check;  ///< null once removed
  async::Timer timer;
  Monotonic due;
  bool waiting = false;
  bool running = false;
  bool again = false;  ///< run it once more as soon as this run has ended
  asio::cancellation_signal stop;
};

Scheduler::Scheduler(async::TimerWheel& wheel, async::TaskScope::OnFault on_fault, Options options)
    : wheel_(wheel), options_(std::move(options)), run_ended_(wheel.executor()), scope_(wheel.executor(), std::move(on_fault)) {}

Scheduler::~Scheduler() { WATCHBELL_ASSERT(running_ == 0); }

void Scheduler::start(Run run) {
  WATCHBELL_ASSERT_ON_LOOP();
  run_ = std::move(run);
  pump();
}

Scheduler::Entry* Scheduler::place(Check&& check) {
  WATCHBELL_ASSERT_ON_LOOP();
  if (stopping_) return nullptr;
  auto& slot = entries_[check.key];
  if (!slot) slot = std::make_shared<Entry>(*this, check.key);
  Entry& entry = *slot;
  if (entry.check && entry.check->association_id == check.association_id && entry.check->configuration->revision == check.configuration->revision) return nullptr;
  entry.check = std::make_shared<const Check>(std::move(check));
  return &entry;
}

void Scheduler::begin_anew(Entry& entry) {
  if (!entry.running) return begin(entry);
  entry.again = true;
  entry.stop.emit(asio::cancellation_type::terminal);
}

void Scheduler::put(Check check, First first) {
  Entry* const entry = place(std::move(check));
  if (entry == nullptr) return;
  const auto jitter = rules::jitter(entry->key, entry->interval());
  const auto now = wheel_.clock().monotonic();
  if (first == First::jittered) {
    entry->due = now + jitter;
  } else {
    // Out of step with checks changed at the same time, at the cost of one shorter interval.
    entry->due = now + entry->interval() - jitter / 2;
    begin_anew(*entry);
  }
  arm(*entry);
}

void Scheduler::take_up(Check check, std::chrono::milliseconds in) {
  Entry* const entry = place(std::move(check));
  if (entry == nullptr) return;
  const auto now = wheel_.clock().monotonic();
  entry->due = now + in;
  if (entry->due <= now) {
    begin_anew(*entry);
    step(*entry, now);
  } else if (entry->running) {
    entry->stop.emit(asio::cancellation_type::terminal);  // of what it was before
  }
  arm(*entry);
}

void Scheduler::remove(const CheckKey& key) {
  WATCHBELL_ASSERT_ON_LOOP();
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  const EntryPtr entry = it->second;
  forget(*entry);
  if (entry->running) entry->stop.emit(asio::cancellation_type::terminal);
  drop_if_idle(*entry);
}

void Scheduler::forget(Entry& entry) {
  entry.timer.cancel();
  entry.check = nullptr;
  entry.again = false;
  // Put back later, it is due when it is due then.
  if (std::exchange(entry.waiting, false)) std::erase_if(queue_, [&](const EntryPtr& other) { return other.get() == &entry; });
}

void Scheduler::remove_if(const Which& which) {
  for (const auto& key : keys_of(which)) remove(key);
}

void Scheduler::let_go(const Which& which) {
  for (const auto& key : keys_of(which)) {
    const EntryPtr entry = entries_.at(key);
    forget(*entry);
    drop_if_idle(*entry);
  }
}

awaitable<void> Scheduler::ended(Which which) {
  while (std::ranges::any_of(entries_, [&](const auto& item) { return item.second->running && which(item.first); })) co_await run_ended_.wait();
}

std::vector<CheckKey> Scheduler::keys_of(const Which& which) const {
  std::vector<CheckKey> keys;
  for (const auto& [key, entry] : entries_)
    if (which(key)) keys.push_back(key);
  return keys;
}

void Scheduler::replace(const ConfigurationId& configuration, std::span<const Check> checks) {
  remove_if([&](const CheckKey& key) { return key.configuration_id == configuration && std::ranges::find(checks, key, &Check::key) == checks.end(); });
  for (const auto& check : checks) put(check, First::at_once);
}

void Scheduler::remove_system(const SystemId& system) {
  remove_if([&](const CheckKey& key) { return key.system_id == system; });
}

awaitable<void> Scheduler::stop() {
  stopping_ = true;
  for (auto& [key, entry] : entries_) entry->timer.cancel();
  queue_.clear();
  co_await scope_.stop();
  entries_.clear();
}

bool Scheduler::contains(const CheckKey& key) const {
  const auto it = entries_.find(key);
  return it != entries_.end() && it->second->check != nullptr;
}

std::size_t Scheduler::size() const noexcept {
  return static_cast<std::size_t>(std::ranges::count_if(entries_, [](const auto& item) { return item.second->check != nullptr; }));
}

void Scheduler::arm(Entry& entry) { wheel_.arm(entry.timer, entry.due - wheel_.clock().monotonic()); }

void Scheduler::tick(Entry& entry) {
  const auto now = wheel_.clock().monotonic();
  step(entry, now);
  arm(entry);
  if (entry.running || entry.waiting) ++passed_ticks_;
  else begin(entry);
}

void Scheduler::step(Entry& entry, Monotonic now) {
  // In whole intervals from the due time, so that neither the wheel's resolution nor a loop that was held moves the cadence.
  const auto missed = std::max<std::int64_t>((now - entry.due) / entry.interval(), 0);
  entry.due += (missed + 1) * entry.interval();
}

void Scheduler::begin(Entry& entry) {
  if (entry.waiting) return;
  entry.waiting = true;
  queue_.push_back(entry.shared_from_this());
  pump();
}

void Scheduler::pump() {
  if (!run_ || stopping_) return;
  while (running_ < options_.concurrency && !queue_.empty() && (!options_.may_begin || options_.may_begin())) {
    const EntryPtr entry = std::move(queue_.front());
    queue_.pop_front();
    entry->waiting = false;
    if (!entry->check) {
      drop_if_idle(*entry);
      continue;
    }
    entry->running = true;
    ++running_;
    scope_.spawn("healthcheck " + entry->key.configuration_id.to_string(), run(entry));
  }
}

awaitable<void> Scheduler::run(EntryPtr entry) {
  struct End {
    Scheduler& scheduler;
    EntryPtr entry;
    ~End() { scheduler.ended(*entry); }
  } const end{*this, entry};
  // The run has a signal of its own, so that it can be ended alone; the end of the scheduler is handed on to it.
  auto parent = (co_await asio::this_coro::cancellation_state).slot();
  if (parent.is_connected()) parent.assign([entry](asio::cancellation_type type) { entry->stop.emit(type); });
  struct Clear {
    asio::cancellation_slot slot;
    ~Clear() {
      if (slot.is_connected()) slot.clear();
    }
  } const clear{parent};
  if (!entry->check) co_return;  // removed before it began
  entry->again = false;          // changed before it began: this is the run of the new one
  try {
    co_await asio::co_spawn(wheel_.executor(), run_(entry->check), asio::bind_cancellation_slot(entry->stop.slot(), use_awaitable));
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted) throw;
  }
}

void Scheduler::ended(Entry& entry) {
  entry.running = false;
  --running_;
  run_ended_.notify_all();
  if (stopping_) return;
  if (std::exchange(entry.again, false) && entry.check) begin(entry);
  drop_if_idle(entry);
  pump();
}

void Scheduler::drop_if_idle(Entry& entry) {
  if (entry.check || entry.running || entry.waiting) return;
  // Not another entry of the same key, which may have taken its place.
  const auto it = entries_.find(entry.key);
  if (it != entries_.end() && it->second.get() == &entry) entries_.erase(it);
}

}  // namespace watchbell::healthcheck
