#include "runtime/rpc/admission.hpp"

#include <algorithm>

#include "platform/log/log.hpp"
#include "runtime/rpc/query_string.hpp"
#include "runtime/rpc/rest.hpp"

namespace watchbell::rpc {

/// What a client is told that may see nothing of what it asked for.
struct ScopeDenied {
  std::string reason = "resource_scope_denied";
  std::string resource_type;
  std::string required_access;
  std::string missing_global_rule;
  std::string hint;
};
BOOST_DESCRIBE_STRUCT(ScopeDenied, (), (reason, resource_type, required_access, missing_global_rule, hint))

namespace {

const access::RuleSet& none() {
  static const access::RuleSet none;
  return none;
}

bool contains(const std::vector<std::string>& all, std::string_view one) { return std::ranges::find(all, one) != all.end(); }

}  // namespace

awaitable<Result<access::PrincipalPtr>> Admission::authenticate(access::Credentials credentials) {
  const auto type = procedure_.access().type;
  if (type == access::UserType::anonymous) co_return access::Principal::nobody();
  auto principal = co_await identity_.identify(credentials);
  if (!principal || type != access::UserType::public_) co_return principal;
  auto visitors = co_await identity_.anonymous_rules();
  if (!visitors) co_return std::unexpected(std::move(visitors.error()));
  visitors_ = std::move(*visitors);
  co_return principal;
}

access::PrincipalPtr Admission::authenticate_now(access::Credentials credentials) {
  const auto type = procedure_.access().type;
  if (type == access::UserType::anonymous) return access::Principal::nobody();
  if (type == access::UserType::public_) {
    visitors_ = identity_.anonymous_rules_now();
    if (visitors_ == nullptr) return nullptr;
    if (credentials.authorization.empty() && credentials.cookie.empty()) return access::Principal::nobody();
  }
  return identity_.identify_now(credentials);
}

bool Admission::authorize_objects_now(Caller& caller) const {
  if (!judges_objects()) return true;
  const auto& requirement = procedure_.access();
  const auto& visitors = visitors_ == nullptr ? none() : *visitors_;
  const bool by_rule = requirement.judges_objects() ? access::opens_all(requirement, *caller.principal, visitors)
                                                    : access::holds(requirement, *caller.principal, visitors, requirement.shown_rule);
  if (!by_rule || !objects_.rules_decide()) return false;
  caller.sees = access::Reach::everything();
  return true;
}

Result<void> Admission::authorize(const access::Principal& principal) const {
  return access::authorize(procedure_.access(), principal, visitors_ == nullptr ? none() : *visitors_);
}

bool Admission::judges_objects() const noexcept {
  const auto& requirement = procedure_.access();
  return requirement.judges_objects() || !requirement.shown.empty();
}

awaitable<Result<access::Reach>> Admission::reach(const access::Principal& principal, const access::ObjectKind& kind, bool by_rule) const {
  auto reached = co_await objects_.reach({.principal = principal, .type = kind.type, .action = kind.action, .by_rule = by_rule});
  if (!reached) log::warn("objects could not be judged; access is refused", {{"type", kind.type}, {"reason", reached.error().message}});
  co_return reached;
}

awaitable<Result<void>> Admission::authorize_objects(Caller& caller, Named named) const {
  const auto& requirement = procedure_.access();
  const auto& principal = *caller.principal;
  if (principal.kind == access::Principal::Kind::service) {
    caller.sees = access::Reach::everything();
    co_return Result<void>();
  }
  const auto& visitors = visitors_ == nullptr ? none() : *visitors_;
  if (!requirement.judges_objects()) {
    const bool by_rule = access::holds(requirement, principal, visitors, requirement.shown_rule);
    caller.sees = (co_await reach(principal, {.type = requirement.shown, .action = "read"}, by_rule)).value_or(access::Reach());
    co_return Result<void>();
  }
  const bool by_rule = access::opens_all(requirement, principal, visitors);
  const auto kind = access::kind_of(requirement);
  const auto mode = requirement.scope.mode;
  if (mode == Mode::object_ref) co_return co_await authorize_reference(principal, named, by_rule);
  if (mode == Mode::create) co_return co_await authorize_create(principal, kind, named, by_rule);

  const auto reached = co_await reach(principal, kind, by_rule);
  caller.sees = reached.value_or(access::Reach());
  const auto& sees = caller.sees;
  if (requirement.filters()) co_return authorize_filter(principal, kind, sees, reached.has_value());
  if (mode == Mode::type_scoped) {
    if (!sees.holds_nothing()) co_return Result<void>();
    const auto creates = co_await reach(principal, {.type = kind.type, .action = "create"}, false);
    if (!creates || creates->holds_nothing()) co_return refused(by_rule);
    co_return Result<void>();
  }
  if (sees.holds_nothing()) co_return refused(by_rule);
  if (!named.ids) {
    // The global rule may go on to be told what is wrong with its input.
    if (!by_rule) co_return refused(by_rule);
    co_return Result<void>();
  }
  if (mode == Mode::bulk) {
    for (auto& id : *named.ids)
      if (!sees.holds(id)) caller.forbidden.push_back(std::move(id));
    co_return Result<void>();
  }
  if (named.ids->empty() && !by_rule) co_return refused(by_rule);
  for (const auto& id : *named.ids)
    if (!sees.holds(id)) co_return refused(by_rule);
  co_return Result<void>();
}

awaitable<Result<void>> Admission::authorize_create(const access::Principal& principal, const access::ObjectKind& kind, const Named& named,
                                                    bool by_rule) const {
  if (by_rule) co_return Result<void>();
  const auto creates = co_await reach(principal, kind, false);
  if (creates && !creates->holds_nothing()) co_return Result<void>();
  const auto& scope = procedure_.access().scope;
  if (scope.member.empty() || !named.ids || named.ids->empty()) co_return refused(by_rule);
  // A parent's own rule says nothing about what is made below it: only grants on every one of them do.
  const auto manages = co_await reach(principal, {.type = scope.type, .action = scope.action}, false);
  if (!manages) co_return refused(by_rule);
  for (const auto& id : *named.ids)
    if (!manages->holds(id)) co_return refused(by_rule);
  co_return Result<void>();
}

awaitable<Result<void>> Admission::authorize_reference(const access::Principal& principal, const Named& named, bool by_rule) const {
  if (by_rule) co_return Result<void>();
  if (!named.type || !named.ids || named.ids->empty()) co_return refused(by_rule);
  const auto& action = procedure_.access().scope.action;
  const auto& visitors = visitors_ == nullptr ? none() : *visitors_;
  const auto reached =
      co_await reach(principal, {.type = *named.type, .action = action}, access::holds(procedure_.access(), principal, visitors, *named.type + "." + action));
  if (!reached) co_return refused(by_rule);
  for (const auto& id : *named.ids)
    if (!reached->holds(id)) co_return refused(by_rule);
  co_return Result<void>();
}

Result<void> Admission::authorize_filter(const access::Principal& principal, const access::ObjectKind& kind, const access::Reach& seen, bool judged) const {
  // A visitor gets an empty answer, and so does everybody while nobody can say what he may see.
  if (!seen.holds_nothing() || !judged || principal.kind == access::Principal::Kind::none) return {};
  const std::string rule = kind.type + "." + kind.action;
  Error error{.code = ErrorCode::forbidden, .message = "Missing access: " + rule};
  error.data = error_data(ScopeDenied{
      .resource_type = kind.type, .required_access = kind.action, .missing_global_rule = rule, .hint = "Ask an administrator for the access rule " + rule});
  return std::unexpected(std::move(error));
}

std::unexpected<Error> Admission::refused(bool by_rule) const {
  const auto& requirement = procedure_.access();
  if (by_rule) return fail(ErrorCode::forbidden, "This {} is reserved for others", access::kind_of(requirement).type);
  return fail(ErrorCode::forbidden, "Missing access: {}",
              requirement.rules.empty() ? requirement.scope.type + "." + requirement.scope.action : requirement.rules.front());
}

Result<void> check_requirement(const Procedure& procedure, const std::vector<std::string>& own_rules, const std::vector<std::string>& types) {
  const auto& requirement = procedure.access();
  const auto& scope = requirement.scope;
  const auto wrong = []<class... Args>(fmt::format_string<Args...> text, Args&&... args) {
    return fail(ErrorCode::internal, text, std::forward<Args>(args)...);
  };
  auto needed = requirement.rules;
  if (!requirement.or_rule.empty()) needed.push_back(requirement.or_rule);
  for (const auto& rule : needed)
    if (!contains(own_rules, rule)) return wrong("needs the rule {}, which its area does not declare", rule);
  if (requirement.type == access::UserType::anonymous && (!needed.empty() || requirement.judges_objects()))
    return wrong("is for anonymous callers, so nobody would judge what it needs");
  if (requirement.scoped_twice) return wrong("says more than once how its objects are judged");
  if (scope.mode == access::Scope::Mode::undeclared) {
    for (const auto& rule : requirement.rules) {
      const auto parts = access::split(rule);
      const std::string type = std::string(parts.area) + "." + std::string(parts.resource);
      if (contains(types, type)) return wrong("needs the rule {} of a type with objects and does not say how they are judged", rule);
    }
  }
  for (const auto& type : {requirement.shown, scope.type})
    if (!type.empty() && !contains(types, type)) return wrong("names objects of type {}, which no area declares", type);
  if (requirement.judges_objects()) {
    if (requirement.type == access::UserType::service) return wrong("is for services, whose objects nobody judges");
    if (requirement.rules.size() != 1) return wrong("judges objects by one rule, but needs {}", requirement.rules.size());
    if (requirement.filters() && !procedure.output_names_objects(scope))
      return wrong("filters '{}' of its answer, which is no {} there, or kept as bytes alone", scope.member,
                   scope.mode == access::Scope::Mode::list ? "list of objects with an id" : "record by id");
    const bool from_input = scope.mode == access::Scope::Mode::id || scope.mode == access::Scope::Mode::bulk || scope.mode == access::Scope::Mode::object_ref ||
                            (scope.mode == access::Scope::Mode::create && !scope.member.empty());
    if (from_input && !procedure.input_names_ids(scope.member, scope.mode == access::Scope::Mode::bulk))
      return wrong("is judged by '{}' of its input, which has no {} there", scope.member, scope.mode == access::Scope::Mode::bulk ? "list of ids" : "id");
    if (scope.mode == access::Scope::Mode::object_ref && !procedure.input_names_ids(scope.type_member, false))
      return wrong("is judged by the type in '{}' of its input, which has no text there", scope.type_member);
  }
  if (rest_method(procedure) == "GET" && query_object(*procedure.input()) == nullptr)
    return wrong("is GET over REST, but no query string can carry its input: say kOverPost");
  return {};
}

}  // namespace watchbell::rpc
