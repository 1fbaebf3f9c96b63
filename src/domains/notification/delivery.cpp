#include "domains/notification/delivery.hpp"

#include "base/text.hpp"
#include "domains/notification/store.hpp"

namespace watchbell::notification {

struct DeliveryPayload {
  DeliveryId delivery;
};
BOOST_DESCRIBE_STRUCT(DeliveryPayload, (), (delivery))

using jobs::Outcome;

Deliveries::Deliveries(sql::Database& database, Changes& changes, const Clock& clock, async::PausePoints& pauses, const ChannelSettings& channels,
                       ExistingUsers existing_users, Executor executor, Options options)
    : database_(database),
      changes_(changes),
      clock_(clock),
      pauses_(pauses),
      channels_(channels),
      existing_users_(std::move(existing_users)),
      options_(std::move(options)),
      random_(options_.seed),
      gate_(executor, options_.per_host) {}

std::string Deliveries::payload_of(const DeliveryId& id) { return rpc::to_json(DeliveryPayload{.delivery = id}); }

Deliveries::Way Deliveries::find_way(sql::Session& session, std::string_view strategy_id, const UserId& user, bool heed_switch) const {
  const auto none = [](std::string why) { return Way{.channel = nullptr, .admin_config = {}, .user_config = {}, .missing = std::move(why)}; };
  const auto* channel = channels::find(channels_.registry(), strategy_id);
  if (channel == nullptr) return none("There is no such channel");
  try {
    if (!channels_.enabled(session, *channel)) return none("The channel is switched off");
    if (existing_users_(session, std::span(&user, 1)).empty()) return none("The user no longer exists");
    if (heed_switch && !store::preference(session, user, channel->id()).value_or(store::Preference()).enabled) return none("The user has switched the channel off");
    auto admin = channels_.admin_config(session, *channel);
    if (!admin) return none("The channel is not set up by an administrator");
    auto own = channels_.user_config(session, *channel, user);
    if (!own) return none("The user has not set the channel up");
    return {.channel = channel, .admin_config = std::move(*admin), .user_config = std::move(*own), .missing = {}};
  } catch (const settings::Unreadable&) {  // settings nobody can read are the way out missing, not a fault that a repetition mends
    return none("The settings of the channel cannot be read");
  }
}

Message Deliveries::with_absolute_urls(Message message) const {
  if (message.action) message.action->url = rules::absolute_url(options_.base_url, message.action->url);
  return message;
}

awaitable<jobs::Outcome> Deliveries::run(jobs::Job job) {
  const auto payload = rpc::from_json<DeliveryPayload>(job.payload);
  if (!payload) co_return Outcome::give_up("the job names no delivery");
  auto prepared = co_await database_.read([this, id = payload->delivery](sql::Session& session) -> std::optional<Prepared> {
    auto delivery = store::find_delivery(session, id);
    if (!delivery) return std::nullopt;
    auto way = find_way(session, delivery->strategy_id, delivery->user_id, true);
    return Prepared{std::move(*delivery), std::move(way)};
  });
  if (!prepared) co_return Outcome::retry(std::move(prepared.error().message));
  // Settled by a try whose job was not ended before the process died.
  if (!*prepared || (*prepared)->delivery.state != DeliveryState::pending) co_return Outcome::done();
  auto& [delivery, way] = **prepared;

  auto at = clock_.now();
  std::chrono::milliseconds took{0};
  auto verdict = rules::Verdict::refused(way.missing);
  if (way.channel != nullptr) {
    std::string host = way.channel->host(way.admin_config, way.user_config);
    const auto pass = gate_.try_enter(host);
    // Waiting here would keep a place from those whose receivers are quick.
    if (!pass) co_return Outcome::hold(std::move(host));
    co_await pauses_.at("delivery.before_send");
    at = clock_.now();
    const auto began = clock_.monotonic();
    channels::Outgoing outgoing{.key = delivery.id, .message = with_absolute_urls(delivery.message), .created_at = delivery.created_at};
    verdict = co_await way.channel->send(std::move(outgoing), std::move(way.admin_config), std::move(way.user_config));
    took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.monotonic() - began);
  }
  co_await pauses_.at("delivery.before_record");
  const std::string reason = verdict.reason;
  const auto settled = co_await record(std::move(delivery), std::move(verdict), at, took);
  if (!settled) co_return Outcome::retry(settled.error().message);
  if (settled->state == DeliveryState::pending) co_return Outcome::retry(reason, settled->after);
  co_return Outcome::done();
}

awaitable<Result<rules::Settled>> Deliveries::record(Delivery delivery, rules::Verdict verdict, Timestamp at, std::chrono::milliseconds took) {
  const int tried = delivery.attempts + 1;
  const auto settled = rules::settle(verdict, tried, random_.unit());
  co_return co_await changes_.run([delivery = std::move(delivery), verdict = std::move(verdict), at, took, tried, settled](Change& change) {
    const bool good = verdict.kind == rules::Verdict::Kind::delivered;
    const auto reason = good ? std::nullopt : std::optional(std::string(utf8_prefix(verdict.reason, 500)));
    store::insert_attempt(change.sql(), delivery,
                          {.at = at, .status = good ? AttemptStatus::success : AttemptStatus::failure, .error_message = reason, .duration_ms = took.count()});
    const auto next = settled.after ? std::optional(change.now() + *settled.after) : std::nullopt;
    store::settle_delivery(change.sql(), delivery.id, settled.state, tried, next, reason, change.now());
    return settled;
  });
}

awaitable<Result<TestResult>> Deliveries::test(UserId user, std::string strategy_id) {
  auto found = co_await database_.read([this, user, strategy_id](sql::Session& session) { return find_way(session, strategy_id, user, false); });
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->channel == nullptr) co_return TestResult{.success = false, .error = std::move(found->missing)};
  const auto& channel = *found->channel;
  const auto pass = co_await gate_.enter(channel.host(found->admin_config, found->user_config));
  const auto now = clock_.now();
  channels::Outgoing outgoing{.key = DeliveryId::make(now), .message = rules::test_message(channel.traits().display_name, options_.base_url), .created_at = now};
  auto verdict = co_await channel.send(std::move(outgoing), std::move(found->admin_config), std::move(found->user_config));
  if (verdict.kind == rules::Verdict::Kind::delivered) co_return TestResult{.success = true, .error = {}};
  co_return TestResult{.success = false, .error = std::move(verdict.reason)};
}

}  // namespace watchbell::notification
