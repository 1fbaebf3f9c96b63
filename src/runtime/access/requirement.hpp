#pragma once

#include <string>
#include <vector>

#include "runtime/access/principal.hpp"

namespace watchbell::access {

enum class UserType {
  anonymous,      ///< everyone; no authentication, rules ignored
  public_,        ///< everyone; rules checked, visitors by the role `anonymous`
  authenticated,  ///< user, application or service
  user,           ///< a person's session only
  service,        ///< another domain only
};

/// Who may call a procedure: the type gate and the rules, all of them required.
struct Requirement {
  UserType type = UserType::authenticated;
  std::vector<std::string> rules;
  std::string or_rule;  ///< opens a service procedure to users and applications holding it; nothing but `*` and itself grants it

  Requirement needs(std::string rule) && {
    rules.push_back(std::move(rule));
    return std::move(*this);
  }
  Requirement or_holding(std::string rule) && {
    or_rule = std::move(rule);
    return std::move(*this);
  }
};
inline Requirement anonymous() { return {.type = UserType::anonymous}; }
inline Requirement everyone() { return {.type = UserType::public_}; }
inline Requirement authenticated() { return {.type = UserType::authenticated}; }
inline Requirement user() { return {.type = UserType::user}; }
inline Requirement service() { return {.type = UserType::service}; }

/// The decision, as a pure function: nothing when the principal passes, else ErrorCode::unauthorized or ErrorCode::forbidden.
///
/// @param visitor_rules  the rules of role `anonymous`; on public procedures everybody has them besides his own
Result<void> authorize(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules);

}  // namespace watchbell::access
