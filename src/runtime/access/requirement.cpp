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

namespace {

/// An area, or all that begin as the pattern does: "incident", "health*".
bool matches(std::string_view pattern, std::string_view area) {
  if (!pattern.ends_with('*')) return pattern == area;
  return area.starts_with(pattern.substr(0, pattern.size() - 1));
}

std::unexpected<Error> missing(std::string_view rule) { return fail(ErrorCode::forbidden, "Missing access: {}", rule); }

Result<void> authorize_service(const Requirement& requirement, const Principal& service) {
  if (requirement.services.empty()) return {};
  for (const auto& pattern : requirement.services)
    if (matches(pattern, service.area)) return {};
  return fail(ErrorCode::forbidden, "Service {} may not call this", service.area);
}

}  // namespace

ObjectKind kind_of(const Requirement& requirement) {
  ObjectKind kind{.type = requirement.scope.type, .action = requirement.scope.action};
  if (requirement.rules.empty()) return kind;
  const auto parts = split(requirement.rules.front());
  // A parent's type is for judging parents; what is made is of the rule's type.
  if (kind.type.empty() || requirement.scope.mode == Scope::Mode::create) kind.type = std::string(parts.area) + "." + std::string(parts.resource);
  if (requirement.scope.mode == Scope::Mode::create)
    kind.action = "create";
  else if (kind.action.empty())
    kind.action = std::string(parts.level);
  return kind;
}

bool holds(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules, std::string_view rule) {
  return principal.rules->holds(rule) || (requirement.type == UserType::public_ && visitor_rules.holds(rule));
}

bool opens_all(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules) {
  const auto held = [&](std::string_view rule) { return holds(requirement, principal, visitor_rules, rule); };
  for (const auto& rule : requirement.rules)
    if (!held(rule)) return false;
  const bool of_parent = !requirement.scope.type.empty() && requirement.scope.mode != Scope::Mode::create;
  return !of_parent || held(requirement.scope.type + "." + requirement.scope.action);
}

Result<void> authorize(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules) {
  using Kind = Principal::Kind;
  if (requirement.type == UserType::anonymous) return {};
  if (requirement.type != UserType::public_) {
    if (principal.kind == Kind::none) return fail(ErrorCode::unauthorized, "Authentication required");
    if (requirement.type == UserType::user && principal.kind != Kind::user) return fail(ErrorCode::forbidden, "Only users may call this");
    if (requirement.type == UserType::service && principal.kind != Kind::service) {
      if (requirement.or_rule.empty()) return fail(ErrorCode::forbidden, "Only services may call this");
      if (!principal.rules->holds(requirement.or_rule)) return missing(requirement.or_rule);
      return {};
    }
  }
  if (principal.kind == Kind::service) return authorize_service(requirement, principal);
  if (requirement.judges_objects()) return {};
  for (const auto& rule : requirement.rules)
    if (!holds(requirement, principal, visitor_rules, rule)) return missing(rule);
  return {};
}

}  // namespace watchbell::access
