#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "platform/sql/database.hpp"
#include "runtime/workers/store.hpp"

namespace watchbell::workers {

/// The right to a piece of work: that of a shard, from when it was begun until what came of it is written.
struct Right {
  std::string_view kind;  ///< kept by Workers
  int number = 0;
  WorkerId worker;
};

/// The processes that work over one database, and which of them does what. Another list than that of coherence::Cluster: who loses the bus leaves that
/// one on purpose, and works on.
///
/// A process beats its row every half second and looks at those of the others. Whose row stood still for lease and margin by our own boot clock is struck
/// off, with that beat still in it: from then on its jobs and shards are free. It begins work only while the last beat that was answered was sent less
/// than a lease ago, so nothing of it begins after that; and what a run comes to is written only if the row of its shard still names the worker that
/// began it (Change), so a process that was stopped in the middle of one and goes on later writes nothing. Who finds its row gone ends all its work at once and
/// begins anew under a new id. Each statement of this stands alone: a process that is stopped in between holds no lock.
///
/// Work comes in shards, as many to each as to the others: who has too many gives some back, who has too few takes free ones.
///
/// ADR 0015 has the reasons. Loop-only but for confirms() and since(). stop() must have ended before it is destroyed.
class Workers {
 public:
  struct Options {
    std::chrono::milliseconds beat_every{500};
    std::chrono::milliseconds lease{2500};
    std::chrono::milliseconds margin{250};    ///< what clocks may differ in, in such a time
    std::chrono::milliseconds pause{10'000};  ///< longer than this without anybody at work interrupts since()
    /// Guards that are switched off, so that tests see what they are for: lease, confirm.
    std::set<std::string, std::less<>> off{};
  };
  struct Statistics {
    std::uint64_t joins = 0;
    std::uint64_t lapses = 0;  ///< times in which nothing could begin here, although nobody took us for dead
    std::uint64_t struck = 0;  ///< others that stood still
    std::uint64_t claims = 0;  ///< shards that were taken
  };
  /// Who does the work of one kind.
  struct Sharer {
    /// These are ours from now on. What was done on them stands in the rows.
    std::function<void(std::span<const int>)> gained;
    /// Begins nothing of them any more, and returns when nothing of them is under way. May go on past lost().
    std::function<awaitable<void>(std::vector<int>)> give;
    /// They are others' by now: nothing of them begins, and what is under way is for nothing.
    std::function<void(std::span<const int>)> lost;
  };

  /// `database` is one whose sessions no change holds up.
  Workers(async::TimerWheel& wheel, sql::Database& database, async::TaskScope::OnFault on_fault, Options options);
  Workers(async::TimerWheel& wheel, sql::Database& database, async::TaskScope::OnFault on_fault) : Workers(wheel, database, std::move(on_fault), Options()) {}
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  /// Takes part in work that all processes share out: `count` shards of the kind, the same everywhere. Once a kind, before start().
  void share(std::string kind, int count, Sharer sharer);
  /// Called when work may begin that could not before. Before start().
  void on_ready(std::function<void()> told) { on_ready_.push_back(std::move(told)); }
  void start();
  /// Gives all shards back and takes none any more, and still counts as at work. Returns when they are given back, or after `limit`.
  awaitable<void> retire(std::chrono::milliseconds limit);
  /// Ends being at work. What is under way here is another's from now on.
  awaitable<void> stop();

  /// Whom the others take this process for, while it may begin work.
  std::optional<WorkerId> ready() const noexcept;
  /// The right to begin work of that shard at this moment.
  std::optional<Right> may_begin(std::string_view kind, int number) const;
  /// Whether what was begun may be written by the caller's transaction. The first of its statements, on a pool thread.
  bool confirms(sql::Session& session, const Right& right) const;
  /// Since when somebody has been at work without a pause, as far as this process knows.
  Timestamp since() const noexcept { return Timestamp::from_micros(since_.load(std::memory_order_relaxed)); }

  /// The shards of the kind that are worked on here.
  std::vector<int> owned(std::string_view kind) const;
  const Statistics& statistics() const noexcept { return statistics_; }

 private:
  struct Kind {
    std::string name;
    int count = 0;
    Sharer sharer;
    std::set<int> mine{};
    std::set<int> draining{};  // to be given back once nothing of them is under way
    std::set<int> drained{};   // to be given back
    bool has(int number) const { return mine.contains(number) || draining.contains(number) || drained.contains(number); }
  };
  struct Peer {
    Worker worker;
    Monotonic since;  // by our clock, not before it had this beat
  };
  struct Round {
    std::vector<Shard> shards;
    std::vector<Worker> workers;
    bool kept = false;
  };

  awaitable<void> belong();
  awaitable<void> work(WorkerId me, Monotonic sent);
  awaitable<std::optional<Round>> beat(WorkerId me, std::int64_t known);
  void extend(Monotonic sent);
  void observe(const std::vector<Worker>& workers);
  awaitable<void> strike_off_still_ones(std::vector<Worker>& workers);
  awaitable<void> share_out(const WorkerId& me, const Round& round);
  awaitable<void> claim(Kind& kind, const WorkerId& me, const Round& round, std::size_t target);
  void give_back(Kind& kind, const WorkerId& me, std::size_t many);
  awaitable<void> drain(Kind& kind, std::vector<int> numbers, WorkerId me);
  awaitable<void> until_nothing_is_owned();
  void compare(Kind& kind, const WorkerId& me, const Round& round);
  void gain(Kind& kind, std::vector<int> numbers);
  void lose_all();
  bool is_on(std::string_view guard) const { return !options_.off.contains(guard); }
  /// Asks the database, each statement by itself; nothing when it does not answer.
  template <class F, class R = std::invoke_result_t<F&, sql::Session&>>
  awaitable<std::optional<R>> ask(F f);

  async::TimerWheel& wheel_;
  const Clock& clock_;
  sql::Database& database_;
  const Options options_;
  Random random_;
  std::deque<Kind> kinds_;
  std::vector<std::function<void()>> on_ready_;
  std::optional<WorkerId> me_;  // while its row is there as far as we know
  Monotonic until_{};           // others do not take us for dead before
  std::atomic<std::int64_t> since_;
  std::map<WorkerId, Peer> peers_;
  bool hurry_ = false;  // a round is due at once
  bool retiring_ = false;
  Statistics statistics_;
  async::Event changed_;   // hurry_
  async::Event released_;  // shards that we own are fewer
  async::TaskScope scope_;
};

}  // namespace watchbell::workers
