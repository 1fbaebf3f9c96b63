#include "runtime/access/objects.hpp"

namespace watchbell::access {
namespace {

class ByRules final : public ObjectAccess {
 public:
  awaitable<Result<Reach>> reach(ObjectQuestion question) override { co_return question.by_rule ? Reach::everything() : Reach(); }
  bool rules_decide() const noexcept override { return true; }
};

}  // namespace

ObjectAccess& ObjectAccess::by_rules() {
  static ByRules by_rules;
  return by_rules;
}

}  // namespace watchbell::access
