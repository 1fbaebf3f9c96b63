#pragma once

#include <watchbell/cache/clock.hpp>

#include <type_traits>
#include <utility>

namespace watchbell::cache {

/// What a loader may return instead of a value that is not good for as long as its scope would keep it: a list of
/// active announcements is good until the next one begins or ends.
template <class T>
struct Timed {
  Timed(T loaded, Duration at_most) : value(std::move(loaded)), ttl(at_most) {}

  T value;
  /// From when the loader returned. Shortens the time to live, never prolongs it; zero or less: not stored.
  Duration ttl;
};

namespace detail {

template <class T>
inline constexpr bool is_timed = false;
template <class T>
inline constexpr bool is_timed<Timed<T>> = true;

}  // namespace detail
}  // namespace watchbell::cache
