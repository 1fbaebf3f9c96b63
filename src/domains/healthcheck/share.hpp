#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.hpp"
#include "async/task_scope.hpp"
#include "base/random.hpp"
#include "domains/healthcheck/scheduler.hpp"
#include "platform/sql/database.hpp"
#include "runtime/workers/workers.hpp"

namespace watchbell::healthcheck {

/// The checks that this process runs, where several share a database: those of its shards (workers::Workers), each in the cadence that its runs in the rows
/// have, whoever ran it before. What is to run is always read from the rows: when shards come, when a person changed something, here or elsewhere (changed()),
/// and every minute, since who says so may die before. Loop-only but for confirms() and since().
class Share {
 public:
  static constexpr std::string_view kKind = "healthcheck";
  static constexpr int kShards = 32;
  struct Options {
    std::chrono::milliseconds drain{5'000};      ///< what a running check is waited for before it is cancelled, when its shard is given back
    std::chrono::milliseconds look_every{60'000};
  };

  /// Takes part in sharing; before the workers start. All outlive it, and the workers have ended, or given all back, before stop().
  Share(workers::Workers& workers, sql::Database& database, Scheduler& scheduler, async::TimerWheel& wheel, async::TaskScope::OnFault on_fault, Options options);
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  void start();
  /// Before the scheduler's.
  awaitable<void> stop();

  /// Somebody changed checks, and the change is committed: what is to run of them is read anew.
  void changed(const Scope& what);
  /// The same from elsewhere: what told() said there.
  void heard(std::string_view what);
  static std::string told(const Scope& what);

  /// The right to run a check at this moment, for the record of what comes of it.
  std::optional<workers::Right> may_begin(const CheckKey& key) const { return workers_.may_begin(kKind, shard_of(key)); }
  bool confirms(sql::Session& session, const workers::Right& right) const { return workers_.confirms(session, right); }
  /// Since when checks are run by somebody without a pause.
  Timestamp since() const noexcept { return workers_.since(); }

 private:
  static int shard_of(const CheckKey& key);
  void gained(std::span<const int> numbers);
  void lost(std::span<const int> numbers);
  awaitable<void> give(std::vector<int> numbers);
  /// Reads what was changed, and plans it.
  awaitable<void> follow();
  awaitable<bool> plan(std::set<Scope> what);
  awaitable<void> look();

  workers::Workers& workers_;
  sql::Database& database_;
  Scheduler& scheduler_;
  async::TimerWheel& wheel_;
  const Options options_;
  Random random_;
  std::map<int, std::uint64_t> mine_;  // with the number of the time it came
  std::uint64_t times_ = 0;
  std::set<Scope> changed_;
  const async::TaskScope::OnFault on_fault_;
  async::Event changes_;
  async::TaskScope scope_;
};

}  // namespace watchbell::healthcheck
