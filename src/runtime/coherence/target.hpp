#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <watchbell/cache/cache.hpp>
#include <watchbell/cache/scope.hpp>

namespace watchbell::coherence {

/// What a change makes stale: a key, or a family of keys, of one scope. Thread-safe.
struct Target {
  cache::CachedScope scope;
  std::variant<cache::Key, cache::Family> what;

  void apply() const {
    if (const auto* key = std::get_if<cache::Key>(&what))
      scope.invalidate(*key);
    else
      scope.invalidate_prefix(std::get<cache::Family>(what));
  }
};

/// The text that means everything: it reads as no target.
inline constexpr std::string_view kEverything = "*\n";

/// Targets as other processes are told of them: a line each, "SCOPE key|family PATH\n", the path in base64url.
std::string to_text(const std::vector<Target>& targets);

/// The same, for the cache of this process. Nothing when a line does not read: who is told so drops everything, since he does not know what else it meant.
std::optional<std::vector<Target>> targets_from(cache::Cache& cache, std::string_view text);

}  // namespace watchbell::coherence
