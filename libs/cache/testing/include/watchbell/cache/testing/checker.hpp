#pragma once

#include <watchbell/cache/testing/history.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace watchbell::cache::testing {

/// What `check` found. Indexes are into History::operations().
struct Verdict {
  enum class Kind : std::uint8_t {
    ok,
    /// `read` saw `seen`, although `change`, which gave that item a later version, had returned before `read` began.
    /// `change` is the one with the lowest version of those that were missed.
    stale,
    /// `read` saw `seen`, a version that nobody had begun to write when `read` returned. `change` is the change that
    /// began to write it afterwards, if there is one.
    made_up,
    /// `change` and `other` gave one item the same version. Nothing can be said about reads.
    duplicate_version,
    /// `change` gave the item a lower version than `other`, although it began after `other` had returned.
    unordered_versions,
  };

  Kind kind = Kind::ok;
  std::size_t reads = 0;         ///< that returned, and were judged
  std::size_t changes = 0;       ///< all that may have committed
  std::size_t keys = 0;          ///< different keys of the reads judged
  std::size_t open_reads = 0;    ///< that never returned
  std::size_t open_changes = 0;  ///< that never returned; among `changes`

  std::optional<std::size_t> read;
  Seen seen;
  std::optional<std::size_t> change;
  std::optional<std::size_t> other;
};

/// Judges a history by one rule: a read that began after a change returned does not see a version of its item older than
/// the change's. A read that overlaps a change may see either side of it, also when another read before it saw the later
/// one. Instants that are equal overlap. Of the reads that break the rule, or saw a version from nowhere, it names the one
/// that returned first.
///
/// A change that never returned obliges nobody, and may have committed at any time since it began.
/// O(n log n) for n operations and items seen; 40 bytes a change of working memory.
Verdict check(const History& history);

/// The verdict in words: one line when it is ok; else a sentence, and a line an operation with interval, process, thread,
/// file and line. Names are escaped as in the file.
std::string describe(const History& history, const Verdict& verdict);

}  // namespace watchbell::cache::testing
