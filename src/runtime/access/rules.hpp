#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace watchbell::access {

/// An access rule an area declares; stored, granted and compared by its qualified id `<area>.<resource>.<level>`.
struct Rule {
  std::string id;          ///< qualified, for example "catalog.system.read"
  std::string description;
  bool is_default = false; ///< granted to role `users` when first seen
  bool is_public = false;  ///< granted to role `anonymous` when first seen
};

/// Area, resource and level of a qualified rule id. The level is what follows the last dot.
struct RuleParts {
  std::string_view area;
  std::string_view resource;
  std::string_view level;
};
RuleParts split(std::string_view rule_id) noexcept;

/// The rules somebody holds. Immutable; shared between requests.
class RuleSet {
 public:
  RuleSet() = default;
  explicit RuleSet(std::vector<std::string> ids);
  /// Whether `rule` is granted: `*` grants all, the exact id grants itself, and `<resource>.manage` grants `<resource>.read`. O(log n).
  bool holds(std::string_view rule) const noexcept;
  bool holds_everything() const noexcept { return everything_; }
  /// Sorted, distinct.
  const std::vector<std::string>& ids() const noexcept { return ids_; }
  static RuleSet united(const RuleSet& a, const RuleSet& b);

 private:
  std::vector<std::string> ids_;
  bool everything_ = false;
};
using RuleSetPtr = std::shared_ptr<const RuleSet>;

/// What a set counts in a byte-bounded cache.
std::size_t size_in_bytes(const RuleSet& rules) noexcept;

}  // namespace watchbell::access
