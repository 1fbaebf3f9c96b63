// What the checker accepts and what it names, on histories drawn as timelines.
#include <watchbell/cache/testing/checker.hpp>

#include <gtest/gtest.h>

#include "timeline.hpp"

// clang-format off: a timeline is read by its columns.

namespace watchbell::cache::testing {
namespace {

TEST(Checker, an_empty_history_is_fine) { EXPECT_EQ(judged({}), "ok"); }

TEST(Checker, a_fresh_read_after_a_change_is_fine) {
  EXPECT_EQ(judged({"change a=1  [--]       ",
                    "read   a=1       [-]   "}),
            "ok");
}

TEST(Checker, a_read_of_the_version_before_a_change_that_returned_is_stale) {
  EXPECT_EQ(judged({"change a=1  [--]       ",
                    "read   a=0       [-]   "}),
            "stale 2 a=0 missed 1");
  EXPECT_EQ(judged({"change a=1  [--]             ",
                    "change a=2        [--]       ",
                    "read   a=1             [-]   "}),
            "stale 3 a=1 missed 2");
}

TEST(Checker, a_read_that_overlaps_a_change_may_see_either) {
  EXPECT_EQ(judged({"change a=1     [-----]       ",
                    "read   a=0   [---]           ",
                    "read   a=1    [--]           ",
                    "read   a=0      [-]          ",
                    "read   a=0          [---]    ",
                    "read   a=1          [---]    "}),
            "ok");
}

TEST(Checker, overlapping_reads_need_not_be_monotonic) {
  EXPECT_EQ(judged({"change a=1  [-----------]  ",
                    "read   a=1    [-]          ",
                    "read   a=0        [-]      "}),
            "ok");
}

TEST(Checker, equal_instants_overlap) {
  EXPECT_EQ(judged({"change a=1  [--]       ",
                    "read   a=0     [-]     "}),
            "ok");
  EXPECT_EQ(judged({"change a=1  |      ",
                    "read   a=0  |      "}),
            "ok");
  EXPECT_EQ(judged({"change a=1  |      ",
                    "read   a=0   |     "}),
            "stale 2 a=0 missed 1");
  EXPECT_EQ(judged({"change a=1     [-] ",
                    "read   a=1  [--]   "}),
            "ok");
}

TEST(Checker, a_change_that_never_returned_obliges_nobody) {
  EXPECT_EQ(judged({"change a=1  [---->              ",
                    "read   a=0          [-]         ",
                    "read   a=1             [-]      ",
                    "read   a=0                [-]   "}),
            "ok");
}

TEST(Checker, a_change_of_unknown_version_explains_any_version_from_its_begin) {
  EXPECT_EQ(judged({"change a=?  [->          ",
                    "read   a=7       [-]     "}),
            "ok");
  EXPECT_EQ(judged({"change a=?        [->    ",
                    "read   a=7  [-]          "}),
            "made up 2 a=7 written none");
  EXPECT_EQ(judged({"change a=?  [->             ",
                    "change a=9     [-]          ",
                    "read   a=7            [-]   "}),
            "stale 3 a=7 missed 2");
  EXPECT_EQ(judged({"change a=?      [->      ",
                    "read   a=7    [-]        "}),
            "ok");
}

TEST(Checker, a_change_by_another_counts_also_when_the_lower_version_returns_later) {
  EXPECT_EQ(judged({"change a=1  [--------------]   ",
                    "change a=2    [--]             ",
                    "read   a=1          [-]        "}),
            "stale 3 a=1 missed 2");
  EXPECT_EQ(judged({"change a=1  [----------]           ",
                    "change a=2    [--]                 ",
                    "read   a=2               [-]       "}),
            "ok");
}

TEST(Checker, the_first_stale_read_is_the_one_that_returned_first) {
  EXPECT_EQ(judged({"change a=1  [-]                 ",
                    "read   a=0         [---------]  ",
                    "read   a=0           [--]       ",
                    "read   a=0            [----]    "}),
            "stale 3 a=0 missed 1");
  EXPECT_EQ(judged({"change a=1  [-]                 ",
                    "read   a=0           [--]       ",
                    "read   a=0         [----]       ",
                    "read   a=0          [---]       "}),
            "stale 3 a=0 missed 1");
}

TEST(Checker, the_order_of_the_lines_does_not_matter) {
  EXPECT_EQ(judged({"read   a=2                  [-]   ",
                    "read   a=0             [-]        ",
                    "change a=2        [-]             ",
                    "read   a=1   [---]                ",
                    "change a=1  [-]                   "}),
            "stale 2 a=0 missed 5");
}

TEST(Checker, the_change_named_is_the_lowest_that_was_missed) {
  EXPECT_EQ(judged({"change a=1  [-]                 ",
                    "change a=2      [-]             ",
                    "change a=3          [-]         ",
                    "read   a=1                [-]   "}),
            "stale 4 a=1 missed 2");
}

TEST(Checker, items_are_judged_apart) {
  EXPECT_EQ(judged({"change a=1      [-]                 ",
                    "change b=8          [-]             ",
                    "read   a=1 b=0      [-]             ",
                    "read   a=1 b=8            [-]       "}),
            "ok");
  EXPECT_EQ(judged({"change a=1      [-]                 ",
                    "change b=8          [-]             ",
                    "read   a=1 b=0            [-]       "}),
            "stale 3 b=0 missed 2");
}

TEST(Checker, an_initial_version_takes_the_place_of_none) {
  EXPECT_EQ(judged({"initial a=5            ",
                    "read    a=5  [-]       ",
                    "change  a=6     [-]    ",
                    "read    a=5      [-]   "}),
            "ok");
  EXPECT_EQ(judged({"initial a=5            ",
                    "read    a=0  [-]       "}),
            "made up 2 a=0 written none");
  EXPECT_EQ(judged({"initial a=5            ",
                    "initial a=5            ",
                    "read    a=5  [-]       "}),
            "ok");
}

TEST(Checker, a_version_that_nobody_wrote_is_made_up) {
  EXPECT_EQ(judged({"change a=1  [-]          ",
                    "read   a=3       [-]     "}),
            "made up 2 a=3 written none");
}

TEST(Checker, a_version_from_the_future_is_made_up) {
  EXPECT_EQ(judged({"read   a=1  [-]          ",
                    "change a=1       [-]     "}),
            "made up 1 a=1 written 2");
}

TEST(Checker, a_read_that_never_returned_is_not_judged) {
  const auto history = drawn({"change a=1  [-]          ",
                              "read   a=0       [->     "});
  const auto verdict = check(history);
  EXPECT_EQ(brief(history, verdict), "ok");
  EXPECT_EQ(verdict.reads, 0u);
  EXPECT_EQ(verdict.open_reads, 1u);
}

TEST(Checker, two_writes_of_one_version_are_no_history) {
  EXPECT_EQ(judged({"change a=1  [-]          ",
                    "change a=1       [-]     "}),
            "duplicate 1 2");
  EXPECT_EQ(judged({"initial a=1              ",
                    "change  a=1      [-]     "}),
            "duplicate 1 2");
  EXPECT_EQ(judged({"change a=1  [-]          ",
                    "change b=1       [-]     "}),
            "ok");
}

TEST(Checker, versions_against_the_order_of_changes_are_no_history) {
  EXPECT_EQ(judged({"change a=2  [-]               ",
                    "change a=1       [-]          ",
                    "read   a=1            [-]     "}),
            "unordered 2 after 1");
  EXPECT_EQ(judged({"change a=2  [-]               ",
                    "change a=1    [-]             "}),
            "ok");
  EXPECT_EQ(judged({"initial a=3                   ",
                    "change  a=2      [-]          "}),
            "unordered 2 after 1");
  EXPECT_EQ(judged({"initial a=3                   ",
                    "initial a=4                   "}),
            "unordered 1 after 2");
}

TEST(Checker, counts_reads_changes_and_keys) {
  const auto history = drawn({"change a=1     [-]              ",
                              "change a=2         [->          ",
                              "read one a=1          [-]       ",
                              "read two a=1            [-]     ",
                              "read two a=2               [-]  "});
  EXPECT_EQ(describe(history, check(history)), "ok: 3 reads, 2 changes, 2 keys; 1 changes never returned");
}

TEST(Checker, describes_a_stale_read_in_full) {
  History history;
  const auto one = history.add_source("one.history", "4711", "counter");
  const auto two = history.add_source("two.history", "4712", "counter");
  const auto row = history.id("row:7");
  const auto page = history.id("page 1");
  Operation change{.kind = Operation::Kind::change, .thread = 2, .source = one, .line = 12, .name = row, .began = 10, .returned = 20};
  const Seen written{row, 4};
  history.add(change, {&written, 1});
  Operation read{.kind = Operation::Kind::read, .thread = 1, .source = two, .line = 3, .name = page, .began = 21, .returned = 22};
  const Seen seen{row, 0};
  history.add(read, {&seen, 1});
  EXPECT_EQ(describe(history, check(history)),
            "stale read: \"page%201\" was read from \"row:7\" at version 0, but the change to version 4 had returned before the read began\n"
            "  read: [21, 22], process 4712, thread 1, two.history:3, \"page%201\" from \"row:7\" at version 0\n"
            "  change: [10, 20], process 4711, thread 2, one.history:12, \"row:7\" at version 4");
}

/// A long run of a correct system with one stale read in the middle.
TEST(Checker, finds_one_stale_read_in_a_million_operations) {
  History history;
  constexpr std::size_t kItems = 1000;
  std::vector<NameId> items;
  for (std::size_t i = 0; i < kItems; ++i) items.push_back(history.id("row:" + std::to_string(i)));
  std::vector<Version> versions(kItems, 0);
  std::vector<std::size_t> last_change(kItems, 0);
  std::optional<std::size_t> seeded;
  std::size_t missed = 0;
  for (std::size_t i = 0; i < 1'000'000; ++i) {
    // A fixed walk over the items: coprime with their number.
    const std::size_t item = i * 389 % kItems;
    Operation op;
    op.name = items[item];
    op.began = 10 * i + 1;
    op.returned = 10 * i + 5;
    Seen seen{items[item], versions[item]};
    if (i / kItems % 10 == 0) {
      op.kind = Operation::Kind::change;
      seen.version = ++versions[item];
      last_change[item] = i;
    } else if (!seeded && i > 600'000) {
      --seen.version;
      seeded = i;
      missed = last_change[item];
    }
    history.add(op, {&seen, 1});
  }
  const auto verdict = check(history);
  EXPECT_EQ(verdict.kind, Verdict::Kind::stale);
  EXPECT_EQ(verdict.read, seeded);
  EXPECT_EQ(verdict.change, missed);
  EXPECT_EQ(verdict.reads, 900'000u);
  EXPECT_EQ(verdict.changes, 100'000u);
}

}  // namespace
}  // namespace watchbell::cache::testing
