// The checker against the definition of its rule, and against a toy cache that is correct, or broken in a known place.
#include <watchbell/cache/testing/checker.hpp>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <sstream>
#include <vector>

#include "naive.hpp"
#include "timeline.hpp"

namespace watchbell::cache::testing {
namespace {

/// Few instants, items and versions, so that everything collides.
History small_history() {
  History history;
  const std::vector<NameId> items{history.id("a"), history.id("b")};
  const auto size = *rc::gen::inRange(0, 14);
  // Versions that follow the order of the lines make most histories possible ones; a few ignore it.
  const bool sane = *rc::gen::inRange(0, 5) != 0;
  Version next = 1;
  Ticks clock = 1;
  std::vector<Seen> written{{items[0], kAbsent}, {items[1], kAbsent}};
  for (int i = 0; i < size; ++i) {
    Operation op;
    const auto kind = *rc::gen::inRange(0, 12);
    op.kind = kind == 0 ? Operation::Kind::initial : kind < 6 ? Operation::Kind::change : Operation::Kind::read;
    op.name = *rc::gen::elementOf(items);
    clock += *rc::gen::inRange<Ticks>(0, 3);
    op.began = clock;
    op.returned = *rc::gen::inRange(0, 8) == 0 ? kNever : op.began + *rc::gen::inRange<Ticks>(0, 6);
    std::vector<Seen> seen;
    if (op.kind == Operation::Kind::read) {
      const auto count = *rc::gen::inRange(0, 3);
      for (int s = 0; s < count; ++s)
        seen.push_back(*rc::gen::inRange(0, 10) == 0 ? Seen{*rc::gen::elementOf(items), *rc::gen::inRange<Version>(0, next + 1)}
                                                     : *rc::gen::elementOf(written));
    } else if (op.kind == Operation::Kind::initial) {
      op.began = op.returned = 0;
      seen.push_back({op.name, *rc::gen::inRange<Version>(0, 2)});
      if (sane && seen[0].version == 1) ++next;
    } else if (op.returned != kNever || *rc::gen::inRange(0, 2) == 0) {
      seen.push_back({op.name, sane ? next++ : *rc::gen::inRange<Version>(0, 8)});
    }
    if (op.kind != Operation::Kind::read) written.insert(written.end(), seen.begin(), seen.end());
    history.add(op, seen);
  }
  return history;
}

std::string table(const History& history) {
  std::ostringstream out;
  for (const auto& op : history.operations()) {
    out << (op.kind == Operation::Kind::read     ? "read"
            : op.kind == Operation::Kind::change ? "change"
                                                 : "initial")
        << " " << history.name(op.name) << " [" << op.began << ", " << op.returned << "]";
    for (const auto& seen : history.seen(op)) out << " " << history.name(seen.item) << "=" << seen.version;
    out << "\n";
  }
  return out.str();
}

void agrees_with_definition(const History& history) {
  const auto verdict = check(history);
  RC_LOG() << table(history) << brief(history, verdict) << "\n";
  const bool contradiction = naive_contradiction(history);
  RC_ASSERT(contradiction == (verdict.kind == Verdict::Kind::duplicate_version || verdict.kind == Verdict::Kind::unordered_versions));
  if (contradiction) {
    // The two that it names contradict each other by themselves.
    History two;
    for (const auto& name : {"a", "b"}) two.id(name);
    for (const auto index : {*verdict.change, *verdict.other}) two.add(history.operations()[index], history.seen(history.operations()[index]));
    RC_ASSERT(naive_contradiction(two));
    return;
  }
  const auto expected = naive_check(history);
  RC_ASSERT(brief(history, verdict) == brief(history, expected));
}

RC_GTEST_PROP(CheckerProperty, agrees_with_the_definition_of_its_rule, ()) {
  // Of full size at once: small ones hold too little to disagree about.
  for (int i = 0; i < 20; ++i) agrees_with_definition(*rc::gen::resize(rc::kNominalSize, rc::gen::exec(small_history)));
}

/// How the toy cache is broken.
struct Fault {
  std::optional<int> skipped_invalidation{};  // of the change with this number
  bool unguarded_store = false;               // a load stores its value whatever was invalidated since it began
};

/// A register, a cache of it and clients of both, one step of one client at a time in an order drawn from the seed.
class Toy {
 public:
  Toy(unsigned seed, Fault fault) : random_(seed), fault_(fault) {}

  History run() {
    std::stringstream file;
    {
      Recorder recorder(file, {.clock = counting_clock()});
      recorder.initial("row", version_);
      std::vector<Client> clients(4);
      int left = 60;
      while (left > 0 || std::any_of(clients.begin(), clients.end(), [](const Client& c) { return c.step > 0; })) {
        auto& client = clients[random_() % clients.size()];
        if (client.step == 0) {
          if (left == 0) continue;
          --left;
          client.changes = random_() % 6 == 0;
        }
        client.changes ? change(client, recorder) : read(client, recorder);
      }
    }
    History history;
    read_history(file, "toy", history);
    return history;
  }

  Version skipped_version() const { return skipped_version_; }

 private:
  struct Client {
    bool changes = false;
    int step = 0;
    std::optional<RecordedRead> reading;
    std::optional<RecordedChange> changing;
    Version version = 0;
    int generation = 0;
    int number = 0;
  };

  void read(Client& me, Recorder& recorder) {
    switch (me.step++) {
      case 0:
        me.reading.emplace(recorder.begin_read("key"));
        return;
      case 1:
        if (!cached_) {
          me.generation = generation_;
          return;
        }
        me.version = *cached_;
        me.step = 4;
        return;
      case 2:
        me.version = version_;
        return;
      case 3:
        if (fault_.unguarded_store || me.generation == generation_) cached_ = me.version;
        return;
      default:
        me.reading->saw("row", me.version);
        me.reading->returned();
        me.reading.reset();
        me.step = 0;
    }
  }

  void change(Client& me, Recorder& recorder) {
    switch (me.step++) {
      case 0:
        me.changing.emplace(recorder.begin_change("row"));
        return;
      case 1:
        me.number = changes_++;
        me.changing->wrote(++version_);
        if (fault_.skipped_invalidation == me.number) skipped_version_ = version_;
        return;
      case 2:
        if (fault_.skipped_invalidation == me.number) return;
        ++generation_;
        cached_.reset();
        return;
      default:
        me.changing->returned();
        me.changing.reset();
        me.step = 0;
    }
  }

  std::minstd_rand random_;
  Fault fault_;
  Version version_ = 5;
  std::optional<Version> cached_;
  int generation_ = 0;
  int changes_ = 0;
  Version skipped_version_ = 0;
};

TEST(CheckerToy, accepts_every_run_of_a_correct_cache) {
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto history = Toy(seed, {}).run();
    const auto verdict = check(history);
    ASSERT_EQ(verdict.kind, Verdict::Kind::ok) << describe(history, verdict);
    ASSERT_EQ(verdict.reads + verdict.changes, 60u);
  }
}

TEST(CheckerToy, names_the_change_whose_invalidation_was_skipped) {
  int caught = 0;
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Toy toy(seed, {.skipped_invalidation = static_cast<int>(seed % 5)});
    const auto history = toy.run();
    const auto verdict = check(history);
    ASSERT_EQ(verdict.kind == Verdict::Kind::stale, naive_check(history).kind == Verdict::Kind::stale);
    if (verdict.kind == Verdict::Kind::ok) continue;
    ASSERT_EQ(verdict.kind, Verdict::Kind::stale) << describe(history, verdict);
    ASSERT_EQ(history.seen(history.operations()[*verdict.change])[0].version, toy.skipped_version()) << describe(history, verdict);
    ++caught;
  }
  // The others skipped an invalidation with nothing cached, or that the next change made good before anybody read.
  EXPECT_GT(caught, 200);
}

TEST(CheckerToy, finds_a_store_that_does_not_ask_what_was_invalidated) {
  int caught = 0;
  for (unsigned seed = 1; seed <= 500; ++seed) {
    const auto history = Toy(seed, {.unguarded_store = true}).run();
    caught += check(history).kind == Verdict::Kind::stale;
  }
  EXPECT_GT(caught, 100);
}

}  // namespace
}  // namespace watchbell::cache::testing
