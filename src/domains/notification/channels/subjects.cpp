#include "domains/notification/channels/subjects.hpp"

#include <fmt/format.h>

namespace watchbell::notification::channels {

using markdown::Format;
using markdown::Limit;

namespace {

std::string heading(Format format) {
  switch (format) {
    case Format::plain: return fmt::format("{}:", kAbout);
    case Format::slack: return fmt::format("*{}*", kAbout);
    case Format::telegram: return fmt::format("<b>{}</b>", kAbout);
    case Format::discord:
    case Format::webex: break;
  }
  return fmt::format("**{}**", kAbout);
}

/// In Webex a line end alone parts no lines, a list does.
std::string_view bullet(Format format) noexcept { return format == Format::webex ? "- " : ""; }

/// As many as fit beside the number of those that do not.
std::string lines_within(Format format, const std::vector<Subject>& subjects, Limit limit) {
  std::string lines;
  std::size_t used = 0;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const auto& subject = subjects[i];
    const std::string before = fmt::format("{}{}{} ", i == 0 ? "" : "\n", bullet(format), mark_of(subject.status));
    const std::size_t left = subjects.size() - i;
    const auto fits = [&](std::string_view line) {
      const std::size_t after = left == 1 ? 0 : markdown::length(fmt::format("\n… and {} more", left - 1), limit.unit);
      return used + markdown::length(line, limit.unit) + after <= limit.max;
    };
    std::string line = before + (subject.url ? markdown::link(format, subject.name, *subject.url) : std::string());
    if (line.size() == before.size() || !fits(line)) line = before + markdown::literal(format, subject.name);
    if (!fits(line)) {
      if (!lines.empty()) lines += fmt::format("\n… and {} more", left);
      return lines;
    }
    used += markdown::length(line, limit.unit);
    lines += line;
  }
  return lines;
}

}  // namespace

std::string_view mark_of(const std::optional<SubjectStatus>& status) noexcept {
  if (!status) return "•";
  switch (*status) {
    case SubjectStatus::healthy: return "🟢";
    case SubjectStatus::degraded: return "🟡";
    case SubjectStatus::unhealthy: return "🔴";
    case SubjectStatus::unknown: break;
  }
  return "⚪";
}

std::string subject_lines(Format format, const std::vector<Subject>& subjects, Limit limit) {
  auto whole = lines_within(format, subjects, {.max = SIZE_MAX, .unit = limit.unit});
  return markdown::length(whole, limit.unit) <= limit.max ? whole : lines_within(format, subjects, limit);
}

std::string body_of(Format format, const Message& message, Limit limit) {
  std::string about;
  if (!message.subjects.empty()) {
    const std::string above = heading(format) + "\n";
    const std::size_t taken = markdown::length(above, limit.unit) + 2;
    if (limit.max / 2 > taken) about = subject_lines(format, message.subjects, {.max = limit.max / 2 - taken, .unit = limit.unit});
    if (!about.empty()) about.insert(0, above);
  }
  if (about.empty()) return markdown::render(format, message.body, limit);
  auto text = markdown::render(format, message.body, {.max = limit.max - markdown::length(about, limit.unit) - 2, .unit = limit.unit});
  return text.empty() ? about : text + "\n\n" + about;
}

}  // namespace watchbell::notification::channels
