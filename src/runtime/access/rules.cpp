#include "runtime/access/rules.hpp"

#include <algorithm>

namespace watchbell::access {

RuleParts split(std::string_view rule_id) noexcept {
  const auto first = rule_id.find('.');
  const auto last = rule_id.rfind('.');
  if (first == std::string_view::npos || first == last) return {};
  return {rule_id.substr(0, first), rule_id.substr(first + 1, last - first - 1), rule_id.substr(last + 1)};
}

RuleSet::RuleSet(std::vector<std::string> ids) : ids_(std::move(ids)) {
  std::ranges::sort(ids_);
  ids_.erase(std::ranges::unique(ids_).begin(), ids_.end());
  everything_ = std::ranges::binary_search(ids_, "*");
}

bool RuleSet::holds(std::string_view rule) const noexcept {
  if (everything_) return true;
  const auto has = [this](std::string_view id) { return std::ranges::binary_search(ids_, id, std::less<>()); };
  if (has(rule)) return true;
  constexpr std::string_view kRead = ".read";
  if (!rule.ends_with(kRead)) return false;
  // `<resource>.manage` is looked for as the two pieces it is made of, without a text of its own.
  const auto resource = rule.substr(0, rule.size() - kRead.size());
  const auto order = [resource](std::string_view id) {
    const auto by_resource = id.substr(0, resource.size()) <=> resource;
    return by_resource != 0 ? by_resource : id.substr(resource.size()) <=> std::string_view(".manage");
  };
  const auto found = std::ranges::lower_bound(ids_, true, std::less<>(), [&](std::string_view id) { return order(id) >= 0; });
  return found != ids_.end() && order(*found) == 0;
}

RuleSet RuleSet::united(const RuleSet& a, const RuleSet& b) {
  std::vector<std::string> ids = a.ids_;
  ids.insert(ids.end(), b.ids_.begin(), b.ids_.end());
  return RuleSet(std::move(ids));
}

std::size_t size_in_bytes(const RuleSet& rules) noexcept {
  std::size_t size = sizeof(RuleSet);
  for (const auto& id : rules.ids()) size += sizeof(std::string) + id.capacity();
  return size;
}

}  // namespace watchbell::access
