#include "domains/notification/channels/webhook.hpp"

#include "domains/notification/channels/standard_webhooks.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification::channels {

namespace {

struct WireBody {
  int version = 1;
  Timestamp timestamp;
  MessageType type = MessageType::notification;
  std::string title;
  std::string body;
  Importance importance = Importance::info;
  std::optional<Action> action;
  std::vector<Subject> subjects;
};
BOOST_DESCRIBE_STRUCT(WireBody, (), (version, timestamp, type, title, body, importance, action, subjects))

std::optional<std::string> key_of(const std::optional<WebhookUser::Secret>& secret) {
  return secret ? standard_webhooks::key_of(secret->value.str()) : std::nullopt;
}

}  // namespace

std::vector<rpc::Hint> WebhookAdmin::hints() {
  return {{.member = "timeout_seconds", .label = "Timeout (seconds)", .help = "How long a receiver may take to answer.", .extra = {}}};
}

std::vector<rpc::Hint> WebhookUser::hints() {
  return {{.member = "url", .label = "URL", .help = "Where notifications are posted as JSON.", .extra = {}},
          {.member = "signing_secret", .label = "Signing secret", .help = "Optional. With it, every request carries a signature you can verify.", .extra = {}},
          {.member = "previous_signing_secret",
           .label = "Previous signing secret",
           .help = "Only while you change the secret: requests are signed with both, so that no receiver misses one.",
           .extra = {}}};
}

Result<void> WebhookUser::judge() const {
  const auto wrong = [](const std::optional<Secret>& secret) { return secret && !key_of(secret); };
  constexpr std::string_view rule = "behind whsec_ there must be 24 to 64 bytes in base64";
  if (wrong(signing_secret)) return fail_field(ErrorCode::bad_request, "signingSecret", "{}", rule);
  if (wrong(previous_signing_secret)) return fail_field(ErrorCode::bad_request, "previousSigningSecret", "{}", rule);
  return {};
}

Webhook::Webhook(http::Client& client, const Clock& clock)
    : HttpChannel(
          {.strategy_id = "notification-webhook.webhook",
           .owner_plugin = "notification-webhook",
           .display_name = "Webhook",
           .description = "Posts notifications as JSON to a URL of your own",
           .icon = "Webhook",
           .contact = {.type = ContactType::user_config, .field = "url"},
           .enabled_by_default = true,
           .user_sets_server = true,
           .admin_instructions = {},
           .user_instructions = "Each notification is sent as a `POST` with a JSON body. The header `webhook-id` stays the same when a request is repeated.\n\n"
                                "With a signing secret, requests are signed as [Standard Webhooks](https://www.standardwebhooks.com/) has it, so any of its "
                                "libraries verifies them: give it a secret of the form `whsec_...`. Beside that, `X-Checkstack-Signature` is `sha256=` and the "
                                "hexadecimal HMAC-SHA256 of `<X-Checkstack-Timestamp>.<raw body>`.\n\n"
                                "A receiver that answers 410 gets nothing any more, and you are told."},
          client, clock) {}

std::optional<std::string> Webhook::contact_of(const WebhookUser& user) const { return user.url.is_set() ? std::optional(user.url.str()) : std::nullopt; }
std::string Webhook::server(const WebhookAdmin&, const WebhookUser& user) const { return user.url.str(); }

Request Webhook::request(const Outgoing& outgoing, const WebhookAdmin& admin, const WebhookUser& user, Timestamp now) const {
  http::ClientRequest request;
  request.method = "POST";
  request.url = user.url.str();
  request.body = rpc::to_json(WireBody{.timestamp = outgoing.created_at,
                                       .type = outgoing.type,
                                       .title = outgoing.message.title,
                                       .body = outgoing.message.body,
                                       .importance = outgoing.message.importance,
                                       .action = outgoing.message.action,
                                       .subjects = outgoing.message.subjects});
  const std::string id = outgoing.key.to_string();
  const std::string timestamp = std::to_string(now.seconds());
  request.headers = {
      {"Content-Type", "application/json"}, {"User-Agent", "Watchbell-Webhook/" WATCHBELL_VERSION}, {"webhook-id", id}, {"webhook-timestamp", timestamp}};
  std::string signatures;
  for (const auto* secret : {&user.signing_secret, &user.previous_signing_secret}) {
    if (const auto key = key_of(*secret)) signatures += (signatures.empty() ? "" : " ") + standard_webhooks::signature(*key, id, now, request.body);
  }
  if (!signatures.empty()) request.headers.emplace_back("webhook-signature", std::move(signatures));
  if (user.signing_secret) {
    request.headers.emplace_back("X-Checkstack-Timestamp", timestamp);
    request.headers.emplace_back("X-Checkstack-Signature",
                                 "sha256=" + crypto::hmac_sha256_hex(user.signing_secret->value.str(), timestamp + "." + request.body));
  }
  request.total_timeout = std::chrono::seconds(admin.timeout_seconds.value());
  request.connect_timeout = std::min<std::chrono::milliseconds>(request.connect_timeout, request.total_timeout);
  // Only the status counts: what follows it is not worth reading, and no reason to try again.
  request.max_response_bytes = 4096;
  request.truncate_large = true;
  request.policy = net::EgressPolicy::channel;
  return request;
}

rules::Verdict Webhook::judge_answer(const http::ClientResponse& answer, Timestamp now) const {
  auto verdict = judge(answer, now);
  verdict.gone = answer.status == 410;
  return verdict;
}

}  // namespace watchbell::notification::channels
