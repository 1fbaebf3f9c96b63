#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "runtime/coherence/cluster.hpp"
#include "runtime/signals/hub.hpp"
#include "runtime/signals/relay_text.hpp"

namespace watchbell::signals {

/// Signals between the processes of a cluster: what a change says here is told to the others, and what they tell is said to the sockets of this one.
///
/// What is told goes behind what the others were told to drop (Cluster::tell), so who refetches on a signal from anywhere sees the change. Signals of one process
/// arrive in the order of their emission. What is told are the id, the users and the payload; who may hear it is what this process declared for that id, and an id
/// that it does not know is passed over.
///
/// Both ways are worked off in slices of the hub's TurnBudget, and what waits is bounded: beyond it, after a message that was lost, or one that does not
/// read, sockets are closed (Hub::refetch), here or everywhere. Nothing of a signal is kept once it was told.
///
/// Others are told whoever they are and whether there are any: who joined a moment ago may have a page open that was read before this change. Loop-only.
class Relay {
 public:
  struct Options {
    std::size_t text_bytes = 64 * 1024;  ///< of one message, more or less; one payload more at most
    std::size_t waiting_bytes_max = std::size_t{64} << 20;  ///< each way
  };
  struct Statistics {
    std::uint64_t told = 0;     ///< texts
    std::uint64_t heard = 0;    ///< texts
    std::uint64_t unknown = 0;  ///< signals of others that this process does not have
    std::uint64_t lost = 0;     ///< times that sockets had to refetch, or others had to be asked to
  };

  /// Before `cluster` starts.
  Relay(async::TaskScope& scope, Hub& hub, coherence::Cluster& cluster, Options options);
  Relay(async::TaskScope& scope, Hub& hub, coherence::Cluster& cluster) : Relay(scope, hub, cluster, Options()) {}
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  /// What others may say here.
  void declare(const std::vector<Declared>& signals);
  /// Tells the others, then emits here. Never waits and never fails.
  void emit(Signals signals);
  const Statistics& statistics() const noexcept { return statistics_; }

 private:
  struct Draining;
  void hear(std::string_view text);
  /// Something may not have been heard.
  void lose();
  void begin();
  /// One turn's work, one line of each way in any case. Whether nothing is left.
  bool work(bool in_any_case);
  bool send();
  bool receive();
  /// Writes the lines of the signals that wait first, from where it stopped. Whether all of them are written.
  bool write(const Signals& signals);
  bool room();
  void flush();
  /// What a line says, to be emitted. Nothing when it is not for this process; false when it is nothing that may be said.
  bool accept(const Line& line, Signals& signals);
  const Declared* declared(std::string_view id);
  awaitable<void> drain(Draining mark);

  async::TaskScope& scope_;
  Hub& hub_;
  coherence::Cluster& cluster_;
  const Options options_;
  std::map<std::string, Declared, std::less<>> declared_;
  std::set<std::string, std::less<>> unknown_;  // that were logged
  bool unreadable_ = false;                     // was logged

  std::deque<Signals> outgoing_;
  std::size_t outgoing_bytes_ = 0;
  std::size_t signal_ = 0;  // of the first of outgoing_: the next to be written
  std::size_t user_ = 0;    // of that
  std::string text_;        // written and not told yet
  std::deque<std::string> incoming_;
  std::size_t incoming_bytes_ = 0;
  std::size_t read_ = 0;  // of the first of incoming_

  bool promised_ = false;  // a line, whatever the budget says
  bool working_ = false;   // further up the stack: a socket came back to us
  bool draining_ = false;  // the task runs
  Statistics statistics_;
};

}  // namespace watchbell::signals
