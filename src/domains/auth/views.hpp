#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/bounded.hpp"
#include "domains/auth/types.hpp"
#include "runtime/rpc/codec.hpp"

/// What clients send and get.
namespace watchbell::auth {

/// What a list answers: all of it, up to kListed, or the page that was asked for with the number of all.
template <class T>
struct Listing {
  std::vector<T> items;
  std::optional<std::int64_t> total;
};
inline constexpr std::int64_t kListed = 1000;

/// Which page of a list; without either member the list comes whole.
struct PageInput {
  std::optional<Integer<1, 100>> limit;
  std::optional<Integer<0, 10'000'000>> offset;
};
BOOST_DESCRIBE_STRUCT(PageInput, (), (limit, offset))

struct Success {
  bool success = true;
};
BOOST_DESCRIBE_STRUCT(Success, (), (success))

// Passwords.

struct ResetTokenInput {
  Text<1, 128> token;
};
BOOST_DESCRIBE_STRUCT(ResetTokenInput, (), (token))

struct ResetTokenView {
  bool valid = false;
  std::optional<std::string> reason;  ///< "invalid" or "expired"
};
BOOST_DESCRIBE_STRUCT(ResetTokenView, (), (valid, reason))

// Onboarding and registration.

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

/// Whether people may make themselves an account; a settings record, and what the procedures say of it.
struct Registration {
  bool allow_registration = true;
  static std::vector<rpc::Hint> hints() {
    return {{.member = "allow_registration",
             .label = "Allow registration",
             .help = "Whether visitors may make themselves an account. Administrators can add users either way.",
             .extra = {}}};
  }
};
BOOST_DESCRIBE_STRUCT(Registration, (), (allow_registration))

struct SetRegistrationStatus {
  Required<bool> allow_registration;
};
BOOST_DESCRIBE_STRUCT(SetRegistrationStatus, (), (allow_registration))

/// A JSON Schema.
using SchemaView = Json<64 * 1024, 32>;

// How people sign in.

enum class StrategyType { credential, social };
BOOST_DESCRIBE_ENUM(StrategyType, credential, social)

struct EnabledStrategy {
  std::string id;
  std::string display_name;
  std::string description;
  StrategyType type = StrategyType::credential;
  std::string icon;
  bool requires_manual_registration = false;
};
BOOST_DESCRIBE_STRUCT(EnabledStrategy, (), (id, display_name, description, type, icon, requires_manual_registration))

struct StrategyView {
  std::string id;
  std::string display_name;
  std::string description;
  std::string icon;
  bool enabled = true;
  std::int64_t config_version = 1;
  SchemaView config_schema;
  SchemaView config;
};
BOOST_DESCRIBE_STRUCT(StrategyView, (), (id, display_name, description, icon, enabled, config_version, config_schema, config))

struct UpdateStrategy {
  Text<1, 100> id;
  Required<bool> enabled;
  std::optional<Json<32 * 1024, 8>> config;
};
BOOST_DESCRIBE_STRUCT(UpdateStrategy, (), (id, enabled, config))

// Users.

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

struct UserView {
  UserId id;
  std::string email;
  std::string name;
  std::vector<std::string> roles;
};
BOOST_DESCRIBE_STRUCT(UserView, (), (id, email, name, roles))

struct FoundUser {
  UserId id;
  std::string name;
  std::string email;
};
BOOST_DESCRIBE_STRUCT(FoundUser, (), (id, name, email))

struct SearchUsers {
  Required<Text<0, 200>> query;
};
BOOST_DESCRIBE_STRUCT(SearchUsers, (), (query))

struct CreateUser {
  Email email;
  Text<1, 200> name;
  Text<1, 128> password;
};
BOOST_DESCRIBE_STRUCT(CreateUser, (), (email, name, password))

struct CreatedUser {
  UserId user_id;
};
BOOST_DESCRIBE_STRUCT(CreatedUser, (), (user_id))

struct UpdateUserRoles {
  Text<1, 100> user_id;
  List<Text<1, 100>, 0, 100> roles;
};
BOOST_DESCRIBE_STRUCT(UpdateUserRoles, (), (user_id, roles))

/// A new mail address needs the present password.
struct UpdateCurrentUser {
  std::optional<Text<1, 200>> name;
  std::optional<Email> email;
  std::optional<Text<1, 128>> current_password;
};
BOOST_DESCRIBE_STRUCT(UpdateCurrentUser, (), (name, email, current_password))

// Roles.

struct RoleView {
  std::string id;
  std::string name;
  std::string description;
  std::vector<std::string> access_rules;
  bool is_system = false;
  bool is_assignable = true;
};
BOOST_DESCRIBE_STRUCT(RoleView, (), (id, name, description, access_rules, is_system, is_assignable))

struct RuleView {
  std::string id;
  std::string description;
  bool anonymous_usable = false;  ///< some procedure that visitors may call asks for it
};
BOOST_DESCRIBE_STRUCT(RuleView, (), (id, description, anonymous_usable))

using RuleIds = List<Text<1, 200>, 0, 1000>;

struct CreateRole {
  Text<1, 100> name;
  std::optional<Text<0, 500>> description;
  RuleIds access_rules;
};
BOOST_DESCRIBE_STRUCT(CreateRole, (), (name, description, access_rules))

struct UpdateRole {
  Text<1, 100> id;
  std::optional<Text<1, 100>> name;
  std::optional<Text<0, 500>> description;
  RuleIds access_rules;
};
BOOST_DESCRIBE_STRUCT(UpdateRole, (), (id, name, description, access_rules))

// API keys.

struct RateView {
  Integer<1, 10'000> per_second;
  Integer<1, 100'000> burst;
};
BOOST_DESCRIBE_STRUCT(RateView, (), (per_second, burst))

struct ApplicationView {
  ApplicationId id;
  std::string name;
  Nullable<std::string> description;
  std::vector<std::string> roles;
  Nullable<UserId> created_by_id;
  Timestamp created_at;
  Nullable<Timestamp> last_used_at;
  Nullable<Timestamp> expires_at;
  Nullable<Timestamp> revoked_at;
  Nullable<RateView> rate_limit;
};
BOOST_DESCRIBE_STRUCT(ApplicationView, (), (id, name, description, roles, created_by_id, created_at, last_used_at, expires_at, revoked_at, rate_limit))

struct CreateApplication {
  Text<1, 100> name;
  std::optional<Text<0, 500>> description;
  std::optional<Timestamp> expires_at;
  std::optional<RateView> rate_limit;
};
BOOST_DESCRIBE_STRUCT(CreateApplication, (), (name, description, expires_at, rate_limit))

struct CreatedApplication {
  ApplicationView application;
  std::string secret;  ///< the whole key, shown this once
};
BOOST_DESCRIBE_STRUCT(CreatedApplication, (), (application, secret))

struct UpdateApplication {
  Text<1, 100> id;
  std::optional<Text<1, 100>> name;
  Patch<Text<0, 500>> description;
  std::optional<List<Text<1, 100>, 0, 100>> roles;
  Patch<Timestamp> expires_at;
  Patch<RateView> rate_limit;
};
BOOST_DESCRIBE_STRUCT(UpdateApplication, (), (id, name, description, roles, expires_at, rate_limit))

struct NewSecret {
  std::string secret;  ///< the whole key, shown this once
};
BOOST_DESCRIBE_STRUCT(NewSecret, (), (secret))

struct RotateApplicationSecret {
  Text<1, 100> id;
  Integer<0, 720> keep_hours = 24;  ///< how long the key before this one lives on
};
BOOST_DESCRIBE_STRUCT(RotateApplicationSecret, (), (id, keep_hours))

struct BindableInput {
  bool include_access_rules = false;
};
BOOST_DESCRIBE_STRUCT(BindableInput, (), (include_access_rules))

struct BindableApplication {
  ApplicationId id;
  std::string name;
  Nullable<std::string> description;
  std::optional<std::vector<std::string>> access_rules;
};
BOOST_DESCRIBE_STRUCT(BindableApplication, (), (id, name, description, access_rules))

// The audit log.

enum class AuditOutcome { ok, refused };
BOOST_DESCRIBE_ENUM(AuditOutcome, ok, refused)

struct GetAuditLog {
  Integer<1, 100> limit = 20;
  Integer<0, 10'000'000> offset = 0;
  std::optional<Text<1, 200>> actor;
  std::optional<Text<1, 100>> action;
  std::optional<Text<1, 200>> target;
  std::optional<AuditOutcome> outcome;
  std::optional<Timestamp> from;  ///< not before
  std::optional<Timestamp> to;    ///< before
};
BOOST_DESCRIBE_STRUCT(GetAuditLog, (), (limit, offset, actor, action, target, outcome, from, to))

struct AuditView {
  AuditId id;
  Timestamp at;
  std::string actor;                 ///< "user:<id>", "application:<id>", "console", "unknown"
  Nullable<std::string> actor_name;  ///< present name; null when it is gone or has none
  std::string action;
  std::string target;
  Nullable<std::string> target_name;
  std::string address;
  std::string outcome;
};
BOOST_DESCRIBE_STRUCT(AuditView, (), (id, at, actor, actor_name, action, target, target_name, address, outcome))

struct AuditPage {
  std::vector<AuditView> items;
  std::int64_t total = 0;
};
BOOST_DESCRIBE_STRUCT(AuditPage, (), (items, total))

}  // namespace watchbell::auth

namespace watchbell::rpc {

template <class T>
struct Codec<auth::Listing<T>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() {
    const auto list = schema_of<std::vector<T>>();
    auto page = std::make_shared<Schema>();
    page->kind = Schema::Kind::object;
    page->members.push_back({.name = "items", .schema = list});
    page->members.push_back({.name = "total", .schema = schema_of<std::int64_t>()});
    return detail::wrapped_schema(Schema::Kind::either, {list, page});
  }
  static void encode(Writer& out, const auth::Listing<T>& value) {
    if (!value.total) return Codec<std::vector<T>>::encode(out, value.items);
    out.begin_object();
    bool first = true;
    out.begin_member(first, "items");
    Codec<std::vector<T>>::encode(out, value.items);
    out.end_member();
    out.begin_member(first, "total");
    Codec<std::int64_t>::encode(out, *value.total);
    out.end_member();
    out.end_object();
  }
};

}  // namespace watchbell::rpc
