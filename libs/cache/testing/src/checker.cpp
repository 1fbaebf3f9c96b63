#include <watchbell/cache/testing/checker.hpp>

#include "format.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace watchbell::cache::testing {
namespace {

using Kind = Operation::Kind;

bool returned_before(const Operation& first, const Operation& second) {
  if (second.kind == Kind::initial) return false;
  return first.kind == Kind::initial || first.returned < second.began;
}

/// What was written to each item, for questions about one item and one instant.
class Writes {
 public:
  explicit Writes(const History& history) : history_(history), unknown_(history.names(), kNever), begin_(history.names() + 1, 0) {
    const auto& operations = history.operations();
    std::size_t count = 0;
    for (const auto& op : operations) {
      if (op.kind == Kind::read) continue;
      if (op.seen_count == 0) {
        unknown_[op.name] = std::min(unknown_[op.name], op.began);
        continue;
      }
      ++begin_[op.name + 1];
      ++count;
    }
    std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());

    by_version_.resize(count);
    std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
    for (std::size_t i = 0; i < operations.size(); ++i)
      if (const auto& op = operations[i]; op.kind != Kind::read && op.seen_count > 0) by_version_[next[op.name]++] = {history.seen(op)[0].version, i};

    for (NameId item = 0; item < history.names(); ++item) {
      auto writes = of(item);
      std::sort(writes.begin(), writes.end(),
                [](const Write& a, const Write& b) { return a.version != b.version ? a.version < b.version : a.operation < b.operation; });
    }
  }

  /// The first pair of writes of an item that cannot be true, as a verdict.
  std::optional<Verdict> contradiction() const {
    for (NameId item = 0; item < history_.names(); ++item) {
      const auto writes = of(item);
      std::optional<std::size_t> initial;
      for (std::size_t i = 0; i < writes.size(); ++i) {
        const bool is_initial = operation(writes[i]).kind == Kind::initial;
        if (i > 0 && writes[i].version == writes[i - 1].version) {
          if (!is_initial || operation(writes[i - 1]).kind != Kind::initial) return pair(Verdict::Kind::duplicate_version, writes[i - 1], writes[i]);
        } else if (is_initial && initial) {
          return pair(Verdict::Kind::unordered_versions, writes[*initial], writes[i]);
        }
        if (is_initial) initial = i;
      }
      // Going down the versions, the one among the higher that returned first is enough to compare with.
      std::optional<std::size_t> earliest;
      for (std::size_t i = writes.size(); i-- > 0;) {
        if (earliest && returned_before(operation(writes[*earliest]), operation(writes[i])))
          return pair(Verdict::Kind::unordered_versions, writes[i], writes[*earliest]);
        if (!earliest || end_of(writes[i]) < end_of(writes[*earliest])) earliest = i;
      }
    }
    return std::nullopt;
  }

  /// Prepares highest_returned(). Apart, because it needs versions that make sense.
  void index_returns() {
    by_return_.reserve(by_version_.size());
    for (NameId item = 0; item < history_.names(); ++item) {
      const auto first = by_return_.size();
      for (const auto& write : of(item)) by_return_.push_back({end_of(write), write.version});
      const std::span<Returned> returns(by_return_.data() + first, by_return_.size() - first);
      std::sort(returns.begin(), returns.end(), [](const Returned& a, const Returned& b) { return a.at < b.at; });
      for (std::size_t i = 1; i < returns.size(); ++i) returns[i].highest = std::max(returns[i].highest, returns[i - 1].highest);
    }
  }

  /// The highest version of the item whose write returned before `instant`.
  std::optional<Version> highest_returned(NameId item, Ticks instant) const {
    const std::span<const Returned> returns(by_return_.data() + begin_[item], begin_[item + 1] - begin_[item]);
    const auto end = std::partition_point(returns.begin(), returns.end(), [&](const Returned& r) { return r.at <= instant; });
    if (end == returns.begin()) return std::nullopt;
    return std::prev(end)->highest;
  }

  /// The write of that very version.
  std::optional<std::size_t> find(NameId item, Version version) const {
    const auto writes = of(item);
    const auto found = above(writes, version, true);
    if (found == writes.end() || found->version != version) return std::nullopt;
    return found->operation;
  }

  /// Of the writes that gave the item a version above `version` and returned before `read` began, the lowest.
  std::optional<std::size_t> lowest_missed(NameId item, Version version, const Operation& read) const {
    const auto writes = of(item);
    for (auto write = above(writes, version, false); write != writes.end(); ++write)
      if (returned_before(operation(*write), read)) return write->operation;
    return std::nullopt;
  }

  bool has_initial(NameId item) const {
    const auto writes = of(item);
    // Without a contradiction an initial version is the lowest.
    return !writes.empty() && operation(writes[0]).kind == Kind::initial;
  }

  /// When the first change of unknown version began.
  Ticks unknown_since(NameId item) const { return unknown_[item]; }

 private:
  struct Write {
    Version version;
    std::size_t operation;
  };
  struct Returned {
    Ticks at;         // a read that begins then or later comes after it
    Version highest;  // of this and all earlier ones
  };

  const Operation& operation(const Write& write) const { return history_.operations()[write.operation]; }
  std::span<const Write> of(NameId item) const { return {by_version_.data() + begin_[item], begin_[item + 1] - begin_[item]}; }
  std::span<Write> of(NameId item) { return {by_version_.data() + begin_[item], begin_[item + 1] - begin_[item]}; }

  /// A read that begins at this instant or later comes after the write; never if it is kNever.
  Ticks end_of(const Write& write) const {
    const auto& op = operation(write);
    if (op.kind == Kind::initial) return 0;
    return op.returned == kNever ? kNever : op.returned + 1;
  }

  static std::span<const Write>::iterator above(std::span<const Write> writes, Version version, bool or_equal) {
    return std::partition_point(writes.begin(), writes.end(),
                                [&](const Write& write) { return or_equal ? write.version < version : write.version <= version; });
  }

  static Verdict pair(Verdict::Kind kind, const Write& change, const Write& other) {
    Verdict verdict;
    verdict.kind = kind;
    verdict.change = change.operation;
    verdict.other = other.operation;
    return verdict;
  }

  const History& history_;
  std::vector<Ticks> unknown_;
  std::vector<std::size_t> begin_;  // where the writes of an item begin in both lists below
  std::vector<Write> by_version_;
  std::vector<Returned> by_return_;
};

/// Judges one read; a verdict without counts.
Verdict judge(const History& history, const Writes& writes, const Operation& read) {
  Verdict verdict;
  for (const Seen& seen : history.seen(read)) {
    verdict.seen = seen;
    const auto write = writes.find(seen.item, seen.version);
    const bool written = write && history.operations()[*write].began <= read.returned;
    const bool from_the_start = seen.version == kAbsent && !writes.has_initial(seen.item);
    if (!written && !from_the_start && writes.unknown_since(seen.item) > read.returned) {
      verdict.kind = Verdict::Kind::made_up;
      verdict.change = write;
      return verdict;
    }
    if (const auto highest = writes.highest_returned(seen.item, read.began); highest && *highest > seen.version) {
      verdict.kind = Verdict::Kind::stale;
      verdict.change = writes.lowest_missed(seen.item, seen.version, read);
      return verdict;
    }
  }
  return verdict;
}

}  // namespace

Verdict check(const History& history) {
  Verdict verdict;
  Writes writes(history);
  if (auto found = writes.contradiction()) verdict = *found;
  writes.index_returns();
  const bool readable = verdict.kind == Verdict::Kind::ok;

  std::vector<bool> keys(history.names());
  const auto& operations = history.operations();
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto& op = operations[i];
    const bool open = op.returned == kNever;
    if (op.kind == Kind::change) {
      ++verdict.changes;
      verdict.open_changes += open;
    } else if (op.kind == Kind::read && open) {
      ++verdict.open_reads;
    } else if (op.kind == Kind::read) {
      ++verdict.reads;
      if (!keys[op.name]) ++verdict.keys;
      keys[op.name] = true;
      if (!readable) continue;
      const auto earlier = [&](const Operation& other) { return op.returned != other.returned ? op.returned < other.returned : op.began < other.began; };
      if (verdict.read && !earlier(operations[*verdict.read])) continue;
      if (const Verdict found = judge(history, writes, op); found.kind != Verdict::Kind::ok) {
        verdict.kind = found.kind;
        verdict.read = i;
        verdict.seen = found.seen;
        verdict.change = found.change;
      }
    }
  }
  return verdict;
}

namespace {

class Words {
 public:
  explicit Words(const History& history) : history_(history) {}

  Words& operator<<(std::string_view text) {
    text_.append(text);
    return *this;
  }
  Words& operator<<(std::unsigned_integral auto number) {
    format::append_number(text_, number);
    return *this;
  }
  Words& name(NameId id) {
    text_.push_back('"');
    format::append_name(text_, history_.name(id));
    text_.push_back('"');
    return *this;
  }

  /// "name at version 3, other at version 1"
  Words& seen(std::span<const Seen> seen) {
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (i > 0) text_.append(", ");
      name(seen[i].item) << " at version " << seen[i].version;
    }
    return *this;
  }

  Words& operation(const char* label, std::size_t index) {
    const auto& op = history_.operations()[index];
    *this << "\n  " << label << ": ";
    if (op.kind == Kind::initial) {
      *this << "before all else";
    } else {
      *this << "[" << op.began << ", ";
      op.returned == kNever ? *this << "never" : *this << op.returned;
      *this << "]";
    }
    if (op.source < history_.sources().size()) {
      const auto& source = history_.sources()[op.source];
      *this << ", process ";
      format::append_name(text_, source.process);
      if (op.kind != Kind::initial) *this << ", thread " << op.thread;
      *this << ", " << source.file << ":" << op.line;
    } else {
      *this << ", thread " << op.thread << ", operation " << index;
    }
    *this << ", ";
    if (op.kind == Kind::read) name(op.name) << " from ";
    return seen(history_.seen(op));
  }

  std::string take() { return std::move(text_); }

 private:
  const History& history_;
  std::string text_;
};

}  // namespace

std::string describe(const History& history, const Verdict& verdict) {
  Words words(history);
  const auto version_of = [&](std::size_t operation) { return history.seen(history.operations()[operation])[0]; };
  switch (verdict.kind) {
    case Verdict::Kind::ok:
      words << "ok: " << verdict.reads << " reads, " << verdict.changes << " changes, " << verdict.keys << " keys";
      if (verdict.open_reads > 0) words << "; " << verdict.open_reads << " reads never returned and were not judged";
      if (verdict.open_changes > 0) words << "; " << verdict.open_changes << " changes never returned";
      break;
    case Verdict::Kind::stale:
      words << "stale read: ";
      words.name(history.operations()[*verdict.read].name) << " was read from ";
      words.seen({&verdict.seen, 1}) << ", but the change to version " << version_of(*verdict.change).version << " had returned before the read began";
      words.operation("read", *verdict.read).operation("change", *verdict.change);
      break;
    case Verdict::Kind::made_up:
      words << "read from nowhere: ";
      words.name(history.operations()[*verdict.read].name) << " was read from ";
      words.seen({&verdict.seen, 1}) << ", which nobody had " << (verdict.change ? "begun to write when the read returned" : "written");
      words.operation("read", *verdict.read);
      if (verdict.change) words.operation("change", *verdict.change);
      break;
    case Verdict::Kind::duplicate_version:
      words << "bad history: two writes gave ";
      words.seen({history.seen(history.operations()[*verdict.change]).data(), 1});
      words.operation("one", *verdict.change).operation("other", *verdict.other);
      break;
    case Verdict::Kind::unordered_versions:
      words << "bad history: ";
      words.name(version_of(*verdict.change).item) << " got version " << version_of(*verdict.change).version << " after version "
                                                   << version_of(*verdict.other).version;
      words.operation("earlier", *verdict.other).operation("later", *verdict.change);
      break;
  }
  return words.take();
}

}  // namespace watchbell::cache::testing
