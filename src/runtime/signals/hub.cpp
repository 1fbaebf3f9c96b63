#include "runtime/signals/hub.hpp"

#include <algorithm>

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
  std::uint64_t seq = 0;
  bool revalidating = false;
  bool again = false;  // asked for while an answer was on its way, which may be older
  std::optional<async::Timer> revalidation;

  bool is_user() const { return principal->kind == access::Principal::Kind::user; }
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

Hub::Hub(async::TimerWheel& wheel, async::TaskScope& scope, Options options) : wheel_(wheel), scope_(scope), options_(options) {}

Hub::~Hub() = default;

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
  ++statistics_.delivered;
}

void Hub::emit(const Signal& signal) {
  WATCHBELL_ASSERT_ON_LOOP();
  if (signal.revalidate) {
    for (const auto& user : signal.users) {
      const auto [first, last] = users_.equal_range(user);
      for (auto it = first; it != last; ++it) scope_.spawn("signals.revalidate", revalidate(it->second));
    }
    return;
  }
  ++statistics_.emitted;
  if (peers_.empty()) return;
  const std::string timestamp = wheel_.clock().now().to_iso();
  if (signal.to_all) {
    for (const auto& peer : peers_)
      if (hears(*peer, signal.audience)) send(*peer, signal, timestamp);
    return;
  }
  std::vector<UserId> users = signal.users;
  std::ranges::sort(users);
  users.erase(std::ranges::unique(users).begin(), users.end());
  for (const auto& user : users) {
    const auto [first, last] = users_.equal_range(user);
    for (auto it = first; it != last; ++it)
      if (hears(*it->second, signal.audience)) send(*it->second, signal, timestamp);
  }
}

int Hub::admits(const access::Principal& principal, std::string_view address) const {
  if (peers_.size() >= options_.sockets_max) return 503;
  if (principal.kind == access::Principal::Kind::user) return users_.count(UserId(principal.id)) >= options_.sockets_per_user ? 429 : 200;
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
  const auto place = peers_.insert(peers_.end(), peer);
  const bool user = peer->is_user();
  auto mine = users_.end();
  if (user) {
    mine = users_.emplace(UserId(peer->principal->id), peer);
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
    peers_.erase(place);
    if (user) {
      users_.erase(mine);
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
