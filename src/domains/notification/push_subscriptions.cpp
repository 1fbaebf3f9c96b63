#include "domains/notification/push_subscriptions.hpp"

#include <algorithm>

#include "domains/notification/channels/web_push.hpp"
#include "platform/crypto/encoding.hpp"

namespace watchbell::notification {

namespace {

using channels::PushDevice;
using channels::WebPushAdmin;
using channels::WebPushUser;

std::optional<PushKey> key_of(const std::optional<std::string>& admin_config) {
  const auto admin = rpc::from_json<WebPushAdmin>(admin_config.value_or("{}"));
  const auto keys = admin ? channels::web_push_keys(*admin) : std::nullopt;
  if (!keys) return std::nullopt;
  return PushKey{.public_key = crypto::base64url_encode(keys->public_key)};
}

/// Whether it was among them.
bool take_out(WebPushUser& user, std::string_view id) {
  channels::PushDevices left;
  for (auto& device : user.devices)
    if (device.id.str() != id) left.push_back(std::move(device));
  const bool found = left.size() != user.devices.size();
  user.devices = std::move(left);
  return found;
}

}  // namespace

const channels::Channel& PushSubscriptions::channel() const {
  const auto* found = channels::find(channels_.registry(), channels::kWebPush);
  WATCHBELL_ASSERT(found != nullptr);
  return *found;
}

WebPushUser PushSubscriptions::read(sql::Session& session, const UserId& user) const {
  const auto stored = channels_.user_config(session, channel(), user);
  auto known = rpc::from_json<WebPushUser>(stored.value_or(R"({"devices":[]})"));
  if (!known) throw Fault("subscriptions of a user do not fit their type");
  return std::move(*known);
}

awaitable<Result<PushKey>> PushSubscriptions::key(Note note) {
  auto known = co_await database_.read([this](sql::Session& session) { return key_of(channels_.admin_config(session, channel())); });
  if (!known) co_return std::unexpected(std::move(known.error()));
  if (*known) co_return std::move(**known);
  co_return co_await changes_.run([this, note = std::move(note)](Change& change) -> Result<PushKey> {
    // Of two who find none, the second finds that of the first.
    if (auto made = key_of(channels_.admin_config(change.sql(), channel()))) return std::move(*made);
    const auto keys = crypto::make_p256_keys();
    const auto admin = boost::json::serialize(boost::json::object{{"privateKey", crypto::base64url_encode(keys.private_key)}});
    if (auto written = channels_.write_admin_config(change, channel(), admin); !written) return std::unexpected(std::move(written.error()));
    if (note) note(change);
    return PushKey{.public_key = crypto::base64url_encode(keys.public_key)};
  });
}

awaitable<Result<void>> PushSubscriptions::add(UserId user, AddPushSubscription input) {
  if (!channels::web_push::receiver_of(input.keys.p256dh.str(), input.keys.auth.str()))
    co_return fail_field(ErrorCode::bad_request, "keys", "keys must be those that a browser gave with its subscription");
  co_return co_await changes_.run([this, user, input = std::move(input)](Change& change) -> Result<void> {
    auto known = read(change.sql(), user);
    const auto id = channels::web_push_device_id(input.endpoint.str());
    if (input.replaces && !take_out(known, channels::web_push_device_id(input.replaces->str())))
      return fail_field(ErrorCode::not_found, "replaces", "You have no such subscription");
    take_out(known, id);
    if (known.devices.size() == channels::kPushDevices) take_out(known, std::string(known.devices.begin()->id.str()));
    known.devices.push_back(PushDevice{.id = Text<1, 64>::of(id), .endpoint = {input.endpoint}, .p256dh = {input.keys.p256dh}, .auth = {input.keys.auth}});
    return channels_.write_user_config(change, channel(), user, channels::clear_json(known), true);
  });
}

awaitable<Result<Success>> PushSubscriptions::remove(UserId user, RemovePushSubscription input) {
  co_return co_await changes_.run([this, user, input = std::move(input)](Change& change) -> Result<Success> {
    auto known = read(change.sql(), user);
    if (!take_out(known, channels::web_push_device_id(input.endpoint.str()))) return Success{.success = false};
    if (auto written = channels_.write_user_config(change, channel(), user, channels::clear_json(known), std::nullopt); !written)
      return std::unexpected(std::move(written.error()));
    return Success{.success = true};
  });
}

}  // namespace watchbell::notification
