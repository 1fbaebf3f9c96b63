#include "domains/notification/channels/smtp.hpp"

#include <algorithm>

#include "domains/notification/channels/http_channel.hpp"
#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using markdown::Format;

constexpr std::string_view kFooter = "This message was sent automatically by Watchbell. Which messages reach you by mail is set there, under your account.";

bool is_host(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':';
  });
}

bool is_colour(std::string_view text) {
  return text.size() == 7 && text.front() == '#' &&
         std::ranges::all_of(text.substr(1), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); });
}

/// Text within an element or an attribute in double quotes.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string footer_of(const SmtpAdmin& admin) { return admin.footer_text ? admin.footer_text->str() : std::string(kFooter); }

/// Its status in the colour of the card's edge, as mark and as word.
std::string card_of(const Subject& subject) {
  constexpr std::string_view colours[]{"#22c55e", "#ef4444", "#f59e0b", "#9ca3af"};
  const std::string_view edge = subject.status ? colours[static_cast<std::size_t>(*subject.status)] : "#e5e7eb";
  std::string name = escaped(markdown::literal(Format::plain, subject.name));
  if (subject.url) name = fmt::format(R"(<a href="{}" style="color:#1d4ed8">{}</a>)", escaped(*subject.url), name);
  const std::string status = subject.status ? fmt::format(R"( <span style="color:#6b7280">{}</span>)", rpc::enum_text(*subject.status)) : std::string();
  return fmt::format(
      R"(<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="margin:0 0 8px;border:1px solid #e5e7eb;border-left:4px solid {}"><tr>)"
      R"(<td style="padding:8px 12px;color:#374151;font-size:14px">{} {}{}</td></tr></table>)",
      edge, mark_of(subject.status), name, status);
}

/// Tables and inline styles, as many mail programs know nothing newer.
std::string html_of(const Message& message, const std::string& leave_url, const SmtpAdmin& admin) {
  std::string footer = escaped(footer_of(admin));
  if (!leave_url.empty()) footer += fmt::format(R"( <a href="{}" style="color:#6b7280">No more mails</a>)", escaped(leave_url));
  const std::string header = admin.primary_color ? admin.primary_color->str() : fmt::format("#{:06x}", colour_of(message.importance));
  const std::string button = admin.accent_color ? admin.accent_color->str() : header;
  std::string rows;
  if (admin.logo_url)
    rows += fmt::format(R"(<tr><td style="padding:24px;text-align:center"><img src="{}" alt="" style="max-width:200px;height:auto"></td></tr>)",
                        escaped(admin.logo_url->str()));
  rows += fmt::format(R"(<tr><td style="background:{};padding:24px;color:#ffffff;font-size:20px;font-weight:bold">{}</td></tr>)", header,
                      escaped(message.title));
  if (!message.body.empty())
    rows += fmt::format(R"(<tr><td style="padding:24px;color:#374151;font-size:16px;line-height:1.5">{}</td></tr>)", markdown::to_mail_html(message.body));
  if (!message.subjects.empty()) {
    std::string cards;
    for (const auto& subject : message.subjects) cards += card_of(subject);
    rows += fmt::format(R"(<tr><td style="padding:{}px 24px 16px">{}</td></tr>)", message.body.empty() ? 24 : 0, cards);
  }
  if (message.action)
    rows += fmt::format(
        R"(<tr><td style="padding:0 24px 24px"><a href="{}" style="display:inline-block;background:{};)"
        R"(color:#ffffff;padding:12px 24px;text-decoration:none;border-radius:4px">{}</a></td></tr>)",
        escaped(message.action->url), button, escaped(message.action->label));
  rows += fmt::format(R"(<tr><td style="background:#f9fafb;padding:16px 24px;color:#6b7280;font-size:12px">{}</td></tr>)", footer);
  return fmt::format(
      "<!doctype html>\n<html><head><meta charset=\"utf-8\"><title>{}</title></head>"
      "<body style=\"margin:0;padding:24px;background:#f4f4f5;font-family:sans-serif\">"
      "<table role=\"presentation\" align=\"center\" width=\"600\" cellpadding=\"0\" cellspacing=\"0\" style=\"width:600px;max-width:100%;background:#ffffff\">"
      "{}</table></body></html>\n",
      escaped(message.title), rows);
}

std::string text_of(const Message& message, const std::string& leave_url, const SmtpAdmin& admin) {
  std::string text = body_of(Format::plain, message);
  if (text.empty()) text = markdown::literal(Format::plain, message.title);
  if (message.action) text += "\n\n" + markdown::link(Format::plain, message.action->label, message.action->url);
  return text + "\n\n-- \n" + footer_of(admin) + (leave_url.empty() ? "" : "\nNo more mails: " + leave_url) + "\n";
}

/// Stored settings were judged when they were written and again when they were opened.
SmtpAdmin read(std::string_view json) {
  auto admin = rpc::from_json<SmtpAdmin>(json);
  if (!admin) throw Fault("settings of the mail channel do not fit their type");
  return std::move(*admin);
}

}  // namespace

std::vector<rpc::Hint> SmtpAdmin::hints() {
  return {{.member = "host", .label = "Mail server", .help = "Its name or address.", .extra = {}},
          {.member = "port", .label = "Port", .help = "587 with STARTTLS, 465 with implicit TLS.", .extra = {}},
          {.member = "tls", .label = "Encryption", .help = "`none` only for a relay on this machine or network; it takes no password.", .extra = {}},
          {.member = "verify_certificate", .label = "Verify the certificate", .help = "Off only for a server of yours with its own certificate.", .extra = {}},
          {.member = "username", .label = "User name", .help = "Empty for a server that asks for none.", .extra = {}},
          {.member = "password", .label = "Password", .help = "", .extra = {}},
          {.member = "from_address", .label = "Sender address", .help = "", .extra = {}},
          {.member = "from_name", .label = "Sender name", .help = "", .extra = {}},
          {.member = "logo_url", .label = "Logo", .help = "The URL of a picture; mail programs load it from there.", .extra = {}},
          {.member = "primary_color", .label = "Colour of the title", .help = "`#rrggbb`; without it the importance decides.", .extra = {}},
          {.member = "accent_color", .label = "Colour of the button", .help = "`#rrggbb`; without it that of the title.", .extra = {}},
          {.member = "footer_text", .label = "Footer", .help = "", .extra = {}}};
}

Result<void> SmtpAdmin::judge() const {
  if (!is_host(host)) return fail_field(ErrorCode::bad_request, "host", "must be a name in ASCII or an address");
  if (primary_color && !is_colour(*primary_color)) return fail_field(ErrorCode::bad_request, "primaryColor", "must be a colour, #rrggbb");
  if (accent_color && !is_colour(*accent_color)) return fail_field(ErrorCode::bad_request, "accentColor", "must be a colour, #rrggbb");
  if (username && tls == mail::Tls::none) return fail_field(ErrorCode::bad_request, "tls", "a password is not sent over a connection that is not secured");
  if (username.has_value() != password.has_value())
    return fail_field(ErrorCode::bad_request, username ? "password" : "username", "user name and password go together");
  return {};
}

Smtp::Smtp(mail::SmtpClient& client)
    : Channel({.strategy_id = "notification-smtp.smtp",
               .owner_plugin = "notification-smtp",
               .display_name = "Email",
               .description = "Sends notifications to the mail address of your account",
               .icon = "Mail",
               .contact = {.type = ContactType::auth_email, .field = {}},
               .enabled_by_default = false,
               .leave_link = true,
               .destination = {"host", "port", "tls", "verifyCertificate"},
               .admin_instructions = "Once this is on, every user gets mails until he switches them off for himself.",
               .user_instructions = {}}),
      client_(client) {}

const settings::RecordType& Smtp::admin_config() const { return record_type<SmtpAdmin>(); }
const settings::RecordType& Smtp::user_config() const { return record_type<SmtpUser>(); }
std::optional<std::string> Smtp::contact(std::string_view) const { return std::nullopt; }

std::vector<std::string> Smtp::hosts(std::string_view admin_config, std::string_view) const {
  const auto admin = rpc::from_json<SmtpAdmin>(admin_config);
  return {admin ? ascii_lower(server_of(*admin).place()) : std::string()};
}

mail::SmtpServer Smtp::server_of(const SmtpAdmin& admin) {
  mail::SmtpServer server;
  server.host = admin.host.str();
  server.port = static_cast<std::uint16_t>(admin.port.value());
  server.tls = admin.tls;
  server.verify_tls = admin.verify_certificate;
  if (admin.username) server.username = admin.username->value.str();
  if (admin.password) server.password = admin.password->value.str();
  return server;
}

mail::Message Smtp::message(const Outgoing& outgoing, const SmtpAdmin& admin) {
  const std::string domain(mail::domain_of(admin.from_address.str()));
  return {.from = {.address = admin.from_address.str(), .name = admin.from_name ? admin.from_name->str() : std::string()},
          .to = {.address = outgoing.recipient.email, .name = outgoing.recipient.name},
          .subject = outgoing.message.title,
          .date = outgoing.created_at,
          .id = outgoing.key.to_string() + "@" + domain,
          .thread = outgoing.thread ? "thread." + crypto::sha256_hex(*outgoing.thread).substr(0, 32) + "@" + domain : std::string(),
          .urgent = outgoing.message.importance == Importance::critical,
          .unsubscribe_url = outgoing.leave_url,
          .text = text_of(outgoing.message, outgoing.leave_url, admin),
          .html = html_of(outgoing.message, outgoing.leave_url, admin)};
}

rules::Verdict Smtp::judge(const mail::SmtpResult& result) {
  if (result) return rules::Verdict::delivered();
  using enum mail::SmtpFailure;
  switch (result.error().kind) {
    case bad_request:
    case permanent: return rules::Verdict::refused(result.error().message);
    case unresolvable:
    case connect_failed:
    case tls_failed:
    case timed_out: return rules::Verdict::nobody_there(result.error().message);
    case login_refused:
    case protocol_error:
    case temporary:
    case cancelled:
    case busy: break;
  }
  return rules::Verdict::retry(result.error().message);
}

awaitable<rules::Verdict> Smtp::send(Outgoing outgoing, std::string admin_config, std::string) const {
  const auto admin = read(admin_config);
  const auto mail = message(outgoing, admin);
  auto content = mail::compose(mail);
  if (!content) co_return rules::Verdict::refused(std::move(content.error().message));
  const auto sent = co_await client_.send(server_of(admin), {.from = mail.from.address, .to = mail.to.address, .content = std::move(*content)});
  co_return judge(sent);
}

}  // namespace watchbell::notification::channels
