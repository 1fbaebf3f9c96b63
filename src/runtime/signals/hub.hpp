#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/result.hpp"
#include "platform/http_server/http.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/limits/bucket_table.hpp"
#include "runtime/signals/signal.hpp"
#include "runtime/signals/turn_budget.hpp"

namespace watchbell::signals {

class Readings;

/// What a signal of Kind::read says to these users now: a user and a payload (JSON) each, without those whom it does not concern. `reference` came from
/// another process as it may, so one that names nothing is an empty answer; an Error or a Fault is a reason to ask again.
using ReadPayloads = std::function<awaitable<Result<std::vector<std::pair<UserId, std::string>>>>(std::string reference, std::vector<UserId> users)>;

/// All websockets of this process, and who hears what. Loop-only.
///
/// Emissions stand in one queue, in the order in which their places were taken, and are taken from its front: at once while nothing waits and the turn of
/// the loop has room (TurnBudget), the rest by one task over the next turns. So emission costs its caller no more than a slice of a turn.
///
/// What everybody is told is kept once, in a log; each socket knows how far it has heard. It catches up when it is written to, and before it is told
/// something of its own, so that each hears in the order of emission, and a signal to ten thousand busy sockets touches none of them.
///
/// Writing costs a system call: so many sockets a turn (Options::sockets_per_turn), and each at most so often (Options::writes). What a busy socket is told
/// in between leaves in one write.
///
/// A signal is for the sockets that are open when it is emitted, less those that have closed or lost the right to it when their turn comes. One
/// that opens later need not get it: what it reads is newer. Nothing of a signal is kept once its last socket was served; a socket that is too slow
/// is closed by its own backlog limit, and when more than Options::pending_bytes_max waits, all of it is forgotten and every socket closed:
/// both refetch. What waits when the scope stops is forgotten.
class Hub {
 public:
  struct Options {
    std::size_t sockets_per_user = 20;
    std::size_t sockets_per_address = 50;  ///< anonymous ones
    std::size_t sockets_max = 20'000;
    double inbound_rate = 5;  ///< frames a second a client may send
    double inbound_burst = 20;
    int malformed_allowed = 4;  ///< the next one closes with 1008
    std::chrono::seconds revalidate_every{60};
    std::size_t payload_limit = 32 * 1024;  ///< larger payloads leave as {} with truncated:true
    /// Sockets written to in one turn: each costs a system call at its end (7 us), so that 64 take about half a millisecond more.
    std::size_t sockets_per_turn = 64;
    /// How often one socket is written to. The burst lets a few signals pass at once, and ten a second without a wait however their distances vary.
    limits::Rate writes{.every = std::chrono::milliseconds(100), .burst = 3};
    std::size_t pending_bytes_max = std::size_t{128} << 20;
  };
  struct Statistics {
    std::size_t user_sockets = 0;
    std::size_t anonymous_sockets = 0;
    std::uint64_t emitted = 0;           ///< signals, whoever hears them; counted when the last socket was served
    std::uint64_t delivered = 0;         ///< frames that sockets took; what one forgets later, when it falls too far behind, is not taken off
    std::uint64_t dropped = 0;           ///< frames that sockets did not take: the sum of the next two
    std::uint64_t dropped_overflow = 0;  ///< its backlog was full, and the socket closes
    std::uint64_t dropped_closed = 0;    ///< the socket was closing
    std::uint64_t forgotten = 0;         ///< signals that were never sent because too much waited
  };

 private:
  struct Batch;

 public:
  /// A place in the order of emission, for signals that are emitted when something else is done. What takes its place later waits behind it. Given back
  /// empty when destroyed.
  class [[nodiscard]] Place {
   public:
    Place() = default;
    Place(Place&&) noexcept = default;
    Place& operator=(Place&& other) noexcept {
      if (this != &other) {
        give_back();
        batch_ = std::move(other.batch_);
      }
      return *this;
    }
    ~Place() { give_back(); }
    explicit operator bool() const noexcept { return batch_ != nullptr; }

   private:
    friend class Hub;
    explicit Place(std::shared_ptr<Batch> batch) : batch_(std::move(batch)) {}
    void give_back() noexcept;
    std::shared_ptr<Batch> batch_;
  };

  /// Of one signal.
  struct Tally {
    std::uint64_t emitted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t closed = 0;    ///< not delivered: the socket was gone
    std::uint64_t overflow = 0;  ///< not delivered: the socket was too slow and is closed
  };

  Hub(async::TimerWheel& wheel, async::TaskScope& scope, Options options);
  ~Hub();

  /// How the payload of signals to_readers() is read; before the first of them. The later of two reads is told last, so each socket ends with the newest.
  template <class Payload>
  void reads(const Definition<Payload>& definition, ReadPayloads read) {
    reads(definition.id, std::move(read));
  }
  /// Whether the payload of a signal is read.
  bool reads(std::string_view id) const;

  /// The way out of a Change, and only of a Change: domains announce, they do not emit. Never waits and never fails.
  Place place();
  void emit(Place place, Signals signals);
  void emit(Signal signal);
  /// Some signal may have been missed here: every socket that is open now is closed with 1012, in slices. Clients connect anew after a random part of a
  /// second, of two, and so on to thirty, and read everything again.
  void refetch();
  /// What all fan-outs of the process share.
  TurnBudget& budget() noexcept { return budget_; }

  /// Whether a new socket may be opened: ok, or the HTTP status that refuses it (429 or 503).
  int admits(const access::Principal& principal, std::string_view address) const;
  /// Serves one accepted socket until it closes. `cookie` is what the socket proves itself with again later, to `identity`.
  awaitable<void> serve(std::shared_ptr<http::WebSocket> socket, access::PrincipalPtr principal, access::Identity& identity, std::string cookie,
                        std::string address);

  /// Whether the user has an open socket here.
  bool online(const UserId& user) const { return users_.contains(user); }
  std::size_t sockets() const noexcept { return peers_.size(); }
  Statistics statistics() const;
  std::size_t payload_limit() const noexcept { return options_.payload_limit; }
  /// By the ids that were ever emitted.
  const std::map<std::string, Tally, std::less<>>& tallies() const noexcept { return tallies_; }

 private:
  struct Peer;
  struct Told;
  struct Draining;
  struct InLine : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {};
  /// Sockets in a row. Each stands in one of ours while it is open.
  using Line = boost::intrusive::list<InLine, boost::intrusive::constant_time_size<false>>;
  /// One turn's work, `at_least` items of each kind in any case. Whether nothing is left.
  bool work(std::size_t at_least);
  /// Takes what is ready, as far as this turn has room. Whether nothing is left.
  bool deliver();
  /// Has the sockets of one signal prove themselves again (of none: closes them), from where it stopped. Whether none is left.
  bool tell_all(Batch& batch, const Signal* signal);
  bool tell_users(Batch& batch, const Signal& signal);
  /// Has the payload of one read for those who are here, from where it stopped. Whether nobody is left.
  bool ask(Batch& batch, const Signal& signal);
  void reads(std::string_view id, ReadPayloads read);
  /// Puts what everybody is to hear into the log.
  void log(const Batch& batch, const Signal& signal);
  /// Has a socket take what the log has for it, while there is `room`. Whether it has all of it.
  bool catch_up(Peer& peer, bool (Hub::*room)());
  /// Counts that one socket less is to hear it.
  void pass(Told& told);
  /// A socket that leaves hears no more of the log.
  void leave(Peer& peer);
  void release();
  void take(Peer& peer, std::string_view frame, Tally& tally);
  void schedule(Peer& peer);
  /// Whether this turn has room for one more item; for one more item of the log; for a write to one more socket.
  bool room();
  bool room_to_catch_up();
  bool room_to_write();
  void begin_turn();
  /// Gives those who are behind their time to be written to. Whether all of them have one.
  bool wake();
  /// Writes to the sockets whose time has come, as far as this turn has room. Whether none is left.
  bool write_due();
  void settle(Batch& batch, Signals signals);
  /// Forgets all that waits and has every socket fetch anew, rather than grow.
  void overflow();
  void close_all(std::uint16_t code);
  void drain_now();
  awaitable<void> drain(Draining mark);
  std::string frame_of(const Signal& signal, const std::string& timestamp) const;
  Tally& tally(std::string_view signal);
  bool hears(const Peer& peer, const Audience& audience) const;
  awaitable<void> revalidate(std::shared_ptr<Peer> peer);
  void schedule_revalidation(std::shared_ptr<Peer> peer);

  async::TimerWheel& wheel_;
  async::TaskScope& scope_;
  Options options_;
  TurnBudget budget_;
  std::uint64_t last_peer_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Peer>> peers_;                  // by number, in the order of their opening
  std::unordered_map<UserId, std::vector<std::shared_ptr<Peer>>> users_;  // likewise; no entry is empty
  std::deque<std::shared_ptr<Batch>> pending_;
  std::size_t pending_bytes_ = 0;
  std::uint64_t signal_number_ = 0;
  std::deque<std::shared_ptr<Told>> log_;  // what some socket has not heard yet
  std::uint64_t log_begin_ = 0;            // the number of its first
  Line idle_;                              // sockets that have heard and written everything
  Line behind_;                            // that have not, and have no time to be written to yet
  Line due_;                               // to be written to now
  Line later_;                             // at their time; almost in its order
  async::Timer write_timer_;               // for the first of later_
  std::uint64_t written_turn_ = 0;
  std::size_t written_ = 0;     // sockets written to in written_turn_
  std::size_t caught_up_ = 0;   // items of the log that they took for that
  std::size_t guaranteed_ = 0;  // items that are still done whatever the budget says
  bool working_ = false;        // further up the stack: a socket came back to us
  bool draining_ = false;       // the task runs
  std::map<std::string, std::size_t, std::less<>> anonymous_by_address_;
  Statistics statistics_;
  std::map<std::string, Tally, std::less<>> tallies_;
  std::unique_ptr<Readings> readings_;
};

/// What a text frame from a client is.
enum class ClientFrame { ping, unknown, malformed };
ClientFrame judge_frame(std::string_view text);

}  // namespace watchbell::signals
