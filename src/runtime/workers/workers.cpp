#include "runtime/workers/workers.hpp"

#include <algorithm>

#include "async/backoff.hpp"
#include "async/loop.hpp"
#include "async/timeout.hpp"
#include "base/assert.hpp"

namespace watchbell::workers {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{1000};

std::size_t share_of(int count, std::size_t workers) { return (static_cast<std::size_t>(count) + workers - 1) / workers; }

}  // namespace

Workers::Workers(async::TimerWheel& wheel, sql::Database& database, async::TaskScope::OnFault on_fault, Options options)
    : wheel_(wheel),
      clock_(wheel.clock()),
      database_(database),
      options_(std::move(options)),
      random_(static_cast<std::uint64_t>(clock_.monotonic().time_since_epoch().count())),
      since_(clock_.now().micros()),
      changed_(wheel.executor()),
      released_(wheel.executor()),
      scope_(wheel.executor(), std::move(on_fault)) {}

Workers::~Workers() = default;

void Workers::share(std::string kind, int count, Sharer sharer) {
  WATCHBELL_ASSERT(std::ranges::find(kinds_, kind, &Kind::name) == kinds_.end());
  kinds_.push_back({.name = std::move(kind), .count = count, .sharer = std::move(sharer)});
}

void Workers::start() {
  WATCHBELL_ASSERT_ON_LOOP();
  scope_.spawn("workers.belong", belong());
}

awaitable<void> Workers::retire(std::chrono::milliseconds limit) {
  WATCHBELL_ASSERT_ON_LOOP();
  retiring_ = hurry_ = true;
  changed_.notify_all();
  co_await async::with_timeout(wheel_, until_nothing_is_owned(), limit);
}

awaitable<void> Workers::until_nothing_is_owned() {
  while (std::ranges::any_of(kinds_, [](const Kind& kind) { return !kind.mine.empty() || !kind.draining.empty() || !kind.drained.empty(); }))
    co_await released_.wait();
}

awaitable<void> Workers::stop() {
  WATCHBELL_ASSERT_ON_LOOP();
  co_await scope_.stop();
  const auto me = me_;
  lose_all();
  if (me)
    co_await ask([me = *me](sql::Session& session) {
      store::release_all(session, me);
      store::leave(session, me);
      return true;
    });
}

std::optional<WorkerId> Workers::ready() const noexcept {
  // The clock is read now, not when the turn of the loop began: a process that was stopped in between would go by a time that is long over.
  if (!me_ || (is_on("lease") && clock_.boot() >= until_)) return std::nullopt;
  return me_;
}

std::optional<Right> Workers::may_begin(std::string_view kind, int number) const {
  const auto worker = ready();
  const auto it = std::ranges::find(kinds_, kind, &Kind::name);
  if (!worker || it == kinds_.end() || !it->mine.contains(number)) return std::nullopt;
  return Right{.kind = it->name, .number = number, .worker = *worker};
}

bool Workers::confirms(sql::Session& session, const Right& right) const {
  return !is_on("confirm") || store::confirm(session, right.kind, right.number, right.worker, options_.lease);
}

std::vector<int> Workers::owned(std::string_view kind) const {
  const auto it = std::ranges::find(kinds_, kind, &Kind::name);
  return it == kinds_.end() ? std::vector<int>() : std::vector<int>(it->mine.begin(), it->mine.end());
}

template <class F, class R>
awaitable<std::optional<R>> Workers::ask(F f) {
  try {
    auto answer = co_await database_.write(std::move(f), sql::Isolation::each_statement);
    if (answer) co_return std::move(*answer);
  } catch (const sql::Fault&) {  // away, or too busy: whoever asks tries again, and when that takes too long nothing begins here
  }
  co_return std::nullopt;
}

// Being at work.

awaitable<void> Workers::belong() {
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (true) {
    const auto me = WorkerId::make(clock_.now());
    std::vector<std::pair<std::string, int>> kinds;
    for (const auto& kind : kinds_) kinds.emplace_back(kind.name, kind.count);
    const auto sent = clock_.boot();
    const auto since = co_await ask([me, kinds, sharing = !retiring_, now = clock_.now(), seen_after = clock_.now() - options_.pause](sql::Session& session) {
      for (const auto& [kind, count] : kinds) store::make_shards(session, kind, count);
      return store::join(session, me, sharing, now, seen_after);
    });
    if (since) {
      since_.store(since->micros(), std::memory_order_relaxed);
      ++statistics_.joins;
      backoff = async::Backoff(kFirstRetry, kLastRetry);
      me_ = me;
      co_await work(me, sent);
      // Before the row is gone for sure: from then on others begin what was ours.
      lose_all();
    }
    const auto left = co_await ask([me](sql::Session& session) { return store::leave(session, me), true; });
    if (!since || !left) co_await wheel_.sleep(backoff.next(random_));
  }
}

/// Until we were taken for dead.
awaitable<void> Workers::work(WorkerId me, Monotonic sent) {
  std::int64_t known = store::kFirstBeat;
  until_ = sent + options_.lease;
  for (const auto& told : on_ready_) told();
  auto next = clock_.boot();
  while (true) {
    async::Timer due([this] { changed_.notify_all(); });
    while (!hurry_ && clock_.boot() < next) {
      wheel_.arm(due, next - clock_.boot());
      co_await changed_.wait();
    }
    hurry_ = false;
    sent = clock_.boot();
    next = sent + options_.beat_every;
    auto round = co_await beat(me, known);
    if (!round) {
      next = std::min(next, clock_.boot() + kFirstRetry);
      continue;
    }
    // One that took effect unheard makes the next find nothing as well: nobody can tell that from having been struck off.
    if (!round->kept) co_return;
    ++known;
    extend(sent);
    observe(round->workers);
    co_await strike_off_still_ones(round->workers);
    co_await share_out(me, *round);
    for (const auto& [id, peer] : peers_) next = std::min(next, std::max(peer.since + options_.lease + options_.margin, clock_.boot() + kFirstRetry));
  }
}

awaitable<std::optional<Workers::Round>> Workers::beat(WorkerId me, std::int64_t known) {
  return ask([me, known, sharing = !retiring_, since = this->since(), now = clock_.now()](sql::Session& session) {
    Round round;
    // In this order: whoever owns a shard has joined before he took it, so he is among the workers that are read later, unless he is gone for good.
    round.shards = store::shards(session);
    round.workers = store::workers(session);
    round.kept = store::beat(session, me, known, sharing, since, now);
    return round;
  });
}

void Workers::extend(Monotonic sent) {
  const auto now = clock_.boot();
  const bool lapsed = now >= until_;
  // Nobody else was there to take us for dead, or to work.
  if (lapsed && now - until_ >= options_.pause) since_.store(clock_.now().micros(), std::memory_order_relaxed);
  until_ = sent + options_.lease;
  if (!lapsed) return;
  ++statistics_.lapses;
  for (const auto& told : on_ready_) told();
}

void Workers::observe(const std::vector<Worker>& workers) {
  const auto now = clock_.boot();
  std::map<WorkerId, Peer> peers;
  for (const auto& worker : workers) {
    if (worker.process == me_) continue;
    const auto known = peers_.find(worker.process);
    const bool stood = known != peers_.end() && known->second.worker.beat == worker.beat;
    peers.emplace(worker.process, Peer{.worker = worker, .since = stood ? known->second.since : now});
  }
  peers_ = std::move(peers);
}

awaitable<void> Workers::strike_off_still_ones(std::vector<Worker>& workers) {
  std::vector<Worker> still;
  for (const auto& [id, peer] : peers_)
    if (clock_.boot() - peer.since >= options_.lease + options_.margin) still.push_back(peer.worker);
  for (const auto& worker : still) {
    // One that has beaten meanwhile lives.
    const auto struck = co_await ask([worker](sql::Session& session) { return store::strike_off(session, worker.process, worker.beat); });
    if (!struck || !*struck) continue;
    ++statistics_.struck;
    peers_.erase(worker.process);
    std::erase_if(workers, [&](const Worker& other) { return other.process == worker.process; });
  }
}

// Shards.

awaitable<void> Workers::share_out(const WorkerId& me, const Round& round) {
  const auto sharing = static_cast<std::size_t>(std::ranges::count_if(round.workers, [&](const Worker& worker) { return worker.sharing && worker.process != me; }));
  for (auto& kind : kinds_) {
    compare(kind, me, round);
    if (!kind.drained.empty()) {
      const std::vector<std::int64_t> numbers(kind.drained.begin(), kind.drained.end());
      const auto released = co_await ask([name = kind.name, me, numbers](sql::Session& session) { return store::release(session, name, me, numbers), true; });
      // Only these: more may have been drained meanwhile.
      if (released)
        for (const auto number : numbers) kind.drained.erase(static_cast<int>(number));
      released_.notify_all();
    }
    const auto target = retiring_ ? 0 : share_of(kind.count, sharing + 1);
    if (kind.mine.size() > target) give_back(kind, me, kind.mine.size() - target);
    else if (kind.mine.size() < target) co_await claim(kind, me, round, target);
  }
}

/// What was taken, or given back, by a statement whose answer was lost.
void Workers::compare(Kind& kind, const WorkerId& me, const Round& round) {
  std::vector<int> gained;
  std::vector<int> lost;
  for (const auto& shard : round.shards) {
    if (shard.kind != kind.name) continue;
    const auto number = static_cast<int>(shard.number);
    if (shard.owner == me && !kind.has(number)) gained.push_back(number);
    if (shard.owner != me && kind.mine.erase(number) > 0) lost.push_back(number);
  }
  if (!lost.empty()) kind.sharer.lost(lost);
  gain(kind, std::move(gained));
}

awaitable<void> Workers::claim(Kind& kind, const WorkerId& me, const Round& round, std::size_t target) {
  std::vector<WorkerId> gone;
  bool free = false;
  for (const auto& shard : round.shards) {
    if (shard.kind != kind.name) continue;
    const bool lives = shard.owner && std::ranges::find(round.workers, *shard.owner, &Worker::process) != round.workers.end();
    free |= !lives;
    if (shard.owner && !lives && std::ranges::find(gone, *shard.owner) == gone.end()) gone.push_back(*shard.owner);
  }
  if (!free) co_return;
  const auto limit = static_cast<std::int64_t>(target - kind.mine.size());
  const auto claimed = co_await ask([name = kind.name, me, gone, limit](sql::Session& session) { return store::claim(session, name, me, gone, limit); });
  if (!claimed) co_return;
  statistics_.claims += claimed->size();
  gain(kind, std::vector<int>(claimed->begin(), claimed->end()));
}

void Workers::gain(Kind& kind, std::vector<int> numbers) {
  if (numbers.empty()) return;
  std::ranges::sort(numbers);
  for (const auto number : numbers) {
    kind.drained.erase(number);  // given back by a statement whose answer was lost
    kind.mine.insert(number);
  }
  kind.sharer.gained(numbers);
}

void Workers::give_back(Kind& kind, const WorkerId& me, std::size_t many) {
  std::vector<int> numbers;
  for (; many > 0; --many) {
    const auto last = std::prev(kind.mine.end());
    numbers.push_back(*last);
    kind.draining.insert(*last);
    kind.mine.erase(last);
  }
  scope_.spawn("workers.drain", drain(kind, std::move(numbers), me));
}

awaitable<void> Workers::drain(Kind& kind, std::vector<int> numbers, WorkerId me) {
  co_await kind.sharer.give(numbers);
  if (me_ != me) co_return;  // they were lost meanwhile
  for (const auto number : numbers) {
    kind.draining.erase(number);
    kind.drained.insert(number);
  }
  hurry_ = true;
  changed_.notify_all();
}

void Workers::lose_all() {
  me_.reset();
  until_ = {};
  peers_.clear();
  for (auto& kind : kinds_) {
    std::vector<int> lost(kind.mine.begin(), kind.mine.end());
    lost.insert(lost.end(), kind.draining.begin(), kind.draining.end());
    kind.mine.clear();
    kind.draining.clear();
    kind.drained.clear();
    if (!lost.empty()) kind.sharer.lost(lost);
  }
  released_.notify_all();
}

}  // namespace watchbell::workers
