#pragma once

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "runtime/access/objects.hpp"
#include "runtime/access/requirement.hpp"
#include "runtime/rpc/codec.hpp"

/// Members of described inputs and answers by their wire names, for the stages that judge objects: which ids an input names, which elements of an answer
/// are kept.
namespace watchbell::rpc {

/// The objects an input names, as far as they could be told. Ids are those that were decoded, never text that was not judged.
struct Named {
  std::optional<std::vector<std::string>> ids;
  std::optional<std::string> type;  ///< of object_ref
};

namespace detail {

/// What is inside std::optional, Nullable, Required and BareOr.
template <class T>
struct Unwrapped {
  using Type = T;
};
template <class T>
struct Unwrapped<std::optional<T>> : Unwrapped<T> {};
template <class T>
struct Unwrapped<Nullable<T>> : Unwrapped<T> {};
template <class T>
struct Unwrapped<Required<T>> : Unwrapped<T> {};
template <class T>
inline constexpr bool is_bare_or_id = false;
template <class T>
inline constexpr bool is_bare_or_id<BareOrId<T>> = true;
template <class T>
struct Unwrapped<BareOr<T>> : Unwrapped<T> {};
/// Wrappers whose content is their member `value`.
template <class T>
inline constexpr bool holds_value = false;
template <class T>
inline constexpr bool holds_value<Required<T>> = true;
template <class T>
inline constexpr bool holds_value<BareOr<T>> = true;

inline std::pair<std::string_view, std::string_view> first_step(std::string_view path) {
  const auto dot = path.find('.');
  return {path.substr(0, dot), dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1)};
}

/// Calls f(found) with what stands at a dotted path, wrappers taken off. False when nothing does.
template <class T, class F>
bool visit_at(T& value, std::string_view path, F f) {
  using Bare = std::remove_const_t<T>;
  if constexpr (std::derived_from<Bare, std::optional<typename Unwrapped<Bare>::Type>>) {
    return value.has_value() && visit_at(*value, path, f);
  } else if constexpr (holds_value<Bare>) {
    return visit_at(value.value, path, f);
  } else if constexpr (is_bare_or_id<Bare>) {
    return (path.empty() || path == "id") && visit_at(value.value, {}, f);
  } else {
    if (path.empty()) {
      f(value);
      return true;
    }
    bool found = false;
    if constexpr (Described<Bare>) {
      const auto [name, rest] = first_step(path);
      boost::mp11::mp_for_each<MembersOf<Bare>>([&](auto d) {
        if (kCamelName<decltype(d)>.view() == name) found = visit_at(value.*d.pointer, rest, f);
      });
    }
    return found;
  }
}

/// The same for types alone: f.template operator()<Found>().
template <class T, class F>
bool visit_type_at(std::string_view path, F f) {
  using Bare = typename Unwrapped<T>::Type;
  if constexpr (is_bare_or_id<Bare>) {
    if (!path.empty() && path != "id") return false;
    f.template operator()<decltype(Bare::value)>();
    return true;
  } else {
    if (path.empty()) {
      f.template operator()<Bare>();
      return true;
    }
    bool found = false;
    if constexpr (Described<Bare>) {
      const auto [name, rest] = first_step(path);
      boost::mp11::mp_for_each<MembersOf<Bare>>([&](auto d) {
        using Member = std::remove_cvref_t<decltype(std::declval<Bare&>().*d.pointer)>;
        if (kCamelName<decltype(d)>.view() == name) found = visit_type_at<Member>(rest, f);
      });
    }
    return found;
  }
}

template <class T>
concept IdText = std::convertible_to<const T&, std::string_view>;
template <class T>
concept IdValue = std::equality_comparable<T> && std::default_initializable<T> && requires(const T& id) {
  { id.to_string() } -> std::same_as<std::string>;
};
template <class T>
concept Ided = IdText<T> || IdValue<T>;
template <class T>
concept ListOfIds = requires { typename T::value_type; } && std::derived_from<T, std::vector<typename T::value_type>> && Ided<typename T::value_type>;
template <class T>
concept ListOfObjects = requires { typename T::value_type; } && std::derived_from<T, std::vector<typename T::value_type>> &&
                        requires(const typename T::value_type& element) { requires Ided<std::remove_cvref_t<decltype(element.id)>>; };
template <class T>
concept RecordOfObjects = requires {
  typename T::mapped_type;
  requires std::derived_from<T, std::map<typename T::key_type, typename T::mapped_type>>;
  requires Ided<typename T::key_type>;
};

/// The id as text; "" for one that was not set, which names nothing.
template <Ided T>
std::string id_text(const T& id) {
  if constexpr (IdText<T>)
    return std::string(std::string_view(id));
  else
    return id == T() ? std::string() : id.to_string();
}

/// The ids at a path, or nothing when one of them could not be told.
template <class T>
std::optional<std::vector<std::string>> ids_at(const T& input, std::string_view path) {
  std::vector<std::string> ids;
  bool told = false;
  const auto add = [&](const auto& id) {
    ids.push_back(id_text(id));
    told = told && !ids.back().empty();
  };
  visit_at(input, path, [&](const auto& found) {
    using Found = std::remove_cvref_t<decltype(found)>;
    told = true;
    if constexpr (Ided<Found>)
      add(found);
    else if constexpr (ListOfIds<Found>)
      for (const auto& id : found) add(id);
    else
      told = false;
  });
  if (!told) return std::nullopt;
  return ids;
}

/// What an input names, as the scope says where.
template <class T>
Named named_by(const T& input, const access::Scope& scope) {
  Named named;
  using Mode = access::Scope::Mode;
  if (scope.mode != Mode::id && scope.mode != Mode::bulk && scope.mode != Mode::object_ref && (scope.mode != Mode::create || scope.member.empty()))
    return named;
  named.ids = ids_at(input, scope.member);
  if (scope.mode == Mode::object_ref)
    if (auto type = ids_at(input, scope.type_member); type && type->size() == 1) named.type = std::move(type->front());
  return named;
}

/// Takes out of the list of ids at a path those that are not `allowed`.
template <class T>
void keep_ids(T& input, std::string_view path, const access::Reach& allowed) {
  visit_at(input, path, [&](auto& found) {
    if constexpr (ListOfIds<std::remove_cvref_t<decltype(found)>>) std::erase_if(found, [&](const auto& id) { return !allowed.holds(id_text(id)); });
  });
}

/// Takes out of an answer the objects that are not seen.
template <class T>
void keep_seen(T& answer, const access::Scope& scope, const access::Reach& seen) {
  visit_at(answer, scope.member, [&](auto& found) {
    using Found = std::remove_cvref_t<decltype(found)>;
    if constexpr (ListOfObjects<Found>) {
      if (scope.mode == access::Scope::Mode::list) std::erase_if(found, [&](const auto& element) { return !seen.holds(id_text(element.id)); });
    } else if constexpr (RecordOfObjects<Found>) {
      if (scope.mode == access::Scope::Mode::record) std::erase_if(found, [&](const auto& entry) { return !seen.holds(id_text(entry.first)); });
    }
  });
}

/// Whether ids can be told from an input at a path; `list`: of them many.
template <class T>
bool names_ids(std::string_view path, bool list) {
  bool good = false;
  visit_type_at<T>(path, [&]<class Found>() { good = ListOfIds<Found> || (Ided<Found> && !list); });
  return good;
}

/// Whether an answer has at a path what the mode filters.
template <class T>
bool names_objects(std::string_view path, access::Scope::Mode mode) {
  bool good = false;
  visit_type_at<T>(path, [&]<class Found>() { good = mode == access::Scope::Mode::list ? ListOfObjects<Found> : RecordOfObjects<Found>; });
  return good;
}

}  // namespace detail
}  // namespace watchbell::rpc
