#include "runtime/signals/readings.hpp"

#include "async/backoff.hpp"
#include "async/raised_flag.hpp"
#include "base/fault.hpp"
#include "platform/log/log.hpp"

namespace watchbell::signals {
namespace {

/// Users of one read: as many as an answer may hold up the pool and the loop for.
constexpr std::size_t kAtOnce = 500;
constexpr std::size_t kMostWaiting = 200'000;
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{1000};

}  // namespace

struct Readings::Running : async::RaisedFlag {
  using RaisedFlag::RaisedFlag;
};

Readings::Readings(async::TimerWheel& wheel, async::TaskScope& scope, Hub& hub)
    : wheel_(wheel), scope_(scope), hub_(hub), random_(static_cast<std::uint64_t>(wheel.clock().monotonic().time_since_epoch().count())) {}

Readings::~Readings() = default;

void Readings::declare(std::string_view id, ReadPayloads read) {
  const bool first = read_.emplace(id, std::move(read)).second;
  WATCHBELL_ASSERT(first);
}

void Readings::add(const Signal& signal, std::span<const UserId> users) {
  const auto known = read_.find(signal.id);
  WATCHBELL_ASSERT(known != read_.end());
  add({.id = known->first, .reference = signal.payload}, signal.audience, users);
}

void Readings::add(const What& what, const Audience& audience, std::span<const UserId> users) {
  if (users.empty()) return;
  auto place = places_.find(what);
  if (place == places_.end()) {
    line_.push_back({.what = what, .audience = audience, .users = {}});
    place = places_.emplace(what, std::prev(line_.end())).first;
  }
  for (const auto& user : users) waiting_ += place->second->users.insert(user).second ? 1 : 0;
  if (waiting_ > kMostWaiting) {
    forget();
    return hub_.refetch();
  }
  if (!running_) scope_.spawn("signals.read", run(Running(running_)));
}

void Readings::forget() {
  line_.clear();
  places_.clear();
  waiting_ = 0;
}

Readings::Taken Readings::take() {
  const auto first = line_.begin();
  Taken taken{.what = first->what, .audience = first->audience, .users = {}};
  auto& waiting = first->users;
  for (std::size_t looked = 0; looked < kAtOnce && !waiting.empty(); ++looked, --waiting_) {
    const auto user = waiting.begin();
    if (hub_.online(*user)) taken.users.push_back(*user);
    waiting.erase(user);
  }
  if (waiting.empty()) {
    places_.erase(taken.what);
    line_.erase(first);
  } else {
    line_.splice(line_.end(), line_, first);
  }
  return taken;
}

awaitable<void> Readings::run(Running /*marks the end*/) {
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (!line_.empty()) {
    auto taken = take();
    if (taken.users.empty()) continue;
    if (co_await tell(std::move(taken))) backoff = async::Backoff(kFirstRetry, kLastRetry);
    else co_await wheel_.sleep(backoff.next(random_));
  }
}

awaitable<bool> Readings::tell(Taken taken) {
  Result<std::vector<std::pair<UserId, std::string>>> payloads;
  try {
    payloads = co_await read_.find(taken.what.id)->second(taken.what.reference, taken.users);
  } catch (const Fault&) {  // a boundary: the database comes back, and until then the pages that are open know no less than before
    log::fault("signals.read", std::current_exception());
    payloads = fail(ErrorCode::unavailable, "what a signal says cannot be read");
  }
  if (!payloads) {
    add(taken.what, taken.audience, taken.users);
    co_return false;
  }
  Signals signals;
  for (auto& [user, payload] : *payloads)
    signals.add({.id = taken.what.id, .audience = taken.audience, .payload = std::move(payload), .users = {user}});
  if (!signals.list.empty()) hub_.emit(hub_.place(), std::move(signals));
  co_return true;
}

}  // namespace watchbell::signals
