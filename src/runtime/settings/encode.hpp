#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/rpc/codec.hpp"

/// Described values as plain JSON with their secrets in it, on the way to being sealed. The contract's encoder never writes a secret, and is to
/// stay unable to; hence this one of our own.
namespace watchbell::settings::detail {

template <class T>
struct Clear {
  static void write(rpc::Writer& out, const T& value) { rpc::Codec<T>::encode(out, value); }
};

template <class T>
struct Clear<Secret<T>> {
  static void write(rpc::Writer& out, const Secret<T>& value) { Clear<T>::write(out, value.value); }
};
template <class T>
struct Clear<Required<T>> {
  static void write(rpc::Writer& out, const Required<T>& value) { Clear<T>::write(out, value.value); }
};
template <class T>
struct Clear<std::optional<T>> {
  static void write(rpc::Writer& out, const std::optional<T>& value) {
    if (value) Clear<T>::write(out, *value);
    else out.null();
  }
};
template <class T>
struct Clear<Nullable<T>> {
  static void write(rpc::Writer& out, const Nullable<T>& value) { Clear<std::optional<T>>::write(out, value); }
};
template <class T>
struct Clear<std::vector<T>> {
  static void write(rpc::Writer& out, const std::vector<T>& value) {
    out.json += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      out.begin_element(i);
      Clear<T>::write(out, value[i]);
      out.end_element();
    }
    out.json += ']';
  }
};
template <class T, std::size_t Min, std::size_t Max>
struct Clear<List<T, Min, Max>> : Clear<std::vector<T>> {};
template <class T>
struct Clear<std::map<std::string, T>> {
  static void write(rpc::Writer& out, const std::map<std::string, T>& value) {
    out.begin_object();
    bool first = true;
    for (const auto& [key, item] : value) {
      out.begin_free_member(first, key);
      Clear<T>::write(out, item);
      out.end_member();
    }
    out.end_object();
  }
};
template <class... T>
struct Clear<std::variant<T...>> {
  static void write(rpc::Writer& out, const std::variant<T...>& value) {
    std::visit([&](const auto& branch) { Clear<std::remove_cvref_t<decltype(branch)>>::write(out, branch); }, value);
  }
};
template <rpc::detail::Described T>
struct Clear<T> {
  static void write(rpc::Writer& out, const T& value) {
    out.begin_object();
    bool first = true;
    if constexpr (requires { T::kTagName; }) {
      out.begin_member(first, T::kTagName);
      out.text(T::kTag);
      out.end_member();
    }
    boost::mp11::mp_for_each<rpc::detail::MembersOf<T>>([&](auto d) {
      using Member = std::remove_cvref_t<decltype(value.*d.pointer)>;
      if constexpr (rpc::detail::is_optional<Member>) {
        if (!(value.*d.pointer)) return;
      }
      out.begin_member(first, rpc::detail::kCamelName<decltype(d)>.view());
      Clear<Member>::write(out, value.*d.pointer);
      out.end_member();
    });
    out.end_object();
  }
};

template <class T>
std::string clear_json(const T& value) {
  rpc::Writer out;
  Clear<T>::write(out, value);
  return std::move(out.json);
}

}  // namespace watchbell::settings::detail
