// Random operations against a plain model that knows what may be served, and against the sums of what is held.
#include "support.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace watchbell::cache::test {
namespace {

struct Operation {
  enum class Kind { read, find, invalidate, invalidate_family, invalidate_all, clear, advance } kind;
  int family;
  int member;
  int size;
  int ttl_ms;
};

rc::Gen<Operation> operations() {
  using K = Operation::Kind;
  return rc::gen::apply(
      [](K kind, int family, int member, int size, int ttl_ms) { return Operation{kind, family, member, size, ttl_ms}; },
      rc::gen::element(K::read, K::read, K::read, K::read, K::find, K::find, K::invalidate, K::invalidate_family,
                       K::invalidate_all, K::clear, K::advance),
      rc::gen::inRange(0, 4), rc::gen::inRange(0, 6), rc::gen::inRange(0, 3000), rc::gen::inRange(-5, 200));
}

}  // namespace

RC_GTEST_PROP(BoundsProperty, C_28_bounds_and_accounting_hold_and_nothing_stale_is_served, ()) {
  CacheOptions options;
  options.max_entries = *rc::gen::inRange<std::size_t>(0, 12);
  options.max_bytes = *rc::gen::inRange<std::size_t>(0, 20'000);
  const auto bounds = options;
  World world(options);

  struct Stored {
    int version;
    Duration expires;
    std::size_t charge;
  };
  std::map<std::pair<int, int>, Stored> model;  // what could be served, had the cache unlimited room
  Duration now{};
  int version = 0;
  const auto key_of = [](int family, int member) { return Key("f", family, member); };

  const auto script = *rc::gen::container<std::vector<Operation>>(operations());
  for (const auto& op : script) {
    const std::pair<int, int> id(op.family, op.member);
    const auto known = model.find(id);
    const bool may_hit = known != model.end() && known->second.expires > now;
    switch (op.kind) {
      case Operation::Kind::read: {
        using Value = std::pair<int, std::string>;
        const int mine = ++version;
        Value made(mine, std::string(static_cast<std::size_t>(op.size), 'x'));
        const std::size_t charge = Cache::charge(key_of(id.first, id.second), size_in_bytes(made));
        bool loaded = false;
        auto loader = [&] {
          loaded = true;
          return World::give(made);
        };
        const auto ttl = std::chrono::milliseconds(op.ttl_ms);
        const auto reader = spawn(world.loop, world.scope.wrap<Value>(key_of(id.first, id.second), loader, ttl));
        drain(world.loop);
        RC_ASSERT(reader->ended && reader->value);
        if (loaded) {
          RC_ASSERT(reader->value->first == mine);
          model.erase(id);
          if (ttl > Duration::zero() && charge <= bounds.max_bytes && bounds.max_entries > 0)
            model[id] = {mine, now + ttl, charge};
        } else {
          RC_ASSERT(may_hit);
          RC_ASSERT(reader->value->first == known->second.version);
        }
        break;
      }
      case Operation::Kind::find: {
        const auto hit = world.scope.find<std::pair<int, std::string>>(key_of(id.first, id.second));
        if (hit) {
          RC_ASSERT(may_hit);
          RC_ASSERT(hit->first == known->second.version);
        }
        break;
      }
      case Operation::Kind::invalidate:
        world.scope.invalidate(key_of(id.first, id.second));
        model.erase(id);
        break;
      case Operation::Kind::invalidate_family:
        world.scope.invalidate_prefix(Family("f", op.family));
        std::erase_if(model, [&](const auto& item) { return item.first.first == op.family; });
        break;
      case Operation::Kind::invalidate_all:
        world.scope.invalidate_all();
        model.clear();
        break;
      case Operation::Kind::clear:
        world.engine.clear();
        model.clear();
        RC_ASSERT(world.engine.snapshot().bytes == 0u);
        break;
      case Operation::Kind::advance:
        now += std::chrono::milliseconds(std::abs(op.ttl_ms));
        world.clock.advance(std::chrono::milliseconds(std::abs(op.ttl_ms)));
        break;
    }
    const auto seen = world.engine.snapshot();
    RC_ASSERT(seen.entries <= bounds.max_entries);
    RC_ASSERT(seen.bytes <= bounds.max_bytes);
    RC_ASSERT(seen.flights == 0u);
    RC_ASSERT(seen.families <= 1 + 2 * seen.entries);
  }

  // What is left adds up: exactly the charges of what can be found, and nothing once all of it has been looked at.
  std::size_t found = 0;
  std::size_t charges = 0;
  for (int family = 0; family < 4; ++family) {
    for (int member = 0; member < 6; ++member) {
      if (!world.scope.find<std::pair<int, std::string>>(key_of(family, member))) continue;
      ++found;
      charges += model.at({family, member}).charge;
    }
  }
  RC_ASSERT(world.engine.snapshot().entries == found);
  RC_ASSERT(world.engine.snapshot().bytes == charges);
}

}  // namespace watchbell::cache::test
