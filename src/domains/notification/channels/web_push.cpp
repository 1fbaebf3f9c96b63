#include "domains/notification/channels/web_push.hpp"

#include <algorithm>
#include <set>

#include "domains/notification/channels/importance.hpp"
#include "domains/notification/channels/subjects.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/random.hpp"
#include "platform/markdown/markdown.hpp"

namespace watchbell::notification::channels {

namespace {

using markdown::Format;
using Unit = markdown::Limit::Unit;

/// How long a push service keeps what it cannot hand over now: a browser that is closed for a night still learns of it.
constexpr std::string_view kTtlSeconds = "86400";
/// A push service answers at once or not; all browsers of a user are asked well before the lease of one job ends.
constexpr std::chrono::seconds kRequestTimeout(5);
/// No browser shows more of a message.
constexpr std::size_t kBodyMax = 1500;

/// What was not handed over yet gives way to what comes under the same topic (RFC 8030, 5.4: at most 32 characters of base64url): a repetition, or a newer
/// message of the same collapse key. Of that a push service, which may read topics, learns nothing: the key of the hash is the browser's secret.
std::string topic(const Outgoing& outgoing, const PushDevice& device) {
  constexpr std::size_t kTopicBytes = 24;
  if (outgoing.message.collapse_key)
    return crypto::base64url_encode(std::string_view(crypto::hmac_sha256(device.auth.value.str(), *outgoing.message.collapse_key)).substr(0, kTopicBytes));
  const auto& id = outgoing.key.uuid().bytes();
  return crypto::base64url_encode(std::string_view(reinterpret_cast<const char*>(id.data()), id.size()));
}

bool usable_contact(std::string_view contact) { return contact.starts_with("mailto:") || contact.starts_with("https://"); }

}  // namespace

std::vector<rpc::Hint> WebPushAdmin::hints() {
  return {{.member = "private_key",
           .label = "Private key",
           .help = "Made when the first browser subscribes. With another one, every browser has to subscribe anew.",
           .extra = {}},
          {.member = "contact",
           .label = "Contact",
           .help = "A mailto: or https: URL at which the operators of push services may reach you. The server's own address when empty.",
           .extra = {}}};
}
std::vector<rpc::Hint> WebPushUser::hints() {
  return {{.member = "devices", .label = "Browsers", .help = "Those that are pushed to.", .extra = {}}};
}

Result<void> WebPushAdmin::judge() const {
  if (private_key && !web_push_keys(*this)) return fail_field(ErrorCode::bad_request, "privateKey", "this is no private key on P-256 in base64url");
  if (contact && !usable_contact(contact->str())) return fail_field(ErrorCode::bad_request, "contact", "contact must be a mailto: or https: URL");
  return {};
}

Result<void> WebPushUser::judge() const {
  for (const auto& device : devices)
    if (!web_push::receiver_of(device.p256dh.value.str(), device.auth.value.str()))
      return fail_field(ErrorCode::bad_request, "devices", "the keys of a subscription are not those of a browser");
  return {};
}

std::string clear_json(const WebPushUser& user) {
  boost::json::array devices;
  for (const auto& device : user.devices)
    devices.push_back(boost::json::object{
        {"id", device.id.str()}, {"endpoint", device.endpoint.value.str()}, {"p256dh", device.p256dh.value.str()}, {"auth", device.auth.value.str()}});
  return boost::json::serialize(boost::json::object{{"devices", std::move(devices)}});
}

std::string web_push_device_id(std::string_view endpoint) { return crypto::base64url_encode(crypto::sha256(endpoint)); }

std::optional<crypto::P256Keys> web_push_keys(const WebPushAdmin& admin) {
  if (!admin.private_key) return std::nullopt;
  const auto bytes = crypto::base64url_decode(admin.private_key->value.str());
  return bytes ? crypto::p256_keys_of(*bytes) : std::nullopt;
}

WebPush::WebPush(http::Client& client, const Clock& clock, std::string base_url)
    : Channel({.strategy_id = std::string(kWebPush),
               .owner_plugin = "notification-webpush",
               .display_name = "Browser",
               .description = "Shows notifications in this browser, also while no page is open",
               .icon = "BellRing",
               .contact = {.type = ContactType::user_config, .field = "devices"},
               .enabled_by_default = true,
               .user_sets_server = true,
               .carries_secrets = false,
               .admin_instructions = {},
               .user_instructions = "Switch it on in every browser that is to show your notifications. What is sent is encrypted for the browser alone: the "
                                    "push service of its maker, which hands it over, cannot read it."}),
      client_(client),
      clock_(clock),
      base_url_(std::move(base_url)) {}

const settings::RecordType& WebPush::admin_config() const { return record_type<WebPushAdmin>(); }
const settings::RecordType& WebPush::user_config() const { return record_type<WebPushUser>(); }

std::optional<std::string> WebPush::contact(std::string_view user_config) const {
  const auto user = rpc::from_json<WebPushUser>(user_config);
  if (!user || user->devices.empty()) return std::nullopt;
  return user->devices.begin()->id.str();
}

std::vector<std::string> WebPush::hosts(std::string_view, std::string_view user_config) const {
  const auto user = rpc::from_json<WebPushUser>(user_config);
  std::set<std::string> hosts;
  if (user)
    for (const auto& device : user->devices) hosts.insert(rules::host_of(device.endpoint.value.str()));
  return {hosts.begin(), hosts.end()};
}

std::string WebPush::without(std::string_view user_config, const std::vector<std::string>& targets) const {
  const auto user = rpc::from_json<WebPushUser>(user_config);
  if (!user) return std::string(user_config);
  WebPushUser left;
  for (const auto& device : user->devices)
    if (std::ranges::find(targets, device.id.str()) == targets.end()) left.devices.push_back(device);
  return clear_json(left);
}

std::string WebPush::payload(const Outgoing& outgoing) {
  const auto& message = outgoing.message;
  boost::json::object content{{"id", outgoing.key.to_string()},
                              {"title", markdown::literal(Format::plain, message.title)},
                              {"importance", rpc::enum_text(message.importance)},
                              {"at", outgoing.created_at.to_iso()}};
  if (message.action) content["url"] = message.action->url;
  if (message.collapse_key) content["topic"] = *message.collapse_key;
  std::string text;
  for (std::size_t most = kBodyMax;; most /= 2) {
    content["body"] = body_of(Format::plain, message, {.max = most, .unit = Unit::bytes});
    text = boost::json::serialize(content);
    if (text.size() <= web_push::kPlaintextMax) return text;
    // Quotes and such take more room in JSON. A link is the last to go: it is worth more than a few words.
    if (most < 64) break;
  }
  content.erase("url");
  return boost::json::serialize(content);
}

Request WebPush::request(const Outgoing& outgoing, const std::string& payload, const WebPushAdmin& admin, const PushDevice& device, Timestamp now) const {
  const auto keys = web_push_keys(admin);
  if (!keys) return std::unexpected("The server has no keys to push with");
  const auto receiver = web_push::receiver_of(device.p256dh.value.str(), device.auth.value.str());
  if (!receiver) return std::unexpected("The keys of a subscription are not those of a browser");
  const std::string endpoint = device.endpoint.value.str();
  const std::string contact = admin.contact ? admin.contact->str() : usable_contact(base_url_) ? base_url_ : std::string();
  http::ClientRequest request;
  request.method = "POST";
  request.url = endpoint;
  request.headers = {{"TTL", std::string(kTtlSeconds)},
                     {"Urgency", by_importance(outgoing.message.importance, "normal", "high", "high")},
                     {"Topic", topic(outgoing, device)},
                     {"Content-Type", "application/octet-stream"},
                     {"Content-Encoding", "aes128gcm"},
                     {"Authorization", web_push::authorization(endpoint, *keys, contact, now)}};
  request.body = web_push::encrypt(payload, *receiver, crypto::make_p256_keys(), crypto::random_bytes(web_push::kSalt));
  request.total_timeout = kRequestTimeout;
  request.connect_timeout = kRequestTimeout;
  request.max_response_bytes = 4096;
  request.truncate_large = true;
  request.policy = net::EgressPolicy::channel;
  return request;
}

awaitable<rules::Verdict> WebPush::send(Outgoing outgoing, std::string admin_config, std::string user_config) const {
  const auto admin = rpc::from_json<WebPushAdmin>(admin_config);
  const auto user = rpc::from_json<WebPushUser>(user_config);
  if (!admin || !user) throw Fault("settings of the channel " + id() + " do not fit their type");
  const std::string content = payload(outgoing);
  std::vector<std::string> reached;
  std::vector<std::string> ended;
  std::optional<rules::Verdict> retry;
  auto refused = rules::Verdict::refused("No browser is subscribed any more");
  for (const auto& device : user->devices) {
    const std::string& target = device.id.str();
    if (std::ranges::find(outgoing.reached, target) != outgoing.reached.end()) continue;
    auto composed = request(outgoing, content, *admin, device, clock_.now());
    if (!composed) {
      refused = rules::Verdict::refused(std::move(composed.error()));
      continue;
    }
    const auto result = co_await client_.send(std::move(*composed));
    auto verdict = judge(result, clock_.now());
    switch (verdict.kind) {
      case rules::Verdict::Kind::delivered: reached.push_back(target); break;
      case rules::Verdict::Kind::retry:
        if (retry) verdict.retry_after = std::max(verdict.retry_after, retry->retry_after);
        retry = std::move(verdict);
        break;
      case rules::Verdict::Kind::refused:
        if (result && (result->status == 404 || result->status == 410)) ended.push_back(target);
        else refused = std::move(verdict);
        break;
    }
  }
  const bool some = !reached.empty() || !outgoing.reached.empty();
  auto verdict = retry ? std::move(*retry) : some ? rules::Verdict::delivered() : std::move(refused);
  verdict.reached = std::move(reached);
  verdict.ended = std::move(ended);
  co_return verdict;
}

}  // namespace watchbell::notification::channels
