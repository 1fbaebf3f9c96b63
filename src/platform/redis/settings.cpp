#include "platform/redis/settings.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.hpp"
#include "platform/resolver/address.hpp"

namespace watchbell::redis {
namespace {

constexpr std::size_t kMaxUrl = 4096;
constexpr std::size_t kMaxUser = 256;
constexpr std::size_t kMaxPassword = 1024;
constexpr std::size_t kMaxUnixPath = 107;  // sockaddr_un.sun_path with its closing zero
constexpr std::uint32_t kMaxDatabase = 65'535;

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// Nothing when an escape is broken or hides a zero byte.
std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = hex_digit(text[i + 1]);
    const auto low = hex_digit(text[i + 2]);
    if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
    out += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return out;
}

/// Decimal digits alone, from `least` to `most`.
std::optional<std::uint32_t> number(std::string_view text, std::uint32_t least, std::uint32_t most) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) return std::nullopt;
  return value;
}

Result<void> read_user(std::string_view text, Settings& into) {
  const auto colon = text.find(':');
  // A lone word is a user to some clients and a password to others: nobody should have to guess.
  if (colon == std::string_view::npos) return fail(ErrorCode::bad_request, "before @ there must be user:password or :password");
  auto user = percent_decoded(text.substr(0, colon));
  auto password = percent_decoded(text.substr(colon + 1));
  if (!user || !password) return fail(ErrorCode::bad_request, "user or password has a broken percent escape");
  if (user->size() > kMaxUser) return fail(ErrorCode::bad_request, "the user is longer than {} bytes", kMaxUser);
  if (password->size() > kMaxPassword) return fail(ErrorCode::bad_request, "the password is longer than {} bytes", kMaxPassword);
  if (password->empty()) return fail(ErrorCode::bad_request, "the password is empty");
  into.username = std::move(*user);
  into.password = std::move(*password);
  return {};
}

Result<void> read_database(std::string_view text, Settings& into) {
  const auto database = number(text, 0, kMaxDatabase);
  if (!database) return fail(ErrorCode::bad_request, "the database must be a number from 0 to {}", kMaxDatabase);
  into.database = *database;
  return {};
}

Result<void> read_host(std::string_view text, Settings& into) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return fail(ErrorCode::bad_request, "the address lacks its closing bracket");
    const auto literal = net::Address::parse(text.substr(1, close - 1));
    if (!literal || !literal->is_v6()) return fail(ErrorCode::bad_request, "in brackets there must be an IPv6 address");
    into.host = std::string(text.substr(1, close - 1));
    text.remove_prefix(close + 1);
    if (!text.empty() && !text.starts_with(':')) return fail(ErrorCode::bad_request, "after the address there may only be :port");
    has_port = !text.empty();
    if (has_port) port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
    into.host = ascii_lower(text.substr(0, colon));
    const bool sound =
        std::ranges::all_of(into.host, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_'; });
    if (into.host.empty() || into.host.size() > 253 || !sound) return fail(ErrorCode::bad_request, "the host is missing or not a host name");
  }
  if (has_port) {
    const auto value = number(port, 1, 65'535);
    if (!value) return fail(ErrorCode::bad_request, "the port must be a number from 1 to 65535");
    into.port = static_cast<std::uint16_t>(*value);
  }
  return {};
}

Result<void> read_unix(std::string_view path, std::string_view query, bool has_query, Settings& into) {
  auto decoded = percent_decoded(path);
  if (!decoded) return fail(ErrorCode::bad_request, "the path has a broken percent escape");
  if (!decoded->starts_with('/') || decoded->size() < 2) return fail(ErrorCode::bad_request, "unix:// needs an absolute path: unix:///run/redis.sock");
  if (decoded->size() > kMaxUnixPath) return fail(ErrorCode::bad_request, "the path is longer than {} bytes", kMaxUnixPath);
  into.unix_path = std::move(*decoded);
  if (!has_query) return {};
  if (!query.starts_with("db=")) return fail(ErrorCode::bad_request, "after ? there may only be db=NUMBER");
  return read_database(query.substr(3), into);
}

}  // namespace

std::string Settings::place() const {
  if (!unix_path.empty()) return unix_path;
  return fmt::format("{}:{}", host.find(':') == std::string::npos ? host : "[" + host + "]", port);
}

Result<Settings> parse_url(std::string_view url) {
  if (url.size() > kMaxUrl) return fail(ErrorCode::bad_request, "the URL is longer than {} bytes", kMaxUrl);
  if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; }))
    return fail(ErrorCode::bad_request, "the URL has a blank or a control character; write it as a percent escape");
  const auto colon = url.find("://");
  const std::string scheme = ascii_lower(url.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (scheme != "redis" && scheme != "rediss" && scheme != "unix")
    return fail(ErrorCode::bad_request, "the URL must begin with redis://, rediss:// or unix://");
  std::string_view rest = url.substr(colon + 3);
  if (rest.find('#') != std::string_view::npos) return fail(ErrorCode::bad_request, "the URL has a # part; write a # of the password as %23");

  Settings settings;
  settings.tls = scheme == "rediss";
  const auto question = rest.find('?');
  const bool has_query = question != std::string_view::npos;
  const std::string_view query = has_query ? rest.substr(question + 1) : std::string_view();
  if (has_query) rest = rest.substr(0, question);
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
    if (auto read = read_user(authority.substr(0, at), settings); !read) return std::unexpected(std::move(read).error());
    authority.remove_prefix(at + 1);
  }
  Result<void> read;
  if (scheme == "unix") {
    if (!authority.empty()) return fail(ErrorCode::bad_request, "unix:// needs an absolute path: unix:///run/redis.sock");
    read = read_unix(rest.substr(slash), query, has_query, settings);
  } else {
    // What stands there may be the tail of a password with an unescaped ? in it.
    if (has_query) return fail(ErrorCode::bad_request, "the URL has a ? part; write a ? of the password as %3F");
    read = read_host(authority, settings);
    if (read && rest.size() > slash + 1) read = read_database(rest.substr(slash + 1), settings);
  }
  if (!read) return std::unexpected(std::move(read).error());
  return settings;
}

}  // namespace watchbell::redis
