#pragma once

#include <watchbell/cache/testing/checker.hpp>

/// The rule of the checker as its definition says it, every operation against every other. The yardstick of `check`.
namespace watchbell::cache::testing {

inline bool naive_contradiction(const History& history) {
  using Kind = Operation::Kind;
  for (const auto& a : history.operations())
    for (const auto& b : history.operations()) {
      if (&a == &b || a.kind == Kind::read || b.kind == Kind::read || a.name != b.name) continue;
      if (a.seen_count == 0 || b.seen_count == 0) continue;
      const auto va = history.seen(a)[0].version;
      const auto vb = history.seen(b)[0].version;
      const bool initials = a.kind == Kind::initial && b.kind == Kind::initial;
      if (initials ? va != vb : va == vb) return true;
      const bool a_first = a.kind == Kind::initial ? !initials : b.kind != Kind::initial && a.returned < b.began;
      if (a_first && va > vb) return true;
    }
  return false;
}

/// The first read that breaks the rule. Only for histories without a contradiction. Fills only what names the read.
inline Verdict naive_check(const History& history) {
  using Kind = Operation::Kind;
  Verdict first;
  const auto& operations = history.operations();
  for (std::size_t r = 0; r < operations.size(); ++r) {
    const auto& read = operations[r];
    if (read.kind != Kind::read || read.returned == kNever) continue;
    if (first.read) {
      const auto& best = operations[*first.read];
      if (best.returned < read.returned || (best.returned == read.returned && best.began <= read.began)) continue;
    }
    for (const Seen& seen : history.seen(read)) {
      bool written = false;
      bool has_initial = false;
      std::optional<std::size_t> later;
      std::optional<std::size_t> missed;
      for (std::size_t w = 0; w < operations.size(); ++w) {
        const auto& write = operations[w];
        if (write.kind == Kind::read || write.name != seen.item) continue;
        const bool initial = write.kind == Kind::initial;
        has_initial = has_initial || initial;
        const bool begun = initial || write.began <= read.returned;
        if (write.seen_count == 0) {
          written = written || begun;
          continue;
        }
        const auto version = history.seen(write)[0].version;
        if (version == seen.version) (begun ? written = true : (later = w, true));
        if (version > seen.version && (initial || write.returned < read.began))
          if (!missed || version < history.seen(operations[*missed])[0].version) missed = w;
      }
      if (seen.version == kAbsent && !has_initial) written = true;
      if (written && !missed) continue;
      first = Verdict();
      first.kind = written ? Verdict::Kind::stale : Verdict::Kind::made_up;
      first.read = r;
      first.seen = seen;
      first.change = written ? missed : later;
      break;
    }
  }
  return first;
}

}  // namespace watchbell::cache::testing
