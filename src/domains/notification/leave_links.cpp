#include "domains/notification/leave_links.hpp"

#include <charconv>

#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "runtime/rpc/query_string.hpp"

namespace watchbell::notification {

namespace {

// "<user>.<expiry>.<strategy>.<mac>": the strategy id has a dot of its own, so it is what is left between the others.
constexpr std::size_t kUserLength = 36;

void answer_page(http::Response& response, int status, std::string_view title, std::string_view content) {
  response.status = status;
  response.content_type = "text/html; charset=utf-8";
  // Not no-referrer: a browser would send the button's POST with the Origin "null", which is foreign.
  response.extra_headers +=
      "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\nReferrer-Policy: same-origin\r\n"
      "Content-Security-Policy: default-src 'none'; form-action 'self'; frame-ancestors 'none'\r\n";
  response.text() = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{0}</title></head>"
      "<body><h1>{0}</h1>{1}</body></html>\n",
      title, content);
}

void answer_over(http::Response& response) {
  answer_page(response, 404, "This link no longer works", "<p>Sign in to choose which messages reach you.</p>");
}

std::optional<LeaveLinks::Subject> subject_of(const LeaveLinks& links, const rpc::RouteRequest& request) {
  const auto token = rpc::query_parameter(request.http.query(), "token");
  return token ? links.read(*token) : std::nullopt;
}

}  // namespace

LeaveLinks::LeaveLinks(const crypto::Keyring& keyring, const Clock& clock, ChannelSettings& channels, ExistingUsers existing_users, std::string base_url)
    : key_(keyring.derive("notification.leave", 32)),
      clock_(clock),
      channels_(channels),
      existing_users_(std::move(existing_users)),
      base_url_(std::move(base_url)) {}

std::string LeaveLinks::mac(std::string_view said) const { return crypto::base64url_encode(crypto::hmac_sha256(key_, said)); }

std::string LeaveLinks::url(const UserId& user, std::string_view strategy_id) const {
  const std::string said = fmt::format("{}.{}.{}", user.to_string(), (clock_.now() + kLifetime).seconds(), strategy_id);
  return base_url_ + std::string(kPath) + "?token=" + said + "." + mac(said);
}

std::optional<LeaveLinks::Subject> LeaveLinks::read(std::string_view token) const {
  const auto last = token.rfind('.');
  if (token.size() > 500 || last == std::string_view::npos || last <= kUserLength + 1) return std::nullopt;
  const auto said = token.substr(0, last);
  if (!constant_time_equal(mac(said), token.substr(last + 1))) return std::nullopt;
  // From here on it is as url() wrote it.
  const auto user = UserId::parse(said.substr(0, kUserLength));
  const auto end = said.find('.', kUserLength + 1);
  if (!user || end == std::string_view::npos) return std::nullopt;
  std::int64_t expiry = 0;
  std::from_chars(said.data() + kUserLength + 1, said.data() + end, expiry);
  if (clock_.now().seconds() >= expiry) return std::nullopt;
  return Subject{.user = *user, .strategy_id = std::string(said.substr(end + 1))};
}

void LeaveLinks::mount(rpc::Front& front) {
  front.route("GET", std::string(kPath), [this](rpc::RouteRequest request, http::Response& response) { return show(request, response); });
  front.route("POST", std::string(kPath), [this, &front](rpc::RouteRequest request, http::Response& response) { return leave(front, request, response); });
}

awaitable<void> LeaveLinks::show(rpc::RouteRequest request, http::Response& response) const {
  if (!subject_of(*this, request)) {
    answer_over(response);
    co_return;
  }
  answer_page(response, 200, "No more messages this way?",
              "<p>You get no more notifications by mail. Your inbox stays as it is.</p><form method=\"post\"><button>Switch mails off</button></form>");
}

awaitable<Result<bool>> LeaveLinks::follow(Subject subject) const {
  co_return co_await channels_.switch_off(subject.user, std::move(subject.strategy_id), existing_users_);
}

awaitable<void> LeaveLinks::leave(rpc::Front& front, rpc::RouteRequest request, http::Response& response) const {
  auto subject = subject_of(*this, request);
  if (!subject) {
    auto* limiter = front.options().limiter;
    const auto let = limiter == nullptr ? Result<void>() : limiter->sign_in(request.address, std::hash<std::string_view>()(kPath), request.began);
    if (let) {
      answer_over(response);
      co_return;
    }
    response.add("Retry-After", std::to_string(let.error().retry_after.value_or(std::chrono::seconds(1)).count()));
    answer_page(response, 429, "Too many tries", "<p>Try again in a moment.</p>");
    co_return;
  }
  const auto done = co_await follow(std::move(*subject));
  if (!done && done.error().code != ErrorCode::not_found) {
    answer_page(response, 503, "That did not work", "<p>Try again in a moment.</p>");
    co_return;
  }
  if (!done.value_or(true)) {
    answer_over(response);
    co_return;
  }
  answer_page(response, 200, "Mails are off", "<p>You get no more notifications by mail. Under your account you can switch them on again.</p>");
}

}  // namespace watchbell::notification
