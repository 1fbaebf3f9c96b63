#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/text.hpp"

namespace watchbell {

/// Values whose bound stands in the type, so that a contract says it once. Each is made through `make`, which gives nothing when the
/// bound is broken; the contract layer turns that into an issue. Default-constructed they are *unset* (`is_set()` is false): that is how the
/// contract layer knows a required member from one whose initializer gives it a default. All of them are values, Immutable but for assignment.

/// UTF-8 text without U+0000 of Min to Max UTF-16 code units (the unit browsers count in).
template <std::size_t Min, std::size_t Max>
class Text {
 public:
  static_assert(Min <= Max);
  static constexpr std::size_t kMin = Min;
  static constexpr std::size_t kMax = Max;
  Text() = default;
  bool is_set() const noexcept { return Min == 0 || !value_.empty(); }
  static std::optional<Text> make(std::string value) {
    if (!is_utf8(value) || value.find('\0') != std::string::npos) return std::nullopt;
    const std::size_t length = utf16_length(value);
    if (length < Min || length > Max) return std::nullopt;
    return Text(std::move(value));
  }
  /// For literals and values already judged. REQUIRES the bound; asserts it.
  static Text of(std::string value) {
    auto text = make(std::move(value));
    WATCHBELL_ASSERT(text.has_value());
    return std::move(*text);
  }
  const std::string& str() const& noexcept { return value_; }
  std::string str() && noexcept { return std::move(value_); }
  operator std::string_view() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }
  auto operator<=>(const Text&) const = default;

 private:
  explicit Text(std::string value) : value_(std::move(value)) {}
  std::string value_;
};

/// A whole number from Lo to Hi, both within what a double holds exactly.
template <std::int64_t Lo, std::int64_t Hi>
class Integer {
 public:
  static_assert(Lo <= Hi && Lo >= -9007199254740991 && Hi <= 9007199254740991);
  static constexpr std::int64_t kMin = Lo;
  static constexpr std::int64_t kMax = Hi;
  constexpr Integer() = default;
  constexpr bool is_set() const noexcept { return value_ != kUnset; }
  /// REQUIRES the bound; asserts it.
  constexpr Integer(std::int64_t value) : value_(value) { WATCHBELL_ASSERT(value >= Lo && value <= Hi); }
  static constexpr std::optional<Integer> make(std::int64_t value) {
    if (value < Lo || value > Hi) return std::nullopt;
    return Integer(value);
  }
  constexpr operator std::int64_t() const noexcept { return value_; }
  constexpr std::int64_t value() const noexcept { return value_; }

 private:
  static constexpr std::int64_t kUnset = INT64_MIN;
  std::int64_t value_ = kUnset;
};

/// A number from Lo to Hi, not necessarily whole; never NaN or infinite.
template <std::int64_t Lo, std::int64_t Hi>
class Number {
 public:
  static constexpr std::int64_t kMin = Lo;
  static constexpr std::int64_t kMax = Hi;
  constexpr Number() = default;
  constexpr bool is_set() const noexcept { return value_ == value_; }
  constexpr Number(double value) : value_(value) { WATCHBELL_ASSERT(value >= static_cast<double>(Lo) && value <= static_cast<double>(Hi)); }
  static constexpr std::optional<Number> make(double value) {
    if (!(value >= static_cast<double>(Lo) && value <= static_cast<double>(Hi))) return std::nullopt;
    return Number(value);
  }
  constexpr operator double() const noexcept { return value_; }

 private:
  double value_ = std::numeric_limits<double>::quiet_NaN();
};

/// A whole number of any size, as decimal text: optional '-', digits, at most 4096 of them, no leading zeros.
struct BigInt {
  std::string digits = "0";
  static std::optional<BigInt> make(std::string_view text) {
    std::string_view body = text;
    if (!body.empty() && body.front() == '-') body.remove_prefix(1);
    if (body.empty() || body.size() > 4096 || body.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    const auto nonzero = body.find_first_not_of('0');
    if (nonzero == std::string_view::npos) return BigInt{"0"};
    return BigInt{(text.front() == '-' ? "-" : "") + std::string(body.substr(nonzero))};
  }
  auto operator<=>(const BigInt&) const = default;
};

/// A mail address as people write it, at most 254 characters; trimmed and ASCII lower case (the canonical form).
class Email {
 public:
  Email() = default;
  bool is_set() const noexcept { return !value_.empty(); }
  static std::optional<Email> make(std::string_view text) {
    const std::string value = ascii_lower(trim(text));
    if (value.size() > 254 || !well_formed(value)) return std::nullopt;
    Email email;
    email.value_ = value;
    return email;
  }
  const std::string& str() const noexcept { return value_; }
  auto operator<=>(const Email&) const = default;

 private:
  // Local part: letters, digits and _ ' + - . without leading, trailing or doubled dots. Domain: labels of letters, digits, inner hyphens, and
  // a last label of two or more letters. This is the form clients of the wire check too.
  static bool well_formed(std::string_view text) noexcept {
    const auto at = text.find('@');
    if (at == std::string_view::npos || at == 0 || text.find('@', at + 1) != std::string_view::npos) return false;
    const auto local = text.substr(0, at);
    const auto domain = text.substr(at + 1);
    const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto alnum = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
    if (local.front() == '.' || local.back() == '.' || local.back() == '\'' || local.find("..") != std::string_view::npos) return false;
    for (const char c : local)
      if (!alnum(c) && c != '_' && c != '\'' && c != '+' && c != '-' && c != '.') return false;
    std::size_t start = 0;
    std::size_t labels = 0;
    std::string_view last;
    while (start <= domain.size()) {
      const auto dot = std::min(domain.find('.', start), domain.size());
      last = domain.substr(start, dot - start);
      if (last.empty() || last.size() > 63 || !alnum(last.front())) return false;
      for (const char c : last)
        if (!alnum(c) && c != '-') return false;
      ++labels;
      start = dot + 1;
    }
    if (labels < 2 || last.size() < 2) return false;
    for (const char c : last)
      if (!letter(c)) return false;
    return true;
  }
  std::string value_;
};

/// An absolute http or https URL of at most 2048 characters with a host and without blanks or control characters.
class Url {
 public:
  Url() = default;
  bool is_set() const noexcept { return !value_.empty(); }
  static std::optional<Url> make(std::string_view text) {
    if (text.size() > 2048 || !is_utf8(text)) return std::nullopt;
    const std::string scheme = ascii_lower(text.substr(0, std::min<std::size_t>(8, text.size())));
    std::size_t host = 0;
    if (scheme.starts_with("https://")) host = 8;
    else if (scheme.starts_with("http://")) host = 7;
    else return std::nullopt;
    if (text.size() <= host || text[host] == '/' || text[host] == '?' || text[host] == '#') return std::nullopt;
    for (const char c : text)
      if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\') return std::nullopt;
    Url url;
    url.value_ = std::string(text);
    return url;
  }
  const std::string& str() const noexcept { return value_; }
  auto operator<=>(const Url&) const = default;

 private:
  std::string value_;
};

/// A list of Min to Max elements.
template <class T, std::size_t Min, std::size_t Max>
struct List : std::vector<T> {
  using std::vector<T>::vector;
  List() = default;
  List(std::vector<T> items) : std::vector<T>(std::move(items)) {}
  static constexpr std::size_t kMin = Min;
  static constexpr std::size_t kMax = Max;
};

/// Free-form JSON, kept as its canonical text (no blanks), bounded in encoded bytes and nesting. `object_only` refuses other values.
template <std::size_t MaxBytes, std::size_t MaxDepth, bool ObjectOnly = true>
struct Json {
  static constexpr std::size_t kMaxBytes = MaxBytes;
  static constexpr std::size_t kMaxDepth = MaxDepth;
  static constexpr bool kObjectOnly = ObjectOnly;
  std::string text = ObjectOnly ? "{}" : "null";
  bool operator==(const Json&) const = default;
};

/// A member that must be given although its type has a default value: `Required<bool> enabled;`.
template <class T>
struct Required {
  T value{};
  operator const T&() const noexcept { return value; }
};

/// `T | null`: always present, maybe null. (std::optional<T> is a member that may be absent.)
template <class T>
struct Nullable : std::optional<T> {
  using std::optional<T>::optional;
  Nullable(std::optional<T> value) : std::optional<T>(std::move(value)) {}
};

/// A set of at most Max distinct elements; travels as a set, not as a list.
template <class T, std::size_t Max>
struct Set : std::set<T> {
  using std::set<T>::set;
  static constexpr std::size_t kMax = Max;
};

/// A map of at most Max entries with keys of any type; travels as a map, not as an object.
template <class K, class V, std::size_t Max>
struct Map : std::map<K, V> {
  using std::map<K, V>::map;
  static constexpr std::size_t kMax = Max;
};

/// A secret text: taken in, never given out. Empty or absent keeps a stored one.
template <class T>
struct Secret {
  T value{};
};

/// A member of an update: absent keeps, null clears, a value sets.
template <class T>
class Patch {
 public:
  Patch() = default;
  static Patch cleared() {
    Patch patch;
    patch.state_ = State::cleared;
    return patch;
  }
  static Patch set(T value) {
    Patch patch;
    patch.state_ = State::set;
    patch.value_ = std::move(value);
    return patch;
  }
  bool keeps() const noexcept { return state_ == State::keeps; }
  bool clears() const noexcept { return state_ == State::cleared; }
  bool sets() const noexcept { return state_ == State::set; }
  /// REQUIRES sets().
  const T& value() const {
    WATCHBELL_ASSERT(sets());
    return *value_;
  }
  /// Applies the patch to a stored optional value.
  template <class U>
  void apply(std::optional<U>& stored) const {
    if (clears()) stored.reset();
    if (sets()) stored = U(*value_);
  }

 private:
  enum class State { keeps, cleared, set };
  State state_ = State::keeps;
  std::optional<T> value_;
};

}  // namespace watchbell
