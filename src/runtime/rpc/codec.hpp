#pragma once

#include <array>
#include <concepts>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <boost/describe.hpp>
#include <boost/mp11.hpp>

#include "base/bounded.hpp"
#include "base/id.hpp"
#include "runtime/rpc/envelope.hpp"
#include "runtime/rpc/issues.hpp"
#include "runtime/rpc/schema.hpp"
#include "runtime/rpc/writer.hpp"

/// The contract codec: from one described C++ struct come its schema, its encoder and its decoder with the issue list. Member names are
/// snake_case here and camelCase on the wire; the names are computed at compile time. A string or list without a bound can be written but
/// not read: using one in an input does not compile.
///
/// To read a struct, default-construct it and fill in what is present: a member that has a default value (from its initializer) may be
/// absent; one that is unset or Required must be given.
namespace watchbell::rpc {

namespace detail {

/// "interval_seconds" -> "intervalSeconds", at compile time.
template <std::size_t N>
struct FixedName {
  std::array<char, N> text{};
  std::size_t size = 0;
  constexpr std::string_view view() const { return {text.data(), size}; }
};
constexpr std::size_t length_of(const char* text) {
  std::size_t n = 0;
  while (text[n] != 0) ++n;
  return n;
}
template <class Member>
constexpr auto camel_name() {
  constexpr std::size_t length = length_of(Member::name);
  FixedName<length + 1> name;
  bool upper = false;
  for (std::size_t i = 0; i < length; ++i) {
    const char c = Member::name[i];
    // A trailing underscore keeps a member apart from a keyword and is not part of the name.
    if (c == '_') {
      upper = true;
      continue;
    }
    name.text[name.size++] = upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    upper = false;
  }
  return name;
}
template <class Member>
inline constexpr auto kCamelName = camel_name<Member>();

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T>
concept Described = boost::describe::has_describe_members<T>::value && !std::is_union_v<T> && std::is_class_v<T>;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;

/// Enumerators are their own wire text; a type whose texts carry hyphens says so: `constexpr bool wire_hyphens(ContactType) { return true; }`
template <class E>
constexpr bool uses_hyphens() {
  if constexpr (requires { wire_hyphens(E{}); }) return wire_hyphens(E{});
  else return false;
}

}  // namespace detail

/// The wire text of a described enumerator, and back.
template <detail::DescribedEnum E>
std::string enum_text(E value) {
  std::string text;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
    if (d.value == value) text = d.name;
  });
  if (!text.empty() && text.back() == '_') text.pop_back();
  if constexpr (detail::uses_hyphens<E>())
    for (char& c : text)
      if (c == '_') c = '-';
  return text;
}
template <detail::DescribedEnum E>
const std::vector<std::string>& enum_texts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> all;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) { all.push_back(enum_text<E>(d.value)); });
    return all;
  }();
  return texts;
}
template <detail::DescribedEnum E>
std::optional<E> enum_value(std::string_view text) {
  std::optional<E> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto d) {
    if (enum_text<E>(d.value) == text) found = d.value;
  });
  return found;
}

/// Accepts a bare string or an object holding it in the member `id` (early versions of the wire took the bare form).
template <class T>
struct BareOrId {
  T value{};
};

/// The same where the object has more members: a bare string is its member `id`, and the others are as if they had not been given.
template <class T>
struct BareOr {
  T value{};
};

/// One node being decoded: its value (null when absent or undefined), where it stands, and where issues go.
struct Input {
  const boost::json::value* value = nullptr;
  const Envelope* envelope = nullptr;
  Issues* issues = nullptr;
  const Path* path = nullptr;

  std::optional<Tag> tag() const { return value == nullptr ? std::nullopt : envelope->tag(value); }
  /// "string", "number", ... as clients' messages name what they got.
  std::string_view received() const;
  /// The node as a plain value: null when absent, undefined or tagged as something JSON has no form for.
  const boost::json::value* plain() const;
  Input at(const boost::json::value* child, const Path& step) const { return {child, envelope, issues, &step}; }
};

/// Codec<T>: `schema()`, `encode(Writer&, const T&)`, and for inputs `decode(const Input&, T&)`, which reports issues and answers whether
/// the value is good. `kDefaults` says that an absent member keeps the struct's initializer.
template <class T>
struct Codec;

template <class T>
SchemaPtr schema_of() {
  static const SchemaPtr schema = Codec<T>::schema();
  return schema;
}

template <class T>
void encode(Writer& out, const T& value) {
  Codec<T>::encode(out, value);
}

/// The whole answer `{"json":...,"meta":[...]}` of a value.
template <class T>
std::string to_envelope(const T& value) {
  Writer out;
  encode(out, value);
  return std::move(out).envelope();
}

/// The value as plain JSON text, for storage and for REST: no meta.
template <class T>
std::string to_json(const T& value) {
  Writer out;
  encode(out, value);
  return std::move(out.json);
}

/// Error data holding a described value.
template <class T>
std::shared_ptr<const ErrorData> error_data(const T& value) {
  Writer out;
  encode(out, value);
  return std::make_shared<const ErrorData>(ErrorData{.json = std::move(out.json), .meta = std::move(out.meta)});
}

/// Reads a value from plain JSON text, for storage: dates as their ISO text. BAD_REQUEST with issues otherwise.
template <class T>
Result<T> from_json(std::string_view text) {
  Envelope envelope;
  if (auto parsed = envelope.parse_plain(text); !parsed) return std::unexpected(parsed.error());
  Issues issues;
  T value{};
  Codec<T>::decode(Input{envelope.value(), &envelope, &issues, nullptr}, value);
  if (!issues.empty()) return std::unexpected(issues.error());
  return value;
}

namespace detail {

SchemaPtr simple_schema(Schema::Kind kind);
SchemaPtr bounded_schema(Schema::Kind kind, std::optional<std::int64_t> min, std::optional<std::int64_t> max, std::string format = {});
SchemaPtr wrapped_schema(Schema::Kind kind, std::vector<SchemaPtr> items, std::optional<std::int64_t> min = {}, std::optional<std::int64_t> max = {});

/// The string at a node, or nothing and an issue.
const boost::json::string* string_at(const Input& in, std::string_view expected = "string");
/// A finite number at a node, or nothing and an issue.
std::optional<double> number_at(const Input& in);
/// A whole number at a node (integral doubles count), or nothing and an issue.
std::optional<std::int64_t> integer_at(const Input& in);
const boost::json::object* object_at(const Input& in, std::string_view expected = "object");
const boost::json::array* array_at(const Input& in, std::string_view expected = "array");
std::optional<Timestamp> date_at(const Input& in);
/// The canonical text of free-form JSON at a node, or nothing and an issue: bounded, finite numbers, no tags anywhere below.
std::optional<std::string> free_json_at(const Input& in, std::size_t max_bytes, std::size_t max_depth, bool object_only);

/// Whether a member that was not given may keep what the struct's initializer left there.
template <class T>
bool has_default(const T& value) {
  if constexpr (requires { { value.is_set() } -> std::convertible_to<bool>; }) return value.is_set();
  else return Codec<T>::kDefaults;
}

}  // namespace detail

template <>
struct Codec<bool> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::boolean); }
  static void encode(Writer& out, bool value) { out.boolean(value); }
  static bool decode(const Input& in, bool& value) {
    const auto* plain = in.plain();
    if (plain == nullptr || !plain->is_bool()) {
      in.issues->wrong_type(in.path, "boolean", in.received());
      return false;
    }
    value = plain->get_bool();
    return true;
  }
};

/// Whole numbers of answers. Inputs use Integer<lo, hi>.
template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
struct Codec<T> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::integer); }
  static void encode(Writer& out, T value) { out.integer(static_cast<std::int64_t>(value)); }
};
template <>
struct Codec<double> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::number); }
  static void encode(Writer& out, double value) { out.number(value); }
};
template <class T>
  requires std::is_same_v<T, std::string> || std::is_same_v<T, std::string_view>
struct Codec<T> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::text); }
  static void encode(Writer& out, std::string_view value) { out.text(value); }
};

template <std::int64_t Lo, std::int64_t Hi>
struct Codec<Integer<Lo, Hi>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::bounded_schema(Schema::Kind::integer, Lo, Hi); }
  static void encode(Writer& out, const Integer<Lo, Hi>& value) { out.integer(value); }
  static bool decode(const Input& in, Integer<Lo, Hi>& value) {
    const auto number = detail::integer_at(in);
    if (!number) return false;
    if (*number < Lo) in.issues->too_small(in.path, "number", Lo, {});
    else if (*number > Hi) in.issues->too_big(in.path, "number", Hi, {});
    else value = *number;
    return *number >= Lo && *number <= Hi;
  }
};
template <std::int64_t Lo, std::int64_t Hi>
struct Codec<Number<Lo, Hi>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::bounded_schema(Schema::Kind::number, Lo, Hi); }
  static void encode(Writer& out, const Number<Lo, Hi>& value) { out.number(value); }
  static bool decode(const Input& in, Number<Lo, Hi>& value) {
    const auto number = detail::number_at(in);
    if (!number) return false;
    if (*number < static_cast<double>(Lo)) in.issues->too_small(in.path, "number", Lo, {});
    else if (*number > static_cast<double>(Hi)) in.issues->too_big(in.path, "number", Hi, {});
    else value = *number;
    return *number >= static_cast<double>(Lo) && *number <= static_cast<double>(Hi);
  }
};

template <std::size_t Min, std::size_t Max>
struct Codec<Text<Min, Max>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() {
    return detail::bounded_schema(Schema::Kind::text, Min == 0 ? std::optional<std::int64_t>() : static_cast<std::int64_t>(Min), static_cast<std::int64_t>(Max));
  }
  static void encode(Writer& out, const Text<Min, Max>& value) { out.text(value); }
  static bool decode(const Input& in, Text<Min, Max>& value) {
    const auto* text = detail::string_at(in);
    if (text == nullptr) return false;
    auto made = Text<Min, Max>::make(std::string(*text));
    if (made) {
      value = std::move(*made);
      return true;
    }
    const std::string_view view(*text);
    if (view.find('\0') != std::string_view::npos) in.issues->custom(in.path, "Invalid input: text must not contain U+0000");
    else if (utf16_length(view) < Min) in.issues->too_small(in.path, "string", static_cast<std::int64_t>(Min), "characters");
    else in.issues->too_big(in.path, "string", static_cast<std::int64_t>(Max), "characters");
    return false;
  }
};

template <>
struct Codec<Email> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::bounded_schema(Schema::Kind::text, {}, 254, "email"); }
  static void encode(Writer& out, const Email& value) { out.text(value.str()); }
  static bool decode(const Input& in, Email& value) {
    const auto* text = detail::string_at(in);
    if (text == nullptr) return false;
    auto made = Email::make(std::string_view(*text));
    if (!made) in.issues->bad_format(in.path, "email", "email address");
    else value = std::move(*made);
    return made.has_value();
  }
};
template <>
struct Codec<Url> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::bounded_schema(Schema::Kind::text, {}, 2048, "url"); }
  static void encode(Writer& out, const Url& value) { out.text(value.str()); }
  static bool decode(const Input& in, Url& value) {
    const auto* text = detail::string_at(in);
    if (text == nullptr) return false;
    auto made = Url::make(std::string_view(*text));
    if (!made) in.issues->bad_format(in.path, "url", "URL");
    else value = std::move(*made);
    return made.has_value();
  }
};
template <>
struct Codec<Uuid> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::bounded_schema(Schema::Kind::text, {}, {}, "uuid"); }
  static void encode(Writer& out, const Uuid& value) { out.text(value.to_string()); }
  static bool decode(const Input& in, Uuid& value) {
    const auto* text = detail::string_at(in);
    if (text == nullptr) return false;
    const auto made = Uuid::parse(std::string_view(*text));
    if (!made) in.issues->bad_format(in.path, "uuid", "UUID");
    else value = *made;
    return made.has_value();
  }
};
template <class Tag>
struct Codec<Id<Tag>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return Codec<Uuid>::schema(); }
  static void encode(Writer& out, const Id<Tag>& value) { Codec<Uuid>::encode(out, value.uuid()); }
  static bool decode(const Input& in, Id<Tag>& value) {
    Uuid uuid;
    if (!Codec<Uuid>::decode(in, uuid)) return false;
    value = Id<Tag>(uuid);
    return true;
  }
};

template <>
struct Codec<Timestamp> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::date); }
  static void encode(Writer& out, const Timestamp& value) { out.date(value); }
  static bool decode(const Input& in, Timestamp& value) {
    const auto date = detail::date_at(in);
    if (date) value = *date;
    return date.has_value();
  }
};
template <>
struct Codec<BigInt> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::bigint); }
  static void encode(Writer& out, const BigInt& value) {
    out.text(value.digits);
    out.tag(Tag::bigint);
  }
  static bool decode(const Input& in, BigInt& value) {
    // Plain JSON has no meta: there the digits are told by their type alone.
    const auto* text = in.value == nullptr ? nullptr : in.value->if_string();
    auto made = text != nullptr && (in.tag() == Tag::bigint || in.envelope->is_plain()) ? BigInt::make(*text) : std::optional<BigInt>();
    if (!made)
      in.issues->wrong_type(in.path, "bigint", in.received());
    else
      value = std::move(*made);
    return made.has_value();
  }
};

template <detail::DescribedEnum E>
struct Codec<E> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() {
    auto schema = std::make_shared<Schema>();
    schema->kind = Schema::Kind::enumeration;
    schema->values = enum_texts<E>();
    return schema;
  }
  static void encode(Writer& out, E value) { out.text(enum_text(value)); }
  static bool decode(const Input& in, E& value) {
    const auto* plain = in.plain();
    const auto found = plain != nullptr && plain->is_string() ? enum_value<E>(plain->get_string()) : std::optional<E>();
    if (!found) in.issues->not_one_of(in.path, enum_texts<E>());
    else value = *found;
    return found.has_value();
  }
};

/// A member that may be absent.
template <class T>
struct Codec<std::optional<T>> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return schema_of<T>(); }
  static void encode(Writer& out, const std::optional<T>& value) {
    if (value) Codec<T>::encode(out, *value);
    else out.null();
  }
  static bool decode(const Input& in, std::optional<T>& value) { return Codec<T>::decode(in, value.emplace()); }
};
template <class T>
struct Codec<Nullable<T>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::nullable, {schema_of<T>()}); }
  static void encode(Writer& out, const Nullable<T>& value) {
    if (value.has_value()) Codec<T>::encode(out, *value);
    else out.null();
  }
  static bool decode(const Input& in, Nullable<T>& value) {
    if (const auto* plain = in.plain(); plain != nullptr && plain->is_null()) {
      value.reset();
      return true;
    }
    return Codec<T>::decode(in, value.emplace());
  }
};
template <class T>
struct Codec<Patch<T>> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::nullable, {schema_of<T>()}); }
  static bool decode(const Input& in, Patch<T>& value) {
    if (const auto* plain = in.plain(); plain != nullptr && plain->is_null()) {
      value = Patch<T>::cleared();
      return true;
    }
    T given{};
    if (!Codec<T>::decode(in, given)) return false;
    value = Patch<T>::set(std::move(given));
    return true;
  }
};
template <class T>
struct Codec<Required<T>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return schema_of<T>(); }
  static void encode(Writer& out, const Required<T>& value) { Codec<T>::encode(out, value.value); }
  static bool decode(const Input& in, Required<T>& value) { return Codec<T>::decode(in, value.value); }
};
template <class T>
struct Codec<Secret<T>> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return schema_of<T>(); }
  static bool decode(const Input& in, Secret<T>& value) { return Codec<T>::decode(in, value.value); }
};
template <class T>
struct Codec<BareOrId<T>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() {
    auto object = std::make_shared<Schema>();
    object->kind = Schema::Kind::object;
    object->members.push_back({.name = "id", .schema = schema_of<T>()});
    return detail::wrapped_schema(Schema::Kind::either, {object, schema_of<T>()});
  }
  static bool decode(const Input& in, BareOrId<T>& value) {
    if (const auto* plain = in.plain(); plain != nullptr && plain->is_object()) {
      const auto* id = plain->get_object().if_contains("id");
      const Path step{in.path, "id"};
      return Codec<T>::decode(in.at(id, step), value.value);
    }
    return Codec<T>::decode(in, value.value);
  }
};

template <class T>
struct Codec<BareOr<T>> {
  using Id = std::remove_cvref_t<decltype(T::id)>;
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::either, {schema_of<T>(), schema_of<Id>()}); }
  static bool decode(const Input& in, BareOr<T>& value) {
    if (const auto* plain = in.plain(); plain != nullptr && plain->is_object()) return Codec<T>::decode(in, value.value);
    return Codec<Id>::decode(in, value.value.id);
  }
};

/// Lists of answers. Inputs use List<T, min, max>.
template <class T>
struct Codec<std::vector<T>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::list, {schema_of<T>()}); }
  static void encode(Writer& out, const std::vector<T>& value) {
    out.json += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      out.begin_element(i);
      Codec<T>::encode(out, value[i]);
      out.end_element();
    }
    out.json += ']';
  }
};
template <class T, std::size_t Min, std::size_t Max>
struct Codec<List<T, Min, Max>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() {
    return detail::wrapped_schema(Schema::Kind::list, {schema_of<T>()}, Min == 0 ? std::optional<std::int64_t>() : static_cast<std::int64_t>(Min),
                                  static_cast<std::int64_t>(Max));
  }
  static void encode(Writer& out, const List<T, Min, Max>& value) { Codec<std::vector<T>>::encode(out, value); }
  static bool decode(const Input& in, List<T, Min, Max>& value) {
    const auto* array = detail::array_at(in);
    if (array == nullptr) return false;
    if (array->size() < Min) in.issues->too_small(in.path, "array", static_cast<std::int64_t>(Min), "items");
    if (array->size() > Max) {
      in.issues->too_big(in.path, "array", static_cast<std::int64_t>(Max), "items");
      return false;
    }
    value.clear();
    value.reserve(array->size());
    bool good = array->size() >= Min;
    for (std::size_t i = 0; i < array->size(); ++i) {
      const Path step{in.path, {}, i};
      good &= Codec<T>::decode(in.at(&(*array)[i], step), value.emplace_back());
    }
    return good;
  }
};
template <class T, std::size_t Max>
struct Codec<Set<T, Max>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::set, {schema_of<T>()}, {}, static_cast<std::int64_t>(Max)); }
  static void encode(Writer& out, const Set<T, Max>& value) {
    out.json += '[';
    std::size_t i = 0;
    for (const auto& item : value) {
      out.begin_element(i++);
      Codec<T>::encode(out, item);
      out.end_element();
    }
    out.json += ']';
    out.tag(Tag::set);
  }
  static bool decode(const Input& in, Set<T, Max>& value) {
    const auto* items = in.value == nullptr ? nullptr : in.value->if_array();
    if (items == nullptr || (in.tag() != Tag::set && !in.envelope->is_plain())) {
      in.issues->wrong_type(in.path, "set", in.received());
      return false;
    }
    const auto& array = *items;
    if (array.size() > Max) {
      in.issues->too_big(in.path, "set", static_cast<std::int64_t>(Max), "items");
      return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < array.size(); ++i) {
      const Path step{in.path, {}, i};
      T item{};
      if (Codec<T>::decode(in.at(&array[i], step), item)) value.insert(std::move(item));
      else good = false;
    }
    return good;
  }
};
template <class K, class V, std::size_t Max>
struct Codec<Map<K, V, Max>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::map, {schema_of<K>(), schema_of<V>()}, {}, static_cast<std::int64_t>(Max)); }
  static void encode(Writer& out, const Map<K, V, Max>& value) {
    out.json += '[';
    std::size_t i = 0;
    for (const auto& [key, item] : value) {
      out.begin_element(i++);
      out.json += '[';
      out.begin_element(0);
      Codec<K>::encode(out, key);
      out.end_element();
      out.begin_element(1);
      Codec<V>::encode(out, item);
      out.end_element();
      out.json += ']';
      out.end_element();
    }
    out.json += ']';
    out.tag(Tag::map);
  }
  static bool decode(const Input& in, Map<K, V, Max>& value) {
    const auto* items = in.value == nullptr ? nullptr : in.value->if_array();
    if (items == nullptr || (in.tag() != Tag::map && !in.envelope->is_plain())) {
      in.issues->wrong_type(in.path, "map", in.received());
      return false;
    }
    const auto& array = *items;
    if (array.size() > Max) {
      in.issues->too_big(in.path, "map", static_cast<std::int64_t>(Max), "items");
      return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < array.size(); ++i) {
      const Path entry{in.path, {}, i};
      const Path first{&entry, {}, 0};
      const Path second{&entry, {}, 1};
      K key{};
      V item{};
      // Judged when the meta was resolved; plain JSON has none.
      if (!array[i].is_array() || array[i].get_array().size() != 2) {
        in.issues->wrong_type(&entry, "tuple", in.at(&array[i], entry).received());
        good = false;
        continue;
      }
      const auto& pair = array[i].get_array();
      const bool key_good = Codec<K>::decode(in.at(&pair[0], first), key);
      const bool both = Codec<V>::decode(in.at(&pair[1], second), item) && key_good;
      if (both) value.insert_or_assign(std::move(key), std::move(item));
      good &= both;
    }
    return good;
  }
};
/// An object with free keys.
template <class T>
struct Codec<std::map<std::string, T>> {
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() { return detail::wrapped_schema(Schema::Kind::record, {schema_of<T>()}); }
  static void encode(Writer& out, const std::map<std::string, T>& value) {
    out.begin_object();
    bool first = true;
    for (const auto& [key, item] : value) {
      out.begin_free_member(first, key);
      Codec<T>::encode(out, item);
      out.end_member();
    }
    out.end_object();
  }
};

template <std::size_t MaxBytes, std::size_t MaxDepth, bool ObjectOnly>
struct Codec<Json<MaxBytes, MaxDepth, ObjectOnly>> {
  using Value = Json<MaxBytes, MaxDepth, ObjectOnly>;
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() {
    auto schema = std::make_shared<Schema>();
    schema->kind = Schema::Kind::any;
    schema->object_only = ObjectOnly;
    schema->max = static_cast<std::int64_t>(MaxBytes);
    return schema;
  }
  static void encode(Writer& out, const Value& value) { out.raw(value.text); }
  static bool decode(const Input& in, Value& value) {
    auto text = detail::free_json_at(in, MaxBytes, MaxDepth, ObjectOnly);
    if (text) value.text = std::move(*text);
    return text.has_value();
  }
};

/// One of several structs, told apart by a member: each has `static constexpr std::string_view kTagName = "mode", kTag = "window";`.
template <class... Ts>
struct Codec<std::variant<Ts...>> {
  using Value = std::variant<Ts...>;
  using First = std::tuple_element_t<0, std::tuple<Ts...>>;
  static constexpr bool kDefaults = false;
  static SchemaPtr schema() {
    auto schema = std::make_shared<Schema>();
    schema->kind = Schema::Kind::either;
    schema->discriminator = First::kTagName;
    (schema->items.push_back(branch<Ts>()), ...);
    return schema;
  }
  static void encode(Writer& out, const Value& value) {
    std::visit([&](const auto& branch) { Codec<std::remove_cvref_t<decltype(branch)>>::encode(out, branch); }, value);
  }
  static bool decode(const Input& in, Value& value) {
    const auto* object = detail::object_at(in);
    if (object == nullptr) return false;
    const auto* tag = object->if_contains(First::kTagName);
    bool matched = false;
    bool good = false;
    const auto attempt = [&]<class T>() {
      if (matched || tag == nullptr || !tag->is_string() || std::string_view(tag->get_string()) != T::kTag) return;
      matched = true;
      good = Codec<T>::decode(in, value.template emplace<T>());
    };
    (attempt.template operator()<Ts>(), ...);
    if (!matched) in.issues->no_union_branch(in.path, First::kTagName, {std::string(Ts::kTag)...});
    return matched && good;
  }

 private:
  template <class T>
  static SchemaPtr branch() {
    auto copy = std::make_shared<Schema>(*schema_of<T>());
    auto tag = std::make_shared<Schema>();
    tag->kind = Schema::Kind::enumeration;
    tag->values = {std::string(T::kTag)};
    copy->members.insert(copy->members.begin(), Schema::Member{.name = std::string(T::kTagName), .schema = tag});
    return copy;
  }
};

/// Something about a member that forms want to know: `static std::vector<rpc::Hint> hints() { return {{.member = "url", .label = "URL"}}; }`
struct Hint {
  std::string member;  ///< its C++ name
  std::string label;
  std::string help;
  std::vector<std::pair<std::string, std::string>> extra;  ///< extension members: name, JSON text
};

namespace detail {
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_secret = false;
template <class T>
inline constexpr bool is_secret<Secret<T>> = true;
template <class T>
inline constexpr bool is_secret<std::optional<Secret<T>>> = true;
template <class T>
inline constexpr bool is_patch = false;
template <class T>
inline constexpr bool is_patch<Patch<T>> = true;
/// A struct that takes no members but its own says so: `static constexpr bool kStrict = true;`. Others drop what they do not know, as clients expect.
template <class T>
inline constexpr bool is_strict = [] {
  if constexpr (requires { T::kStrict; })
    return T::kStrict;
  else
    return false;
}();
template <class T>
bool only_members_of(const Input& in, const boost::json::object& object) {
  std::vector<std::string> strangers;
  for (const auto& member : object) {
    bool known = false;
    if constexpr (requires { T::kTagName; }) known = std::string_view(member.key()) == T::kTagName;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto d) { known = known || kCamelName<decltype(d)>.view() == std::string_view(member.key()); });
    if (!known) strangers.emplace_back(member.key());
  }
  if (!strangers.empty()) in.issues->strangers(in.path, strangers);
  return strangers.empty();
}
/// Whether a member of this type can have a default at all.
template <class T>
concept MayDefault = Codec<T>::kDefaults || requires(const T& value) { value.is_set(); };
template <class T>
concept Encodable = requires(Writer& out, const T& value) { Codec<T>::encode(out, value); };
}  // namespace detail

template <detail::Described T>
struct Codec<T> {
  using Members = detail::MembersOf<T>;
  static_assert(boost::mp11::mp_size<Members>::value <= 50, "Boost.Describe silently ends at 52 members: split the struct");
  static constexpr bool kDefaults = false;

  static SchemaPtr schema() {
    auto schema = std::make_shared<Schema>();
    schema->kind = Schema::Kind::object;
    schema->strict = detail::is_strict<T>;
    const T defaults{};
    boost::mp11::mp_for_each<Members>([&](auto d) {
      using Member = std::remove_cvref_t<decltype(defaults.*d.pointer)>;
      Schema::Member member;
      member.name = detail::kCamelName<decltype(d)>.view();
      member.schema = schema_of<Member>();
      member.secret = detail::is_secret<Member>;
      member.required = !detail::has_default(defaults.*d.pointer);
      if constexpr (detail::MayDefault<Member> && detail::Encodable<Member> && !detail::is_optional<Member>) {
        if (!member.required) member.fallback = to_json(defaults.*d.pointer);
      }
      if constexpr (requires { T::hints(); }) {
        for (const Hint& hint : T::hints()) {
          if (hint.member != d.name) continue;
          member.label = hint.label;
          member.help = hint.help;
          member.hints = hint.extra;
        }
      }
      schema->members.push_back(std::move(member));
    });
    return schema;
  }

  static void encode(Writer& out, const T& value) {
    out.begin_object();
    bool first = true;
    if constexpr (requires { T::kTagName; }) {
      out.begin_member(first, T::kTagName);
      out.text(T::kTag);
      out.end_member();
    }
    boost::mp11::mp_for_each<Members>([&](auto d) {
      using Member = std::remove_cvref_t<decltype(value.*d.pointer)>;
      static_assert(!detail::is_patch<Member>, "a Patch is for inputs");
      if constexpr (detail::is_secret<Member>) {
        return;  // a secret never leaves
      } else {
        if constexpr (detail::is_optional<Member>) {
          if (!(value.*d.pointer)) return;
        }
        out.begin_member(first, detail::kCamelName<decltype(d)>.view());
        Codec<Member>::encode(out, value.*d.pointer);
        out.end_member();
      }
    });
    out.end_object();
  }

  static bool decode(const Input& in, T& value) {
    const auto* object = detail::object_at(in);
    if (object == nullptr) return false;
    bool good = true;
    if constexpr (detail::is_strict<T>) good = detail::only_members_of<T>(in, *object);
    boost::mp11::mp_for_each<Members>([&](auto d) {
      using Member = std::remove_cvref_t<decltype(value.*d.pointer)>;
      constexpr std::string_view name = detail::kCamelName<decltype(d)>.view();
      const auto* child = object->if_contains(name);
      // A member tagged undefined is one that was not given.
      if (child != nullptr && in.envelope->tag(child) == Tag::undefined) child = nullptr;
      if (child == nullptr && detail::has_default(value.*d.pointer)) return;
      const Path step{in.path, name};
      good &= Codec<Member>::decode(in.at(child, step), value.*d.pointer);
    });
    return good;
  }
};

}  // namespace watchbell::rpc
