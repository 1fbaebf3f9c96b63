#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.hpp"
#include "base/uuid.hpp"

namespace watchbell {

/// An id of one kind of thing: `using SystemId = Id<struct SystemTag>;`. Ids of different kinds do not mix. Immutable value.
template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  explicit constexpr Id(Uuid value) : value_(value) {}
  static std::optional<Id> parse(std::string_view text) noexcept {
    const auto uuid = Uuid::parse(text);
    return uuid ? std::optional<Id>(Id(*uuid)) : std::nullopt;
  }
  /// A fresh UUIDv7 id.
  static Id make(Timestamp now) { return Id(Uuid::make_v7(now.millis())); }

  constexpr const Uuid& uuid() const noexcept { return value_; }
  std::string to_string() const { return value_.to_string(); }
  constexpr auto operator<=>(const Id&) const = default;

 private:
  Uuid value_;
};

/// The two kinds of caller that every floor speaks of.
using UserId = Id<struct UserTag>;
using ApplicationId = Id<struct ApplicationTag>;

}  // namespace watchbell

template <class Tag>
struct std::hash<watchbell::Id<Tag>> {
  std::size_t operator()(const watchbell::Id<Tag>& id) const noexcept { return std::hash<watchbell::Uuid>()(id.uuid()); }
};

template <class Tag>
struct fmt::formatter<watchbell::Id<Tag>> : fmt::formatter<watchbell::Uuid> {
  auto format(const watchbell::Id<Tag>& id, fmt::format_context& out) const { return fmt::formatter<watchbell::Uuid>::format(id.uuid(), out); }
};
