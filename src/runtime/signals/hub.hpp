#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "platform/http_server/http.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/signals/signal.hpp"

namespace watchbell::signals {

/// All websockets of this process, and who hears what. Nothing about a signal is kept: emission queues frames on the matching sockets and
/// returns; a socket that is too slow is closed by its own backlog limit and refetches. Loop-only.
class Hub {
 public:
  struct Options {
    std::size_t sockets_per_user = 20;
    std::size_t sockets_per_address = 50;  ///< anonymous ones
    std::size_t sockets_max = 20'000;
    double inbound_rate = 5;               ///< frames a second a client may send
    double inbound_burst = 20;
    int malformed_allowed = 4;             ///< the next one closes with 1008
    std::chrono::seconds revalidate_every{60};
    std::size_t payload_limit = 32 * 1024; ///< larger payloads leave as {} with truncated:true
  };
  struct Statistics {
    std::size_t user_sockets = 0;
    std::size_t anonymous_sockets = 0;
    std::uint64_t emitted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
  };

  Hub(async::TimerWheel& wheel, async::TaskScope& scope, Options options);
  ~Hub();

  /// The way out of a Change, and only of a Change: domains announce, they do not emit.
  void emit(const Signal& signal);

  /// Whether a new socket may be opened: ok, or the HTTP status that refuses it (429 or 503).
  int admits(const access::Principal& principal, std::string_view address) const;
  /// Serves one accepted socket until it closes. `cookie` is what the socket proves itself with again later, to `identity`.
  awaitable<void> serve(std::shared_ptr<http::WebSocket> socket, access::PrincipalPtr principal, access::Identity& identity, std::string cookie,
                        std::string address);

  /// Whether the user has an open socket here.
  bool online(const UserId& user) const { return users_.contains(user); }
  Statistics statistics() const;

 private:
  struct Peer;
  void send(Peer& peer, const Signal& signal, const std::string& timestamp);
  bool hears(const Peer& peer, const Audience& audience) const;
  awaitable<void> revalidate(std::shared_ptr<Peer> peer);
  void schedule_revalidation(std::shared_ptr<Peer> peer);

  async::TimerWheel& wheel_;
  async::TaskScope& scope_;
  Options options_;
  std::list<std::shared_ptr<Peer>> peers_;
  std::unordered_multimap<UserId, std::shared_ptr<Peer>> users_;
  std::map<std::string, std::size_t, std::less<>> anonymous_by_address_;
  Statistics statistics_;
};

/// What a text frame from a client is.
enum class ClientFrame { ping, unknown, malformed };
ClientFrame judge_frame(std::string_view text);

}  // namespace watchbell::signals
