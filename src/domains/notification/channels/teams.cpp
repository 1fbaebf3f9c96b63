#include "domains/notification/channels/teams.hpp"

#include <algorithm>

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using boost::json::array;
using boost::json::object;
// A TextBlock shows a part of CommonMark; what the form for Webex escapes is all that means anything there.
constexpr auto kText = markdown::Format::webex;
using Unit = markdown::Limit::Unit;

// learn.microsoft.com/microsoftteams/limits-specifications-teams: a chat message is about 28 KB, card included.
constexpr std::size_t kMessageMax = 28'000;
constexpr std::size_t kTitleMax = 2000;
constexpr std::size_t kBodyMax = 16'000;
// learn.microsoft.com/graph/throttling-limits, "Microsoft Teams service limits": 20 chat messages a second of an app in a tenant. Opening the chat, which goes
// with each, may be done more often.
constexpr auto kPerApp = limits::Rate::within(20, std::chrono::seconds(1), 4);
/// With a refresh before and another try after it, a try ends well before the lease of its job does.
constexpr std::chrono::seconds kTimeout(5);

std::string api(const TeamsAdmin& admin, std::string_view path) {
  return joined(admin.api_base_url ? std::string_view(admin.api_base_url->str()) : "https://graph.microsoft.com", path);
}

http::ClientRequest as_user(http::ClientRequest request, const OAuthLink& user) {
  request.connect_timeout = kTimeout;
  request.total_timeout = kTimeout;
  if (user.access_token) authorize(request, user.access_token->value.str());
  return request;
}

object text_block(std::string text, object more) {
  object block{{"type", "TextBlock"}, {"text", std::move(text)}, {"wrap", true}};
  for (auto& [name, value] : more) block[name] = std::move(value);
  return block;
}

/// What the message is about: a fact a subject, as many as there is room for beside the number of those that are left out.
array facts_of(const std::vector<Subject>& subjects, std::size_t room) {
  array facts;
  for (const auto& subject : subjects) {
    auto shown = subject.url ? markdown::link(kText, subject.name, *subject.url) : std::string();
    if (shown.empty() || shown.size() > room) shown = markdown::literal(kText, subject.name);
    if (shown.size() > room) {
      facts.push_back(object{{"title", "…"}, {"value", fmt::format("and {} more", subjects.size() - facts.size())}});
      break;
    }
    room -= shown.size();
    facts.push_back(object{{"title", mark_of(subject.status)}, {"value", std::move(shown)}});
  }
  return facts;
}

/// What the card says, from the top.
array card_body(const Message& message, std::size_t body_max) {
  array blocks;
  blocks.push_back(text_block(std::string(mark_of(message.importance)) + " " + markdown::literal(kText, message.title, {.max = kTitleMax, .unit = Unit::bytes}),
                              {{"size", "Large"}, {"weight", "Bolder"}, {"color", by_importance(message.importance, "Accent", "Warning", "Attention")}}));
  if (auto body = markdown::render(kText, message.body, {.max = body_max, .unit = Unit::bytes}); !body.empty()) blocks.push_back(text_block(std::move(body), {}));
  if (!message.subjects.empty()) {
    blocks.push_back(text_block(std::string(kAbout), {{"weight", "Bolder"}}));
    blocks.push_back(object{{"type", "FactSet"}, {"facts", facts_of(message.subjects, body_max / 2)}});
  }
  return blocks;
}

object card(const Message& message, std::size_t body_max) {
  object card{{"type", "AdaptiveCard"}, {"$schema", "http://adaptivecards.io/schemas/adaptive-card.json"}, {"version", "1.4"}, {"body", card_body(message, body_max)}};
  if (message.action) card["actions"] = array{object{{"type", "Action.OpenUrl"}, {"title", message.action->label}, {"url", message.action->url}}};
  return card;
}

}  // namespace

std::vector<rpc::Hint> TeamsAdmin::hints() {
  return {{.member = "tenant_id", .label = "Directory (tenant) id", .help = "Whose people may connect; empty for those of every organisation.", .extra = {}},
          {.member = "client_id", .label = "Application (client) id", .help = "Of the application you registered.", .extra = {}},
          {.member = "client_secret", .label = "Client secret", .help = "The value, not the id, of a secret of that application.", .extra = {}},
          {.member = "api_base_url", .label = "API address", .help = "Only when requests go through a gateway of your own. Another one disconnects everybody.", .extra = {}},
          {.member = "login_base_url", .label = "Sign-in address", .help = "Only for a national cloud or a gateway of your own. Another one disconnects everybody.", .extra = {}}};
}

Result<void> TeamsAdmin::judge() const {
  // It is a part of a path.
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.'; };
  if (tenant_id && !std::ranges::all_of(tenant_id->str(), plain))
    return fail_field(ErrorCode::bad_request, "tenantId", "tenantId must be an id or a domain name");
  return {};
}

Teams::Teams(http::Client& client, const Clock& clock)
    : Channel({.strategy_id = std::string(kTeams),
               .owner_plugin = "notification-teams",
               .display_name = "Microsoft Teams",
               .description = "Writes notifications into a chat of yours in Teams",
               .icon = "MessageSquareMore",
               .contact = {.type = ContactType::oauth_link, .field = "externalId"},
               .enabled_by_default = false,
               .destination = {"loginBaseUrl"},
               .user_destination = {"apiBaseUrl", "loginBaseUrl"},
               .admin_instructions =
                   "Register an application in [Microsoft Entra](https://entra.microsoft.com/) with a client secret. As a *web* redirect URI it takes this server's "
                   "address followed by `/api/notification/oauth/notification-teams.teams/callback`; as delegated permissions of Microsoft Graph it takes "
                   "`openid`, `profile`, `offline_access`, `User.Read` and `Chat.ReadWrite`.",
               .user_instructions = "Connect your work or school account. Messages appear in a chat that is yours alone."}),
      client_(client),
      clock_(clock) {}

const settings::RecordType& Teams::admin_config() const { return record_type<TeamsAdmin>(); }
const settings::RecordType& Teams::user_config() const { return record_type<OAuthLink>(); }

std::optional<std::string> Teams::contact(std::string_view user_config) const {
  const auto link = rpc::from_json<OAuthLink>(user_config);
  if (!link || !link->external_id.is_set() || (!link->access_token && !link->refresh_token)) return std::nullopt;
  return link->external_id.str();
}

std::vector<std::string> Teams::hosts(std::string_view admin_config, std::string_view) const {
  const auto admin = rpc::from_json<TeamsAdmin>(admin_config);
  return admin ? std::vector<std::string>{rules::host_of(api(*admin, "/"))} : std::vector<std::string>();
}

std::vector<Allowance> Teams::allowances(std::string_view admin_config, std::string_view) const {
  const auto admin = rpc::from_json<TeamsAdmin>(admin_config);
  if (!admin) return {};
  return {{.of = admin->client_id.str() + " " + (admin->tenant_id ? admin->tenant_id->str() : std::string()), .rate = kPerApp}};
}

std::optional<oauth::Client> Teams::oauth(std::string_view admin_config) const {
  const auto admin = rpc::from_json<TeamsAdmin>(admin_config);
  if (!admin || !admin->client_secret) return std::nullopt;
  const std::string base = joined(admin->login_base_url ? std::string_view(admin->login_base_url->str()) : "https://login.microsoftonline.com",
                                  "/" + (admin->tenant_id ? admin->tenant_id->str() : "common") + "/oauth2/v2.0/");
  // `profile` is what puts `oid` into the id token, `offline_access` what gives a refresh token.
  return oauth::Client{.authorize_url = base + "authorize",
                       .token_url = base + "token",
                       .client_id = admin->client_id.str(),
                       .client_secret = admin->client_secret->value.str(),
                       .scope = "openid profile offline_access User.Read Chat.ReadWrite"};
}

std::optional<std::string> Teams::external_id(const object& claims) const {
  for (const std::string_view name : {"oid", "sub"}) {
    const auto* claim = claims.if_contains(name);
    // It becomes a part of an OData expression in quotes.
    if (claim == nullptr || !claim->is_string()) continue;
    std::string id(claim->get_string());
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
    if (!id.empty() && id.size() <= 100 && std::ranges::all_of(id, plain)) return id;
  }
  return std::nullopt;
}

// learn.microsoft.com/graph/api/chat-post: a chat that is there already is answered, not made again.
http::ClientRequest Teams::chat_request(const TeamsAdmin& admin, const OAuthLink& user) {
  const object member{{"@odata.type", "#microsoft.graph.aadUserConversationMember"},
                      {"roles", array{"owner"}},
                      {"user@odata.bind", api(admin, "/v1.0/users('" + user.external_id.str() + "')")}};
  return as_user(post(api(admin, "/v1.0/chats"), object{{"chatType", "oneOnOne"}, {"members", array{member}}}), user);
}

// learn.microsoft.com/graph/api/chatmessage-post, "Send a message that includes a card": the card is text inside the JSON. Nobody is mentioned, as that takes
// an entry in `mentions`, or one in `msteams.entities` of the card.
http::ClientRequest Teams::message_request(const Outgoing& outgoing, const TeamsAdmin& admin, const OAuthLink& user, std::string_view chat_id) {
  std::string id = outgoing.key.to_string();
  std::erase(id, '-');
  http::ClientRequest request;
  for (std::size_t most = kBodyMax;; most /= 2) {
    const object attachment{{"id", id},
                            {"contentType", "application/vnd.microsoft.card.adaptive"},
                            {"contentUrl", nullptr},
                            {"content", boost::json::serialize(card(outgoing.message, most))},
                            {"name", nullptr},
                            {"thumbnailUrl", nullptr}};
    request = post(api(admin, "/v1.0/chats/" + std::string(chat_id) + "/messages"),
                   object{{"body", object{{"contentType", "html"}, {"content", "<attachment id=\"" + id + "\"></attachment>"}}}, {"attachments", array{attachment}}});
    // Quotes and such are escaped twice: how long it gets shows once it is there.
    if (request.body.size() <= kMessageMax || most < 64) break;
  }
  return as_user(std::move(request), user);
}

// learn.microsoft.com/graph/errors and learn.microsoft.com/graph/throttling.
rules::Verdict Teams::judge_answer(const http::ClientResponse& answer, Timestamp now) {
  auto verdict = explained(judge(answer, now), answer, "/error/message");
  verdict.unauthorized = answer.status == 401;
  return verdict;
}

awaitable<rules::Verdict> Teams::send(Outgoing outgoing, std::string admin_config, std::string user_config) const {
  const auto admin = rpc::from_json<TeamsAdmin>(admin_config);
  const auto user = rpc::from_json<OAuthLink>(user_config);
  if (!admin || !user) throw Fault("settings of the channel " + id() + " do not fit their type");
  const auto opened = co_await client_.send(chat_request(*admin, *user));
  auto verdict = opened ? judge_answer(*opened, clock_.now()) : judge(opened, clock_.now());
  if (verdict.kind != rules::Verdict::Kind::delivered) co_return verdict;
  const auto chat = member_of(opened->body, "/id");
  // "19:..._...@unq.gbl.spaces": it becomes a part of a path.
  const auto plain = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '/' && c != '?' && c != '#' && c != '%' && c != '\\'; };
  if (!chat || !chat->is_string() || chat->get_string().empty() || chat->get_string().size() > 300 || !std::ranges::all_of(chat->get_string(), plain))
    co_return rules::Verdict::retry("the receiver's answer names no chat");
  const auto sent = co_await client_.send(message_request(outgoing, *admin, *user, chat->get_string()));
  co_return sent ? judge_answer(*sent, clock_.now()) : judge(sent, clock_.now());
}

}  // namespace watchbell::notification::channels
