#pragma once

#include <watchbell/cache/traits.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <ranges>
#include <ratio>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

/// Typed values as bytes, for providers that hold bytes.
///
/// The bytes say what they are: a format version (one byte), a fingerprint of the type's structure (8 bytes), the
/// payload, and a CRC-32 of all that. Bytes of another format, of a type of another structure, cut short or damaged are
/// no value, so a program that changes a type needs no plan for what its predecessor has stored.
///
/// Numbers are variable-length, floating point is its bit pattern (so -0.0 and every NaN come back as they were), and
/// everything is independent of the machine's byte order.
namespace watchbell::cache {

class Writer;
class Reader;

namespace detail {

// Each namespace holds only a deleted function of the name, so that a call in it finds nothing but what
// argument-dependent look-up brings.
namespace own_codec {
void cache_encode() = delete;
void cache_decode() = delete;
void cache_layout() = delete;
template <class T>
concept Given = requires(Writer& writer, Reader& reader, const T& value) {
  cache_encode(writer, value);
  { cache_decode(reader, std::type_identity<T>()) } -> std::same_as<std::optional<T>>;
  { cache_layout(std::type_identity<T>()) } -> std::convertible_to<std::string_view>;
};
template <Given T>
void encode(Writer& writer, const T& value) {
  cache_encode(writer, value);
}
template <Given T>
std::optional<T> decode(Reader& reader) {
  return cache_decode(reader, std::type_identity<T>());
}
template <Given T>
std::string_view layout() {
  return cache_layout(std::type_identity<T>());
}
}  // namespace own_codec

template <class T>
inline constexpr bool is_byte_string = false;
template <class Tr, class A>
inline constexpr bool is_byte_string<std::basic_string<char, Tr, A>> = true;
template <class Tr, class A>
inline constexpr bool is_byte_string<std::basic_string<char8_t, Tr, A>> = true;
template <class T>
inline constexpr bool is_duration = false;
template <class R, class P>
inline constexpr bool is_duration<std::chrono::duration<R, P>> = true;
// A steady clock's epoch means nothing to another process, so its time points are no values.
template <class T>
inline constexpr bool is_time_point = false;
template <class D>
inline constexpr bool is_time_point<std::chrono::time_point<std::chrono::system_clock, D>> = true;
template <class T>
inline constexpr bool is_shared_ptr = false;
template <class T>
inline constexpr bool is_shared_ptr<std::shared_ptr<T>> = !std::is_array_v<T>;
template <class T>
inline constexpr bool is_unique_ptr = false;
template <class T>
inline constexpr bool is_unique_ptr<std::unique_ptr<T>> = !std::is_array_v<T>;

template <class T>
concept Associative = std::ranges::forward_range<const T> && requires(T& container, typename T::key_type key) {
  typename T::value_type;
  container.insert(std::declval<typename T::value_type>());
  container.erase(key);
};
template <class T>
concept MapLike = Associative<T> && requires { typename T::mapped_type; };
template <class T>
concept SequenceLike = !is_string<T> && std::ranges::forward_range<const T> && std::default_initializable<T> &&
                       requires(T& container) { container.push_back(std::declval<typename T::value_type>()); };

template <class T>
struct Encodability;

template <class T>
concept EncodableValue = std::same_as<T, std::remove_cvref_t<T>> && Encodability<T>::value();

template <class T>
struct Encodability {
  static consteval bool value() {
    if constexpr (own_codec::Given<T>) {
      return true;
    } else if constexpr (std::integral<T> || std::same_as<T, std::monostate>) {
      return true;
    } else if constexpr (std::floating_point<T>) {
      return std::numeric_limits<T>::is_iec559 && (sizeof(T) == 4 || sizeof(T) == 8);
    } else if constexpr (std::is_enum_v<T> || is_byte_string<T>) {
      return true;
    } else if constexpr (is_duration<T>) {
      return EncodableValue<typename T::rep>;
    } else if constexpr (is_time_point<T>) {
      return EncodableValue<typename T::duration>;
    } else if constexpr (is_optional<T>) {
      return EncodableValue<typename T::value_type>;
    } else if constexpr (is_shared_ptr<T> || is_unique_ptr<T>) {
      using Pointee = std::remove_const_t<typename T::element_type>;
      // What is behind a pointer to a base would come back as the base alone.
      if constexpr (std::is_polymorphic_v<Pointee> && !std::is_final_v<Pointee>) {
        return false;
      } else {
        return EncodableValue<Pointee>;
      }
    } else if constexpr (is_tuple<T> || is_variant<T>) {
      return all_of(std::type_identity<T>());
    } else if constexpr (is_array<T>) {
      return EncodableValue<typename T::value_type> && std::default_initializable<typename T::value_type>;
    } else if constexpr (ResultLike<T>) {
      if constexpr (std::is_void_v<typename T::value_type>) {
        return std::default_initializable<T>;
      } else {
        return EncodableValue<typename T::value_type> && std::constructible_from<T, typename T::value_type>;
      }
    } else if constexpr (MapLike<T>) {
      return EncodableValue<typename T::key_type> && EncodableValue<typename T::mapped_type>;
    } else if constexpr (Associative<T>) {
      return EncodableValue<typename T::key_type>;
    } else if constexpr (SequenceLike<T>) {
      return EncodableValue<typename T::value_type>;
    } else {
      return false;
    }
  }

 private:
  template <template <class...> class List, class... Ts>
  static consteval bool all_of(std::type_identity<List<Ts...>>) {
    return (EncodableValue<Ts> && ...);
  }
};

/// FNV-1a over a description of the type's structure.
class Structure {
 public:
  constexpr void add(std::uint64_t number) noexcept {
    for (unsigned i = 0; i < 8; ++i) mix(static_cast<unsigned char>(number >> (8 * i)));
  }
  constexpr void add(std::string_view text) noexcept {
    add(text.size());
    for (const char c : text) mix(static_cast<unsigned char>(c));
  }
  template <class T>
  constexpr void add_type() {
    if constexpr (own_codec::Given<T>) {
      add("own");
      add(own_codec::layout<T>());
    } else if constexpr (std::same_as<T, bool>) {
      add("bool");
    } else if constexpr (std::same_as<T, std::monostate>) {
      add("unit");
    } else if constexpr (std::integral<T>) {
      add(std::is_signed_v<T> ? "int" : "uint");
      add(sizeof(T));
    } else if constexpr (std::floating_point<T>) {
      add("float");
      add(sizeof(T));
    } else if constexpr (std::is_enum_v<T>) {
      add("enum");
      add_type<std::underlying_type_t<T>>();
    } else if constexpr (is_byte_string<T>) {
      add("string");
    } else if constexpr (is_duration<T>) {
      add("duration");
      add_type<typename T::rep>();
      add(static_cast<std::uint64_t>(T::period::num));
      add(static_cast<std::uint64_t>(T::period::den));
    } else if constexpr (is_time_point<T>) {
      add("system time");
      add_type<typename T::duration>();
    } else if constexpr (is_optional<T> || is_shared_ptr<T> || is_unique_ptr<T>) {
      add("maybe");
      if constexpr (is_optional<T>)
        add_type<typename T::value_type>();
      else
        add_type<std::remove_const_t<typename T::element_type>>();
    } else if constexpr (is_array<T>) {
      add("array");
      add(std::tuple_size_v<T>);
      add_type<typename T::value_type>();
    } else if constexpr (is_tuple<T> || is_variant<T>) {
      add(is_tuple<T> ? "tuple" : "variant");
      add_types(std::type_identity<T>());
    } else if constexpr (ResultLike<T>) {
      add("result");
      if constexpr (!std::is_void_v<typename T::value_type>) add_type<typename T::value_type>();
    } else if constexpr (MapLike<T>) {
      add("map");
      add_type<typename T::key_type>();
      add_type<typename T::mapped_type>();
    } else if constexpr (Associative<T>) {
      add("set");
      add_type<typename T::key_type>();
    } else {
      add("list");
      add_type<typename T::value_type>();
    }
  }
  constexpr std::uint64_t hash() const noexcept { return hash_; }

 private:
  template <template <class...> class List, class... Ts>
  constexpr void add_types(std::type_identity<List<Ts...>>) {
    add(sizeof...(Ts));
    (add_type<Ts>(), ...);
  }
  constexpr void mix(unsigned char byte) noexcept { hash_ = (hash_ ^ byte) * 0x100000001B3u; }

  std::uint64_t hash_ = 0xCBF29CE484222325u;
};

/// The whole of what is stored: version, fingerprint, payload, checksum.
std::string frame(std::uint64_t fingerprint, std::string_view payload);
/// The payload of such bytes, if they are whole and of this fingerprint. A view into `bytes`.
std::optional<std::string_view> unframe(std::uint64_t fingerprint, std::string_view bytes) noexcept;

/// Values within values, at most; deeper ones are neither written nor read, so that no input can use up the stack.
inline constexpr unsigned kMaxNesting = 64;

}  // namespace detail

/// A type the codec knows: bool, integers, float and double, enums, `std::string` (any bytes), durations, time points of
/// the system clock, optional, shared_ptr and unique_ptr (null or not), pair, tuple, array, vector and other sequences,
/// maps and sets, variant, result types, and any nesting of these.
///
/// A type of your own becomes one through three functions in its namespace, found by argument-dependent look-up:
///
///     constexpr std::string_view cache_layout(std::type_identity<T>);  // a name and a version, "incident 3": change it
///                                                                      // whenever what the others write changes
///     void cache_encode(Writer&, const T&);
///     std::optional<T> cache_decode(Reader&, std::type_identity<T>);   // nullopt for bytes that are no T; never throws
///
/// All three must be declared before the first use of the type with a codec; one that holds itself (a tree) declares
/// them before it defines any.
template <class T>
concept Encodable = detail::EncodableValue<T>;

/// Takes the parts of a value, in order. Not for use from two threads at once.
class Writer {
 public:
  /// Writes a part so that `Reader::value<T>` reads it back.
  template <Encodable T>
  void value(const T& part) {
    if (depth_ == detail::kMaxNesting) return refuse();
    ++depth_;
    write(part);
    --depth_;
  }

  /// Says that the value is not one to be kept.
  void refuse() noexcept { refused_ = true; }
  bool refused() const noexcept { return refused_; }

  std::string take() noexcept { return std::move(bytes_); }

 private:
  template <class T>
  void write(const T& part);
  void byte(unsigned char value) { bytes_.push_back(static_cast<char>(value)); }
  void number(std::uint64_t value);
  void fixed(std::uint64_t value, unsigned size);
  void text(std::string_view value);

  std::string bytes_;
  unsigned depth_ = 0;
  bool refused_ = false;
};

/// Gives the parts of a value back, in order. Reads outside bytes: never throws for what they hold (only for memory that
/// has run out), never reads beyond them, and allocates in proportion to them. The bytes must outlive it. Not for use
/// from two threads at once.
class Reader {
 public:
  explicit Reader(std::string_view bytes) noexcept : rest_(bytes) {}

  /// The next part; nullopt when the bytes hold no T there, after which the reader is of no further use.
  template <Encodable T>
  std::optional<T> value() {
    if (depth_ == detail::kMaxNesting) return std::nullopt;
    ++depth_;
    std::optional<T> part = read<T>();
    --depth_;
    return part;
  }

  bool at_end() const noexcept { return rest_.empty(); }

 private:
  template <class T>
  std::optional<T> read();
  template <class Map>
  std::optional<Map> read_associative();
  template <class Tuple, std::size_t... i>
  std::optional<Tuple> read_tuple(std::index_sequence<i...>);
  template <class Variant, std::size_t i = 0>
  std::optional<Variant> read_variant(std::uint64_t index);

  std::optional<unsigned char> byte() noexcept;
  std::optional<std::uint64_t> number() noexcept;
  std::optional<std::uint64_t> fixed(unsigned size) noexcept;
  std::optional<std::string_view> text() noexcept;
  /// How many elements follow. Every element takes a byte at least, so more than there are bytes is no count.
  std::optional<std::size_t> count() noexcept;

  std::string_view rest_;
  unsigned depth_ = 0;
};

/// Between values of T and bytes; see the head of this file. O(bytes). Thread-safe.
template <Encodable T>
struct Codec {
  /// Differs between types of different structure. The name of a type is not part of it, except for your own types:
  /// two enums over one integer type are the same to it.
  static std::uint64_t fingerprint() {
    detail::Structure structure;
    structure.add_type<T>();
    return structure.hash();
  }

  /// The bytes; nullopt for a value that must not be kept: one that `is_cacheable` refuses, a result that holds an
  /// error, wherever it is nested, a variant without a value, or nesting beyond 64.
  static std::optional<std::string> encode(const T& value) {
    if (!is_cacheable(value)) return std::nullopt;
    Writer writer;
    writer.value(value);
    if (writer.refused()) return std::nullopt;
    return detail::frame(fingerprint(), writer.take());
  }

  /// The value that `encode` was given; nullopt for any other bytes.
  static std::optional<T> decode(std::string_view bytes) {
    const auto payload = detail::unframe(fingerprint(), bytes);
    if (!payload) return std::nullopt;
    Reader reader(*payload);
    std::optional<T> value = reader.value<T>();
    if (!reader.at_end()) value.reset();
    return value;
  }
};

template <class T>
void Writer::write(const T& part) {
  using namespace detail;
  if constexpr (own_codec::Given<T>) {
    const std::size_t before = bytes_.size();
    own_codec::encode(*this, part);
    if (bytes_.size() == before) byte(0);  // see Reader::count
  } else if constexpr (std::same_as<T, bool>) {
    byte(part ? 1 : 0);
  } else if constexpr (std::same_as<T, std::monostate>) {
    byte(0);
  } else if constexpr (std::integral<T>) {
    if constexpr (std::is_signed_v<T>) {
      const auto wide = static_cast<std::int64_t>(part);
      number((static_cast<std::uint64_t>(wide) << 1) ^ (wide < 0 ? ~std::uint64_t{0} : 0));  // small ones stay short
    } else {
      number(static_cast<std::uint64_t>(part));
    }
  } else if constexpr (std::floating_point<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    fixed(std::bit_cast<Bits>(part), sizeof(T));
  } else if constexpr (std::is_enum_v<T>) {
    write(static_cast<std::underlying_type_t<T>>(part));
  } else if constexpr (is_byte_string<T>) {
    text(std::string_view(reinterpret_cast<const char*>(part.data()), part.size()));
  } else if constexpr (is_duration<T>) {
    write(part.count());
  } else if constexpr (is_time_point<T>) {
    write(part.time_since_epoch());
  } else if constexpr (is_optional<T> || is_shared_ptr<T> || is_unique_ptr<T>) {
    byte(part ? 1 : 0);
    if (part) value<std::remove_cvref_t<decltype(*part)>>(*part);
  } else if constexpr (is_array<T>) {
    if constexpr (std::tuple_size_v<T> == 0) byte(0);
    for (const auto& element : part) value(element);
  } else if constexpr (is_tuple<T>) {
    if constexpr (std::tuple_size_v<T> == 0) byte(0);
    std::apply([this](const auto&... elements) { (this->value(elements), ...); }, part);
  } else if constexpr (is_variant<T>) {
    if (part.valueless_by_exception()) return refuse();
    number(part.index());
    std::visit([this](const auto& held) { this->value(held); }, part);
  } else if constexpr (ResultLike<T>) {
    if (!part.has_value()) return refuse();
    if constexpr (std::is_void_v<typename T::value_type>)
      byte(0);
    else
      value<typename T::value_type>(part.value());
  } else {
    number(static_cast<std::uint64_t>(std::ranges::distance(part)));
    if constexpr (MapLike<T>) {
      for (const auto& [key, mapped] : part) {
        value(key);
        value(mapped);
      }
    } else {
      for (const auto& element : part) value<typename T::value_type>(element);  // typed: vector<bool> gives no bool
    }
  }
}

template <class T>
std::optional<T> Reader::read() {
  using namespace detail;
  if constexpr (own_codec::Given<T>) {
    const std::size_t before = rest_.size();
    std::optional<T> part = own_codec::decode<T>(*this);
    if (part && rest_.size() == before && byte() != 0) return std::nullopt;
    return part;
  } else if constexpr (std::same_as<T, bool>) {
    const auto part = byte();
    if (!part || *part > 1) return std::nullopt;
    return *part == 1;
  } else if constexpr (std::same_as<T, std::monostate>) {
    if (byte() != 0) return std::nullopt;
    return T();
  } else if constexpr (std::integral<T>) {
    const auto part = number();
    if (!part) return std::nullopt;
    if constexpr (std::is_signed_v<T>) {
      const auto wide = static_cast<std::int64_t>((*part >> 1) ^ ((*part & 1) != 0 ? ~std::uint64_t{0} : 0));
      if (wide < std::numeric_limits<T>::min() || wide > std::numeric_limits<T>::max()) return std::nullopt;
      return static_cast<T>(wide);
    } else {
      if (*part > std::uint64_t{std::numeric_limits<T>::max()}) return std::nullopt;
      return static_cast<T>(*part);
    }
  } else if constexpr (std::floating_point<T>) {
    using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
    const auto bits = fixed(sizeof(T));
    if (!bits) return std::nullopt;
    return std::bit_cast<T>(static_cast<Bits>(*bits));
  } else if constexpr (std::is_enum_v<T>) {
    const auto part = read<std::underlying_type_t<T>>();
    if (!part) return std::nullopt;
    return static_cast<T>(*part);
  } else if constexpr (is_byte_string<T>) {
    const auto part = text();
    if (!part) return std::nullopt;
    return T(reinterpret_cast<const typename T::value_type*>(part->data()), part->size());
  } else if constexpr (is_duration<T>) {
    const auto part = read<typename T::rep>();
    if (!part) return std::nullopt;
    return T(*part);
  } else if constexpr (is_time_point<T>) {
    const auto part = read<typename T::duration>();
    if (!part) return std::nullopt;
    return T(*part);
  } else if constexpr (is_optional<T>) {
    const auto present = read<bool>();
    if (!present) return std::nullopt;
    if (!*present) return std::optional<T>(std::in_place);
    auto part = value<typename T::value_type>();
    if (!part) return std::nullopt;
    return std::optional<T>(std::in_place, std::move(*part));
  } else if constexpr (is_shared_ptr<T> || is_unique_ptr<T>) {
    using Pointee = std::remove_const_t<typename T::element_type>;
    const auto present = read<bool>();
    if (!present) return std::nullopt;
    if (!*present) return T();
    auto part = value<Pointee>();
    if (!part) return std::nullopt;
    if constexpr (is_shared_ptr<T>)
      return T(std::make_shared<Pointee>(std::move(*part)));
    else
      return T(std::make_unique<Pointee>(std::move(*part)));
  } else if constexpr (is_array<T>) {
    if constexpr (std::tuple_size_v<T> == 0) {
      if (byte() != 0) return std::nullopt;
    }
    std::optional<T> all(std::in_place);
    for (auto& element : *all) {
      auto part = value<typename T::value_type>();
      if (!part) return std::nullopt;
      element = std::move(*part);
    }
    return all;
  } else if constexpr (is_tuple<T>) {
    return read_tuple<T>(std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (is_variant<T>) {
    const auto index = number();
    if (!index) return std::nullopt;
    return read_variant<T>(*index);
  } else if constexpr (ResultLike<T>) {
    if constexpr (std::is_void_v<typename T::value_type>) {
      if (byte() != 0) return std::nullopt;
      return std::optional<T>(std::in_place);
    } else {
      auto part = value<typename T::value_type>();
      if (!part) return std::nullopt;
      return std::optional<T>(std::in_place, std::move(*part));
    }
  } else if constexpr (Associative<T>) {
    return read_associative<T>();
  } else {
    const auto size = count();
    if (!size) return std::nullopt;
    std::optional<T> all(std::in_place);
    for (std::size_t i = 0; i < *size; ++i) {
      auto part = value<typename T::value_type>();
      if (!part) return std::nullopt;
      all->push_back(std::move(*part));
    }
    return all;
  }
}

template <class Map>
std::optional<Map> Reader::read_associative() {
  const auto size = count();
  if (!size) return std::nullopt;
  std::optional<Map> all(std::in_place);
  for (std::size_t i = 0; i < *size; ++i) {
    auto key = value<typename Map::key_type>();
    if (!key) return std::nullopt;
    if constexpr (detail::MapLike<Map>) {
      auto mapped = value<typename Map::mapped_type>();
      if (!mapped) return std::nullopt;
      all->emplace(std::move(*key), std::move(*mapped));
    } else {
      all->emplace(std::move(*key));
    }
    if (all->size() != i + 1) return std::nullopt;  // one key twice: nobody has encoded this
  }
  return all;
}

template <class Tuple, std::size_t... i>
std::optional<Tuple> Reader::read_tuple(std::index_sequence<i...>) {
  if constexpr (sizeof...(i) == 0) {
    if (byte() != 0) return std::nullopt;
    return Tuple();
  } else {
    std::tuple<std::optional<std::tuple_element_t<i, Tuple>>...> parts;
    const bool whole = (static_cast<bool>(std::get<i>(parts) = value<std::tuple_element_t<i, Tuple>>()) && ...);
    if (!whole) return std::nullopt;
    return std::optional<Tuple>(std::in_place, std::move(*std::get<i>(parts))...);
  }
}

template <class Variant, std::size_t i>
std::optional<Variant> Reader::read_variant(std::uint64_t index) {
  if constexpr (i == std::variant_size_v<Variant>) {
    return std::nullopt;
  } else {
    if (index != i) return read_variant<Variant, i + 1>(index);
    auto part = value<std::variant_alternative_t<i, Variant>>();
    if (!part) return std::nullopt;
    return std::optional<Variant>(std::in_place, std::in_place_index<i>, std::move(*part));
  }
}

}  // namespace watchbell::cache
