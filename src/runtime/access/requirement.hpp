#pragma once

#include <optional>
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

/// How a procedure is judged by its objects, besides by the rule it needs. One of these a procedure.
struct Scope {
  enum class Mode {
    undeclared,   ///< nobody said; as global, but not allowed where the rule is of a type with objects
    global,       ///< the rules alone count
    id,           ///< the input names the object, or objects, all of which must pass
    list,         ///< of an array of the answer, the elements whose `id` may be seen are kept
    record,       ///< the same of an object of the answer, by its keys
    bulk,         ///< of an array of ids in the input, those allowed reach the handler; the others are its Caller's `forbidden`
    create,       ///< makes an object of the type
    type_scoped,  ///< who may act on any object of the type passes
    object_ref,   ///< type and id both come from the input; the procedure's own rule opens all of them
  };
  Mode mode = Mode::undeclared;
  std::string member;       ///< of the input (id, bulk, object_ref, create under parents) or of the answer (list, record); dotted; "" is the whole
  std::string type;         ///< of the objects, when it is not that of the rule: those of a parent
  std::string action;       ///< the same of what is done to them
  std::string type_member;  ///< of object_ref: where the input names the type

  friend bool operator==(const Scope&, const Scope&) = default;
};

/// Who may call a procedure: the type gate, the rules, all of them required, and how objects are judged. Written as one line:
///
///     access::everyone().needs("catalog.system.read").each("systems")
struct Requirement {
  UserType type = UserType::authenticated;
  std::vector<std::string> rules;
  std::string or_rule;                ///< opens a service procedure to users and applications holding it; nothing but `*` and itself grants it
  std::vector<std::string> services;  ///< areas whose services may call, a trailing `*` matches any ending; empty: all
  Scope scope;
  std::string shown;          ///< a type whose ids the answer names; the handler leaves out those its Caller does not see
  std::string shown_rule;     ///< which opens all of them
  bool scoped_twice = false;  ///< a mistake that the start refuses

  Requirement needs(std::string rule) && {
    rules.push_back(std::move(rule));
    return std::move(*this);
  }
  Requirement or_holding(std::string rule) && {
    or_rule = std::move(rule);
    return std::move(*this);
  }
  Requirement from(std::vector<std::string> areas) && {
    services = std::move(areas);
    return std::move(*this);
  }
  Requirement shows(std::string object_type) && {
    shown = std::move(object_type);
    shown_rule = shown + ".read";
    return std::move(*this);
  }
  Requirement global() && { return std::move(*this).scoped({.mode = Scope::Mode::global}); }
  Requirement of(std::string input_member) && { return std::move(*this).scoped({.mode = Scope::Mode::id, .member = std::move(input_member)}); }
  Requirement each(std::string answer_member) && { return std::move(*this).scoped({.mode = Scope::Mode::list, .member = std::move(answer_member)}); }
  Requirement each_key(std::string answer_member) && { return std::move(*this).scoped({.mode = Scope::Mode::record, .member = std::move(answer_member)}); }
  Requirement many(std::string input_member) && { return std::move(*this).scoped({.mode = Scope::Mode::bulk, .member = std::move(input_member)}); }
  /// Judged by the objects of another type: those the input names,
  Requirement under(std::string parent, std::string action, std::string input_member) && {
    return std::move(*this).scoped({.mode = Scope::Mode::id, .member = std::move(input_member), .type = std::move(parent), .action = std::move(action)});
  }
  /// or those that are keys of the answer.
  Requirement each_key_under(std::string parent, std::string action, std::string answer_member) && {
    return std::move(*this).scoped({.mode = Scope::Mode::record, .member = std::move(answer_member), .type = std::move(parent), .action = std::move(action)});
  }
  Requirement creates() && { return std::move(*this).scoped({.mode = Scope::Mode::create}); }
  /// The same, also open to whoever may manage every one of the parents the input names.
  Requirement creates_under(std::string parent, std::string input_member) && {
    return std::move(*this).scoped({.mode = Scope::Mode::create, .member = std::move(input_member), .type = std::move(parent), .action = "manage"});
  }
  Requirement on_type() && { return std::move(*this).scoped({.mode = Scope::Mode::type_scoped}); }
  Requirement referring(std::string type_member, std::string id_member, std::string action = "manage") && {
    return std::move(*this).scoped(
        {.mode = Scope::Mode::object_ref, .member = std::move(id_member), .action = std::move(action), .type_member = std::move(type_member)});
  }

  /// Whether single objects are judged, so that not holding the rules is not the end of it.
  bool judges_objects() const noexcept { return scope.mode != Scope::Mode::undeclared && scope.mode != Scope::Mode::global; }
  /// Whether the answer is filtered.
  bool filters() const noexcept { return scope.mode == Scope::Mode::list || scope.mode == Scope::Mode::record; }

 private:
  Requirement scoped(Scope to) && {
    scoped_twice = scope.mode != Scope::Mode::undeclared;
    scope = std::move(to);
    return std::move(*this);
  }
};
inline Requirement anonymous() { return {.type = UserType::anonymous}; }
inline Requirement everyone() { return {.type = UserType::public_}; }
inline Requirement authenticated() { return {.type = UserType::authenticated}; }
inline Requirement user() { return {.type = UserType::user}; }
inline Requirement service() { return {.type = UserType::service}; }

/// What a requirement's objects are: their type, and what is done to them.
struct ObjectKind {
  std::string type;
  std::string action;
};
ObjectKind kind_of(const Requirement& requirement);

/// The decision on the type gate and, unless objects are judged, on the rules: nothing when the principal passes, else ErrorCode::unauthorized or
/// ErrorCode::forbidden.
///
/// @param visitor_rules  the rules of role `anonymous`; on public procedures everybody has them besides his own
Result<void> authorize(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules);

/// Whether the rules are held that open every object: those of the procedure, and for a parent's objects the parent's too.
bool opens_all(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules);

/// Whether one rule is held: by the principal or, on a public procedure, by every visitor.
bool holds(const Requirement& requirement, const Principal& principal, const RuleSet& visitor_rules, std::string_view rule);

}  // namespace watchbell::access
