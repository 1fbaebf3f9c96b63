#include "runtime/coherence/target.hpp"

#include "base/assert.hpp"
#include "platform/crypto/encoding.hpp"

namespace watchbell::coherence {
namespace {

constexpr std::string_view kKey = "key";
constexpr std::string_view kFamily = "family";

std::optional<Target> target_from(cache::Cache& cache, std::string_view line) {
  const auto word = [&] {
    const auto blank = line.find(' ');
    const auto found = line.substr(0, blank);
    line = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
    return found;
  };
  const auto scope = word();
  const auto kind = word();
  if (scope.empty() || (kind != kKey && kind != kFamily)) return std::nullopt;
  const auto path = crypto::base64url_decode(line);
  if (!path) return std::nullopt;
  if (kind == kKey) {
    auto key = cache::Key::decode(*path);
    if (!key) return std::nullopt;
    return Target{cache::CachedScope(cache, scope), std::move(*key)};
  }
  auto family = cache::Family::decode(*path);
  if (!family) return std::nullopt;
  return Target{cache::CachedScope(cache, scope), std::move(*family)};
}

}  // namespace

std::string to_text(const std::vector<Target>& targets) {
  std::string text;
  for (const auto& target : targets) {
    const auto* const key = std::get_if<cache::Key>(&target.what);
    WATCHBELL_ASSERT(target.scope.name().find_first_of(" \n") == std::string_view::npos);
    text.append(target.scope.name()).append(1, ' ').append(key != nullptr ? kKey : kFamily).append(1, ' ');
    text.append(crypto::base64url_encode(key != nullptr ? key->encoded() : std::get<cache::Family>(target.what).encoded())).append(1, '\n');
  }
  return text;
}

std::optional<std::vector<Target>> targets_from(cache::Cache& cache, std::string_view text) {
  std::vector<Target> targets;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    auto target = target_from(cache, text.substr(0, end));
    if (!target) return std::nullopt;
    targets.push_back(std::move(*target));
    text.remove_prefix(end + 1);
  }
  return targets;
}

}  // namespace watchbell::coherence
