#pragma once

#include <memory>
#include <string_view>

#include "runtime/access/objects.hpp"
#include "runtime/access/requirement.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::rpc {

/// The stages authenticate and authorize of one call. Fails closed: an id that cannot be told, and objects that nobody can judge, are refused unless the
/// rules open all of them. Loop-only.
class Admission {
 public:
  Admission(const Procedure& procedure, access::Identity& identity, access::ObjectAccess& objects)
      : procedure_(procedure), identity_(identity), objects_(objects) {}

  /// Who the credentials are of; nobody is asked where everyone may come.
  awaitable<Result<access::PrincipalPtr>> authenticate(access::Credentials credentials);
  /// The same when it can be told at once, else null. No allocation.
  access::PrincipalPtr authenticate_now(access::Credentials credentials);
  /// REQUIRES authenticate().
  Result<void> authorize(const access::Principal& principal) const;
  bool judges_objects() const noexcept;
  /// Whether authorize_objects() would let everything through, which is what this then says in `caller`. False: that is to be asked. REQUIRES
  /// authenticate_now() or authenticate(). No allocation.
  bool authorize_objects_now(Caller& caller) const;
  /// Judges the objects the input names, and says in `caller` which he sees and which of many he may not act on.
  awaitable<Result<void>> authorize_objects(Caller& caller, Named named) const;

 private:
  using Mode = access::Scope::Mode;
  awaitable<Result<access::Reach>> reach(const access::Principal& principal, const access::ObjectKind& kind, bool by_rule) const;
  awaitable<Result<void>> authorize_create(const access::Principal& principal, const access::ObjectKind& kind, const Named& named, bool by_rule) const;
  awaitable<Result<void>> authorize_reference(const access::Principal& principal, const Named& named, bool by_rule) const;
  Result<void> authorize_filter(const access::Principal& principal, const access::ObjectKind& kind, const access::Reach& seen, bool judged) const;
  std::unexpected<Error> refused(bool by_rule) const;

  const Procedure& procedure_;
  access::Identity& identity_;
  access::ObjectAccess& objects_;
  access::RuleSetPtr visitors_;  ///< of public procedures
};

/// What is wrong with how a procedure says who may call it, or nothing; a sentence without the procedure's name.
///
/// @param own_rules  those its area declares
/// @param types      those with objects of their own, of all areas
Result<void> check_requirement(const Procedure& procedure, const std::vector<std::string>& own_rules, const std::vector<std::string>& types);

}  // namespace watchbell::rpc
