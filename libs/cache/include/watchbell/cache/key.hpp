#pragma once

#include <watchbell/cache/detail/bytes.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace watchbell::cache {

namespace detail {

/// Hash of a list of segments that begins with those of hash `before` (0: none) and ends with one of this mark (see
/// `Segment`) and text. Seeded anew in every process so that outsiders who choose ids cannot choose collisions. Never
/// stored or sent. Thread-safe.
std::uint64_t hash_segment(std::uint64_t before, std::uint64_t mark, const char* text, std::size_t size) noexcept;

inline std::uint64_t hash_bytes(std::string_view bytes) noexcept {
  return hash_segment(0, bytes.size(), bytes.data(), bytes.size());
}

template <class T>
concept Number = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> && !std::same_as<T, wchar_t> &&
                 !std::same_as<T, char8_t> && !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

template <class T>
concept HasKeySegment = requires(const T& value) { key_segment(value); };

/// An encoded path and its hash. Up to 55 bytes of it stand in the object itself: enough for the name of a family, a UUID
/// and one more word, so that making such a key allocates nothing, and a kept one is one cache line.
///
/// The hash is taken from the segments as they are added, not from the encoded bytes: those were written just before, in
/// pieces that no load of a whole word could get before they reach the processor's cache.
class PathBytes {
 public:
  /// One byte is set for the sake of g++ 12, which warns of a copy of an array that nothing was written to.
  PathBytes() noexcept { small_[0] = 0; }  // NOLINT(cppcoreguidelines-pro-type-member-init): the bytes in use are
  PathBytes(const PathBytes& other) : PathBytes() { copy(other); }
  PathBytes(PathBytes&& other) noexcept { take(other); }
  PathBytes& operator=(const PathBytes& other) {
    if (this != &other) *this = PathBytes(other);
    return *this;
  }
  PathBytes& operator=(PathBytes&& other) noexcept {
    if (this != &other) {
      release();
      take(other);
    }
    return *this;
  }
  ~PathBytes() { release(); }

  std::string_view view() const noexcept {
    if (!is_large()) [[likely]] return {small_, small_size()};
    const Large held = large();
    return {held.data, held.size};
  }
  std::uint64_t hash() const noexcept { return hash_; }
  std::size_t size() const noexcept { return view().size(); }

  static constexpr std::size_t kSmall = 55;  // less than what a mark of one byte can say, and than kFewBytes
  static constexpr std::uint8_t kIsLarge = 0xFF;
  /// The same as `view` of a path of at most kSmall bytes; what it says of a longer one has kIsLarge as its length.
  std::string_view small_view() const noexcept { return {small_, small_size_}; }

  /// Adds a segment: its mark, which is at most its length and 2, as a variable-length number, then its text.
  void append(std::uint64_t mark, std::string_view text) {
    if (!is_large() && text.size() < kSmall - small_size()) [[likely]] {
      char* const to = small_ + small_size();
      *to = static_cast<char>(mark);
      copy_few(to + 1, text.data(), text.size());
      small_size_ = static_cast<std::uint8_t>(small_size() + text.size() + 1);
    } else {
      append_slowly(mark, text);
    }
    hash_ = hash_segment(hash_, mark, text.data(), text.size());
  }
  void append_text(std::string_view text) { append(static_cast<std::uint64_t>(text.size()) + 2, text); }

 private:
  struct Large {
    char* data;
    std::uint32_t capacity;
    std::uint32_t size;
  };

  bool is_large() const noexcept { return small_size_ == kIsLarge; }
  std::size_t small_size() const noexcept { return small_size_; }
  Large large() const noexcept {
    Large held;
    std::memcpy(&held, small_, sizeof held);
    return held;
  }
  void set_large(Large held) noexcept {
    std::memcpy(small_, &held, sizeof held);
    small_size_ = kIsLarge;
  }
  void append_slowly(std::uint64_t mark, std::string_view text);
  /// Room for so many bytes more, wherever the present ones stand.
  Large grown(std::size_t more);
  void copy(const PathBytes& other);
  void release() noexcept {
    if (is_large()) [[unlikely]] delete[] large().data;
  }
  void take(PathBytes& other) noexcept {
    hash_ = std::exchange(other.hash_, 0u);
    std::memcpy(small_, other.small_, sizeof small_);
    small_size_ = std::exchange(other.small_size_, std::uint8_t{0});
  }

  // In the order in which a look-up reads them, so that a short key is read from one cache line wherever it stands.
  std::uint64_t hash_ = 0;
  std::uint8_t small_size_ = 0;  // bytes in use, or that they hold a Large
  char small_[kSmall];
};

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
  void append_to(detail::PathBytes& encoded) const;

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
  std::string_view encoded() const noexcept { return bytes_.view(); }
  std::uint64_t hash() const noexcept { return bytes_.hash(); }
  /// For look-ups.
  const PathBytes& bytes() const noexcept { return bytes_; }

 protected:
  Path() = default;
  explicit Path(PathBytes bytes) noexcept : bytes_(std::move(bytes)) {}
  template <class... Segments>
  explicit Path(std::in_place_t, const Segments&... segments) {
    (append(bytes_, segments), ...);
  }

  template <class... Segments>
  PathBytes extended(const Segments&... segments) const {
    PathBytes longer(bytes_);
    (append(longer, segments), ...);
    return longer;
  }

 private:
  template <class T>
  static void append(PathBytes& encoded, const T& segment) {
    // Text, the common case, without a Segment between.
    if constexpr (std::convertible_to<const T&, std::string_view> && !HasKeySegment<T> &&
                  !std::same_as<T, std::nullptr_t>)
      encoded.append_text(static_cast<std::string_view>(segment));
    else
      Segment(segment).append_to(encoded);
  }

  PathBytes bytes_;
};

/// Walks the segments of an encoded path without decoding their text. The path must outlive it.
class SegmentReader {
 public:
  explicit SegmentReader(std::string_view encoded) noexcept : rest_(encoded) {}

  bool at_end() const noexcept { return rest_.empty(); }
  /// The next segment in its encoded form. REQUIRES: !at_end().
  std::string_view next() noexcept;
  /// The text of the next segment; empty for absent and null ones. REQUIRES: !at_end().
  std::string_view next_text() noexcept;

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
/// Immutable. Making one allocates when the encoded form is longer than 55 bytes.
class Key : public detail::Path {
 public:
  template <detail::SegmentLike... Segments>
    requires(sizeof...(Segments) > 0)
  explicit Key(const Segments&... segments) : Path(std::in_place, segments...) {}

  /// The key whose `encoded()` this is, for those who send names of values to other processes; nothing for any other bytes,
  /// which may be whatever somebody sent. O(length).
  static std::optional<Key> decode(std::string_view encoded);

  friend bool operator==(const Key& a, const Key& b) noexcept {
    return a.hash() == b.hash() && a.encoded() == b.encoded();
  }

 private:
  friend class Family;
  friend class KeyBuilder;
  struct Encoded {
    detail::PathBytes bytes;
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
  explicit Family(const Segments&... segments) : Path(std::in_place, segments...) {}

  /// As `Key::decode`; no bytes at all are `Family()`.
  static std::optional<Family> decode(std::string_view encoded);

  /// The key made of this family's segments and the further ones.
  template <detail::SegmentLike... Segments>
    requires(sizeof...(Segments) > 0)
  Key key(const Segments&... further) const {
    return Key(Key::Encoded{extended(further...)});
  }

  /// The smaller family made of this family's segments and the further ones.
  template <detail::SegmentLike... Segments>
  Family family(const Segments&... further) const {
    return Family(Encoded{extended(further...)});
  }

  friend bool operator==(const Family& a, const Family& b) noexcept {
    return a.hash() == b.hash() && a.encoded() == b.encoded();
  }

 private:
  friend class KeyBuilder;
  struct Encoded {
    detail::PathBytes bytes;
  };
  explicit Family(Encoded encoded) : Path(std::move(encoded.bytes)) {}
};

/// Makes a key or a family whose number of segments is known only when the program runs, such as canonical filters:
/// add every filter in one fixed order, absent ones as `std::nullopt`. Not for use from two threads at once.
class KeyBuilder {
 public:
  KeyBuilder() = default;
  explicit KeyBuilder(const Family& leading) : encoded_(leading.bytes()) {}

  KeyBuilder& add(const Segment& segment) {
    segment.append_to(encoded_);
    return *this;
  }

  /// REQUIRES: at least one segment was added, here or in the leading family.
  Key key() const;
  Family family() const { return Family(Family::Encoded{encoded_}); }

 private:
  detail::PathBytes encoded_;
};

}  // namespace watchbell::cache
