#include "domains/notification/channel_settings.hpp"

#include <algorithm>

#include "domains/notification/lapsed_channels.hpp"
#include "domains/notification/quiet_hours.hpp"
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

std::optional<QuietHoursView> view_of(const std::optional<QuietHours>& hours) {
  if (!hours) return std::nullopt;
  return QuietHoursView{
      .from = Text<5, 5>::of(clock_text(hours->from)), .to = Text<5, 5>::of(clock_text(hours->to)), .time_zone = Text<1, 64>::of(hours->zone)};
}

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

/// A record without its secrets; nothing, and a warning, when it cannot be read.
std::optional<settings::Redacted> readable(const settings::Store& store, sql::Session& session, const settings::RecordKey& key, const settings::RecordType& type) {
  try {
    if (auto record = store.redacted(session, key, type)) return std::move(record->value);
  } catch (const settings::Unreadable& fault) {
    log::warn("settings of a channel cannot be read", {{"record", key.record}, {"reason", fault.what()}});
  }
  return std::nullopt;
}

/// The first of those members that two settings differ in; nothing when they say the same. Settings that are not there, or nobody can read, say nothing.
std::optional<std::string> moved(const std::vector<std::string>& members, const std::optional<settings::Redacted>& before,
                                 const std::optional<settings::Redacted>& after) {
  const auto parsed = [](const auto& settings) { return settings ? boost::json::parse(settings->json) : boost::json::value(boost::json::object()); };
  const auto old = parsed(before), present = parsed(after);
  const auto member = [](const boost::json::value& object, std::string_view name) {
    const auto* found = object.as_object().if_contains(name);
    return found == nullptr ? boost::json::value() : *found;
  };
  const auto found = std::ranges::find_if(members, [&](const auto& name) { return member(old, name) != member(present, name); });
  return found == members.end() ? std::nullopt : std::optional(*found);
}

/// A secret that is kept goes nowhere else than it was given for: whoever says where a channel sends, and never knew its secrets, must not get to see them.
Result<void> judge_move(const Channel& channel, const settings::Redacted& before, const std::optional<settings::Redacted>& after, std::string_view given) {
  const auto where = moved(channel.traits().destination, before, after);
  if (!where) return {};
  const auto input = boost::json::parse(given);
  for (const auto& secret : before.secrets_set) {
    const auto* anew = input.as_object().if_contains(secret);
    if (anew == nullptr || (anew->is_string() && anew->get_string().empty()))
      return fail_field(ErrorCode::bad_request, "config." + secret, "{} was given for another {}: give it again, or clear it", secret, *where);
  }
  return {};
}

/// Of a channel that is linked there is nothing to fill in, and nothing to see but since when.
void show_link(ChannelView& view) {
  if (view.user_config) {
    if (const auto link = rpc::from_json<channels::OAuthLink>(view.user_config->text)) view.linked_at = link->linked_at;
  }
  view.user_config_schema.reset();
  view.user_config.reset();
  view.secrets_set.reset();
}

/// A record as pages see it. One that cannot be read shows as absent: the form is how it gets mended.
template <class View>
void show(View& view, std::optional<ConfigJson> View::*member, const settings::Store& store, sql::Session& session, const settings::RecordKey& key,
          const settings::RecordType& type) {
  if (auto record = readable(store, session, key, type)) {
    view.*member = ConfigJson{.text = std::move(record->json)};
    view.secrets_set = std::move(record->secrets_set);
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
  if (channel.by_account()) return "{}";
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
                        .requires_user_config = !channel->by_oauth() && !channel->user_config().schema().members.empty(),
                        .requires_o_auth_link = traits.contact.type == ContactType::oauth_link,
                        .config_schema = schema_json(channel->admin_config()),
                        .user_config_schema = channel->by_oauth() ? std::nullopt : std::optional(schema_json(channel->user_config())),
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
  if (input.config.keeps()) return {};
  const auto before = readable(settings_, change.sql(), config_key(channel), channel.admin_config());
  auto patched = patch_record(settings_, change, config_key(channel), channel.admin_config(), input.config, "config");
  if (!patched) return patched;
  const auto after = readable(settings_, change.sql(), config_key(channel), channel.admin_config());
  if (before && input.config.sets())
    if (auto judged = judge_move(channel, *before, after, input.config.value().text); !judged) return judged;
  // A channel that was not set up sent nothing, but what users gave for one that was cleared is not for the next.
  return moved(channel.traits().user_destination, before, after) ? forget_all(change, channel) : Result<void>();
}

Result<void> ChannelSettings::forget_all(Change& change, const Channel& channel) const {
  std::vector<UserId> concerned;
  for (const auto& user : store::with_preference(change.sql(), channel.id()))
    if (forget(change, channel, user)) concerned.push_back(user);
  return tell_later(change, channel, std::move(concerned), Lapse::moved);
}

bool ChannelSettings::forget(Change& change, const Channel& channel, const UserId& user) const {
  // By its key, not by what it says: a record that cannot be read any more is forgotten all the same.
  settings_.erase(change.sql(), user_key(channel, user));
  auto preference = store::preference(change.sql(), user, channel.id());
  if (!preference || !preference->is_configured) return false;
  preference->is_configured = false;
  store::put_preference(change.sql(), user, channel.id(), *preference, change.now());
  return true;
}

awaitable<Result<void>> ChannelSettings::update_strategy(UpdateStrategy input, Note note) {
  const auto* channel = channels::find(registry_, input.strategy_id);
  if (channel == nullptr) co_return unknown(input.strategy_id);
  co_return co_await changes_.run([this, channel, input = std::move(input), note = std::move(note)](Change& change) -> Result<void> {
    auto updated = update(change, *channel, input);
    if (updated && note) note(change);
    return updated;
  });
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
                       .is_configured = channel->by_account() || preference.is_configured,
                       .linked_at = {},
                       .user_config_schema = schema_json(channel->user_config()),
                       .user_config = {},
                       .secrets_set = {},
                       .user_instructions = unless_empty(traits.user_instructions),
                       .digest_minutes = preference.digest_minutes,
                       .quiet_hours = view_of(preference.quiet_hours)};
      show(view, &ChannelView::user_config, settings_, session, user_key(*channel, user), channel->user_config());
      if (channel->by_oauth()) show_link(view);
      views.push_back(std::move(view));
    }
    return views;
  });
}

Result<void> ChannelSettings::update(Change& change, const Channel& channel, const UserId& user, const SetPreference& input) const {
  if (channel.by_oauth() && input.user_config.sets())
    return fail_field(ErrorCode::bad_request, "userConfig", "{} is set up by connecting an account", channel.traits().display_name);
  auto patched = patch_record(settings_, change, user_key(channel, user), channel.user_config(), input.user_config, "userConfig");
  if (!patched) return patched;
  auto preference = store::preference(change.sql(), user, channel.id()).value_or(store::Preference());
  preference.enabled = input.enabled;
  if (input.digest_minutes.clears()) preference.digest_minutes = 0;
  if (input.digest_minutes.sets()) {
    preference.digest_minutes = input.digest_minutes.value();
    if (auto judged = rules::judge_digest_minutes(preference.digest_minutes); !judged) return judged;
  }
  if (input.quiet_hours.clears()) preference.quiet_hours.reset();
  if (input.quiet_hours.sets()) {
    const auto& given = input.quiet_hours.value();
    auto hours = quiet_hours(given.from, given.to, given.time_zone);
    if (!hours) return std::unexpected(std::move(hours.error()));
    preference.quiet_hours = std::move(*hours);
  }
  if (!input.user_config.keeps() || input.enabled) preference.is_configured = user_config(change.sql(), channel, user).has_value();
  store::put_preference(change.sql(), user, channel.id(), preference, change.now());
  return {};
}

Result<void> ChannelSettings::write_admin_config(Change& change, const Channel& channel, std::string_view json) const {
  auto written = settings_.put_json(change.sql(), config_key(channel), channel.admin_config(), json, change.now());
  return written ? Result<void>() : std::unexpected(std::move(written.error()));
}

Result<void> ChannelSettings::write_user_config(Change& change, const Channel& channel, const UserId& user, std::string_view json,
                                                std::optional<bool> enabled) const {
  auto written =
      settings_.put_json(change.sql(), user_key(channel, user), channel.user_config(), json, change.now(), {.absent = settings::Absent::removes, .clear = {}});
  if (!written) return std::unexpected(std::move(written.error()));
  auto preference = store::preference(change.sql(), user, channel.id()).value_or(store::Preference());
  preference.enabled = enabled.value_or(preference.enabled);
  preference.is_configured = user_config(change.sql(), channel, user).has_value();
  store::put_preference(change.sql(), user, channel.id(), preference, change.now());
  return {};
}

Result<void> ChannelSettings::replace_user_config(Change& change, const Channel& channel, const UserId& user, std::string_view json,
                                                  std::optional<bool> enabled) const {
  settings_.erase(change.sql(), user_key(channel, user));
  return write_user_config(change, channel, user, json, enabled);
}

Result<void> ChannelSettings::forget_targets(Change& change, std::string_view strategy_id, const UserId& user, const std::vector<std::string>& targets) const {
  const auto* channel = channels::find(registry_, strategy_id);
  const auto stored = channel == nullptr ? std::nullopt : user_config(change.sql(), *channel, user);
  if (!stored) return {};
  return write_user_config(change, *channel, user, channel->without(*stored, targets), std::nullopt);
}

awaitable<Result<void>> ChannelSettings::set_preference(UserId user, SetPreference input) {
  const auto* channel = channels::find(registry_, input.strategy_id);
  if (channel == nullptr) co_return unknown(input.strategy_id);
  co_return co_await changes_.run([this, channel, user, input = std::move(input)](Change& change) { return update(change, *channel, user, input); });
}

awaitable<Result<bool>> ChannelSettings::switch_off(UserId user, std::string strategy_id, ExistingUsers existing_users) {
  const auto* channel = channels::find(registry_, strategy_id);
  if (channel == nullptr) co_return unknown(strategy_id);
  co_return co_await changes_.run([channel, user, existing_users = std::move(existing_users)](Change& change) -> bool {
    if (existing_users(change.sql(), std::span(&user, 1)).empty()) return false;
    auto preference = store::preference(change.sql(), user, channel->id()).value_or(store::Preference());
    preference.enabled = false;
    store::put_preference(change.sql(), user, channel->id(), preference, change.now());
    return true;
  });
}

awaitable<Result<void>> ChannelSettings::unlink(UserId user, std::string strategy_id) {
  const auto* channel = channels::find(registry_, strategy_id);
  if (channel == nullptr) co_return unknown(strategy_id);
  co_return co_await changes_.run([this, channel, user](Change& change) { static_cast<void>(forget(change, *channel, user)); });
}

}  // namespace watchbell::notification
