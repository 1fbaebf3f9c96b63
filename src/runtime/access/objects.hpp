#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "async/awaitable.hpp"
#include "base/result.hpp"
#include "runtime/access/principal.hpp"

namespace watchbell::access {

/// Which objects of one type a principal may act on: all but some, or only some. Default-constructed it holds none. Immutable value.
class Reach {
 public:
  Reach() = default;
  static Reach everything() { return all_but({}); }
  static Reach all_but(std::set<std::string, std::less<>> hidden) {
    Reach reach(std::move(hidden));
    reach.by_default_ = true;
    return reach;
  }
  static Reach only(std::set<std::string, std::less<>> granted) { return Reach(std::move(granted)); }

  bool holds(std::string_view id) const { return by_default_ != exceptions_.contains(id); }
  bool holds_everything() const noexcept { return by_default_ && exceptions_.empty(); }
  bool holds_nothing() const noexcept { return !by_default_ && exceptions_.empty(); }

 private:
  explicit Reach(std::set<std::string, std::less<>> exceptions) : exceptions_(std::move(exceptions)) {}
  bool by_default_ = false;
  std::set<std::string, std::less<>> exceptions_;
};

/// What is asked of ObjectAccess: which objects of `type` may `principal` do `action` on.
struct ObjectQuestion {
  const Principal& principal;
  std::string_view type;    ///< "catalog.system"
  std::string_view action;  ///< "read", "manage", or "create", which is of the type and not of an object
  bool by_rule = false;     ///< whether the global rule is held: what holds for every object that nobody decided on
};

/// Judges single objects, where an access rule alone says too little. Teams implement it (grants add, private objects take away); without them the
/// global rule decides and everything else is refused. Loop-only.
class ObjectAccess {
 public:
  virtual ~ObjectAccess() = default;
  /// The objects, as they are at this moment. An Error refuses: nothing is reached then. The question lives until the answer is there.
  virtual awaitable<Result<Reach>> reach(ObjectQuestion question) = 0;
  /// Whether, at this moment, nobody decided on any object, so that the rules say everything and reach() need not be asked.
  virtual bool rules_decide() const noexcept { return false; }
  /// Everything with the global rule, nothing without it.
  static ObjectAccess& by_rules();
};

}  // namespace watchbell::access
