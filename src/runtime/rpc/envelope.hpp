#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_map>

#include <boost/json.hpp>

#include "base/result.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::rpc {

/// Limits on what a request body may hold.
inline constexpr std::size_t kMaxDepth = 64;
inline constexpr std::size_t kMaxMeta = 10'000;

/// A parsed request body `{"json":...,"meta":[...]}`. Meta entries are resolved to nodes of the value tree and never change it: a path must
/// name an existing own member, so `__proto__` is a name like any other. Immutable once parsed; the body must outlive it.
class Envelope {
 public:
  Envelope();
  Envelope(const Envelope&) = delete;
  Envelope& operator=(const Envelope&) = delete;

  /// Parses an RPC body. A bare or absent `json` is an undefined input. ErrorCode::bad_request for what is not JSON, is `null`, is deeper
  /// than kMaxDepth, or has meta that does not fit.
  Result<void> parse(std::string_view body);
  /// Parses plain JSON (REST, session endpoints): the whole text is the value; empty text is undefined.
  Result<void> parse_plain(std::string_view body);

  /// The input value, or null when undefined.
  const boost::json::value* value() const noexcept { return value_; }
  /// The meta tag of a node, if it has one.
  std::optional<Tag> tag(const boost::json::value* node) const noexcept;
  /// Whether this is plain JSON, where dates are told by their type alone.
  bool is_plain() const noexcept { return plain_; }

 private:
  Result<void> parse_text(std::string_view text);
  Result<void> resolve(const boost::json::value& meta);

  std::array<unsigned char, 4096> buffer_;
  boost::json::monotonic_resource memory_;
  boost::json::value root_;
  const boost::json::value* value_ = nullptr;
  bool plain_ = false;
  std::unordered_map<const boost::json::value*, Tag> tags_;
};

/// The text clients get for a body that is not what the protocol says.
inline constexpr std::string_view kMalformed =
    "Malformed request. Ensure the request body is properly formatted and the 'Content-Type' header is set correctly.";

}  // namespace watchbell::rpc
