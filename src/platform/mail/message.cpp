#include "platform/mail/message.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "base/text.hpp"
#include "platform/crypto/encoding.hpp"

namespace watchbell::mail {
namespace {

constexpr std::size_t kPlainHeaderMax = 60;
constexpr std::size_t kEncodedBytes = 42;  // of text in an encoded word: 56 of base64, 68 with its frame
constexpr std::size_t kBodyLine = 76;
// Base64 holds neither "=_" within a line nor "_" at all.
constexpr std::string_view kBoundary = "=_watchbell";

bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_printable(char c) noexcept { return c >= 0x20 && c < 0x7f; }

std::string encoded_words(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto part = utf8_prefix(text, kEncodedBytes);
    out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + crypto::base64_encode(part) + "?=";
    text.remove_prefix(part.size());
  }
  return out;
}

std::string without_controls(std::string_view text) {
  std::string clean(text);
  std::ranges::replace_if(clean, is_control, ' ');
  return std::string(trim(clean));
}

std::string mailbox(const Mailbox& box) {
  const std::string name = without_controls(box.name);
  if (name.empty()) return "<" + box.address + ">";
  std::string shown;
  if (name.size() <= kPlainHeaderMax && std::ranges::all_of(name, is_printable)) {
    shown = "\"";
    for (const char c : name) shown.append(c == '"' || c == '\\' ? "\\" : "").push_back(c);
    shown += '"';
  } else {
    shown = encoded_words(name);
  }
  return shown + "\r\n <" + box.address + ">";
}

/// RFC 5322, 3.3.
std::string date_text(Timestamp at) {
  using namespace std::chrono;
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds instant{seconds(at.seconds())};
  const auto day = floor<std::chrono::days>(instant);
  const year_month_day date(day);
  const hh_mm_ss time(instant - day);
  return fmt::format("{}, {} {} {:04} {:02}:{:02}:{:02} +0000", days[weekday(day).c_encoding()], static_cast<unsigned>(date.day()),
                     months[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

void append_part(std::string& out, std::string_view type, std::string_view body) {
  out.append("--").append(kBoundary).append("\r\nContent-Type: ").append(type).append("; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n");
  const std::string encoded = crypto::base64_encode(body);
  for (std::size_t at = 0; at < encoded.size(); at += kBodyLine) out.append(encoded, at, kBodyLine).append("\r\n");
}

}  // namespace

bool is_address(std::string_view text) noexcept {
  const auto at = text.find('@');
  return text.size() <= 254 && at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == std::string_view::npos &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f && std::string_view("<>()[],;:\\\"").find(c) == std::string_view::npos; });
}

std::string_view domain_of(std::string_view address) noexcept { return address.substr(address.find('@') + 1); }

std::string header_text(std::string_view text) {
  const std::string clean = without_controls(text);
  // What looks like an encoded word would be read as one.
  const bool plain = clean.size() <= kPlainHeaderMax && std::ranges::all_of(clean, is_printable) && clean.find("=?") == std::string::npos;
  return plain ? clean : encoded_words(clean);
}

Result<std::string> compose(const Message& message) {
  for (const auto* each : {&message.from.address, &message.to.address, &message.id})
    if (!is_address(*each)) return fail(ErrorCode::bad_request, "an address or id may not stand in a mail");
  if (!message.thread.empty() && !is_address(message.thread)) return fail(ErrorCode::bad_request, "an id may not stand in a mail");
  const auto in_url = [](char c) { return c > 0x20 && c < 0x7f && c != '<' && c != '>'; };
  if (!std::ranges::all_of(message.unsubscribe_url, in_url) || message.unsubscribe_url.size() > 900)
    return fail(ErrorCode::bad_request, "a URL may not stand in a mail");
  std::string out;
  out.reserve(1024 + (message.text.size() + message.html.size()) * 7 / 5);
  const auto header = [&out](std::string_view name, std::string_view value) { out.append(name).append(": ").append(value).append("\r\n"); };
  header("Date", date_text(message.date));
  header("From", mailbox(message.from));
  header("To", mailbox(message.to));
  header("Subject", header_text(message.subject));
  header("Message-ID", "<" + message.id + ">");
  if (!message.thread.empty()) {
    header("In-Reply-To", "<" + message.thread + ">");
    header("References", "<" + message.thread + ">");
  }
  if (!message.unsubscribe_url.empty()) header("List-Unsubscribe", "<" + message.unsubscribe_url + ">");
  if (message.unsubscribe_url.starts_with("https://")) header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
  header("Auto-Submitted", "auto-generated");
  header("X-Auto-Response-Suppress", "All");  // what Exchange reads in its place
  if (message.urgent) header("Importance", "high");
  header("MIME-Version", "1.0");
  header("Content-Type", fmt::format("multipart/alternative; boundary=\"{}\"", kBoundary));
  out += "\r\n";
  append_part(out, "text/plain", message.text);
  append_part(out, "text/html", message.html);
  out.append("--").append(kBoundary).append("--\r\n");
  return out;
}

}  // namespace watchbell::mail
