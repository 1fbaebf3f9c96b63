#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The structured log of the program, on standard error. Every function here is Thread-safe.
///
///     log::info("listening", {{"address", address}, {"port", port}});
///
/// Nothing here knows what a secret is: callers do not hand one in. What a peer wrote may be handed in as a value: control characters,
/// line ends, text direction marks and broken UTF-8 are escaped, so that a value can neither begin a line nor pose as another field.
namespace watchbell::log {

enum class Level { trace, debug, info, warn, error, off };
enum class Format {
  text,  ///< 2026-01-02T03:04:05.678Z info message key=value key="va lue"
  json,  ///< one object a line: time, level, message, then the fields
};

std::string_view to_string(Level level) noexcept;
std::optional<Level> parse_level(std::string_view text) noexcept;
std::optional<Format> parse_format(std::string_view text) noexcept;

/// What a field holds. A view: it lives as long as the call that logs it.
class Value {
 public:
  template <class T>
    requires std::convertible_to<const T&, std::string_view>
  Value(const T& text) : value_(std::string_view(text)) {}
  template <std::same_as<bool> T>
  Value(T flag) : value_(flag) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Value(T number)
      : value_(std::in_range<std::int64_t>(number) ? static_cast<std::int64_t>(number) : std::numeric_limits<std::int64_t>::max()) {}
  template <std::floating_point T>
  Value(T number) : value_(static_cast<double>(number)) {}

  using Held = std::variant<std::string_view, std::int64_t, double, bool>;
  const Held& held() const noexcept { return value_; }

 private:
  Held value_;
};

/// The key is a literal in the code's own words: letters, digits, '_' and '.'; not time, level or message.
struct Field {
  std::string_view key;
  Value value;
};
using Fields = std::initializer_list<Field>;

struct Options {
  Level level = Level::info;
  Format format = Format::text;
};

/// Sets what is written from now on, by all threads.
void configure(Options options);
/// Whether a line of this level is written; for callers whose fields cost something to make.
bool enabled(Level level) noexcept;

/// The longest text written of a message or a value, in bytes; what is cut off is counted at its end.
inline constexpr std::size_t kMaxText = 2048;

void write(Level level, std::string_view message, Fields fields = {});
inline void debug(std::string_view message, Fields fields = {}) { write(Level::debug, message, fields); }
inline void info(std::string_view message, Fields fields = {}) { write(Level::info, message, fields); }
inline void warn(std::string_view message, Fields fields = {}) { write(Level::warn, message, fields); }
inline void error(std::string_view message, Fields fields = {}) { write(Level::error, message, fields); }

/// One error line about what was thrown, with the causes nested in it; called by boundaries, once a fault. A cancelled operation
/// (operation_aborted) and a null pointer are no faults and write nothing.
/// @param where  the boundary: "http", "job notification.deliver"
void fault(std::string_view where, const std::exception_ptr& thrown, Fields fields = {});

/// While it lives, lines are kept here and not written; for tests. Captures nest; the newest gets the lines.
class Capture {
 public:
  explicit Capture(Options options = {.level = Level::trace, .format = Format::text});
  ~Capture();
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  /// The lines so far, without line ends.
  std::vector<std::string> lines() const;
  /// Whether a line holds `part`.
  bool contains(std::string_view part) const;

 private:
  friend void write_all(Level, std::string_view, std::span<const Field>);
  Options before_;
  Capture* outer_;
  std::vector<std::string> lines_;
};

}  // namespace watchbell::log
