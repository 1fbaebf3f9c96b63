#include "runtime/access/requirement.hpp"

namespace watchbell::access {

std::shared_ptr<const Principal> Principal::nobody() {
  static const auto nobody = std::make_shared<const Principal>();
  return nobody;
}

std::shared_ptr<const Principal> Principal::service(std::string area) {
  Principal principal;
  principal.kind = Kind::service;
  principal.area = std::move(area);
  return std::make_shared<const Principal>(std::move(principal));
}

std::size_t size_in_bytes(const Principal& principal) noexcept {
  return sizeof(Principal) + principal.name.capacity() + principal.email.capacity() + principal.area.capacity() + size_in_bytes(*principal.rules);
}

Result<void> authorize(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules) {
  using Kind = Principal::Kind;
  const auto missing = [](std::string_view rule) { return fail(ErrorCode::forbidden, "Missing access: {}", rule); };
  switch (requirement.type) {
    case UserType::anonymous: return {};
    case UserType::public_:
      if (principal.kind == Kind::service) return {};
      for (const auto& rule : requirement.rules)
        if (!principal.rules->holds(rule) && !visitor_rules.holds(rule)) return missing(rule);
      return {};
    case UserType::authenticated:
    case UserType::user:
    case UserType::service: break;
  }
  if (principal.kind == Kind::none) return fail(ErrorCode::unauthorized, "Authentication required");
  if (requirement.type == UserType::user && principal.kind != Kind::user) return fail(ErrorCode::forbidden, "Only users may call this");
  if (requirement.type == UserType::service && principal.kind != Kind::service) {
    if (requirement.or_rule.empty()) return fail(ErrorCode::forbidden, "Only services may call this");
    if (!principal.rules->holds(requirement.or_rule)) return missing(requirement.or_rule);
    return {};
  }
  if (principal.kind == Kind::service) return {};
  for (const auto& rule : requirement.rules)
    if (!principal.rules->holds(rule)) return missing(rule);
  return {};
}

}  // namespace watchbell::access
