#include "families.hpp"

#include "scope_data.hpp"

#include <memory>

namespace watchbell::cache::detail {
namespace {

/// Multiplying by an odd number keeps all bits of the parent's hash; adding keeps order significant.
std::uint64_t child_hash(const Node& parent, std::string_view segment) noexcept {
  const std::uint64_t mixed = (parent.hash ^ (parent.hash >> 29)) * 0xBF58476D1CE4E5B9u;
  return mixed + hash_bytes(segment);
}

}  // namespace

Node::Node(Node* parent_node, std::string_view encoded_segment, std::uint64_t path_hash)
    : parent(parent_node),
      scope_node(parent == nullptr ? nullptr : parent->parent == nullptr ? this : parent->scope_node),
      hash(path_hash),
      segment(encoded_segment) {}

Node::~Node() = default;

Families::Families() : root_(nullptr, {}, hash_bytes("root")) { root_.references = 1; }

Families::~Families() = default;

Node* Families::child(Node& parent, std::string_view segment) noexcept {
  const auto found = nodes_.find(Probe{&parent, segment, child_hash(parent, segment)});
  return found == nodes_.end() ? nullptr : *found;
}

Node& Families::acquire(Node& parent, std::string_view segment) {
  if (Node* const known = child(parent, segment)) {
    ++known->references;
    return *known;
  }
  auto made = std::make_unique<Node>(&parent, segment, child_hash(parent, segment));
  made->references = 1;
  nodes_.insert(made.get());
  ++parent.references;
  return *made.release();
}

Node& Families::acquire_family_of(Node& scope, const Key& key) {
  Node* node = &scope;
  ++node->references;
  SegmentReader segments(key.encoded());
  for (auto segment = segments.next(); !segments.at_end(); segment = segments.next()) {
    Node* deeper = nullptr;
    try {
      deeper = &acquire(*node, segment);
    } catch (...) {
      release(*node);
      throw;
    }
    release(*node);  // now held by the deeper one
    node = deeper;
  }
  return *node;
}

void Families::release(Node& node) noexcept {
  for (Node* at = &node; at != nullptr && --at->references == 0;) {
    Node* const parent = at->parent;
    nodes_.erase(at);
    if (at->scope) {
      departed_ += at->scope->counted;
      departed_.hits += at->scope->hits.sum();
    }
    delete at;
    at = parent;
  }
}

Node* Families::find(Node& scope, const Family& family) noexcept {
  Node* node = &scope;
  SegmentReader segments(family.encoded());
  while (node != nullptr && !segments.at_end()) node = child(*node, segments.next());
  return node;
}

}  // namespace watchbell::cache::detail
