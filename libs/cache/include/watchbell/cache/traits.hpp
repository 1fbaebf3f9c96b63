#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace watchbell::cache {

namespace detail {

// Each namespace holds only a deleted function of the name, so that a call in it finds nothing but what
// argument-dependent look-up brings.
namespace own_size {
void size_in_bytes() = delete;
template <class T>
concept Given = requires(const T& value) {
  { size_in_bytes(value) } -> std::convertible_to<std::size_t>;
};
template <Given T>
std::size_t ask(const T& value) {
  return size_in_bytes(value);
}
}  // namespace own_size

namespace own_verdict {
void is_cacheable() = delete;
template <class T>
concept Given = requires(const T& value) {
  { is_cacheable(value) } -> std::convertible_to<bool>;
};
template <Given T>
bool ask(const T& value) {
  return is_cacheable(value);
}
}  // namespace own_verdict

/// A value or an error in the manner of std::expected or boost::system::result.
template <class T>
concept ResultLike = requires(const T& value) {
  { value.has_value() } -> std::convertible_to<bool>;
  value.error();
};

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T, class A>
inline constexpr bool is_vector<std::vector<T, A>> = true;
template <class T>
inline constexpr bool is_string = false;
template <class C, class Tr, class A>
inline constexpr bool is_string<std::basic_string<C, Tr, A>> = true;
template <class T>
inline constexpr bool is_pointer_owner = false;
template <class T>
inline constexpr bool is_pointer_owner<std::shared_ptr<T>> = true;
template <class T, class D>
inline constexpr bool is_pointer_owner<std::unique_ptr<T, D>> = true;
template <class T>
inline constexpr bool is_array = false;
template <class T, std::size_t n>
inline constexpr bool is_array<std::array<T, n>> = true;
template <class T>
inline constexpr bool is_tuple = false;
template <class... Ts>
inline constexpr bool is_tuple<std::tuple<Ts...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_variant = false;
template <class... Ts>
inline constexpr bool is_variant<std::variant<Ts...>> = true;

template <class T>
inline constexpr bool no_size_known = false;

struct SizeInBytes {
  template <class T>
  std::size_t operator()(const T& value) const;

 private:
  template <class T>
  static std::size_t beyond(const T& part) {
    const std::size_t size = SizeInBytes()(part);
    return size > sizeof(T) ? size - sizeof(T) : 0;
  }
};

struct IsCacheable {
  template <class T>
  bool operator()(const T& value) const {
    if constexpr (own_verdict::Given<T>) {
      return own_verdict::ask(value);
    } else if constexpr (ResultLike<T>) {
      return value.has_value();
    } else {
      return true;
    }
  }
};

/// What a node of a tree or hash table costs beside its element: three links and the allocator's header.
inline constexpr std::size_t kContainerNodeBytes = 32;

template <class T>
std::size_t SizeInBytes::operator()(const T& value) const {
  if constexpr (own_size::Given<T>) {
    return own_size::ask(value);
  } else if constexpr (is_string<T>) {
    const void* const data = value.data();
    const void* const self = &value;
    const bool inside = std::less_equal<>()(self, data) && std::less<>()(data, static_cast<const void*>(&value + 1));
    return sizeof(T) + (inside ? 0 : (value.capacity() + 1) * sizeof(typename T::value_type));
  } else if constexpr (is_vector<T>) {
    using Element = typename T::value_type;
    std::size_t sum = sizeof(T);
    if constexpr (std::same_as<Element, bool>) {
      sum += value.capacity() / 8;
    } else {
      sum += value.capacity() * sizeof(Element);
      if constexpr (!std::is_trivially_copyable_v<Element> || own_size::Given<Element>)
        for (const auto& element : value) sum += beyond(element);
    }
    return sum;
  } else if constexpr (is_optional<T>) {
    return sizeof(T) + (value ? beyond(*value) : 0);
  } else if constexpr (ResultLike<T>) {
    return sizeof(T) + (value.has_value() ? beyond(value.value()) : 0);
  } else if constexpr (is_tuple<T>) {
    return std::apply([](const auto&... parts) { return (sizeof(T) + ... + beyond(parts)); }, value);
  } else if constexpr (is_variant<T>) {
    return sizeof(T) + std::visit([](const auto& part) { return beyond(part); }, value);
  } else if constexpr (is_pointer_owner<T>) {
    return sizeof(T) + (value ? (*this)(*value) : 0);
  } else if constexpr (std::is_trivially_copyable_v<T>) {
    return sizeof(T);
  } else if constexpr (is_array<T>) {
    std::size_t sum = sizeof(T);
    for (const auto& element : value) sum += beyond(element);
    return sum;
  } else if constexpr (std::ranges::forward_range<const T>) {
    std::size_t sum = sizeof(T);
    for (const auto& element : value) sum += kContainerNodeBytes + (*this)(element);
    return sum;
  } else {
    static_assert(no_size_known<T>,
                  "a byte-bounded cache must know this value's size: declare `std::size_t size_in_bytes(const T&)` "
                  "in the namespace of T (the object itself plus what it owns)");
    return 0;
  }
}

}  // namespace detail

/// Memory a value keeps alive: the object itself plus what it owns, in bytes. An upper estimate is fine; a lower one
/// breaks the promise of the byte bound.
///
/// Known for trivially copyable types, strings, vectors, arrays, optionals, pairs, tuples, variants, smart pointers,
/// result types and other ranges (an estimate a node). For a type of your own declare
/// `std::size_t size_in_bytes(const T&)` in its namespace. O(elements) for containers of owning elements.
inline constexpr detail::SizeInBytes size_in_bytes{};

/// Whether a loaded value may be kept. One that may not is still handed to all readers who wait for it.
///
/// By default true, except for a result type (`has_value()` and `error()`) that holds an error. For another rule
/// declare `bool is_cacheable(const T&)` in the namespace of T.
inline constexpr detail::IsCacheable is_cacheable{};

}  // namespace watchbell::cache
