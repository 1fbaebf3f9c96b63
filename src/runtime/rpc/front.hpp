#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.hpp"
#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "platform/http_server/http.hpp"
#include "platform/resolver/address.hpp"
#include "runtime/limits/rate_limiter.hpp"
#include "runtime/rpc/dispatcher.hpp"

namespace watchbell::rpc {

/// How a request's Origin stands to us. An absent one falls back to Referer.
enum class Origin { absent, trusted, foreign };

/// A request to a route that is no procedure, with what the front found out about it. Views stay valid until the answer is written.
struct RouteRequest {
  const http::Request& http;
  std::string_view correlation_id;
  std::string_view address;  ///< the client's, trusted proxies resolved
  Origin origin = Origin::absent;
  bool has_origin_header = false;
  access::Credentials credentials;
  bool forwarded = false;    ///< carries a forwarding header
  Monotonic began{};
};
using RouteHandler = std::function<awaitable<void>(RouteRequest, http::Response&)>;

/// What was asked for.
enum class Served { rpc, route, page };

/// The first handler of every request: correlation, client address, rate limit of the address, CORS, Origin check, security headers, then the way to a
/// procedure, a route or the web app. One log line a request. A procedure whose answer is at hand is answered on the spot, on a hit of a cached read without
/// allocation but for growth of the answer's own buffers. Loop-only.
class Front final : public http::Handler {
 public:
  struct Options {
    std::string base_url;                        ///< no trailing slash
    std::vector<std::string> trusted_origins;    ///< "https://host:port"; holds the base URL's
    std::vector<net::Cidr> trusted_proxies;
    std::size_t max_body_bytes = http::Handler::kDefaultBodyLimit;  ///< unless a procedure has a limit of its own
    std::chrono::seconds boot_wait{30};
    limits::RateLimiter* limiter = nullptr;      ///< null: nobody is limited
    /// Told of every request when it is answered, and how long it took.
    std::function<void(Served served, std::chrono::nanoseconds took)> on_request;
  };
  Front(Dispatcher& dispatcher, async::TimerWheel& wheel, Options options);

  /// An exact path, for GET and HEAD or for one method. Exact paths go before prefixes, and procedures before both.
  void route(std::string method, std::string path, RouteHandler handler);
  /// All paths below a prefix that ends in '/', any method; the longest prefix wins.
  void prefix(std::string path, RouteHandler handler);
  /// Routes whose path begins so are doors where secrets are tried: all but reads count against the limit of sign-ins, at a door of their own.
  void guard(std::string path) { guarded_.push_back(std::move(path)); }
  /// Everything that is neither under /api/ nor /rest/: the web app.
  void fallback(RouteHandler handler) { fallback_ = std::move(handler); }

  /// Routes answer from now on; before, all but the probes wait (boot_wait), then get 503.
  void open();
  const Options& options() const noexcept { return options_; }

  std::size_t body_limit(const http::Request& head) override;
  /// Counts every request against the limit of its address, so it comes before handle().
  bool answer_now(const http::Request& request, http::Response& response) override;
  awaitable<void> handle(const http::Request& request, http::Response& response) override;

 private:
  struct Found {
    const RouteHandler* handler = nullptr;
    bool probe = false;
    std::string allow;
  };
  Found find_route(std::string_view method, std::string_view path) const;
  struct Visit;
  awaitable<void> answer(http::Response& response, Visit& visit);
  awaitable<void> call(http::Response& response, Visit& visit);
  bool call_now(http::Response& response, Visit& visit);
  bool is_refused_as_foreign(const Visit& visit) const;
  Result<void> knock(const RouteRequest& context);
  Origin judge_origin(std::optional<std::string_view> origin, std::optional<std::string_view> referer) const;
  bool trusts(std::string_view origin) const;
  void finish(http::Response& response, const Visit& visit) const;
  void decorate(http::Response& response, const Visit& visit) const;

  Dispatcher& dispatcher_;
  async::TimerWheel& wheel_;
  Options options_;
  std::map<std::string, std::map<std::string, RouteHandler, std::less<>>, std::less<>> routes_;  // path -> method -> handler
  std::map<std::string, RouteHandler, std::less<>> prefixes_;
  std::vector<std::string> guarded_;
  RouteHandler fallback_;
  bool open_ = false;
  std::string_view transport_headers_;
  async::Event opened_;
  Random correlation_ids_;
};

/// Writes a plain JSON answer.
void answer_json(http::Response& response, int status, std::string body);

/// The origin "scheme://host[:port]" of a URL, lower case, without a default port; empty when it has none.
std::string origin_of(std::string_view url);

}  // namespace watchbell::rpc
