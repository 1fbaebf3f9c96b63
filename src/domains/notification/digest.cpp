#include "domains/notification/digest.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/text.hpp"
#include "domains/notification/rules.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification {

namespace {

using markdown::Format;

/// Whole messages, so that no markup is cut: what a notification may hold, with room for the last line.
constexpr std::size_t kBodyMax = 9'900;

/// Text that is no markdown, so that markdown shows it as it is: any ASCII punctuation may stand behind a backslash (CommonMark 2.4).
std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool punctuation = byte > 0x20 && byte < 0x7f && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
    if (punctuation) out += '\\';
    out += byte < 0x20 ? ' ' : c;
  }
  return out;
}

/// As a link destination in angle brackets.
std::string destination(std::string_view url) {
  std::string out = "<";
  for (const char c : url) {
    if (c == '<')
      out += "%3C";
    else if (c == '>')
      out += "%3E";
    else
      out += c;
  }
  return out + ">";
}

std::string entry(const Message& message) {
  std::string text = "- **" + escaped(trim(message.title)) + "**\n";
  const std::string body = markdown::render(Format::plain, message.body, {.max = kDigestBody});
  if (const auto shown = trim(body); !shown.empty()) text += "  " + escaped(shown) + "\n";
  if (message.action) text += "  [" + escaped(trim(message.action->label)) + "](" + destination(message.action->url) + ")\n";
  return text;
}

/// What the messages are about, each once, as the newest of them has it.
std::vector<Subject> subjects_of(std::span<const Message> messages) {
  std::vector<Subject> subjects;
  for (const auto& message : messages) {
    for (const auto& subject : message.subjects) {
      const auto known = std::ranges::find_if(subjects, [&](const Subject& one) { return one.kind == subject.kind && one.id == subject.id; });
      if (known != subjects.end())
        *known = subject;
      else if (subjects.size() < rules::kSubjectsMax)
        subjects.push_back(subject);
    }
  }
  return subjects;
}

}  // namespace

Message digest_of(std::span<const Message> messages, std::string_view inbox_url) {
  WATCHBELL_ASSERT(!messages.empty());
  Message digest{.title = fmt::format("{} messages: {}", messages.size(), messages.front().title),
                 .body = {},
                 .importance = std::ranges::max(messages, {}, &Message::importance).importance,
                 .action = Action{.label = "Open the inbox", .url = std::string(inbox_url)},
                 .subjects = subjects_of(messages)};
  for (const auto& message : messages.subspan(1)) {
    if (digest.title.size() > 200) break;
    digest.title += ", " + message.title;
  }
  std::size_t listed = 0;
  while (listed < std::min(messages.size(), kDigestListed)) {
    const std::string text = entry(messages[listed]);
    if (listed > 0 && digest.body.size() + text.size() > kBodyMax) break;
    digest.body += text;
    ++listed;
  }
  if (listed < messages.size()) digest.body += fmt::format("\nThe other {} are in your inbox.\n", messages.size() - listed);
  return rules::clamped(std::move(digest));
}

}  // namespace watchbell::notification
