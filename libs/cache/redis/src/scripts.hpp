#pragma once

#include <string>

namespace watchbell::cache::redis::detail {

/// A Lua script and the name the server knows it by.
struct Script {
  explicit Script(std::string text);

  std::string source;
  std::string sha;
};

/// The steps that must be atomic. KEYS of all but `sweep`: entry, lease, then the tokens of the key's families. Replies
/// of the reads: {state, 1 for a bad entry, bytes, ms to live}.
struct Scripts {
  /// ARGV: offset of the tokens in an entry, longest entry, format. State 1 (bytes: the entry) or 0.
  static const Script& get();
  /// As get, without bytes.
  static const Script& has();
  /// ARGV: those of get, then a fresh token, ms of the lease, ms of tokens. State 1 as above, or 2 for a lease and 3 for
  /// busy (bytes: lease token and family tokens).
  static const Script& fetch();
  /// As fetch, but takes the lease whatever there is, and reads no entry.
  static const Script& claim();
  /// ARGV: lease and family tokens, the entry, its ms to live, ms of tokens. 1 when stored.
  static const Script& fill();
  /// KEYS: entries; ARGV: a path. Removes those whose recorded path begins with it; replies how many.
  static const Script& sweep();
};

}  // namespace watchbell::cache::redis::detail
