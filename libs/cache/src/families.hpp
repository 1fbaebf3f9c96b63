#pragma once

#include <watchbell/cache/detail/sync.hpp>
#include <watchbell/cache/key.hpp>
#include <watchbell/cache/statistics.hpp>

#include <boost/unordered/unordered_flat_set.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace watchbell::cache::detail {

struct ScopeData;

/// An interned family. Lives as long as an entry, a running load, a scope object or a narrower family holds it.
struct Node {
  Node(Node* parent_node, std::string_view encoded_segment, std::uint64_t path_hash);
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  ~Node();

  // Read by hits.
  Atomic<std::uint64_t> generation{0};
  Node* const parent;      // held; null for the root of all scopes
  Node* const scope_node;  // that this one belongs to; itself for a scope's own, null for the root

  const std::uint64_t hash;  // of the whole path from the root, and so different in every scope
  const std::string segment;  // in its encoded form
  std::size_t references = 0;
  std::unique_ptr<ScopeData> scope;  // of a scope's own node

  /// Whether nothing that holds this node, up to its scope, was invalidated after the counter stood at `stamp`. Not for
  /// the root of all scopes.
  bool unchanged_since(std::uint64_t stamp) const noexcept {
    return unchanged_since(stamp, *scope_node);
  }
  /// The same, and that the node is of this scope.
  bool unchanged_since(std::uint64_t stamp, const Node& in_scope) const noexcept {
    for (const Node* node = this; node != nullptr; node = node->parent) {
      if (node->generation.load(std::memory_order_acquire) > stamp) return false;
      if (node == &in_scope) return true;
    }
    return false;
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

  /// The counts of scopes that are gone.
  const Statistics& departed() const noexcept { return departed_; }

  template <class Visit>
  void for_each_scope(Visit visit) const {
    for (Node* const node : nodes_)
      if (node->parent == &root_) visit(*node);
  }

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
  Statistics departed_;
  boost::unordered_flat_set<Node*, Hash, Equal> nodes_;
};

}  // namespace watchbell::cache::detail
