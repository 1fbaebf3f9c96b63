#include "platform/log/log.hpp"

#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <span>

#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/clock.hpp"
#include "base/text.hpp"

namespace watchbell::log {
namespace {

constexpr int kMaxCauses = 8;

std::atomic<Level> g_level = Level::info;
std::atomic<Format> g_format = Format::text;
std::mutex g_capture_mutex;
Capture* g_capture = nullptr;  // guarded by g_capture_mutex

spdlog::logger& standard_error() {
  // Lines are made here, complete; spdlog's part is the locked write to the stream.
  static const auto logger = [] {
    auto made = std::make_unique<spdlog::logger>("watchbell", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

/// Whether a character could break a line, move the cursor of a terminal, or turn the direction of the text behind it.
bool hidden(char32_t c) noexcept {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0xfeff;
}

/// The next character of `text` and its length in bytes; U+FFFD and 1 for a byte that begins none.
std::pair<char32_t, std::size_t> next_character(std::string_view text) noexcept {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (text.size() < length || !is_utf8(text.substr(0, length))) return {0xfffd, 1};
  char32_t value = lead & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  return {value, length};
}

/// Appends with JSON's escapes; quotes and backslashes too when `quoted`. Cuts at kMaxText.
void append_escaped(std::string& line, std::string_view text, bool quoted) {
  const std::string_view kept = utf8_prefix(text, kMaxText);
  for (std::size_t i = 0; i < kept.size();) {
    const auto [c, length] = next_character(kept.substr(i));
    if (c == U'\n') line += "\\n";
    else if (c == U'\r') line += "\\r";
    else if (c == U'\t') line += "\\t";
    else if (hidden(c)) fmt::format_to(std::back_inserter(line), "\\u{:04x}", static_cast<unsigned>(c));
    else if (c == 0xfffd) line += "\xef\xbf\xbd";
    else if (quoted && (c == U'"' || c == U'\\')) (line += '\\') += static_cast<char>(c);
    else line.append(kept, i, length);
    i += length;
  }
  if (kept.size() < text.size()) fmt::format_to(std::back_inserter(line), "...(+{} bytes)", text.size() - kept.size());
}

void append_quoted(std::string& line, std::string_view text) {
  line += '"';
  append_escaped(line, text, true);
  line += '"';
}

/// Whether the text reads as one word, so that it needs no quotes.
bool bare(std::string_view text) noexcept {
  if (text.empty() || text.size() > kMaxText) return false;
  for (const char c : text) {
    const bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!word && std::string_view("-_.:/@+%*,?&~[]()#").find(c) == std::string_view::npos) return false;
  }
  return true;
}

void append_value(std::string& line, const Value& value, Format format) {
  std::visit(
      [&]<class T>(const T& held) {
        if constexpr (std::is_same_v<T, std::string_view>) {
          if (format == Format::text && bare(held)) line += held;
          else append_quoted(line, held);
        } else if constexpr (std::is_same_v<T, double>) {
          // JSON has no word for these.
          if (format == Format::json && !std::isfinite(held)) append_quoted(line, fmt::format("{}", held));
          else fmt::format_to(std::back_inserter(line), "{}", held);
        } else {
          fmt::format_to(std::back_inserter(line), "{}", held);
        }
      },
      value.held());
}

std::string make_line(Format format, Level level, std::string_view message, std::span<const Field> fields) {
  std::string line;
  line.reserve(160);
  const std::string time = SystemClock().now().to_iso();
  if (format == Format::text) {
    ((line += time) += ' ') += to_string(level);
    line += ' ';
    append_escaped(line, message, false);
    for (const Field& field : fields) {
      ((line += ' ') += field.key) += '=';
      append_value(line, field.value, format);
    }
    return line;
  }
  fmt::format_to(std::back_inserter(line), R"({{"time":"{}","level":"{}","message":)", time, to_string(level));
  append_quoted(line, message);
  for (const Field& field : fields) {
    line += ',';
    append_quoted(line, field.key);
    line += ':';
    append_value(line, field.value, format);
  }
  line += '}';
  return line;
}

/// Appends what the exception says and what caused it. False for a cancelled operation.
bool describe(const std::exception_ptr& thrown, std::string& text, int depth) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& exception) {
    if (const auto* system = dynamic_cast<const boost::system::system_error*>(&exception);
        depth == 0 && system && system->code() == boost::asio::error::operation_aborted)
      return false;
    if (depth > 0) text += ": ";
    text += exception.what();
    const auto* nested = dynamic_cast<const std::nested_exception*>(&exception);
    if (nested && nested->nested_ptr() && depth < kMaxCauses) describe(nested->nested_ptr(), text, depth + 1);
  } catch (...) {  // whatever was thrown must end in the log
    text += "an exception of unknown type";
  }
  return true;
}

}  // namespace

/// Outside the unnamed namespace for Capture's sake alone.
void write_all(Level level, std::string_view message, std::span<const Field> fields) {
  if (!enabled(level)) return;
  std::string line = make_line(g_format.load(std::memory_order_relaxed), level, message, fields);
  {
    const std::lock_guard lock(g_capture_mutex);
    if (g_capture) {
      g_capture->lines_.push_back(std::move(line));
      return;
    }
  }
  standard_error().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

std::string_view to_string(Level level) noexcept {
  switch (level) {
    case Level::trace: return "trace";
    case Level::debug: return "debug";
    case Level::info: return "info";
    case Level::warn: return "warn";
    case Level::error: return "error";
    case Level::off: return "off";
  }
  return "off";
}

std::optional<Level> parse_level(std::string_view text) noexcept {
  for (const Level level : {Level::trace, Level::debug, Level::info, Level::warn, Level::error, Level::off})
    if (text == to_string(level)) return level;
  return std::nullopt;
}

std::optional<Format> parse_format(std::string_view text) noexcept {
  if (text == "text") return Format::text;
  if (text == "json") return Format::json;
  return std::nullopt;
}

void configure(Options options) {
  g_level = options.level;
  g_format = options.format;
}

bool enabled(Level level) noexcept { return level != Level::off && level >= g_level.load(std::memory_order_relaxed); }

void write(Level level, std::string_view message, Fields fields) {
  write_all(level, message, std::span<const Field>(fields.begin(), fields.size()));
}

void fault(std::string_view where, const std::exception_ptr& thrown, Fields fields) {
  if (!thrown) return;
  std::string text;
  if (!describe(thrown, text, 0)) return;
  std::vector<Field> all{{"where", where}, {"error", text}};
  all.insert(all.end(), fields);
  write_all(Level::error, "fault", all);
}

Capture::Capture(Options options) : before_{g_level, g_format} {
  configure(options);
  const std::lock_guard lock(g_capture_mutex);
  outer_ = std::exchange(g_capture, this);
}

Capture::~Capture() {
  {
    const std::lock_guard lock(g_capture_mutex);
    g_capture = outer_;
  }
  configure(before_);
}

std::vector<std::string> Capture::lines() const {
  const std::lock_guard lock(g_capture_mutex);
  return lines_;
}

bool Capture::contains(std::string_view part) const {
  const std::lock_guard lock(g_capture_mutex);
  for (const auto& line : lines_)
    if (line.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace watchbell::log
