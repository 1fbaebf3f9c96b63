#include "runtime/signals/hub.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

#include <boost/json.hpp>

#include "async/loop.hpp"
#include "async/raised_flag.hpp"
#include "runtime/rpc/writer.hpp"
#include "runtime/signals/readings.hpp"

namespace watchbell::signals {
namespace {

// Codes of the protocol: the session behind the socket ended; the client broke the rules.
constexpr std::uint16_t kSessionEnded = 4401;
constexpr std::uint16_t kPolicy = 1008;
constexpr std::uint16_t kRestart = 1012;
constexpr std::uint16_t kTryLater = 1013;

// Items of the log that sockets may take in one turn to be written to: 100 us.
constexpr std::size_t kCaughtUpPerTurn = 2048;

}  // namespace

struct Hub::Peer : InLine, std::enable_shared_from_this<Peer> {
  Peer(std::shared_ptr<http::WebSocket> s, access::PrincipalPtr p, access::Identity& i, std::string c, std::string a)
      : socket(std::move(s)), principal(std::move(p)), identity(i), cookie(std::move(c)), address(std::move(a)) {}
  std::shared_ptr<http::WebSocket> socket;
  access::PrincipalPtr principal;
  access::Identity& identity;
  std::string cookie;
  std::string address;
  std::uint64_t number = 0;
  std::uint64_t seq = 0;
  std::uint64_t told = 0;      // the signal it heard last, so that a user listed twice hears it once
  std::uint64_t heard = 0;     // of the log: the number of the next it has not
  bool scheduled = false;      // stands in due_ or later_
  Monotonic due{};             // when it may be written to
  Monotonic writes_full_at{};  // of the bucket of Options::writes
  bool revalidating = false;
  bool again = false;  // asked for while an answer was on its way, which may be older
  std::optional<async::Timer> revalidation;

  bool is_user() const { return principal->kind == access::Principal::Kind::user; }
};

/// What everybody is told, until the last socket has heard it.
struct Hub::Told {
  std::string frame;  // up to the number that each socket counts for itself
  Audience audience;
  Tally& tally;
  std::uint64_t last_peer;  // sockets with higher numbers opened after the emission
  std::size_t left;         // sockets that are still to hear it, or to be found not to be concerned
};

/// The signals of one place, and how far they have come.
struct Hub::Batch {
  explicit Batch(Hub& owner) : hub(&owner) {}
  Hub* hub;  // null once it is gone
  Signals signals;
  std::string timestamp;
  std::uint64_t last_peer = 0;  // sockets with higher numbers opened after the emission
  bool ready = false;
  bool dropped = false;  // freed, not sent
  std::uint16_t closes = 0;  // no signals: every socket is closed with this code, and fetches anew

  // Of the signal at `at`:
  std::size_t at = 0;
  std::uint64_t signal_number = 0;
  std::string frame;  // up to the number that each socket counts for itself
  Tally* tally = nullptr;
  std::size_t user = 0;
  std::uint64_t after_peer = 0;  // those up to here were served (of the user at `user`)
};

struct Hub::Draining : async::RaisedFlag {
  using RaisedFlag::RaisedFlag;
};

ClientFrame judge_frame(std::string_view text) {
  boost::system::error_code error;
  boost::json::parse_options options;
  options.max_depth = 8;
  const auto value = boost::json::parse(text, error, {}, options);
  if (error || !value.is_object()) return ClientFrame::malformed;
  const auto* type = value.get_object().if_contains("type");
  if (type == nullptr || !type->is_string()) return ClientFrame::malformed;
  return type->get_string() == "ping" ? ClientFrame::ping : ClientFrame::unknown;
}

Hub::Hub(async::TimerWheel& wheel, async::TaskScope& scope, Options options)
    : wheel_(wheel), scope_(scope), options_(options), budget_(wheel.executor(), wheel.clock()), write_timer_([this] {
        if (!draining_) drain_now();
      }),
      readings_(std::make_unique<Readings>(wheel, scope, *this)) {}

Hub::~Hub() {
  for (const auto& batch : pending_) batch->hub = nullptr;
}

bool Hub::hears(const Peer& peer, const Audience& audience) const {
  switch (audience.kind) {
    case Audience::Kind::public_:
      return true;
    case Audience::Kind::authenticated:
      return peer.is_user();
    case Audience::Kind::holders:
      return peer.principal->rules->holds(audience.rule);
  }
  return false;
}

std::string Hub::frame_of(const Signal& signal, const std::string& timestamp) const {
  const bool truncated = signal.payload.empty() || signal.payload.size() > options_.payload_limit;
  std::string frame = "{\"type\":\"signal\",\"signalId\":";
  rpc::append_json_string(frame, signal.id);
  frame += ",\"pluginId\":";
  rpc::append_json_string(frame, signal.id.substr(0, signal.id.find('.')));
  frame += ",\"payload\":";
  frame += truncated ? std::string_view("{}") : std::string_view(signal.payload);
  if (truncated) frame += ",\"truncated\":true";
  frame += ",\"timestamp\":\"" + timestamp + "\",\"seq\":";
  return frame;
}

void Hub::take(Peer& peer, std::string_view frame, Tally& tally) {
  if (!peer.socket->open()) {
    ++statistics_.dropped;
    ++statistics_.dropped_closed;
    ++tally.closed;
    return;
  }
  char rest[24];
  char* const end = std::to_chars(rest, rest + sizeof rest - 1, ++peer.seq).ptr;
  *end = '}';
  peer.socket->hold(frame, std::string_view(rest, static_cast<std::size_t>(end - rest) + 1));
  // A socket closes over a frame that its backlog has no room for; nothing else closes it here.
  if (!peer.socket->open()) {
    ++statistics_.dropped;
    ++statistics_.dropped_overflow;
    ++tally.overflow;
    return;
  }
  ++statistics_.delivered;
  ++tally.delivered;
}

void Hub::schedule(Peer& peer) {
  if (std::exchange(peer.scheduled, true)) return;
  const auto now = wheel_.clock().monotonic();
  // One that has closed is not written to, but hears no more either.
  peer.due = peer.socket->open() ? now + limits::take(options_.writes, peer.writes_full_at, now).wait : now;
  peer.unlink();
  (peer.due == now ? due_ : later_).push_back(peer);
}

void Hub::log(const Batch& batch, const Signal& signal) {
  // Those that opened since are the last of all, and few.
  std::size_t left = peers_.size();
  for (auto it = peers_.rbegin(); it != peers_.rend() && it->first > batch.last_peer; ++it) --left;
  log_.push_back(std::make_shared<Told>(frame_of(signal, batch.timestamp), signal.audience, tally(signal.id), batch.last_peer, left));
  pending_bytes_ += log_.back()->frame.size();
  behind_.splice(behind_.end(), idle_);
  release();
}

void Hub::release() {
  for (; !log_.empty() && log_.front()->left == 0; log_.pop_front(), ++log_begin_) {
    ++statistics_.emitted;
    ++log_.front()->tally.emitted;
    pending_bytes_ -= log_.front()->frame.size();
  }
}

void Hub::pass(Told& told) {
  if (--told.left == 0) release();
}

bool Hub::catch_up(Peer& peer, bool (Hub::*room)()) {
  while (true) {
    peer.heard = std::max(peer.heard, log_begin_);
    if (peer.heard == log_begin_ + log_.size()) return true;
    if (!(this->*room)()) return false;
    const auto told = log_[peer.heard++ - log_begin_];  // kept: the socket may come back to us
    if (peer.number > told->last_peer) continue;
    if (hears(peer, told->audience)) take(peer, told->frame, told->tally);
    pass(*told);
  }
}

void Hub::leave(Peer& peer) {
  for (peer.heard = std::max(peer.heard, log_begin_); peer.heard != log_begin_ + log_.size(); ++peer.heard) {
    Told& told = *log_[peer.heard - log_begin_];
    if (peer.number > told.last_peer) continue;
    if (hears(peer, told.audience)) {
      ++statistics_.dropped;
      ++statistics_.dropped_closed;
      ++told.tally.closed;
    }
    --told.left;
  }
  release();
  peer.unlink();
}

Hub::Tally& Hub::tally(std::string_view signal) {
  const auto it = tallies_.find(signal);
  return it != tallies_.end() ? it->second : tallies_.try_emplace(std::string(signal)).first->second;
}

bool Hub::room() {
  if (!budget_.take() && guaranteed_ == 0) return false;
  if (guaranteed_ > 0) --guaranteed_;
  return true;
}

void Hub::begin_turn() {
  budget_.take();  // begins the turn; what it says is about lists, not about writes, which have bounds of their own
  const auto turn = budget_.turn();
  if (std::exchange(written_turn_, turn) == turn) return;
  written_ = 0;
  caught_up_ = 0;
}

bool Hub::room_to_catch_up() {
  begin_turn();
  return caught_up_++ < kCaughtUpPerTurn;
}

bool Hub::room_to_write() {
  begin_turn();
  return written_++ < options_.sockets_per_turn;
}

bool Hub::wake() {
  for (; !behind_.empty(); schedule(static_cast<Peer&>(behind_.front())))
    if (!room()) return false;
  return true;
}

bool Hub::write_due() {
  const auto now = wheel_.clock().monotonic();
  const auto first = [](Line& line) -> Peer& { return static_cast<Peer&>(line.front()); };
  while (!later_.empty() && first(later_).due <= now) due_.splice(due_.end(), later_, later_.begin());
  while (!due_.empty()) {
    const auto peer = first(due_).shared_from_this();
    if (!catch_up(*peer, &Hub::room_to_catch_up) || !room_to_write()) return false;
    peer->scheduled = false;
    peer->writes_full_at = limits::take(options_.writes, peer->writes_full_at, now).full_at;
    peer->unlink();
    idle_.push_back(*peer);
    peer->socket->flush();
  }
  if (!later_.empty()) wheel_.arm(write_timer_, first(later_).due - now);
  return true;
}

bool Hub::tell_all(Batch& batch, const Signal* signal) {
  for (auto it = peers_.upper_bound(batch.after_peer); it != peers_.end() && it->first <= batch.last_peer; ++it) {
    if (!room()) return false;
    batch.after_peer = it->first;
    if (signal == nullptr)
      it->second->socket->close(batch.closes, batch.closes == kTryLater ? "too many signals" : "signals were missed");
    else
      scope_.spawn("signals.revalidate", revalidate(it->second));
  }
  return true;
}

bool Hub::tell_users(Batch& batch, const Signal& signal) {
  for (; batch.user < signal.users.size(); ++batch.user, batch.after_peer = 0) {
    if (!room()) return false;
    const auto found = users_.find(signal.users[batch.user]);
    if (found == users_.end()) continue;
    for (const auto& peer : found->second) {
      if (peer->number > batch.last_peer) break;
      if (peer->number <= batch.after_peer || peer->told == batch.signal_number) continue;
      if (signal.kind == Kind::message && !hears(*peer, signal.audience)) continue;
      if (!room()) return false;
      if (signal.kind == Kind::message && !catch_up(*peer, &Hub::room)) return false;
      batch.after_peer = peer->number;
      peer->told = batch.signal_number;
      if (signal.kind == Kind::rights) {
        scope_.spawn("signals.revalidate", revalidate(peer));
        continue;
      }
      take(*peer, batch.frame, *batch.tally);
      schedule(*peer);
    }
  }
  return true;
}

bool Hub::ask(Batch& batch, const Signal& signal) {
  std::vector<UserId> here;
  const bool left = [&] {
    for (; batch.user < signal.users.size(); ++batch.user) {
      if (!room()) return true;
      if (users_.contains(signal.users[batch.user])) here.push_back(signal.users[batch.user]);
    }
    return false;
  }();
  readings_->add(signal, here);
  return !left;
}

bool Hub::work(std::size_t at_least) {
  working_ = true;
  struct Ended {
    bool& flag;
    ~Ended() { flag = false; }
  } const ended{working_};
  guaranteed_ = at_least;
  const bool delivered = deliver();
  guaranteed_ = at_least;
  const bool woken = wake();
  return write_due() && delivered && woken;
}

bool Hub::deliver() {
  while (!pending_.empty() && pending_.front()->ready) {
    Batch& batch = *pending_.front();
    if (batch.closes != 0 && !tell_all(batch, nullptr)) return false;
    while (batch.at < batch.signals.list.size()) {
      Signal& signal = batch.signals.list[batch.at];
      bool logged = false;  // is counted when the last socket has heard it
      if (batch.dropped || peers_.empty()) {
        // Freeing a long list takes its time too.
        if (!room()) return false;
      } else {
        if (batch.signal_number == 0) {
          batch.signal_number = ++signal_number_;
          if (signal.kind == Kind::message && !signal.to_all) {
            batch.frame = frame_of(signal, batch.timestamp);
            batch.tally = &tally(signal.id);
          }
        }
        if (signal.kind == Kind::read) {
          if (!ask(batch, signal)) return false;
        } else if (signal.to_all && signal.kind == Kind::message) {
          if (!room()) return false;
          log(batch, signal);
          logged = true;
        } else if (!(signal.to_all ? tell_all(batch, &signal) : tell_users(batch, signal))) {
          return false;
        }
      }
      // One that is read counts when it is said.
      if (signal.kind == Kind::message && !logged) {
        ++(batch.dropped ? statistics_.forgotten : statistics_.emitted);
        if (!batch.dropped) ++tally(signal.id).emitted;
      }
      signal = Signal();
      ++batch.at;
      batch.signal_number = 0;
      batch.user = 0;
      batch.after_peer = 0;
    }
    pending_bytes_ -= batch.signals.bytes;
    pending_.pop_front();
  }
  return true;
}

Hub::Place Hub::place() {
  WATCHBELL_ASSERT_ON_LOOP();
  auto batch = std::make_shared<Batch>(*this);
  pending_.push_back(batch);
  return Place(std::move(batch));
}

void Hub::Place::give_back() noexcept {
  const auto batch = std::exchange(batch_, nullptr);
  if (batch && batch->hub) batch->hub->settle(*batch, {});
}

void Hub::emit(Place place, Signals signals) {
  WATCHBELL_ASSERT_ON_LOOP();
  const auto batch = std::exchange(place.batch_, nullptr);
  settle(*batch, std::move(signals));
}

void Hub::emit(Signal signal) {
  Signals signals;
  signals.add(std::move(signal));
  emit(place(), std::move(signals));
}

void Hub::settle(Batch& batch, Signals signals) {
  batch.ready = true;
  batch.signals = std::move(signals);
  batch.last_peer = last_peer_;
  if (!batch.signals.list.empty() && !peers_.empty()) batch.timestamp = wheel_.clock().now().to_iso();
  pending_bytes_ += batch.signals.bytes;
  if (!draining_ && !working_) drain_now();
  if (pending_bytes_ > options_.pending_bytes_max) overflow();
}

void Hub::drain_now() {
  // Not a single item is promised: many small emissions of one turn must not add up to a large one.
  if (!work(0)) scope_.spawn("signals.drain", drain(Draining(draining_)));
}

awaitable<void> Hub::drain(Draining /*marks the end*/) {
  bool done = false;
  while (!done) {
    co_await budget_.next_turn();
    done = work(TurnBudget::kStride);
  }
}

void Hub::overflow() {
  for (const auto& batch : pending_) {
    if (!batch->ready || batch->closes != 0) continue;
    batch->dropped = true;
    pending_bytes_ -= std::exchange(batch->signals.bytes, 0);
  }
  for (const auto& told : log_) {
    ++statistics_.forgotten;
    pending_bytes_ -= told->frame.size();
  }
  log_begin_ += log_.size();
  log_.clear();
  close_all(kTryLater);
}

void Hub::close_all(std::uint16_t code) {
  const auto batch = std::make_shared<Batch>(*this);
  batch->ready = true;
  batch->closes = code;
  batch->last_peer = last_peer_;
  pending_.push_back(batch);
}

void Hub::refetch() {
  WATCHBELL_ASSERT_ON_LOOP();
  close_all(kRestart);
  if (!draining_ && !working_) drain_now();
}

void Hub::reads(std::string_view id, ReadPayloads read) { readings_->declare(id, std::move(read)); }
bool Hub::reads(std::string_view id) const { return readings_->knows(id); }

int Hub::admits(const access::Principal& principal, std::string_view address) const {
  if (peers_.size() >= options_.sockets_max) return 503;
  if (principal.kind == access::Principal::Kind::user) {
    const auto mine = users_.find(UserId(principal.id));
    return mine != users_.end() && mine->second.size() >= options_.sockets_per_user ? 429 : 200;
  }
  const auto it = anonymous_by_address_.find(address);
  return it != anonymous_by_address_.end() && it->second >= options_.sockets_per_address ? 429 : 200;
}

void Hub::schedule_revalidation(std::shared_ptr<Peer> peer) {
  std::chrono::nanoseconds next = options_.revalidate_every;
  // A session's end is known: the socket does not outlive it by a minute.
  if (const auto& end = peer->principal->expires_at)
    next = std::clamp<std::chrono::nanoseconds>(*end - wheel_.clock().now() + std::chrono::seconds(1), std::chrono::seconds(1), next);
  wheel_.arm(*peer->revalidation, next);
}

awaitable<void> Hub::revalidate(std::shared_ptr<Peer> peer) {
  if (peer->revalidating) {
    peer->again = true;
    co_return;
  }
  peer->revalidating = true;
  const struct Turn {
    Peer& peer;
    ~Turn() { peer.revalidating = false; }
  } turn{*peer};
  do {
    if (!peer->socket->open()) co_return;
    peer->again = false;
    // Before asking: a fault leaves from here, and the next turn asks again.
    schedule_revalidation(peer);
    const auto now = co_await peer->identity.identify({.authorization = {}, .cookie = peer->cookie});
    // A store that cannot answer is no reason to cut people off.
    if (!now) continue;
    if ((*now)->kind != access::Principal::Kind::user || (*now)->id != peer->principal->id) {
      peer->socket->close(kSessionEnded, "session ended");
      co_return;
    }
    peer->principal = *now;
  } while (peer->again);
}

awaitable<void> Hub::serve(std::shared_ptr<http::WebSocket> socket, access::PrincipalPtr principal, access::Identity& identity, std::string cookie,
                           std::string address) {
  // The limits again: many upgrades may have been admitted before the first of them came here.
  if (admits(*principal, address) != 200) {
    socket->close(kTryLater, "too many sockets");
    co_return;
  }
  const auto peer = std::make_shared<Peer>(std::move(socket), std::move(principal), identity, std::move(cookie), std::move(address));
  peer->revalidation.emplace([this, weak = std::weak_ptr<Peer>(peer)] {
    if (auto alive = weak.lock()) scope_.spawn("signals.revalidate", revalidate(std::move(alive)));
  });
  peer->number = ++last_peer_;
  peers_.emplace_hint(peers_.end(), peer->number, peer);
  peer->heard = log_begin_ + log_.size();
  idle_.push_back(*peer);
  const bool user = peer->is_user();
  const UserId id(peer->principal->id);
  if (user) {
    users_[id].push_back(peer);
    ++statistics_.user_sockets;
    // At once: the session may have ended between the upgrade and here, where nobody told this socket.
    scope_.spawn("signals.revalidate", revalidate(peer));
  } else {
    ++anonymous_by_address_[peer->address];
    ++statistics_.anonymous_sockets;
  }
  struct Leave {
    std::function<void()> run;
    ~Leave() { run(); }
  } const leave{[&] {
    peer->revalidation->cancel();
    this->leave(*peer);
    peers_.erase(peer->number);
    if (user) {
      const auto mine = users_.find(id);
      std::erase(mine->second, peer);
      if (mine->second.empty()) users_.erase(mine);
      --statistics_.user_sockets;
    } else {
      const auto it = anonymous_by_address_.find(peer->address);
      if (--it->second == 0) anonymous_by_address_.erase(it);
      --statistics_.anonymous_sockets;
    }
  }};

  std::string hello = "{\"type\":\"connected\",\"userId\":";
  rpc::append_json_string(hello, user ? peer->principal->id.to_string() : std::string("anonymous"));
  hello += ",\"heartbeatMs\":25000}";
  peer->socket->send(std::make_shared<const std::string>(std::move(hello)));

  double tokens = options_.inbound_burst;
  auto last = wheel_.clock().monotonic();
  int malformed = 0;
  static const auto pong = std::make_shared<const std::string>(R"({"type":"pong"})");
  static const auto complaint = std::make_shared<const std::string>(R"({"type":"error","message":"Malformed frame"})");
  while (auto frame = co_await peer->socket->read()) {
    const auto now = wheel_.clock().monotonic();
    tokens = std::min(options_.inbound_burst, tokens + options_.inbound_rate * std::chrono::duration<double>(now - last).count());
    last = now;
    if (--tokens < 0) {
      peer->socket->close(kPolicy, "too many frames");
      break;
    }
    switch (judge_frame(*frame)) {
      case ClientFrame::ping:
        peer->socket->send(pong);
        break;
      case ClientFrame::unknown:
        break;
      case ClientFrame::malformed:
        if (++malformed > options_.malformed_allowed)
          peer->socket->close(kPolicy, "malformed frames");
        else if (malformed == 1)
          peer->socket->send(complaint);
        break;
    }
  }
  // Wait for the other side's half of the closing handshake.
  while (co_await peer->socket->read()) {
  }
}

Hub::Statistics Hub::statistics() const { return statistics_; }

}  // namespace watchbell::signals
