#pragma once

#include <cstdint>
#include <string_view>

#include "domains/notification/types.hpp"

/// How channels show how important a message is.
namespace watchbell::notification::channels {

/// The one of three.
template <class T>
constexpr T by_importance(Importance importance, T info, T warning, T critical) noexcept {
  switch (importance) {
    case Importance::info: return info;
    case Importance::warning: return warning;
    case Importance::critical: break;
  }
  return critical;
}

constexpr std::string_view mark_of(Importance importance) noexcept { return by_importance<std::string_view>(importance, "ℹ️", "⚠️", "🚨"); }

/// 0xRRGGBB
constexpr std::uint32_t colour_of(Importance importance) noexcept { return by_importance<std::uint32_t>(importance, 0x3b82f6, 0xf59e0b, 0xef4444); }

}  // namespace watchbell::notification::channels
