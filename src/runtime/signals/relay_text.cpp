#include "runtime/signals/relay_text.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/assert.hpp"
#include "platform/crypto/encoding.hpp"
#include "runtime/rpc/json_text.hpp"

namespace watchbell::signals {
namespace {

constexpr std::array<std::string_view, 5> kWords{"all", "users", "read", "rights", "refetch"};  // of Line::Kind
constexpr std::string_view kNone = "-";
constexpr std::size_t kMostOfId = 100;
constexpr std::size_t kMostOfReference = 200;
static_assert(sizeof(UserId) == 16 && std::is_trivially_copyable_v<UserId>);

bool is_word(std::string_view text, std::string_view marks, std::size_t most) {
  return text.size() <= most && std::ranges::all_of(text, [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || marks.find(c) != std::string_view::npos;
         });
}
bool is_id(std::string_view text) { return !text.empty() && text != kNone && is_word(text, "._-", kMostOfId); }

std::optional<std::vector<UserId>> users_from(std::string_view text) {
  if (text == kNone) return std::vector<UserId>();
  if (text.size() > (kMostOfLine * sizeof(UserId) * 4 + 2) / 3) return std::nullopt;
  const auto bytes = crypto::base64url_decode(text);
  if (!bytes || bytes->empty() || bytes->size() % sizeof(UserId) != 0) return std::nullopt;
  std::vector<UserId> users(bytes->size() / sizeof(UserId));
  std::memcpy(users.data(), bytes->data(), bytes->size());
  return users;
}

/// Whether a line of this kind may have these parts.
bool is_whole(const Line& line) {
  using enum Line::Kind;
  switch (line.kind) {
    case all:
      return is_id(line.id) && line.users.empty();
    case users:
      return is_id(line.id) && !line.users.empty();
    case read:
      return is_id(line.id) && !line.users.empty() && is_word(line.body, ".:_-", kMostOfReference);
    case rights:
      return line.id == kNone && !line.users.empty() && line.body.empty();
    case refetch:
      return line.id == kNone && line.users.empty() && line.body.empty();
  }
  return false;
}

}  // namespace

void append_line(std::string& text, Line::Kind kind, std::string_view id, std::span<const UserId> users, std::string_view body) {
  WATCHBELL_ASSERT(users.size() <= kMostOfLine);
  text.append(kWords[static_cast<std::size_t>(kind)]).append(1, ' ').append(id.empty() ? kNone : id).append(1, ' ');
  if (users.empty()) text.append(kNone);
  else text.append(crypto::base64url_encode({reinterpret_cast<const char*>(users.data()), users.size_bytes()}));
  text.append(1, ' ').append(body);
  std::replace(text.end() - static_cast<std::ptrdiff_t>(body.size()), text.end(), '\n', ' ');  // between parts of JSON, as inside of texts there is none
  text.append(1, '\n');
}

std::optional<Line> take_line(std::string_view& text) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  auto rest = text.substr(0, end);
  const auto word = [&] {
    const auto blank = rest.find(' ');
    if (blank == std::string_view::npos) return std::string_view();  // which no word of a line is
    const auto found = rest.substr(0, blank);
    rest.remove_prefix(blank + 1);
    return found;
  };
  Line line;
  const auto kind = std::ranges::find(kWords, word());
  if (kind == kWords.end()) return std::nullopt;
  line.kind = static_cast<Line::Kind>(kind - kWords.begin());
  line.id = word();
  auto users = users_from(word());
  if (!users) return std::nullopt;
  line.users = std::move(*users);
  line.body = rest;
  if (!is_whole(line)) return std::nullopt;
  if (line.id == kNone) line.id = {};
  text.remove_prefix(end + 1);
  return line;
}

bool is_payload(std::string_view body) {
  if (body.empty()) return true;
  const auto value = rpc::parse_json(body);
  return value && value->is_object();
}

}  // namespace watchbell::signals
