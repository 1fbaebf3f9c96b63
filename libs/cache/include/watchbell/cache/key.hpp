#pragma once

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace watchbell::cache {

namespace detail {

/// 64-bit hash of `bytes`, seeded anew in every process so that outsiders who choose ids cannot
/// choose collisions. Never stored or sent. Thread-safe.
std::uint64_t hash_bytes(std::string_view bytes) noexcept;

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                 !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept HasKeySegment = requires(const T& value) { key_segment(value); };

}  // namespace detail

/// One part of a key: any bytes, `std::nullopt` (absent) or `nullptr` (null), which all differ from each other and
/// from empty text. A number is its decimal text, so `Key("page", 2)` equals `Key("page", "2")`.
///
/// A type of your own becomes a segment through a function `key_segment(const T&)` found by argument-dependent
/// look-up that returns a view into the value, a reference to a string, or a number.
///
/// A view: valid as long as what it was made from. Only meant as an argument.
class Segment {
 public:
  template <class Text>
    requires(std::convertible_to<const Text&, std::string_view> && !detail::HasKeySegment<Text>)
  Segment(const Text& text) : view_(static_cast<std::string_view>(text)) {}  // NOLINT(google-explicit-constructor)

  template <detail::Number T>
  Segment(T number) : kind_(Kind::number) {  // NOLINT(google-explicit-constructor)
    const auto written = std::to_chars(digits_, digits_ + sizeof digits_, number);
    digit_count_ = static_cast<std::uint8_t>(written.ptr - digits_);
  }

  Segment(std::nullopt_t) : kind_(Kind::absent) {}  // NOLINT(google-explicit-constructor)
  Segment(std::nullptr_t) : kind_(Kind::null) {}    // NOLINT(google-explicit-constructor)

  template <class T>
    requires std::convertible_to<const T&, Segment>
  Segment(const std::optional<T>& value)  // NOLINT(google-explicit-constructor)
      : Segment(value ? Segment(*value) : Segment(std::nullopt)) {}

  template <detail::HasKeySegment T>
  Segment(const T& value) : Segment(key_segment(value)) {  // NOLINT(google-explicit-constructor)
    using Returned = decltype(key_segment(value));
    static_assert(std::is_reference_v<Returned> || std::same_as<Returned, std::string_view> || std::integral<Returned>,
                  "key_segment() must not return a string by value: the segment is a view");
  }

  /// Appends the length-safe form: a variable-length number (0 absent, 1 null, else length + 2), then the bytes.
  /// No list of segments has an encoding that begins with that of another list except the list it extends.
  void append_to(std::string& encoded) const;

 private:
  enum class Kind : std::uint8_t { text, number, absent, null };

  std::string_view view_;
  char digits_[20] = {};
  std::uint8_t digit_count_ = 0;
  Kind kind_ = Kind::text;
};

namespace detail {

/// An encoded list of segments and its hash; what keys and families have in common. Immutable.
class Path {
 public:
  /// Encoded bytes; equal exactly when the lists of segments are equal.
  std::string_view encoded() const noexcept { return encoded_; }
  std::uint64_t hash() const noexcept { return hash_; }

 protected:
  Path() : hash_(hash_bytes({})) {}
  explicit Path(std::string encoded) : encoded_(std::move(encoded)), hash_(hash_bytes(encoded_)) {}

  template <class... Segments>
  static std::string encode(std::string_view leading, const Segments&... segments) {
    std::string encoded(leading);
    (Segment(segments).append_to(encoded), ...);
    return encoded;
  }

 private:
  std::string encoded_;
  std::uint64_t hash_;
};

/// Walks the segments of an encoded path without decoding their text. The path must outlive it.
class SegmentReader {
 public:
  explicit SegmentReader(std::string_view encoded) noexcept : rest_(encoded) {}

  bool at_end() const noexcept { return rest_.empty(); }
  /// The next segment in its encoded form. REQUIRES: !at_end().
  std::string_view next() noexcept;

 private:
  std::string_view rest_;
};

template <class T>
concept SegmentLike = std::convertible_to<const T&, Segment>;

}  // namespace detail

/// Names one cached value within a scope: a list of one or more segments, with its hash computed once.
///
/// Injective: two keys are equal exactly when their lists of segments are equal, whatever bytes the segments hold, so
/// ids that come from outside may be used as they are. A value type: keep a key that is used often, it holds its hash.
/// Keys are listed to administrators and written to shared providers; put no secret and no personal data in one.
/// Immutable. Making one allocates when the encoded form is longer than 15 bytes.
class Key : public detail::Path {
 public:
  template <detail::SegmentLike... Segments>
    requires(sizeof...(Segments) > 0)
  explicit Key(const Segments&... segments) : Path(encode({}, segments...)) {}

  friend bool operator==(const Key& a, const Key& b) noexcept {
    return a.hash() == b.hash() && a.encoded() == b.encoded();
  }

 private:
  friend class Family;
  friend class KeyBuilder;
  struct Encoded {
    std::string bytes;
  };
  explicit Key(Encoded encoded) : Path(std::move(encoded.bytes)) {}
};

/// All keys of a scope that begin with the same segments, the key of exactly these segments included.
///
/// Membership is by segment, never by text: `Family("system", "1")` holds `Key("system", "1")` and
/// `Key("system", "1", "views")`, not `Key("system", "10")`. `Family()` holds every key of the scope. Immutable.
class Family : public detail::Path {
 public:
  Family() = default;

  template <detail::SegmentLike... Segments>
    requires(sizeof...(Segments) > 0)
  explicit Family(const Segments&... segments) : Path(encode({}, segments...)) {}

  /// The key made of this family's segments and the further ones.
  template <detail::SegmentLike... Segments>
    requires(sizeof...(Segments) > 0)
  Key key(const Segments&... further) const {
    return Key(Key::Encoded{encode(encoded(), further...)});
  }

  /// The smaller family made of this family's segments and the further ones.
  template <detail::SegmentLike... Segments>
  Family family(const Segments&... further) const {
    return Family(Encoded{encode(encoded(), further...)});
  }

  friend bool operator==(const Family& a, const Family& b) noexcept {
    return a.hash() == b.hash() && a.encoded() == b.encoded();
  }

 private:
  friend class KeyBuilder;
  struct Encoded {
    std::string bytes;
  };
  explicit Family(Encoded encoded) : Path(std::move(encoded.bytes)) {}
};

/// Makes a key or a family whose number of segments is known only when the program runs, such as canonical filters:
/// add every filter in one fixed order, absent ones as `std::nullopt`. Not for use from two threads at once.
class KeyBuilder {
 public:
  KeyBuilder() = default;
  explicit KeyBuilder(const Family& leading) : encoded_(leading.encoded()) {}

  KeyBuilder& add(const Segment& segment) {
    segment.append_to(encoded_);
    return *this;
  }

  /// REQUIRES: at least one segment was added, here or in the leading family.
  Key key() const;
  Family family() const { return Family(Family::Encoded{encoded_}); }

 private:
  std::string encoded_;
};

}  // namespace watchbell::cache
