#pragma once

#include <watchbell/cache/key.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace watchbell::cache::detail {

/// An interned family. Lives as long as an entry, a running load, a scope object or a narrower family holds it.
struct Node {
  Node* parent;         // held; null for the root of all scopes
  std::string segment;  // in its encoded form
  std::uint64_t hash;   // of the whole path from the root, and so different in every scope
  std::uint64_t generation = 0;
  std::size_t references = 0;

  /// Whether nothing that holds this node was invalidated after the counter stood at `stamp`.
  bool unchanged_since(std::uint64_t stamp) const noexcept {
    for (const Node* node = this; node != nullptr; node = node->parent)
      if (node->generation > stamp) return false;
    return true;
  }
};

/// The table of families: a tree below one root, whose children are the scopes. Guarded by the engine's mutex.
class Families {
 public:
  Families();
  ~Families();
  Families(const Families&) = delete;
  Families& operator=(const Families&) = delete;

  Node& root() noexcept { return root_; }

  /// The child of `parent` for one encoded segment, made if need be. The caller holds it.
  Node& acquire(Node& parent, std::string_view segment);
  /// The deepest family of a key: its segments without the last. The caller holds it.
  Node& acquire_family_of(Node& scope, const Key& key);
  void release(Node& node) noexcept;

  /// Null when nothing holds such a family.
  Node* find(Node& scope, const Family& family) noexcept;

  std::size_t size() const noexcept { return nodes_.size(); }

 private:
  struct Probe {
    const Node* parent;
    std::string_view segment;
    std::uint64_t hash;
  };
  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(const Node* node) const noexcept { return static_cast<std::size_t>(node->hash); }
    std::size_t operator()(const Probe& probe) const noexcept { return static_cast<std::size_t>(probe.hash); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Node* a, const Node* b) const noexcept { return a == b; }
    bool operator()(const Probe& probe, const Node* node) const noexcept {
      return probe.parent == node->parent && probe.segment == node->segment;
    }
    bool operator()(const Node* node, const Probe& probe) const noexcept { return (*this)(probe, node); }
  };

  Node* child(Node& parent, std::string_view segment) noexcept;

  Node root_;
  boost::unordered_flat_set<Node*, Hash, Equal> nodes_;
};

}  // namespace watchbell::cache::detail
