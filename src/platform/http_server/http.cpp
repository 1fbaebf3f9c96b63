#include "platform/http_server/http.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "base/text.hpp"

namespace watchbell::http {
namespace {

// Buffers up to this size are kept from answer to answer.
constexpr std::size_t kKeptCapacity = 64 * 1024;

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool equals_lower(std::string_view text, std::string_view lower_case) noexcept {
  if (text.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (lower(text[i]) != lower_case[i]) return false;
  return true;
}

bool breaks_out(std::string_view text) noexcept { return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos; }

}  // namespace

WebSocket::~WebSocket() = default;
Handler::~Handler() = default;

// Letters, digits and '-' have the bit that tells lower case from upper; no other byte a name may hold becomes one of them with it. Eight bytes at a time:
// every request's headers are asked for their names.
bool Header::is_named(std::string_view lower_case_name) const noexcept {
  constexpr std::uint64_t kLower = 0x2020'2020'2020'2020;
  if (name.size() != lower_case_name.size()) return false;
  std::size_t at = 0;
  for (; at + 8 <= name.size(); at += 8) {
    std::uint64_t mine, wanted;
    std::memcpy(&mine, name.data() + at, 8);
    std::memcpy(&wanted, lower_case_name.data() + at, 8);
    if ((mine | kLower) != wanted) return false;
  }
  return equals_lower(name.substr(at), lower_case_name.substr(at));
}

std::optional<std::string_view> Request::header(std::string_view lower_case_name) const noexcept {
  for (const Header& header : headers_)
    if (header.is_named(lower_case_name)) return header.value;
  return std::nullopt;
}

Request Request::make_for_test(std::string_view method, std::string_view target, std::vector<Header> headers, std::string_view body,
                               std::string_view peer_address) {
  Request request;
  request.method_ = method;
  request.target_ = target;
  request.headers_ = std::move(headers);
  request.body_ = body;
  request.peer_ = peer_address;
  request.split_target();
  const auto connection = request.header("connection");
  request.upgrade_ = method == "GET" && connection && ascii_lower(*connection).find("upgrade") != std::string::npos && request.names_websocket();
  return request;
}

void Request::split_target() noexcept {
  std::string_view rest = target_;
  // The absolute form (RFC 9112, 3.2.2) is for proxies, but every server must take it; only its path concerns us.
  for (const std::string_view scheme : {std::string_view("http://"), std::string_view("https://")}) {
    if (rest.size() <= scheme.size() || !equals_lower(rest.substr(0, scheme.size()), scheme)) continue;
    const auto end_of_authority = rest.find_first_of("/?", scheme.size());
    rest = end_of_authority == std::string_view::npos ? std::string_view() : rest.substr(end_of_authority);
    if (rest.empty() || rest.front() == '?') {
      path_ = "/";
      query_ = rest.empty() ? rest : rest.substr(1);
      return;
    }
    break;
  }
  const auto mark = rest.find('?');
  path_ = rest.substr(0, mark);
  query_ = mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
}

bool Request::names_websocket() const noexcept {
  for (const Header& header : headers_) {
    if (!header.is_named("upgrade")) continue;
    std::string_view list = header.value;
    while (!list.empty()) {
      const auto comma = list.find(',');
      if (equals_lower(trim(list.substr(0, comma)), "websocket")) return true;
      list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    }
  }
  return false;
}

bool Response::add(std::string_view name, std::string_view value) {
  if (name.empty() || breaks_out(name) || breaks_out(value)) return false;
  extra_headers.append(name).append(": ").append(value).append("\r\n");
  return true;
}

std::string& Response::text() {
  if (auto* string = std::get_if<std::string>(&body)) {
    string->clear();
    return *string;
  }
  return body.emplace<std::string>();
}

std::string_view Response::body_view() const noexcept {
  switch (body.index()) {
    case 0: return *std::get_if<0>(&body);
    case 1: {
      const auto& shared = *std::get_if<1>(&body);
      return shared ? std::string_view(*shared) : std::string_view();
    }
    default: return *std::get_if<2>(&body);
  }
}

void Response::reset() noexcept {
  status = 200;
  content_type = {};
  if (extra_headers.capacity() > kKeptCapacity) extra_headers = std::string();
  extra_headers.clear();
  if (auto* string = std::get_if<std::string>(&body); string && string->capacity() <= kKeptCapacity) string->clear();
  else body.emplace<std::string_view>();
  if (upgrade) upgrade = nullptr;
  close = false;
  hold = std::chrono::milliseconds(0);
}

std::size_t Handler::body_limit(const Request&) { return kDefaultBodyLimit; }

bool Handler::answer_now(const Request&, Response&) { return false; }

}  // namespace watchbell::http
