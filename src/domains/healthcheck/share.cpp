#include "domains/healthcheck/share.hpp"

#include <algorithm>
#include <utility>

#include "async/backoff.hpp"
#include "async/loop.hpp"
#include "async/timeout.hpp"
#include "domains/healthcheck/rules.hpp"
#include "domains/healthcheck/store.hpp"

namespace watchbell::healthcheck {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{100};
constexpr std::chrono::milliseconds kLastRetry{2000};
constexpr std::string_view kAny = "*";
constexpr std::size_t kChecksATurn = 256;  // of the loop

template <class Id>
std::string text_of(const std::optional<Id>& id) {
  return id ? id->to_string() : std::string(kAny);
}

}  // namespace

Share::Share(workers::Workers& workers, sql::Database& database, Scheduler& scheduler, async::TimerWheel& wheel, async::TaskScope::OnFault on_fault, Options options)
    : workers_(workers),
      database_(database),
      scheduler_(scheduler),
      wheel_(wheel),
      options_(options),
      random_(static_cast<std::uint64_t>(wheel.clock().monotonic().time_since_epoch().count())),
      on_fault_(std::move(on_fault)),
      changes_(wheel.executor()),
      scope_(wheel.executor(), on_fault_) {
  workers_.share(std::string(kKind), kShards,
                 {.gained = [this](std::span<const int> numbers) { gained(numbers); },
                  .give = [this](std::vector<int> numbers) { return give(std::move(numbers)); },
                  .lost = [this](std::span<const int> numbers) { lost(numbers); }});
  workers_.on_ready([this] { scheduler_.go_on(); });
}

int Share::shard_of(const CheckKey& key) { return rules::shard_of(key, kShards); }

void Share::start() {
  scope_.spawn("healthcheck share", follow());
  scope_.spawn("healthcheck look", look());
}

awaitable<void> Share::stop() { return scope_.stop(); }

void Share::changed(const Scope& what) {
  WATCHBELL_ASSERT_ON_LOOP();
  changed_.insert(what);
  changes_.notify_all();
}

std::string Share::told(const Scope& what) { return text_of(what.system_id) + " " + text_of(what.configuration_id); }

// What does not read may mean anything.
void Share::heard(std::string_view what) {
  const auto blank = what.find(' ');
  if (blank == std::string_view::npos) return changed({});
  const auto system = what.substr(0, blank);
  const auto configuration = what.substr(blank + 1);
  const Scope scope{.system_id = SystemId::parse(system), .configuration_id = ConfigurationId::parse(configuration)};
  if ((!scope.system_id && system != kAny) || (!scope.configuration_id && configuration != kAny)) return changed({});
  changed(scope);
}

void Share::gained(std::span<const int> numbers) {
  ++times_;
  for (const auto number : numbers) mine_[number] = times_;
  changed({});
}

void Share::lost(std::span<const int> numbers) {
  for (const auto number : numbers) mine_.erase(number);
  scheduler_.remove_if([&](const CheckKey& key) { return std::ranges::find(numbers, shard_of(key)) != numbers.end(); });
}

awaitable<void> Share::give(std::vector<int> numbers) {
  for (const auto number : numbers) mine_.erase(number);
  // Unless one has come back meanwhile, after all was lost.
  const Scheduler::Which theirs = [this, numbers](const CheckKey& key) {
    return std::ranges::find(numbers, shard_of(key)) != numbers.end() && !mine_.contains(shard_of(key));
  };
  scheduler_.let_go(theirs);
  if (!co_await async::with_timeout(wheel_, scheduler_.ended(theirs), options_.drain)) scheduler_.remove_if(theirs);
  co_await scheduler_.ended(theirs);
}

awaitable<void> Share::follow() {
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (true) {
    while (changed_.empty()) co_await changes_.wait();
    auto what = std::exchange(changed_, {});
    if (what.contains(Scope())) what = {Scope()};
    if (co_await plan(what)) {
      backoff = async::Backoff(kFirstRetry, kLastRetry);
      continue;
    }
    changed_.merge(what);
    co_await wheel_.sleep(backoff.next(random_));
  }
}

awaitable<bool> Share::plan(std::set<Scope> what) {
  // A shard that comes while this reads may still be written by who had it: it is read once more.
  const auto mine = mine_;
  struct Read {
    std::vector<store::PlannedCheck> planned;
    std::set<CheckKey> there;
  };
  std::optional<Read> found;
  try {
    auto read = co_await database_.read([what, mine](sql::Session& session) {
      Read result;
      for (const auto& scope : what)
        for (auto& one : store::planned_checks(session, scope)) {
          if (!mine.contains(shard_of(one.check.key))) continue;
          if (result.there.insert(one.check.key).second) result.planned.push_back(std::move(one));
        }
      return result;
    });
    if (!read) co_return false;
    found.emplace(std::move(*read));
  } catch (const sql::Fault&) {  // away: what runs runs on
    co_return false;
  } catch (const Fault&) {  // a boundary: a row that does not read must not end the planning of the others
    on_fault_("healthcheck share", std::current_exception());
    co_return false;
  }
  const auto is_mine = [&](const CheckKey& key) {
    const auto now = mine_.find(shard_of(key));
    const auto then = mine.find(shard_of(key));
    return now != mine_.end() && then != mine.end() && now->second == then->second;
  };
  scheduler_.remove_if([&](const CheckKey& key) {
    return is_mine(key) && !found->there.contains(key) && std::ranges::any_of(what, [&](const Scope& scope) { return scope.holds(key); });
  });
  std::size_t turn = 0;
  for (auto& [check, changed_at, last_run] : found->planned) {
    if (++turn % kChecksATurn == 0) co_await asio::post(wheel_.executor(), use_awaitable);
    if (!is_mine(check.key)) continue;
    const auto now = wheel_.clock().now();
    const auto how = rules::take_up(check.key, std::chrono::seconds(check.configuration->interval_seconds), changed_at, last_run, now);
    if (how.changed) scheduler_.put(std::move(check), Scheduler::First::at_once);
    else scheduler_.take_up(std::move(check), how.in);
  }
  co_return true;
}

awaitable<void> Share::look() {
  while (true) {
    co_await wheel_.sleep(options_.look_every);
    changed({});
  }
}

}  // namespace watchbell::healthcheck
