#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "platform/markdown/markdown.hpp"

/// What must hold of every output, whatever went in.
namespace watchbell::markdown::test {

inline constexpr std::array kFormats{Format::plain, Format::slack, Format::telegram, Format::discord, Format::webex};
inline constexpr std::array kUnits{Limit::Unit::bytes, Limit::Unit::utf16};

inline bool is_link(std::string_view url) {
  return url.starts_with("http://") || url.starts_with("https://") || url.starts_with("mailto:") || ascii_lower(url.substr(0, 8)).starts_with("http") ||
         ascii_lower(url.substr(0, 7)) == "mailto:";
}

/// Why the text is not markup of these tags alone, each closed in its order; empty when it is.
inline std::string judge_tags(std::string_view text, const std::vector<std::string_view>& allowed) {
  std::vector<std::string> open;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '>') return "a bare >";
    if (text[i] == '&') {
      const auto end = text.find(';', i);
      const auto name = end == text.npos ? std::string_view() : text.substr(i + 1, end - i - 1);
      if (name != "amp" && name != "lt" && name != "gt" && name != "quot" && name != "#x27") return "a bare &";
    }
    if (text[i] != '<') continue;
    const auto end = text.find('>', i);
    if (end == text.npos) return "a tag that does not end";
    auto tag = text.substr(i + 1, end - i - 1);
    i = end;
    if (tag.starts_with('/')) {
      if (open.empty() || open.back() != tag.substr(1)) return "closes what is not open: " + std::string(tag);
      open.pop_back();
      continue;
    }
    const bool empty = tag.ends_with(" /");
    if (empty) tag.remove_suffix(2);
    const auto name = tag.substr(0, tag.find(' '));
    if (std::ranges::find(allowed, name) == allowed.end()) return "the tag " + std::string(tag);
    if (name != tag) {
      const auto attribute = tag.substr(name.size() + 1);
      const bool href = name == "a" && attribute.starts_with("href=\"") && attribute.find('"', 6) == attribute.size() - 1 && is_link(attribute.substr(6));
      const bool start = name == "ol" && attribute.starts_with("start=\"");
      if (!href && !start) return "the attribute " + std::string(attribute);
    }
    if (!empty) open.emplace_back(name);
  }
  return open.empty() ? "" : "leaves open " + open.back();
}

inline bool calls_everybody(std::string_view text) {
  auto lower = ascii_lower(text);
  // Where a letter goes to is no mention.
  for (auto at = lower.find("mailto:"); at != std::string::npos; at = lower.find("mailto:", at)) lower.erase(at, lower.find_first_of("|)> \n", at) - at);
  return std::ranges::any_of(std::array{"@everyone", "@here", "@channel", "@all", "<@U", "<@a", "<@1"},
                             [&](std::string_view name) { return lower.find(name) != std::string::npos; });
}

/// Every < begins a link and ends with the >.
inline std::string judge_slack(std::string_view text) {
  bool prefix = true;  // of a line: marks of quotes and lists
  for (std::size_t i = 0; i < text.size(); ++i) {
    prefix = text[i] == '\n' || (prefix && std::string_view("> •.0123456789").contains(text[i]));
    if (text[i] == '&') {
      const auto rest = text.substr(i);
      if (!rest.starts_with("&amp;") && !rest.starts_with("&lt;") && !rest.starts_with("&gt;")) return "a bare &";
    }
    if (text[i] == '>' && !prefix) return "a bare >";
    if (text[i] != '<') continue;
    if (!is_link(text.substr(i + 1))) return "a bare <";
    const auto end = text.find_first_of("<>\n", i + 1);
    if (end == text.npos || text[end] != '>') return "a link that does not end";
    i = end;
  }
  return "";
}

/// Why an output is not to be sent, or empty.
inline std::string judge(Format format, std::string_view text, Limit limit) {
  if (!is_utf8(text)) return "not UTF-8";
  if (length(text, limit.unit) > limit.max) return "too long";
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'; })) return "a control character";
  switch (format) {
    case Format::plain: return "";
    case Format::telegram: return judge_tags(text, {"b", "i", "code", "pre", "a", "blockquote"});
    case Format::slack:
      if (const auto why = judge_slack(text); !why.empty()) return why;
      break;
    case Format::webex:
      if (text.find('<') != text.npos && text.find('`') == text.npos) return "a bare <";
      break;
    case Format::discord: break;
  }
  return calls_everybody(text) ? "calls everybody" : "";
}

inline std::string judge_html(std::string_view html) {
  if (!is_utf8(html)) return "not UTF-8";
  return judge_tags(html, {"p", "br", "em", "strong", "code", "pre", "a", "ul", "ol", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr"});
}

/// The first thing that is wrong with what becomes of the message, in any form and at these limits; empty when all is well.
inline std::string judge_all(std::string_view markdown, std::size_t max) {
  if (const auto why = judge_html(to_mail_html(markdown)); !why.empty()) return "html: " + why;
  for (const auto format : kFormats) {
    for (const auto unit : kUnits) {
      for (const Limit limit : {Limit{.max = max, .unit = unit}, Limit{.max = SIZE_MAX, .unit = unit}}) {
        const auto text = render(format, markdown, limit);
        if (const auto why = judge(format, text, limit); !why.empty()) return std::to_string(static_cast<int>(format)) + ": " + why + " in: " + text;
        if (!is_utf8(markdown)) continue;
        const auto title = literal(format, markdown, limit);
        if (title.find('\n') != std::string::npos) return "a title of two lines";
        if (const auto why = judge(format, title, limit); !why.empty())
          return "title, " + std::to_string(static_cast<int>(format)) + ": " + why + " in: " + title;
      }
    }
  }
  return "";
}

}  // namespace watchbell::markdown::test
