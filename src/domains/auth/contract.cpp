#include "domains/auth/contract.hpp"

#include "domains/auth/rules.hpp"

namespace watchbell::auth {

namespace {

awaitable<Result<OnboardingStatus>> status(Service& service, bool forwarded) {
  auto needed = co_await service.needs_onboarding();
  if (!needed) co_return std::unexpected(std::move(needed.error()));
  co_return OnboardingStatus{.needs_onboarding = *needed, .setup_token_required = *needed && service.asks_setup_token(forwarded)};
}

/// What a rule says of an input's member, as the issue that a form shows beside it.
Error issue_of(const Error& error) {
  rpc::Issues issues;
  const rpc::Path path{.name = error.field};
  issues.custom(&path, error.message);
  return issues.error();
}

/// The same for whatever a use case refused.
template <class T>
awaitable<Result<T>> told(awaitable<Result<T>> answer) {
  auto result = co_await std::move(answer);
  if (!result && result.error().code == ErrorCode::bad_request && !result.error().field.empty() && result.error().data == nullptr)
    co_return std::unexpected(issue_of(result.error()));
  co_return result;
}

awaitable<Result<Success>> done(awaitable<Result<void>> answer) {
  auto result = co_await told(std::move(answer));
  if (!result) co_return std::unexpected(std::move(result.error()));
  co_return Success{};
}

Actor actor_of(const rpc::Caller& caller) { return {.user = caller.user_id(), .address = std::string(caller.address)}; }

std::optional<SessionId> session_of(const rpc::Caller& caller) {
  return caller.principal->session ? std::optional(SessionId(*caller.principal->session)) : std::nullopt;
}

awaitable<Result<Success>> onboard(Service& service, CompleteOnboarding in, bool forwarded, std::string address) {
  auto token = in.setup_token ? std::optional(std::move(*in.setup_token).str()) : std::nullopt;
  return done(service.complete_onboarding(std::move(in.name).str(), std::move(in.email), std::move(in.password).str(), std::move(token), forwarded,
                                          std::move(address)));
}

awaitable<Result<ResetTokenView>> validate_reset_token(Service& service, ResetTokenInput in) {
  const auto judged = co_await service.judge_reset_token(std::move(in.token).str());
  if (!judged) co_return std::unexpected(judged.error());
  if (*judged == ResetToken::valid) co_return ResetTokenView{.valid = true, .reason = {}};
  co_return ResetTokenView{.valid = false, .reason = *judged == ResetToken::expired ? "expired" : "invalid"};
}

awaitable<Result<AccessRules>> access_rules(Service& service, access::PrincipalPtr principal) {
  if (principal->kind != access::Principal::Kind::none) co_return AccessRules{.access_rules = principal->rules->ids()};
  auto visitors = co_await service.anonymous_rules();
  if (!visitors) co_return std::unexpected(std::move(visitors.error()));
  co_return AccessRules{.access_rules = (*visitors)->ids()};
}

awaitable<Result<CreatedUser>> create_user(Service& service, Actor actor, CreateUser in) {
  auto made = co_await told(service.create_user(std::move(actor), std::move(in)));
  if (!made) co_return std::unexpected(std::move(made.error()));
  co_return CreatedUser{.user_id = *made};
}

}  // namespace

rpc::Area contract(Service& service) {
  using rpc::Caller;
  using Page = std::optional<PageInput>;
  using Bare = rpc::BareOrId<Text<1, 100>>;
  const auto user = [](std::string rule) { return access::user().needs(std::move(rule)); };
  rpc::Area area("auth");
  area.rule({.id = "auth.users.read", .description = "See users"})
      .rule({.id = "auth.users.create.manage", .description = "Add users"})
      .rule({.id = "auth.users.manage", .description = "Change the roles of users, and remove them"})
      .rule({.id = "auth.roles.read", .description = "See roles and rules"})
      .rule({.id = "auth.roles.create.manage", .description = "Add roles"})
      .rule({.id = "auth.roles.update.manage", .description = "Change roles"})
      .rule({.id = "auth.roles.delete.manage", .description = "Remove roles"})
      .rule({.id = "auth.roles.manage", .description = "See roles and rules, as who manages them needs it"})
      .rule({.id = "auth.strategies.manage", .description = "Manage the ways people sign in"})
      .rule({.id = "auth.registration.manage", .description = "Switch registration on and off"})
      .rule({.id = "auth.applications.manage", .description = "Manage API keys"})
      .rule({.id = "auth.audit.read", .description = "Read the audit log"});

  area.query("getOnboardingStatus", access::anonymous(), [&service](const Caller& caller) { return status(service, caller.forwarded); })
      .mutation("completeOnboarding", access::anonymous(),
                [&service](const Caller& caller, CompleteOnboarding in) { return onboard(service, std::move(in), caller.forwarded, std::string(caller.address)); },
                {.tries_secrets = true})
      // Over POST, since its input is a secret, and addresses end up in logs and histories.
      .query(
          "validateResetToken", access::anonymous(), [&service](const Caller&, ResetTokenInput in) { return validate_reset_token(service, std::move(in)); },
          rpc::kOverPost)
      .query("getRegistrationStatus", access::anonymous(), [&service](const Caller&) { return service.registration(); })
      .query("getRegistrationSchema", user("auth.registration.manage"), [](const Caller&) { return Service::registration_schema(); })
      .mutation("setRegistrationStatus", user("auth.registration.manage"),
                [&service](const Caller& caller, SetRegistrationStatus in) { return done(service.set_registration(actor_of(caller), in.allow_registration)); })
      .query("getEnabledStrategies", access::anonymous(), [](const Caller&) { return Service::enabled_strategies(); })
      .query("getStrategies", user("auth.strategies.manage"), [](const Caller&) { return Service::strategies(); })
      .mutation("updateStrategy", user("auth.strategies.manage"),
                [&service](const Caller& caller, UpdateStrategy in) { return done(service.update_strategy(actor_of(caller), std::move(in))); })
      .mutation("reloadAuth", user("auth.strategies.manage"), [](const Caller&) { return Success{}; });

  area.query("accessRules", access::everyone(), [&service](const Caller& caller) { return access_rules(service, caller.principal); })
      .query("getCurrentUserProfile", access::user(), [&service](const Caller& caller) { return service.current_profile(caller.user_id()); })
      .mutation(
          "updateCurrentUser", access::user(),
          [&service](const Caller& caller, UpdateCurrentUser in) { return told(service.update_profile(actor_of(caller), session_of(caller), std::move(in))); })
      .query("getUsers", user("auth.users.read"), [&service](const Caller&, Page in) { return service.users(in.value_or(PageInput())); })
      .query("searchUsers", user("auth.users.read"), [&service](const Caller&, SearchUsers in) { return service.search_users(in.query.value.str()); })
      .mutation("createCredentialUser", user("auth.users.create.manage"),
                [&service](const Caller& caller, CreateUser in) { return create_user(service, actor_of(caller), std::move(in)); })
      .mutation("deleteUser", user("auth.users.manage"),
                [&service](const Caller& caller, Bare in) { return service.delete_user(actor_of(caller), std::move(in.value).str()); })
      .mutation("updateUserRoles", user("auth.users.manage"),
                [&service](const Caller& caller, UpdateUserRoles in) { return told(service.update_user_roles(actor_of(caller), std::move(in))); });

  area.query("getRoles", user("auth.roles.read"), [&service](const Caller&) { return service.roles(); })
      .query("getAccessRules", user("auth.roles.read"), [&service](const Caller&) { return service.declared_rules(); })
      .mutation("createRole", user("auth.roles.create.manage"),
                [&service](const Caller& caller, CreateRole in) { return told(service.create_role(actor_of(caller), std::move(in))); })
      .mutation("updateRole", user("auth.roles.update.manage"),
                [&service](const Caller& caller, UpdateRole in) { return told(service.update_role(actor_of(caller), std::move(in))); })
      .mutation("deleteRole", user("auth.roles.delete.manage"),
                [&service](const Caller& caller, Bare in) { return service.delete_role(actor_of(caller), std::move(in.value).str()); });

  area.query("getApplications", user("auth.applications.manage"),
             [&service](const Caller&, Page in) { return service.list_applications(in.value_or(PageInput())); })
      .mutation("createApplication", user("auth.applications.manage"),
                [&service](const Caller& caller, CreateApplication in) { return told(service.create_application(actor_of(caller), std::move(in))); })
      .mutation("updateApplication", user("auth.applications.manage"),
                [&service](const Caller& caller, UpdateApplication in) { return told(service.update_application(actor_of(caller), std::move(in))); })
      .mutation("deleteApplication", user("auth.applications.manage"),
                [&service](const Caller& caller, Bare in) { return service.delete_application(actor_of(caller), std::move(in.value).str()); })
      .mutation("regenerateApplicationSecret", user("auth.applications.manage"),
                [&service](const Caller& caller, Bare in) { return service.renew_secret(actor_of(caller), std::move(in.value).str(), std::chrono::hours(0)); })
      .mutation("rotateApplicationSecret", user("auth.applications.manage"),
                [&service](const Caller& caller, RotateApplicationSecret in) {
                  return service.renew_secret(actor_of(caller), std::move(in.id).str(), std::chrono::hours(in.keep_hours.value()));
                })
      .mutation("revokeApplication", user("auth.applications.manage"),
                [&service](const Caller& caller, Bare in) { return service.revoke_application(actor_of(caller), std::move(in.value).str()); })
      .query("getBindableApplications", access::user(), [&service](const Caller& caller, std::optional<BindableInput> in) {
        return service.bindable_applications(caller.user_id(), in && in->include_access_rules);
      });

  area.query("getAuditLog", user("auth.audit.read"), [&service](const Caller&, GetAuditLog in) { return service.audit_log(std::move(in)); });
  return area;
}

}  // namespace watchbell::auth
