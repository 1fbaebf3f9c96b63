#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <boost/describe.hpp>

#include "base/bounded.hpp"
#include "base/id.hpp"
#include "base/timestamp.hpp"
#include "base/uuid.hpp"
#include "platform/sql/connection.hpp"

namespace watchbell::sql {

/// How a value of type T stands in the database: `put` makes a parameter (it may refer to the value, which lives until the statement has ended),
/// `get` reads a column. Specialise it for a type of your own. Built in: bool, whole numbers (64 bit in the database; a value that does not fit
/// T is a Fault), double (finite), text (UTF-8 without U+0000), Uuid and Id (text), Timestamp (microseconds), the bounded values of
/// base/bounded.hpp (a stored value outside the bound is a Fault), described enums (their names), and std::optional of each (NULL).
template <class T>
struct Codec;

template <class T>
concept Column = requires(const detail::Cursor& cursor) {
  { Codec<T>::get(cursor, std::size_t{}) } -> std::same_as<T>;
};

/// Many values in one parameter: `... where id in (select value from json_each(:1))` with `sql::List(ids)`. Elements: text, ids, whole numbers.
/// On SQLite it is a JSON array, on PostgreSQL a text[] or bigint[], for which migrate() makes functions json_each(key, value) too; so one text does for
/// both. `key` counts from 0. Refers to the range, which must live until the statement has ended. Never write a statement a row. Immutable.
template <class T>
class List {
 public:
  explicit List(std::span<const T> values) : values_(values) {}
  explicit List(const std::vector<T>& values) : values_(values) {}
  std::span<const T> values() const noexcept { return values_; }

 private:
  std::span<const T> values_;
};

namespace detail {

/// Throws Fault (other) unless the text is UTF-8 without U+0000, which not every database keeps.
void require_storable(std::string_view text);

/// Appends a JSON string; REQUIRES valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

template <class T>
std::string json_array(std::span<const T> values) {
  std::string out = "[";
  for (const auto& value : values) {
    if (out.size() > 1) out += ',';
    if constexpr (std::integral<T>) {
      out += std::to_string(value);
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
      const std::string_view text = value;
      require_storable(text);
      append_json_string(out, text);
    } else {
      append_json_string(out, value.to_string());
    }
  }
  out += ']';
  return out;
}

template <class T>
Array array_of(std::span<const T> values) {
  Array out(std::integral<T> ? Array::Of::integer : Array::Of::text, values.size());
  for (const auto& value : values) {
    if constexpr (std::integral<T>) {
      out.add(static_cast<std::int64_t>(value));
    } else if constexpr (std::convertible_to<const T&, std::string_view>) {
      const std::string_view text = value;
      require_storable(text);
      out.add(text);
    } else {
      out.add(std::string_view(value.to_string()));
    }
  }
  return out;
}

template <class T, class Make>
T bounded(const Cursor& cursor, std::size_t column, Make make) {
  auto value = make();
  if (!value) cursor.mismatch(column, "holds a value outside the bound of its type");
  return std::move(*value);
}

}  // namespace detail

template <>
struct Codec<bool> {
  static detail::Param put(bool value, Dialect) { return value; }
  static bool get(const detail::Cursor& cursor, std::size_t column) { return cursor.boolean(column); }
};

template <std::integral T>
  requires(!std::same_as<T, char>)
struct Codec<T> {
  static detail::Param put(T value, Dialect) {
    if (!std::in_range<std::int64_t>(value)) throw Fault(Fault::Kind::other, "a whole number does not fit 64 bits with sign");
    return static_cast<std::int64_t>(value);
  }
  static T get(const detail::Cursor& cursor, std::size_t column) {
    const std::int64_t value = cursor.integer(column);
    if (!std::in_range<T>(value)) cursor.mismatch(column, "holds a number that does not fit its type");
    return static_cast<T>(value);
  }
};

template <>
struct Codec<double> {
  // SQLite stores NaN as NULL, PostgreSQL as a number greater than all.
  static detail::Param put(double value, Dialect) {
    if (!std::isfinite(value)) throw Fault(Fault::Kind::other, "a number is not finite");
    return value;
  }
  static double get(const detail::Cursor& cursor, std::size_t column) { return cursor.real(column); }
};

template <>
struct Codec<std::string_view> {
  static detail::Param put(std::string_view value, Dialect) {
    detail::require_storable(value);
    return value;
  }
};

template <>
struct Codec<std::string> {
  static detail::Param put(const std::string& value, Dialect dialect) { return Codec<std::string_view>::put(value, dialect); }
  static std::string get(const detail::Cursor& cursor, std::size_t column) { return std::string(cursor.text(column)); }
};

template <>
struct Codec<Uuid> {
  static detail::Param put(const Uuid& value, Dialect) { return value.to_string(); }
  static Uuid get(const detail::Cursor& cursor, std::size_t column) {
    const auto value = Uuid::parse(cursor.text(column));
    if (!value) cursor.mismatch(column, "holds no UUID");
    return *value;
  }
};

template <class Tag>
struct Codec<Id<Tag>> {
  static detail::Param put(const Id<Tag>& value, Dialect dialect) { return Codec<Uuid>::put(value.uuid(), dialect); }
  static Id<Tag> get(const detail::Cursor& cursor, std::size_t column) { return Id<Tag>(Codec<Uuid>::get(cursor, column)); }
};

template <>
struct Codec<Timestamp> {
  static detail::Param put(Timestamp value, Dialect) { return value.micros(); }
  static Timestamp get(const detail::Cursor& cursor, std::size_t column) { return Timestamp::from_micros(cursor.integer(column)); }
};

template <std::size_t Min, std::size_t Max>
struct Codec<Text<Min, Max>> {
  static detail::Param put(const Text<Min, Max>& value, Dialect) { return std::string_view(value); }
  static Text<Min, Max> get(const detail::Cursor& cursor, std::size_t column) {
    return detail::bounded<Text<Min, Max>>(cursor, column, [&] { return Text<Min, Max>::make(std::string(cursor.text(column))); });
  }
};

template <std::int64_t Lo, std::int64_t Hi>
struct Codec<Integer<Lo, Hi>> {
  static detail::Param put(Integer<Lo, Hi> value, Dialect) { return value.value(); }
  static Integer<Lo, Hi> get(const detail::Cursor& cursor, std::size_t column) {
    return detail::bounded<Integer<Lo, Hi>>(cursor, column, [&] { return Integer<Lo, Hi>::make(cursor.integer(column)); });
  }
};

template <std::int64_t Lo, std::int64_t Hi>
struct Codec<Number<Lo, Hi>> {
  static detail::Param put(Number<Lo, Hi> value, Dialect) { return static_cast<double>(value); }
  static Number<Lo, Hi> get(const detail::Cursor& cursor, std::size_t column) {
    return detail::bounded<Number<Lo, Hi>>(cursor, column, [&] { return Number<Lo, Hi>::make(cursor.real(column)); });
  }
};

template <>
struct Codec<Email> {
  static detail::Param put(const Email& value, Dialect) { return std::string_view(value.str()); }
  static Email get(const detail::Cursor& cursor, std::size_t column) {
    return detail::bounded<Email>(cursor, column, [&] { return Email::make(cursor.text(column)); });
  }
};

template <>
struct Codec<Url> {
  static detail::Param put(const Url& value, Dialect) { return std::string_view(value.str()); }
  static Url get(const detail::Cursor& cursor, std::size_t column) {
    return detail::bounded<Url>(cursor, column, [&] { return Url::make(cursor.text(column)); });
  }
};

template <>
struct Codec<BigInt> {
  static detail::Param put(const BigInt& value, Dialect) { return std::string_view(value.digits); }
  static BigInt get(const detail::Cursor& cursor, std::size_t column) {
    return detail::bounded<BigInt>(cursor, column, [&] { return BigInt::make(cursor.text(column)); });
  }
};

template <std::size_t MaxBytes, std::size_t MaxDepth, bool ObjectOnly>
struct Codec<Json<MaxBytes, MaxDepth, ObjectOnly>> {
  using Value = Json<MaxBytes, MaxDepth, ObjectOnly>;
  static detail::Param put(const Value& value, Dialect dialect) { return Codec<std::string_view>::put(value.text, dialect); }
  static Value get(const detail::Cursor& cursor, std::size_t column) {
    Value value;
    value.text = std::string(cursor.text(column));
    if (value.text.size() > MaxBytes) cursor.mismatch(column, "holds a value outside the bound of its type");
    return value;
  }
};

template <class E>
  requires(std::is_enum_v<E> && boost::describe::has_describe_enumerators<E>::value)
struct Codec<E> {
  static detail::Param put(E value, Dialect) {
    const char* name = boost::describe::enum_to_string(value, nullptr);
    WATCHBELL_ASSERT(name != nullptr);
    return std::string_view(name);
  }
  static E get(const detail::Cursor& cursor, std::size_t column) {
    E value{};
    if (!boost::describe::enum_from_string(std::string(cursor.text(column)).c_str(), value)) cursor.mismatch(column, "holds a word its enum does not know");
    return value;
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static detail::Param put(const std::optional<T>& value, Dialect dialect) { return value ? Codec<T>::put(*value, dialect) : detail::Param(); }
  static std::optional<T> get(const detail::Cursor& cursor, std::size_t column)
    requires Column<T>
  {
    if (cursor.is_null(column)) return std::nullopt;
    return Codec<T>::get(cursor, column);
  }
};

template <>
struct Codec<std::nullopt_t> {
  static detail::Param put(std::nullopt_t, Dialect) { return {}; }
};

template <class T>
struct Codec<List<T>> {
  static detail::Param put(const List<T>& value, Dialect dialect) {
    if (dialect == Dialect::sqlite) return detail::json_array(value.values());
    return detail::array_of(value.values());
  }
};

namespace detail {

/// A parameter of any type with a Codec; literals and what else converts to text are text.
template <class T>
Param to_param(const T& value, Dialect dialect) {
  if constexpr (requires { Codec<T>::put(value, dialect); }) {
    return Codec<T>::put(value, dialect);
  } else {
    static_assert(std::convertible_to<const T&, std::string_view>, "no sql::Codec for this type of parameter");
    return Codec<std::string_view>::put(value, dialect);
  }
}

template <class Row>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;

template <class Row>
using MembersOf = boost::describe::describe_members<Row, boost::describe::mod_public | boost::describe::mod_inherited>;

void require_columns(const Cursor& cursor, std::size_t members);

template <class Row, template <class...> class L, class... D>
Row decode_described(const Cursor& cursor, L<D...>) {
  require_columns(cursor, sizeof...(D));
  std::size_t column = 0;
  if constexpr (std::is_default_constructible_v<Row>) {
    Row row{};
    ((row.*D::pointer = Codec<std::remove_cvref_t<decltype(row.*D::pointer)>>::get(cursor, column++)), ...);
    return row;
  } else {
    // A member whose bound forbids a default value: braces, which take members in order.
    return Row{Codec<std::remove_cvref_t<decltype(std::declval<Row&>().*D::pointer)>>::get(cursor, column++)...};
  }
}

template <class Row, std::size_t... I>
Row decode_tuple(const Cursor& cursor, std::index_sequence<I...>) {
  require_columns(cursor, sizeof...(I));
  return Row{Codec<std::tuple_element_t<I, Row>>::get(cursor, I)...};
}

template <class Row>
Row decode(const Cursor& cursor) {
  if constexpr (Column<Row>) {
    require_columns(cursor, 1);
    return Codec<Row>::get(cursor, 0);
  } else if constexpr (is_tuple<Row>) {
    return decode_tuple<Row>(cursor, std::make_index_sequence<std::tuple_size_v<Row>>());
  } else {
    static_assert(boost::describe::has_describe_members<Row>::value, "a row is a described struct, a std::tuple or one type with a sql::Codec");
    return decode_described<Row>(cursor, MembersOf<Row>());
  }
}

}  // namespace detail
}  // namespace watchbell::sql
