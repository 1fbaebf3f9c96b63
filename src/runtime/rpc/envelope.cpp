#include "runtime/rpc/envelope.hpp"

#include <unordered_set>

#include "base/bounded.hpp"
#include "base/text.hpp"
#include "runtime/rpc/json_text.hpp"

namespace watchbell::rpc {
namespace json = boost::json;

namespace {

std::unexpected<Error> malformed() { return fail(ErrorCode::bad_request, "{}", kMalformed); }

}  // namespace

Envelope::Envelope() : memory_(buffer_.data(), buffer_.size()), root_(nullptr, &memory_) {}

Result<void> Envelope::parse_text(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  auto parsed = parse_json(text, kMaxDepth + 1, &memory_);  // the envelope itself is one level
  if (!parsed) return malformed();
  root_ = std::move(*parsed);
  return {};
}

Result<void> Envelope::parse(std::string_view body) {
  value_ = nullptr;
  tags_.clear();
  const auto trimmed = trim(body);
  if (trimmed.empty() || trimmed == "{}") return {};
  if (auto parsed = parse_text(body); !parsed) return parsed;
  if (root_.is_null()) return malformed();
  const auto* object = root_.if_object();
  if (object == nullptr) return {};
  value_ = object->if_contains("json");
  if (const auto* meta = object->if_contains("meta")) {
    if (value_ == nullptr) return meta->is_array() && meta->get_array().empty() ? Result<void>() : malformed();
    return resolve(*meta);
  }
  return {};
}

Result<void> Envelope::parse_plain(std::string_view body) {
  value_ = nullptr;
  tags_.clear();
  plain_ = true;
  if (trim(body).empty()) return {};
  if (auto parsed = parse_text(body); !parsed) return parsed;
  value_ = &root_;
  return {};
}

Result<void> Envelope::resolve(const json::value& meta) {
  const auto* entries = meta.if_array();
  if (entries == nullptr || entries->size() > kMaxMeta) return malformed();
  // Nodes that became a set or a map: entries apply in order, so a later path through one leads nowhere.
  std::unordered_set<const json::value*> closed;
  for (const auto& entry : *entries) {
    const auto* parts = entry.if_array();
    if (parts == nullptr || parts->empty() || parts->size() > kMaxDepth + 1) return malformed();
    const auto* code = (*parts)[0].if_int64();
    if (code == nullptr || *code < 0) return malformed();
    const json::value* node = value_;
    for (std::size_t i = 1; i < parts->size(); ++i) {
      if (closed.contains(node)) return malformed();
      if (const auto* name = (*parts)[i].if_string()) {
        const auto* object = node->if_object();
        node = object == nullptr ? nullptr : object->if_contains(*name);
      } else if (const auto* index = (*parts)[i].if_int64()) {
        const auto* array = node->if_array();
        node = array == nullptr || *index < 0 ? nullptr : array->if_contains(static_cast<std::size_t>(*index));
      } else {
        return malformed();
      }
      if (node == nullptr) return malformed();
    }
    if (*code > 7) continue;  // codes of later protocol versions are ignored, their paths are not
    const auto tag = static_cast<Tag>(*code);
    switch (tag) {
      case Tag::bigint: {
        const auto* text = node->if_string();
        if (text == nullptr || !BigInt::make(*text)) return malformed();
        break;
      }
      case Tag::set:
        if (!node->is_array()) return malformed();
        closed.insert(node);
        break;
      case Tag::map:
        if (!node->is_array()) return malformed();
        for (const auto& pair : node->get_array())
          if (!pair.is_array() || pair.get_array().size() != 2) return malformed();
        closed.insert(node);
        break;
      case Tag::url:
      case Tag::regexp:
        if (!node->is_string()) return malformed();
        break;
      case Tag::date:
      case Tag::nan:
      case Tag::undefined: break;
    }
    tags_.insert_or_assign(node, tag);  // the last entry for a node wins
  }
  return {};
}

std::optional<Tag> Envelope::tag(const json::value* node) const noexcept {
  if (tags_.empty()) return std::nullopt;
  const auto it = tags_.find(node);
  return it == tags_.end() ? std::nullopt : std::optional<Tag>(it->second);
}

}  // namespace watchbell::rpc
