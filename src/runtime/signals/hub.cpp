#include "runtime/signals/hub.hpp"

#include <algorithm>
#include <functional>

#include <boost/json.hpp>

#include "async/loop.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::signals {
namespace {

// Codes of the protocol: the session behind the socket ended; the client broke the rules.
constexpr std::uint16_t kSessionEnded = 4401;
constexpr std::uint16_t kPolicy = 1008;
constexpr std::uint16_t kTryLater = 1013;

}  // namespace

struct Hub::Peer {
  Peer(std::shared_ptr<http::WebSocket> s, access::PrincipalPtr p, access::Identity& i, std::string c, std::string a)
      : socket(std::move(s)), principal(std::move(p)), identity(i), cookie(std::move(c)), address(std::move(a)) {}
  std::shared_ptr<http::WebSocket> socket;
  access::PrincipalPtr principal;
  access::Identity& identity;
  std::string cookie;
  std::string address;
  std::uint64_t number = 0;
  std::uint64_t seq = 0;
  std::uint64_t told = 0;          // the signal it heard last, so that a user listed twice hears it once
  std::uint64_t written_turn = 0;  // of the loop
  bool revalidating = false;
  bool again = false;  // asked for while an answer was on its way, which may be older
  std::optional<async::Timer> revalidation;

  bool is_user() const { return principal->kind == access::Principal::Kind::user; }
};

/// The signals of one place, and how far they have come.
struct Hub::Batch {
  explicit Batch(Hub& owner) : hub(&owner) {}
  Hub* hub;  // null once it is gone
  Signals signals;
  std::string timestamp;
  std::uint64_t last_peer = 0;  // sockets with higher numbers opened after the emission
  bool ready = false;
  bool dropped = false;         // freed, not sent
  bool resync = false;          // no signals: every socket is closed and fetches anew

  // Of the signal at `at`:
  std::size_t at = 0;
  std::uint64_t signal_number = 0;
  std::size_t user = 0;
  std::uint64_t after_peer = 0;  // those up to here were served (of the user at `user`)
};

struct Hub::Draining {
  explicit Draining(Hub& owner) : hub(&owner) { hub->draining_ = true; }
  Draining(Draining&& other) noexcept : hub(std::exchange(other.hub, nullptr)) {}
  Draining& operator=(Draining&&) = delete;
  // Also of a task that was cancelled, or dropped unstarted because the scope stops.
  ~Draining() {
    if (hub) hub->draining_ = false;
  }
  Hub* hub;
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

Hub::Hub(async::TimerWheel& wheel, async::TaskScope& scope, Options options) : wheel_(wheel), scope_(scope), options_(options), budget_(wheel.executor(), wheel.clock()) {}

Hub::~Hub() {
  for (const auto& batch : pending_) batch->hub = nullptr;
}

bool Hub::hears(const Peer& peer, const Audience& audience) const {
  switch (audience.kind) {
    case Audience::Kind::public_: return true;
    case Audience::Kind::authenticated: return peer.is_user();
    case Audience::Kind::holders: return peer.principal->rules->holds(audience.rule);
  }
  return false;
}

void Hub::send(Peer& peer, const Signal& signal, const std::string& timestamp) {
  if (!peer.socket->open()) {
    ++statistics_.dropped;
    ++statistics_.dropped_closed;
    ++tally(signal.id).closed;
    return;
  }
  const bool truncated = signal.payload.size() > options_.payload_limit;
  std::string frame = "{\"type\":\"signal\",\"signalId\":";
  rpc::append_json_string(frame, signal.id);
  frame += ",\"pluginId\":";
  rpc::append_json_string(frame, signal.id.substr(0, signal.id.find('.')));
  frame += ",\"payload\":";
  frame += truncated ? std::string_view("{}") : std::string_view(signal.payload);
  if (truncated) frame += ",\"truncated\":true";
  frame += ",\"timestamp\":\"" + timestamp + "\",\"seq\":" + std::to_string(++peer.seq) + "}";
  peer.socket->send(std::make_shared<const std::string>(std::move(frame)));
  // A socket closes over a frame that its backlog has no room for; nothing else closes it here.
  if (!peer.socket->open()) {
    ++statistics_.dropped;
    ++statistics_.dropped_overflow;
    ++tally(signal.id).overflow;
    return;
  }
  ++statistics_.delivered;
  ++tally(signal.id).delivered;
}

Hub::Tally& Hub::tally(std::string_view signal) {
  const auto it = tallies_.find(signal);
  return it != tallies_.end() ? it->second : tallies_.try_emplace(std::string(signal)).first->second;
}

bool Hub::concerns(const Peer& peer, const Signal* signal) const { return signal == nullptr || signal->revalidate || hears(peer, signal->audience); }

void Hub::tell(const std::shared_ptr<Peer>& peer, const Batch& batch, const Signal* signal) {
  if (signal == nullptr) peer->socket->close(kTryLater, "too many signals");
  else if (signal->revalidate) scope_.spawn("signals.revalidate", revalidate(peer));
  else send(*peer, *signal, batch.timestamp);
}

bool Hub::room() {
  if (!budget_.take() && guaranteed_ == 0) return false;
  if (guaranteed_ > 0) --guaranteed_;
  return true;
}

bool Hub::room_to_write(Peer& peer) {
  const auto turn = budget_.turn();
  if (peer.written_turn == turn) return true;  // its frames leave together
  if (std::exchange(written_turn_, turn) != turn) written_ = 0;
  if (written_ >= options_.sockets_per_turn) return false;
  ++written_;
  peer.written_turn = turn;
  return true;
}

bool Hub::tell_all(Batch& batch, const Signal* signal) {
  for (auto it = peers_.upper_bound(batch.after_peer); it != peers_.end() && it->first <= batch.last_peer; ++it) {
    if (!room()) return false;
    const bool concerned = concerns(*it->second, signal);
    if (concerned && !room_to_write(*it->second)) return false;
    batch.after_peer = it->first;
    if (concerned) tell(it->second, batch, signal);
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
      if (peer->number <= batch.after_peer || peer->told == batch.signal_number || !concerns(*peer, &signal)) continue;
      if (!room() || !room_to_write(*peer)) return false;
      batch.after_peer = peer->number;
      peer->told = batch.signal_number;
      tell(peer, batch, &signal);
    }
  }
  return true;
}

bool Hub::deliver(std::size_t at_least) {
  delivering_ = true;
  struct Ended {
    bool& flag;
    ~Ended() { flag = false; }
  } const ended{delivering_};
  guaranteed_ = at_least;
  while (!pending_.empty() && pending_.front()->ready) {
    Batch& batch = *pending_.front();
    if (batch.resync && !tell_all(batch, nullptr)) return false;
    while (batch.at < batch.signals.list.size()) {
      Signal& signal = batch.signals.list[batch.at];
      if (batch.dropped || peers_.empty()) {
        // Freeing a long list takes its time too.
        if (!room()) return false;
      } else {
        if (batch.signal_number == 0) batch.signal_number = ++signal_number_;
        if (!(signal.to_all ? tell_all(batch, &signal) : tell_users(batch, signal))) return false;
      }
      if (!signal.revalidate) {
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
  if (!draining_ && !delivering_) drain_now();
  if (pending_bytes_ > options_.pending_bytes_max) overflow();
}

void Hub::drain_now() {
  // Not a single item is promised: many small emissions of one turn must not add up to a large one.
  if (!deliver(0)) scope_.spawn("signals.drain", drain(Draining(*this)));
}

awaitable<void> Hub::drain(Draining /*marks the end*/) {
  do co_await budget_.next_turn();
  while (!deliver(TurnBudget::kStride));
}

void Hub::overflow() {
  for (const auto& batch : pending_) {
    if (!batch->ready || batch->resync) continue;
    batch->dropped = true;
    pending_bytes_ -= std::exchange(batch->signals.bytes, 0);
  }
  const auto resync = std::make_shared<Batch>(*this);
  resync->ready = true;
  resync->resync = true;
  resync->last_peer = last_peer_;
  pending_.push_back(resync);
}

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
      case ClientFrame::ping: peer->socket->send(pong); break;
      case ClientFrame::unknown: break;
      case ClientFrame::malformed:
        if (++malformed > options_.malformed_allowed) peer->socket->close(kPolicy, "malformed frames");
        else if (malformed == 1) peer->socket->send(complaint);
        break;
    }
  }
  // Wait for the other side's half of the closing handshake.
  while (co_await peer->socket->read()) {
  }
}

Hub::Statistics Hub::statistics() const { return statistics_; }

}  // namespace watchbell::signals
