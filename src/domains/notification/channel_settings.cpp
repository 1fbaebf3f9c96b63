#include "domains/notification/channel_settings.hpp"

#include "domains/notification/store.hpp"
#include "platform/log/log.hpp"

namespace watchbell::notification {

struct StrategyMeta {
  Required<bool> enabled;
};
BOOST_DESCRIBE_STRUCT(StrategyMeta, (), (enabled))

namespace {

using channels::Channel;

settings::RecordKey meta_key(const Channel& channel) { return {"notification", "strategy." + channel.id() + ".meta"}; }
settings::RecordKey config_key(const Channel& channel) { return {"notification", "strategy." + channel.id() + ".config"}; }
constexpr std::string_view kUserPrefix = "user-pref.";
settings::RecordKey user_key(const Channel& channel, const UserId& user) { return {"notification", std::string(kUserPrefix) + user.to_string() + "." + channel.id()}; }

std::unexpected<Error> unknown(std::string_view strategy_id) { return fail(ErrorCode::not_found, "There is no strategy {}", strategy_id); }

std::optional<std::string> unless_empty(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }

SchemaJson schema_json(const settings::RecordType& type) { return {.text = rpc::to_json_schema(type.schema())}; }

/// Issues of a settings object, as issues of the input member that carried it.
Error below(std::string_view member, Error error) {
  if (error.data == nullptr) return error;
  auto data = boost::json::parse(error.data->json);
  auto* issues = data.is_object() ? data.get_object().if_contains("issues") : nullptr;
  if (issues == nullptr || !issues->is_array()) return error;
  for (auto& issue : issues->get_array()) {
    auto& path = issue.as_object()["path"];
    if (!path.is_array()) path = boost::json::array();
    path.get_array().insert(path.get_array().begin(), boost::json::value(member));
  }
  error.data = std::make_shared<const ErrorData>(ErrorData{.json = settings::secrets::to_text(data), .meta = {}});
  return error;
}

/// Absent keeps, null erases, a value is merged into what is stored.
Result<void> patch_record(const settings::Store& store, Change& change, const settings::RecordKey& key, const settings::RecordType& type,
                          const Patch<ConfigJson>& patch, std::string_view member) {
  if (patch.clears()) store.erase(change.sql(), key);
  if (!patch.sets()) return {};
  auto written = store.put_json(change.sql(), key, type, patch.value().text, change.now());
  if (!written) return std::unexpected(below(member, std::move(written.error())));
  return {};
}

/// A record as pages see it. One that cannot be read shows as absent: the form is how it gets mended.
template <class View>
void show(View& view, std::optional<ConfigJson> View::*member, const settings::Store& store, sql::Session& session, const settings::RecordKey& key,
          const settings::RecordType& type) {
  try {
    if (auto record = store.redacted(session, key, type)) {
      view.*member = ConfigJson{.text = std::move(record->value.json)};
      view.secrets_set = std::move(record->value.secrets_set);
    }
  } catch (const settings::Unreadable& fault) {
    log::warn("settings of a channel cannot be read", {{"record", key.record}, {"reason", fault.what()}});
  }
}

}  // namespace

const settings::RecordType* ChannelSettings::type_of(std::string_view record) const {
  for (const auto& channel : registry_) {
    if (record == meta_key(*channel).record) return &settings::type_of<StrategyMeta>();
    if (record == config_key(*channel).record) return &channel->admin_config();
    if (record.starts_with(kUserPrefix) && record.ends_with("." + channel->id())) return &channel->user_config();
  }
  return nullptr;
}

bool ChannelSettings::enabled(sql::Session& session, const Channel& channel) const {
  const auto meta = settings_.get<StrategyMeta>(session, meta_key(channel));
  return meta ? meta->value.enabled : channel.traits().enabled_by_default;
}

std::optional<std::string> ChannelSettings::admin_config(sql::Session& session, const Channel& channel) const {
  if (auto stored = settings_.get_json(session, config_key(channel), channel.admin_config())) return std::move(stored->value);
  if (channel.admin_config().validate("{}")) return "{}";
  return std::nullopt;
}

std::optional<std::string> ChannelSettings::user_config(sql::Session& session, const Channel& channel, const UserId& user) const {
  auto stored = settings_.get_json(session, user_key(channel, user), channel.user_config());
  if (!stored || !channel.contact(stored->value)) return std::nullopt;
  return std::move(stored->value);
}

std::vector<const Channel*> ChannelSettings::usable(sql::Session& session) const {
  std::vector<const Channel*> usable;
  for (const auto& channel : registry_) {
    try {
      if (enabled(session, *channel) && admin_config(session, *channel)) usable.push_back(channel.get());
    } catch (const settings::Unreadable& fault) {
      log::warn("settings of a channel cannot be read", {{"strategy", channel->id()}, {"reason", fault.what()}});
    }
  }
  return usable;
}

awaitable<Result<std::vector<StrategyView>>> ChannelSettings::strategies() {
  co_return co_await database_.read([this](sql::Session& session) {
    std::vector<StrategyView> views;
    for (const auto& channel : registry_) {
      const auto& traits = channel->traits();
      StrategyView view{.qualified_id = traits.strategy_id,
                        .display_name = traits.display_name,
                        .description = unless_empty(traits.description),
                        .icon = unless_empty(traits.icon),
                        .owner_plugin_id = traits.owner_plugin,
                        .contact_resolution = traits.contact,
                        .requires_user_config = !channel->user_config().schema().members.empty(),
                        .requires_o_auth_link = traits.contact.type == ContactType::oauth_link,
                        .config_schema = schema_json(channel->admin_config()),
                        .user_config_schema = schema_json(channel->user_config()),
                        .enabled = enabled(session, *channel),
                        .config = {},
                        .secrets_set = {},
                        .admin_instructions = unless_empty(traits.admin_instructions)};
      show(view, &StrategyView::config, settings_, session, config_key(*channel), channel->admin_config());
      views.push_back(std::move(view));
    }
    return views;
  });
}

Result<void> ChannelSettings::update(Change& change, const Channel& channel, const UpdateStrategy& input) const {
  auto written = settings_.put(change.sql(), meta_key(channel), StrategyMeta{.enabled = input.enabled}, change.now());
  if (!written) return std::unexpected(std::move(written.error()));
  return patch_record(settings_, change, config_key(channel), channel.admin_config(), input.config, "config");
}

awaitable<Result<void>> ChannelSettings::update_strategy(UpdateStrategy input) {
  const auto* channel = channels::find(registry_, input.strategy_id);
  if (channel == nullptr) co_return unknown(input.strategy_id);
  co_return co_await changes_.run([this, channel, input = std::move(input)](Change& change) { return update(change, *channel, input); });
}

awaitable<Result<std::vector<ChannelView>>> ChannelSettings::user_channels(UserId user) {
  co_return co_await database_.read([this, user](sql::Session& session) {
    std::vector<ChannelView> views;
    for (const auto& channel : registry_) {
      if (!enabled(session, *channel)) continue;
      const auto& traits = channel->traits();
      const auto preference = store::preference(session, user, channel->id()).value_or(store::Preference());
      ChannelView view{.strategy_id = traits.strategy_id,
                       .display_name = traits.display_name,
                       .description = unless_empty(traits.description),
                       .icon = unless_empty(traits.icon),
                       .contact_resolution = {.type = traits.contact.type, .field = {}},
                       .enabled = preference.enabled,
                       .is_configured = preference.is_configured,
                       .user_config_schema = schema_json(channel->user_config()),
                       .user_config = {},
                       .secrets_set = {},
                       .user_instructions = unless_empty(traits.user_instructions)};
      show(view, &ChannelView::user_config, settings_, session, user_key(*channel, user), channel->user_config());
      views.push_back(std::move(view));
    }
    return views;
  });
}

Result<void> ChannelSettings::update(Change& change, const Channel& channel, const UserId& user, const SetPreference& input) const {
  auto patched = patch_record(settings_, change, user_key(channel, user), channel.user_config(), input.user_config, "userConfig");
  if (!patched) return patched;
  auto preference = store::preference(change.sql(), user, channel.id()).value_or(store::Preference());
  preference.enabled = input.enabled;
  if (!input.user_config.keeps()) preference.is_configured = user_config(change.sql(), channel, user).has_value();
  store::put_preference(change.sql(), user, channel.id(), preference, change.now());
  return {};
}

awaitable<Result<void>> ChannelSettings::set_preference(UserId user, SetPreference input) {
  const auto* channel = channels::find(registry_, input.strategy_id);
  if (channel == nullptr) co_return unknown(input.strategy_id);
  co_return co_await changes_.run([this, channel, user, input = std::move(input)](Change& change) { return update(change, *channel, user, input); });
}

}  // namespace watchbell::notification
