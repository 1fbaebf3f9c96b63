#include "keys.hpp"

#include "digest.hpp"

#include <watchbell/cache/key.hpp>

#include <algorithm>
#include <charconv>

namespace watchbell::cache::redis::detail {
namespace {

constexpr std::size_t kLongestName = 256;
constexpr std::size_t kLongestScope = 64;
// A segment never begins like this, since the number it begins with is written as short as possible. So what comes
// before cannot be confused with a longer list of segments.
constexpr std::string_view kDigestFollows("\x80\x00", 2);
constexpr std::size_t kDigestBytes = kDigestFollows.size() + 32;

bool letter_or_digit(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string digest(std::string_view bytes) {
  const auto sum = sha256(bytes);
  return std::string(reinterpret_cast<const char*>(sum.data()), sum.size());
}

/// The longest list of leading segments whose encoding has at most `room` bytes.
std::string_view leading(std::string_view path, std::size_t room) noexcept {
  std::size_t size = 0;
  for (watchbell::cache::detail::SegmentReader reader(path); !reader.at_end();) {
    const std::size_t next = size + reader.next().size();
    if (next > room) break;
    size = next;
  }
  return path.substr(0, size);
}

char upper(Kind kind) noexcept { return static_cast<char>(static_cast<char>(kind) - 'a' + 'A'); }

}  // namespace

bool valid_run_id(std::string_view run_id) noexcept {
  return !run_id.empty() && run_id.size() <= 64 && std::all_of(run_id.begin(), run_id.end(), letter_or_digit);
}

std::vector<std::string_view> families_of(std::string_view path) {
  std::vector<std::string_view> families{path.substr(0, 0)};
  std::size_t size = 0;
  for (watchbell::cache::detail::SegmentReader reader(path); !reader.at_end();) {
    size += reader.next().size();
    families.push_back(path.substr(0, size));
  }
  return families;
}

std::string escape_glob(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("*?[]\\^-").find(c) != std::string_view::npos) pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern;
}

KeySpace::KeySpace(std::string_view prefix, std::string_view run_id) {
  base_.append(prefix).append(run_id).push_back(':');
}

std::string KeySpace::head(char kind, std::string_view scope) const {
  std::string name = base_;
  name.push_back(kind);
  name.push_back(':');
  if (scope.size() <= kLongestScope) {
    name.append(std::to_string(scope.size())).append(":").append(scope);
  } else {
    name.append("#").append(digest(scope));
  }
  name.push_back(':');
  return name;
}

std::string KeySpace::name(Kind kind, std::string_view scope, std::string_view path) const {
  std::string name = head(static_cast<char>(kind), scope);
  const std::size_t room = kLongestName - name.size();
  if (path.size() <= room) return name.append(path);
  return head(upper(kind), scope).append(leading(path, room - kDigestBytes)).append(kDigestFollows).append(digest(path));
}

std::string_view KeySpace::recorded_path(std::string_view scope, std::string_view path) const noexcept {
  const std::size_t digits = scope.size() < 10 ? 1 : 2;
  const std::size_t scope_size = scope.size() <= kLongestScope ? digits + 1 + scope.size() : 1 + 32;
  const std::size_t room = kLongestName - (base_.size() + 2 + scope_size + 1);
  return path.size() <= room ? std::string_view() : path;
}

KeySpace::Scan KeySpace::scan(std::string_view scope, std::string_view family) const {
  Scan scan;
  const std::string plain = head(static_cast<char>(Kind::entry), scope);
  const std::string_view kept = leading(family, kLongestName - plain.size() - kDigestBytes);
  scan.plain = plain + std::string(family);
  scan.hashed = head(upper(Kind::entry), scope) + std::string(kept);
  scan.hashed_are_members = kept.size() == family.size();
  // The two heads differ in the letter of the kind only.
  const std::size_t at = base_.size();
  scan.pattern = escape_glob(base_) + "[eE]" + escape_glob(std::string_view(scan.hashed).substr(at + 1)) + '*';
  return scan;
}

}  // namespace watchbell::cache::redis::detail
