#include "domains/auth/contract.hpp"

#include "domains/auth/rules.hpp"

namespace watchbell::auth {

struct OnboardingStatus {
  bool needs_onboarding = false;
  bool setup_token_required = false;
};
BOOST_DESCRIBE_STRUCT(OnboardingStatus, (), (needs_onboarding, setup_token_required))

struct CompleteOnboarding {
  Text<1, 200> name;
  Email email;
  Text<1, 128> password;
  std::optional<Text<0, 300>> setup_token;
};
BOOST_DESCRIBE_STRUCT(CompleteOnboarding, (), (name, email, password, setup_token))

struct Success {
  bool success = true;
};
BOOST_DESCRIBE_STRUCT(Success, (), (success))

struct AccessRules {
  std::vector<std::string> access_rules;
  bool is_in_any_team = false;
};
BOOST_DESCRIBE_STRUCT(AccessRules, (), (access_rules, is_in_any_team))

struct Profile {
  UserId id;
  std::string name;
  std::string email;
  bool has_credential_account = true;
};
BOOST_DESCRIBE_STRUCT(Profile, (), (id, name, email, has_credential_account))

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

awaitable<Result<Success>> onboard(Service& service, CompleteOnboarding in, bool forwarded, std::string address) {
  auto name = rules::clean_name(in.name.str());
  if (!name) co_return std::unexpected(issue_of(name.error()));
  auto done = co_await service.complete_onboarding(std::move(*name), std::move(in.email), std::move(in.password).str(),
                                                   in.setup_token ? std::optional(std::move(*in.setup_token).str()) : std::nullopt, forwarded, std::move(address));
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return Success{};
}

awaitable<Result<AccessRules>> access_rules(Service& service, access::PrincipalPtr principal) {
  if (principal->kind != access::Principal::Kind::none) co_return AccessRules{.access_rules = principal->rules->ids()};
  auto visitors = co_await service.anonymous_rules();
  if (!visitors) co_return std::unexpected(std::move(visitors.error()));
  co_return AccessRules{.access_rules = (*visitors)->ids()};
}

awaitable<Result<Profile>> profile(Service& service, UserId id) {
  auto user = co_await service.profile(id);
  if (!user) co_return std::unexpected(std::move(user.error()));
  co_return Profile{.id = user->id, .name = std::move(user->name), .email = std::move(user->email)};
}

}  // namespace

rpc::Area contract(Service& service) {
  using rpc::Caller;
  rpc::Area area("auth");
  area.query("getOnboardingStatus", access::anonymous(), [&service](const Caller& caller) { return status(service, caller.forwarded); })
      .mutation("completeOnboarding", access::anonymous(),
                [&service](const Caller& caller, CompleteOnboarding in) { return onboard(service, std::move(in), caller.forwarded, caller.address); })
      .query("accessRules", access::everyone(), [&service](const Caller& caller) { return access_rules(service, caller.principal); })
      .query("getCurrentUserProfile", access::user(), [&service](const Caller& caller) { return profile(service, caller.user_id()); });
  return area;
}

}  // namespace watchbell::auth
