#include "domains/notification/channels/webhook.hpp"

#include "base/fault.hpp"
#include "domains/notification/channels/http_verdict.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/http_client/client.hpp"

namespace watchbell::notification::channels {

namespace {

/// What a message is about. None are named yet; the member is part of the contract from the first version on.
struct WireSubject {
  std::string kind;
  std::string id;
  std::string name;
};
BOOST_DESCRIBE_STRUCT(WireSubject, (), (kind, id, name))

struct WireBody {
  int version = 1;
  Timestamp timestamp;
  std::string type = "notification";
  std::string title;
  std::string body;
  Importance importance = Importance::info;
  std::optional<Action> action;
  std::vector<WireSubject> subjects;
};
BOOST_DESCRIBE_STRUCT(WireBody, (), (version, timestamp, type, title, body, importance, action, subjects))

/// Stored settings were judged when they were written and again when they were opened.
template <class T>
T read(std::string_view json) {
  auto value = rpc::from_json<T>(json);
  if (!value) throw Fault("settings of the webhook channel do not fit their type");
  return std::move(*value);
}

}  // namespace

std::vector<rpc::Hint> Webhook::AdminConfig::hints() {
  return {{.member = "timeout_seconds", .label = "Timeout (seconds)", .help = "How long a receiver may take to answer.", .extra = {}}};
}

std::vector<rpc::Hint> Webhook::UserConfig::hints() {
  return {{.member = "url", .label = "URL", .help = "Where notifications are posted as JSON.", .extra = {}},
          {.member = "signing_secret", .label = "Signing secret", .help = "Optional. With it, every request carries a signature you can verify.", .extra = {}}};
}

Webhook::Webhook(http::Client& client, const Clock& clock)
    : Channel({.strategy_id = "notification-webhook.webhook",
               .owner_plugin = "notification-webhook",
               .display_name = "Webhook",
               .description = "Posts notifications as JSON to a URL of your own",
               .icon = "Webhook",
               .contact = {.type = ContactType::user_config, .field = "url"},
               .enabled_by_default = true,
               .admin_instructions = {},
               .user_instructions = "Each notification is sent as a `POST` with a JSON body. The header `webhook-id` stays the same when a request is repeated.\n\n"
                                    "With a signing secret, `X-Checkstack-Signature` is `sha256=` and the hexadecimal HMAC-SHA256 of "
                                    "`<X-Checkstack-Timestamp>.<raw body>`."}),
      client_(client),
      clock_(clock) {}

const settings::RecordType& Webhook::admin_config() const { return settings::type_of<AdminConfig>(); }
const settings::RecordType& Webhook::user_config() const { return settings::type_of<UserConfig>(); }

std::optional<std::string> Webhook::contact(std::string_view user_config) const {
  const auto user = rpc::from_json<UserConfig>(user_config);
  return user && user->url.is_set() ? std::optional(user->url.str()) : std::nullopt;
}

std::string Webhook::host(std::string_view, std::string_view user_config) const { return rules::host_of(contact(user_config).value_or(std::string())); }

http::ClientRequest Webhook::request(const Outgoing& outgoing, const AdminConfig& admin, const UserConfig& user, Timestamp now) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = user.url.str();
  request.body = rpc::to_json(WireBody{.timestamp = outgoing.created_at,
                                       .title = outgoing.message.title,
                                       .body = outgoing.message.body,
                                       .importance = outgoing.message.importance,
                                       .action = outgoing.message.action,
                                       .subjects = {}});
  request.headers = {{"Content-Type", "application/json"}, {"User-Agent", "Watchbell-Webhook/" WATCHBELL_VERSION}, {"webhook-id", outgoing.key.to_string()}};
  if (user.signing_secret) {
    const std::string timestamp = std::to_string(now.seconds());
    request.headers.emplace_back("X-Checkstack-Timestamp", timestamp);
    request.headers.emplace_back("X-Checkstack-Signature", "sha256=" + crypto::hmac_sha256_hex(user.signing_secret->value.str(), timestamp + "." + request.body));
  }
  request.total_timeout = std::chrono::seconds(admin.timeout_seconds.value());
  request.connect_timeout = std::min<std::chrono::milliseconds>(request.connect_timeout, request.total_timeout);
  // Only the status counts: what follows it is not worth reading, and no reason to try again.
  request.max_response_bytes = 4096;
  request.truncate_large = true;
  request.policy = net::EgressPolicy::channel;
  return request;
}

awaitable<rules::Verdict> Webhook::send(Outgoing outgoing, std::string admin_config, std::string user_config) const {
  const auto result = co_await client_.send(request(outgoing, read<AdminConfig>(admin_config), read<UserConfig>(user_config), clock_.now()));
  co_return judge(result, clock_.now());
}

}  // namespace watchbell::notification::channels
