#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "platform/bus/bus.hpp"
#include "platform/bus/stream.hpp"
#include "platform/sql/database.hpp"
#include "runtime/coherence/memory.hpp"
#include "runtime/coherence/store.hpp"

namespace watchbell::coherence {

/// The processes that share a database, and what this one does so that none of them serves from memory what a change of any of them made stale.
///
/// The database carries the protocol, the bus only speeds it up. A change leaves an intent in its own transaction. After its COMMIT the process that made
/// it reads who serves from memory, tells them over the bus, and waits for each of them, until it
///   - acknowledged the intent over the bus;
///   - renewed its lease twice since it was read: the second of the two knew of the first, so it began after that was written, and found the intent;
///   - left, or was fenced: its lease stood still for as long as it lasts, by our own clock, and its row could be deleted with that number still in it.
/// A process serves from memory while its lease holds (Lease). It renews it every half second, and before the row that says so it drops what the open
/// intents of others name: so a message that is lost is made good. Each statement of it stands alone: a process that is stopped in the middle holds no lock
/// that others wait for. Without its row, or after its lease was over, it empties its memory and begins anew;
/// without the bus it leaves, and reads past its memory until that is back. Intents whose process is gone are taken over by those who find them.
///
/// The model is in model/; ADR 0013 has the reasons. Loop-only but for record(). stop() must have ended before it is destroyed.
class Cluster {
 public:
  struct Options {
    std::chrono::milliseconds renew_every{500};
    std::chrono::milliseconds lease{2000};
    std::chrono::milliseconds margin{250};  ///< what clocks may differ in, in such a time
    /// Told on the loop by how much more the database's clock is ahead of Clock::now() than a round trip can account for: when it joins and every few seconds.
    std::function<void(std::chrono::microseconds)> on_ahead{};
    /// Guards that are switched off, so that tests see what they are for: wait, lease, scan, empty, fence.
    std::set<std::string, std::less<>> off{};
  };
  struct Statistics {
    std::uint64_t settled = 0;     ///< changes that no process can contradict any more
    std::uint64_t waited_for = 0;  ///< members that they waited for
    std::uint64_t fenced = 0;      ///< members that stood still
    std::uint64_t adopted = 0;     ///< intents of processes that are gone
    std::uint64_t joins = 0;
    std::uint64_t gaps = 0;        ///< messages that were never heard
  };

  /// `database` is one of its own, whose sessions no change holds up.
  Cluster(async::TimerWheel& wheel, sql::Database& database, bus::Bus& bus, Memory& memory, async::TaskScope::OnFault on_fault, Options options);
  Cluster(async::TimerWheel& wheel, sql::Database& database, bus::Bus& bus, Memory& memory, async::TaskScope::OnFault on_fault)
      : Cluster(wheel, database, bus, memory, std::move(on_fault), Options()) {}
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  struct Listener {
    std::function<void(std::string_view)> heard;
    std::function<void()> lost;  ///< something may have been said and not heard: a message was lost, the bus was away, or a process died in the middle of a change
  };
  /// What other processes tell() about `topic` (a word) comes here, in the order of each; after a gap `lost` is called first. One a topic. Before start().
  void listen(std::string topic, Listener listener);
  void start();
  /// Leaves. Changes that still wait for others are let go.
  awaitable<void> stop();

  /// Part of a change's transaction, on a pool thread.
  IntentId record(sql::Session& session, std::string_view targets, Timestamp now) const;
  /// After its COMMIT: returns when no process serves the state before it. Not cancellable; a database that cannot be
  /// reached is waited for.
  awaitable<void> settle(IntentId intent, std::string targets);
  /// The same without waiting for it.
  void settle_later(IntentId intent, std::string targets);
  /// The same of a COMMIT that nobody knows about, which may take effect yet: first waits, behind, until it is decided, and drops its targets here again.
  void settle_doubtful(IntentId intent, std::string targets);
  /// Tells the others something, behind all that was said before. Lost while the bus is away.
  void tell(std::string_view topic, std::string_view what);

  /// Who else serves from memory, as last seen.
  std::vector<Member> others() const;
  bool serves() const noexcept { return memory_.lease.holds(); }
  /// As what others know this process, from its start to its end.
  const ProcessId& process() const noexcept { return process_; }
  const Statistics& statistics() const noexcept { return statistics_; }
  /// Reads who there is. False when the database does not answer.
  awaitable<bool> look();

 private:
  struct Waiting;
  struct Renewed {
    bool kept = false;
    std::vector<Intent> intents;
    std::vector<Member> members;
  };
  struct Peer {
    Member member;
    Monotonic since;  // by our clock, not before it had this number
  };

  awaitable<void> belong();
  awaitable<void> compare_clocks();
  awaitable<void> renew_while_up(MemberId me, std::uint64_t connection);
  awaitable<void> carry(std::shared_ptr<Waiting> waiting);
  std::shared_ptr<Waiting> begin(IntentId intent, std::string targets);
  awaitable<void> decide_and_carry(std::shared_ptr<Waiting> waiting);
  awaitable<void> await_others(Waiting& waiting);
  awaitable<std::optional<std::vector<Member>>> read_members();
  awaitable<void> fence_still_ones(const Waiting& waiting);
  awaitable<bool> fence(Member member);
  awaitable<void> fence_dead(Member member);
  awaitable<void> read_and_acknowledge(IntentId intent);
  void observe(const std::vector<Member>& members, std::uint64_t look);
  void adopt(const Renewed& renewed);
  void gone(const MemberId& member);
  void acknowledge(const IntentId& intent);
  void hear(std::string_view frame);
  void hear_drop(std::string_view intent, std::string_view targets);
  void hear_acknowledgement(std::string_view member, std::string_view intent);
  void drop_everything();
  void tell_lost();
  bool is_on(std::string_view guard) const { return !options_.off.contains(guard); }
  /// Asks the database; nothing when it does not answer.
  template <class F, class R = std::invoke_result_t<F&, sql::Session&>>
  awaitable<std::optional<R>> ask(F f, sql::Isolation isolation);

  async::TimerWheel& wheel_;
  const Clock& clock_;
  sql::Database& database_;
  bus::Bus& bus_;
  Memory& memory_;
  const Options options_;
  const ProcessId process_;
  Random random_;
  bus::Outgoing outgoing_;
  bus::Incoming incoming_;
  std::map<std::string, Listener, std::less<>> listeners_;
  bool up_ = false;              // the bus
  std::uint64_t connection_ = 0;  // of the bus, counted
  std::optional<MemberId> me_;    // since before its row is there
  std::map<MemberId, Peer> peers_;
  std::uint64_t looks_ = 0;      // begun
  std::uint64_t last_look_ = 0;  // that peers_ are from
  std::map<IntentId, Waiting*> waiting_;
  std::set<IntentId> settled_;  // and not deleted yet
  std::set<IntentId> applied_;  // of others, and still open when last read
  std::set<MemberId> fencing_;
  bool stopping_ = false;
  Statistics statistics_;
  async::Event changed_;  // the bus, or that we stop
  async::TaskScope scope_;
};

}  // namespace watchbell::coherence
