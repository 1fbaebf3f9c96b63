#pragma once

#include <watchbell/cache/testing/checker.hpp>

#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

/// Histories drawn as timelines: a line an operation, an instant a column.
namespace watchbell::cache::testing {

/// `initial a=1`, `change a=2  [--]`, `read a=1 b=3  [-->`: kind, items with versions, and the interval, which begins at
/// the column of `[`, ends at that of `]`, is only one instant at `|`, and has no end at `>`. A version may be `?`.
/// A read may name its key, otherwise it is `k`.
inline History drawn(std::initializer_list<std::string_view> lines) {
  History history;
  std::uint32_t number = 0;
  for (const auto line : lines) {
    Operation op;
    op.line = ++number;
    op.thread = number;
    const auto from = line.find_first_of("[|");
    if (from == std::string_view::npos) {
      op.returned = 0;
    } else {
      op.began = from;
      const auto to = line[from] == '|' ? from : line.find_first_of("]>", from);
      if (to == std::string_view::npos) throw std::invalid_argument("an interval without an end");
      op.returned = line[to] == '>' ? kNever : to;
    }
    std::istringstream words{std::string(line.substr(0, from))};
    std::string kind;
    words >> kind;
    op.kind = kind == "read" ? Operation::Kind::read : kind == "change" ? Operation::Kind::change : Operation::Kind::initial;
    std::string key = "k";
    std::vector<Seen> seen;
    for (std::string word; words >> word;) {
      const auto equals = word.find('=');
      if (equals == std::string::npos) {
        key = word;
        continue;
      }
      const NameId item = history.id(word.substr(0, equals));
      if (op.kind != Operation::Kind::read) op.name = item;
      if (word.substr(equals + 1) != "?") seen.push_back({item, std::stoull(word.substr(equals + 1))});
    }
    if (op.kind == Operation::Kind::read) op.name = history.id(key);
    history.add(op, seen);
  }
  return history;
}

/// The verdict with operations counted from 1: "stale 3 a=1 missed 2".
inline std::string brief(const History& history, const Verdict& verdict) {
  const auto number = [](const std::optional<std::size_t>& index) { return index ? std::to_string(*index + 1) : "none"; };
  const auto seen = [&] { return std::string(history.name(verdict.seen.item)) + "=" + std::to_string(verdict.seen.version); };
  switch (verdict.kind) {
    case Verdict::Kind::ok:
      return "ok";
    case Verdict::Kind::stale:
      return "stale " + number(verdict.read) + " " + seen() + " missed " + number(verdict.change);
    case Verdict::Kind::made_up:
      return "made up " + number(verdict.read) + " " + seen() + " written " + number(verdict.change);
    case Verdict::Kind::duplicate_version:
      return "duplicate " + number(verdict.change) + " " + number(verdict.other);
    case Verdict::Kind::unordered_versions:
      return "unordered " + number(verdict.change) + " after " + number(verdict.other);
  }
  return {};
}

inline std::string judged(std::initializer_list<std::string_view> lines) {
  const auto history = drawn(lines);
  return brief(history, check(history));
}

}  // namespace watchbell::cache::testing
