#include "app/notify.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string_view>
#include <utility>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include "app/config/config.hpp"
#include "app/run_alone.hpp"
#include "app/version.hpp"
#include "async/loop.hpp"
#include "async/timer_wheel.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/text.hpp"
#include "platform/http_client/client.hpp"

namespace watchbell::app {
namespace {

/// What is more is no body: 10,000 characters are at most 40,000 bytes.
constexpr std::size_t kMaxInput = std::size_t{1} << 20;
constexpr std::size_t kMaxKey = 1024;

int end(NotifyExit exit, std::string_view sentence) {
  std::string line(sentence);
  // What a server says must neither break the line nor speak to the terminal.
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  std::fprintf(stderr, "watchbell: %s\n", line.c_str());
  return static_cast<int>(exit);
}

std::optional<std::string_view> variable(char* const* environment, std::string_view name) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry(*environment);
    if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return entry.substr(name.size() + 1);
  }
  return std::nullopt;
}

Result<std::string> read_key(const std::string& file, char* const* environment) {
  std::string text;
  if (file.empty()) {
    const auto given = variable(environment, config::kApiKeyVariable);
    if (!given) return fail(ErrorCode::bad_request, "there is no API key: put one into {} or into a file named by --key-file", config::kApiKeyVariable);
    text = *given;
  } else {
    std::ifstream in(file, std::ios::binary);
    text.resize(kMaxKey + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(std::max<std::streamsize>(in.gcount(), 0)));
    if (text.empty()) return fail(ErrorCode::bad_request, "the key file {} cannot be read, or is empty", file);
  }
  std::string key(trim(text));
  const auto odd = [](char c) { return static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f; };
  if (key.empty() || key.size() > kMaxKey || std::ranges::any_of(key, odd))
    return fail(ErrorCode::bad_request, "what {} holds is no API key", file.empty() ? std::string(config::kApiKeyVariable) : "the key file " + file);
  return key;
}

Result<std::string> read_input() {
  std::string text;
  std::string part(std::size_t{64} * 1024, '\0');
  for (;;) {
    const auto n = ::read(STDIN_FILENO, part.data(), part.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorCode::bad_request, "standard input cannot be read");
    if (n == 0) break;
    text.append(part.data(), static_cast<std::size_t>(n));
    if (text.size() > kMaxInput) return fail(ErrorCode::bad_request, "standard input holds more than a body may");
  }
  // The line end of the command that wrote it is not part of the message.
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

http::ClientRequest request_of(const Notice& notice, const std::string& key) {
  boost::json::object content{{"title", notice.title}, {"body", notice.body}, {"importance", notice.importance}};
  const bool to_users = !notice.users.empty();
  const auto& recipients = to_users ? notice.users : notice.groups;
  content[to_users ? "userIds" : "groupIds"] = boost::json::array(recipients.begin(), recipients.end());
  if (!notice.action_url.empty()) content["action"] = boost::json::object{{"label", notice.action_label}, {"url", notice.action_url}};
  if (!notice.subjects.empty()) {
    boost::json::array subjects;
    for (const auto& [kind, id, name] : notice.subjects) subjects.push_back(boost::json::object{{"kind", kind}, {"id", id}, {"name", name}});
    content["subjects"] = std::move(subjects);
  }
  if (!notice.collapse_key.empty()) content["collapseKey"] = notice.collapse_key;
  if (!notice.idempotency_key.empty()) content["idempotencyKey"] = notice.idempotency_key;
  std::string server = notice.server;
  while (server.ends_with('/')) server.pop_back();
  http::ClientRequest request;
  request.method = "POST";
  request.url = server + (to_users ? "/rest/notification/notifyUsers" : "/rest/notification/notifyGroups");
  request.headers = {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + key}};
  request.body = boost::json::serialize(content);
  request.total_timeout = std::chrono::seconds(notice.timeout_seconds);
  request.connect_timeout = request.total_timeout;
  request.policy = net::EgressPolicy::probe;
  return request;
}

awaitable<http::ClientResult> exchange(http::Client& client, net::Resolver& resolver, http::ClientRequest request) {
  auto result = co_await client.send(std::move(request));
  co_await client.close();
  resolver.close();
  co_return result;
}

http::ClientResult ask(http::ClientRequest request) {
  async::Loop loop;
  const SystemClock clock;
  async::TimerWheel wheel(loop.executor(), clock);
  net::Resolver resolver(loop.executor(), wheel, {.threads = 1});
  // The guard is for URLs that users give a server. Where its own server is, whoever runs a command decides.
  const net::Egress anywhere(net::Cidr::parse_list("0.0.0.0/0,::/0").value());
  http::Client client(loop, wheel, resolver, anywhere, {.user_agent = fmt::format("Watchbell-Notify/{}", kVersion)});
  return run_alone(loop, exchange(client, resolver, std::move(request)));
}

/// What a refusal says: the message, and which members are wrong.
std::string said(const boost::json::value& answer) {
  const auto text_at = [](const boost::json::value& value, std::string_view pointer) -> std::string {
    boost::system::error_code error;
    const auto* found = value.find_pointer(pointer, error);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  };
  std::string text = text_at(answer, "/message");
  boost::system::error_code error;
  const auto* issues = answer.find_pointer("/data/issues", error);
  if (issues == nullptr || !issues->is_array()) return text;
  for (const auto& issue : issues->get_array()) {
    std::string path;
    const auto* parts = issue.find_pointer("/path", error);
    if (parts != nullptr && parts->is_array())
      for (const auto& part : parts->get_array())
        path += (path.empty() ? "" : ".") + (part.is_string() ? std::string(part.get_string()) : boost::json::serialize(part));
    text += fmt::format("; {}: {}", path, text_at(issue, "/message"));
  }
  return text;
}

std::string_view repeated(const Notice& notice) {
  return notice.idempotency_key.empty() ? "it may have been sent all the same" : "repeating it under the same key sends it once";
}

int judge(const Notice& notice, const http::ClientResponse& answer) {
  boost::system::error_code unreadable;
  boost::system::error_code missing;
  const auto value = boost::json::parse(answer.body, unreadable);
  const boost::json::value* count = unreadable ? nullptr : value.find_pointer("/notifiedCount", missing);
  if (answer.status == 200 && count != nullptr && count->is_int64()) {
    std::printf("%lld told\n", static_cast<long long>(count->get_int64()));
    if (count->get_int64() == 0) std::fputs("watchbell: accepted, but nobody is told: no such user or group, or nobody follows the group\n", stderr);
    return static_cast<int>(NotifyExit::accepted);
  }
  const auto* code = unreadable ? nullptr : value.find_pointer("/code", missing);
  if (answer.status < 400 || (code == nullptr && answer.status < 500 && answer.status != 429))
    return end(NotifyExit::refused, fmt::format("{} answers {}, and not as a Watchbell server does: is this its address?", notice.server, answer.status));
  const std::string why = code != nullptr ? said(value) : std::string();
  if (answer.status == 408 || answer.status == 429 || answer.status >= 500)
    return end(NotifyExit::not_now, fmt::format("the server cannot take it now ({}{}{}): {}", answer.status, why.empty() ? "" : ", ", why, repeated(notice)));
  return end(NotifyExit::refused, fmt::format("the server refuses ({}): {}", answer.status, why));
}

}  // namespace

bool holds_key(std::string_view argument) noexcept {
  constexpr std::size_t kLeast = 3 + 36;  // the id alone
  const auto is_key = [](std::string_view text) { return text.starts_with("ck_") && text.size() >= kLeast; };
  return is_key(argument) || is_key(argument.substr(std::min(argument.find('=') + 1, argument.size())));
}

int notify(Notice notice, char* const* environment) {
  if (notice.users.empty() == notice.groups.empty()) return end(NotifyExit::wrong_use, "say whom to tell: --user or --group, one of the two");
  if (notice.action_label.empty() != notice.action_url.empty()) return end(NotifyExit::wrong_use, "--action-label and --action-url go together");
  const auto key = read_key(notice.key_file, environment);
  if (!key) return end(NotifyExit::wrong_use, key.error().message);
  if (notice.body == "-") {
    auto input = read_input();
    if (!input) return end(NotifyExit::wrong_use, input.error().message);
    notice.body = std::move(*input);
  }
  const auto result = ask(request_of(notice, *key));
  if (result) return judge(notice, *result);
  using enum http::ClientFailure;
  const auto& failure = result.error();
  switch (failure.kind) {
    case bad_url:
    case bad_request: return end(NotifyExit::wrong_use, fmt::format("--server: {}", failure.message));
    case blocked_address:
    case unresolvable:
    case connect_failed:
    case tls_failed:
    case busy: return end(NotifyExit::not_now, fmt::format("the server is not reached: {}", failure.message));
    case timed_out:
    case too_large:
    case protocol_error:
    case cancelled: break;
  }
  return end(NotifyExit::not_now, fmt::format("no answer of the server: {}; {}", failure.message, repeated(notice)));
}

}  // namespace watchbell::app
