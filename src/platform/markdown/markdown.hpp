#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Messages, written in CommonMark by anybody, in the forms that mail and chat take. CommonMark is read by cmark.
///
/// In every form: raw HTML is shown as the text it is; a link leads to http, https or mailto, else only its text is left; a picture is a link to it, so
/// that nothing loads by itself; a line end is one; control characters are dropped; what is not UTF-8 is U+FFFD. The same input gives the same output.
/// Pure functions, Thread-safe; O(n), the text is walked twice when it is cut.
namespace watchbell::markdown {

enum class Format {
  plain,     ///< no markup; where a link leads stands in brackets behind its text
  slack,     ///< mrkdwn; for text objects with `verbatim`, as web addresses are linked here
  telegram,  ///< `parse_mode` HTML
  discord,   ///< its markdown
  webex,     ///< its markdown
};

/// How long an output may be, markup included.
struct Limit {
  enum class Unit { bytes, utf16 };
  std::size_t max = SIZE_MAX;
  Unit unit = Unit::utf16;
};

/// How much of a limit a text takes. REQUIRES valid UTF-8.
std::size_t length(std::string_view text, Limit::Unit unit) noexcept;

/// A message in that form. What is longer than the limit is cut between characters, never inside markup, and ends in "…", with all that was open closed.
/// Mentions of everybody (`@everyone`, `@here`, `@channel`, `@all`) are broken up by an invisible space where the form knows such.
std::string render(Format format, std::string_view markdown, Limit limit = {});

/// Text that is no markdown (a title, a label) so that the form shows it as it is, on one line; cut and broken up as by render(). REQUIRES valid UTF-8.
std::string literal(Format format, std::string_view text, Limit limit = {});

/// A link with text that is no markdown; `text (url)` where the form has none. Empty when the URL may not stand in a message. REQUIRES valid UTF-8.
std::string link(Format format, std::string_view text, std::string_view url);

/// The inside of a mail: p, br, em, strong, code, pre, a (href alone), ul, ol, li, blockquote, h1 to h6, hr.
std::string to_mail_html(std::string_view markdown);

}  // namespace watchbell::markdown
