// Random operations on the eviction policy against a plain model: the set of what is present.
#include "policy/clock_tiny_lfu.hpp"
#include "policy_simulator.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

namespace watchbell::cache::detail {
namespace {

using simulator::Entry;
using Policy = ClockTinyLfu<Entry>;

struct Operation {
  enum class Kind { insert, hit, remove, evict, evict_of_group, look } kind;
  std::uint32_t key;
  std::size_t charge;
};

rc::Gen<Operation> operations() {
  using K = Operation::Kind;
  return rc::gen::apply([](K kind, std::uint32_t key, std::size_t charge) { return Operation{kind, key, charge}; },
                        rc::gen::element(K::insert, K::insert, K::insert, K::insert, K::hit, K::hit, K::remove, K::evict, K::evict,
                                         K::evict_of_group, K::look),
                        rc::gen::inRange<std::uint32_t>(0, 60), rc::gen::inRange<std::size_t>(0, 500));
}

}  // namespace

RC_GTEST_PROP(PolicyProperty, holds_each_entry_once_and_names_a_present_and_allowed_one, ()) {
  std::map<std::uint32_t, std::unique_ptr<Entry>> present;
  Policy policy;  // dies first, so that a failed assertion leaves no entry in its lists
  std::size_t most = 0;

  const auto remove = [&](std::uint32_t key) {
    policy.removed(*present.at(key));
    RC_ASSERT(!present.at(key)->is_linked());
    present.erase(key);
  };
  const auto name = [&](auto allowed) -> Entry* {
    std::size_t asked = 0;
    Entry* victim = policy.victim([&](const Entry& entry) {
      ++asked;
      RC_ASSERT(present.at(entry.key).get() == &entry);
      return allowed(entry);
    });
    RC_ASSERT(asked <= Policy::kMostSkipped + 6);
    const bool any = std::any_of(present.begin(), present.end(), [&](const auto& item) { return allowed(*item.second); });
    RC_ASSERT((victim != nullptr) == any);  // the bound of the walk is over the number of keys here
    if (victim == nullptr) return nullptr;
    RC_ASSERT(present.at(victim->key).get() == victim);
    RC_ASSERT(allowed(*victim));
    return victim;
  };
  const auto anyone = [](const Entry&) { return true; };

  // Long enough for contests and duels; a generated list of that length would take its time to shrink.
  const auto script = *rc::gen::container<std::vector<Operation>>(400, operations());
  for (const auto& op : script) {
    const bool here = present.contains(op.key);
    switch (op.kind) {
      case Operation::Kind::insert: {
        if (here) remove(op.key);
        auto entry = std::make_unique<Entry>();
        entry->key = op.key;
        entry->hash = simulator::mixed(op.key);
        entry->charge = op.charge;
        policy.inserted(*entry);
        present[op.key] = std::move(entry);
        break;
      }
      case Operation::Kind::hit:
        if (here && present[op.key]->uses < Policy::kMaxUses) ++present[op.key]->uses;
        break;
      case Operation::Kind::remove:
        if (here) remove(op.key);
        break;
      case Operation::Kind::evict:
        if (!present.empty()) remove(name(anyone)->key);
        break;
      case Operation::Kind::evict_of_group: {
        if (present.empty()) break;
        const Entry* victim = name([&](const Entry& entry) { return entry.key % 7 == op.key % 7; });
        if (victim != nullptr) remove(victim->key);
        break;
      }
      case Operation::Kind::look:  // the engine may ask and then not evict
        if (!present.empty()) name(anyone);
        break;
    }
    most = std::max(most, present.size());
    RC_ASSERT(policy.memory() <= 64 + 32 * most);
    for (const auto& [key, entry] : present) RC_ASSERT(entry->uses <= Policy::kMaxUses);
  }

  // Each is named exactly once on the way to none: none is lost and none stands twice.
  const std::size_t left = present.size();
  for (std::size_t i = 0; i < left; ++i) remove(name(anyone)->key);
  RC_ASSERT(present.empty());
  RC_ASSERT(policy.memory() <= 256u);
}

}  // namespace watchbell::cache::detail
