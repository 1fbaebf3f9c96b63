#include "domains/notification/delivery.hpp"

#include <algorithm>

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include "async/backoff.hpp"
#include "base/fault.hpp"
#include "base/text.hpp"
#include "domains/notification/digest.hpp"
#include "domains/notification/gone_channels.hpp"
#include "domains/notification/quiet_hours.hpp"
#include "domains/notification/service.hpp"
#include "domains/notification/store.hpp"
#include "platform/log/log.hpp"
#include "runtime/jobs/payloads.hpp"

namespace watchbell::notification {

struct DeliveryPayload {
  DeliveryId delivery;
};
BOOST_DESCRIBE_STRUCT(DeliveryPayload, (), (delivery))

using jobs::Outcome;
using namespace std::chrono_literals;

namespace {

/// How long a delivery may wait for a host that is down, without a try.
constexpr std::chrono::hours kWaitsForItsHost{24};
/// Of what is critical: before the rest, and behind what somebody waits for.
constexpr int kCriticalPriority = 5;

}  // namespace

Deliveries::Deliveries(sql::Database& database, Changes& changes, async::TimerWheel& wheel, async::PausePoints& pauses, const crypto::Keyring& keyring,
                       const ChannelSettings& channels, FindUser find_user, Options options)
    : database_(database),
      changes_(changes),
      clock_(wheel.clock()),
      pauses_(pauses),
      keyring_(keyring),
      channels_(channels),
      find_user_(std::move(find_user)),
      options_(std::move(options)),
      random_(options_.seed),
      gate_(wheel.executor(), options_.per_host),
      rates_(wheel, options_.rates) {}

jobs::NewJob Deliveries::job(Importance importance) {
  jobs::NewJob job;
  job.queue = kDeliveryQueue;
  if (importance == Importance::critical) job.priority = kCriticalPriority;
  // A delivery counts its own tries; those of its job are used up by faults of ours alone.
  job.max_retries = 1'000'000;
  return job;
}

std::string Deliveries::aad_of(const DispatchId& dispatch) { return crypto::seal_aad("notification", "dispatches", dispatch.to_string()); }

std::string Deliveries::payload_of(const DeliveryId& id) { return rpc::to_json(DeliveryPayload{.delivery = id}); }

Deliveries::Way Deliveries::find_way(sql::Session& session, ChannelsNow& channels, std::string_view strategy_id, const UserId& user,
                                     bool heed_switch) const {
  const auto none = [](std::string_view why) {
    return Way{.channel = nullptr, .admin_config = {}, .user_config = {}, .recipient = {}, .missing = std::string(why), .off = false};
  };
  const auto* channel = channels::find(channels_.registry(), strategy_id);
  if (channel == nullptr) return none(rules::missing::kChannel);
  try {
    auto& now = channels[channel];
    if (!now.enabled) now.enabled = channels_.enabled(session, *channel);
    if (!*now.enabled) {
      auto way = none(rules::missing::kSwitchedOff);
      way.off = true;
      return way;
    }
    auto recipient = find_user_(session, user);
    if (!recipient) return none(rules::missing::kUser);
    const auto preference = store::preference(session, user, channel->id()).value_or(store::Preference());
    if (heed_switch && !preference.enabled) return none(rules::missing::kUnwanted);
    if (!now.admin_config) now.admin_config = channels_.admin_config(session, *channel);
    if (!*now.admin_config) return none(rules::missing::kAdminSetup);
    auto own = channels_.user_config(session, *channel, user);
    if (!own || !(channel->by_account() || preference.is_configured)) return none(rules::missing::kUserSetup);
    Way way{
        .channel = channel, .admin_config = **now.admin_config, .user_config = std::move(*own), .recipient = std::move(*recipient), .missing = {}, .off = false};
    if (heed_switch) {
      way.times.digest_minutes = preference.digest_minutes;
      if (preference.quiet_hours) way.times.quiet_until = quiet_until(*preference.quiet_hours, clock_.now());
    }
    return way;
  } catch (const settings::Unreadable&) {  // settings nobody can read are the way out missing, not a fault that a repetition mends
    return none(rules::missing::kReadable);
  }
}

std::optional<std::string> Deliveries::open(Delivery& delivery) const {
  if (delivery.expires_at && clock_.now() >= *delivery.expires_at) return std::string(rules::missing::kTooLate);
  const auto clear = delivery.sealed ? keyring_.open(*delivery.sealed, aad_of(delivery.dispatch_id)) : Result<std::string>(fail(ErrorCode::internal, "erased"));
  auto said = clear ? rpc::from_json<TransactionalMessage>(*clear) : Result<TransactionalMessage>(std::unexpected(clear.error()));
  auto message = said ? message_of(std::move(*said)) : Result<Message>(std::unexpected(said.error()));
  if (!message) return std::string(rules::missing::kErased);
  delivery.message = std::move(*message);
  return std::nullopt;
}

Message Deliveries::with_absolute_urls(Message message) const {
  if (message.action) message.action->url = rules::absolute_url(options_.base_url, message.action->url);
  for (auto& subject : message.subjects)
    if (subject.url) subject.url = rules::absolute_url(options_.base_url, *subject.url);
  return message;
}

bool Deliveries::may_have_to_wait(const Delivery& delivery, const Times& times) {
  if (delivery.transactional || delivery.message.importance == Importance::critical) return false;
  return delivery.digest_id || times.quiet_until || (times.digest_minutes > 0 && delivery.attempts == 0);
}

Deliveries::Turn Deliveries::take_turn(Change& change, const Delivery& delivery, const Times& times) {
  auto& session = change.sql();
  const auto now = change.now();
  const auto at = [&](Timestamp when) { return Turn{.after = std::chrono::ceil<std::chrono::milliseconds>(when - now)}; };
  // One that was begun anew goes by itself: its receiver knows its key.
  if (times.digest_minutes > 0 && !delivery.digest_id && !store::was_tried(session, delivery.id)) {
    if (const auto digest = store::open_digest(session, delivery.user_id, delivery.strategy_id)) {
      store::join_digest(session, delivery.id, *digest);
      return {.joined = true};
    }
    const auto until = now + std::chrono::minutes(times.digest_minutes);
    store::begin_digest(session, delivery.id, until);
    return at(until);
  }
  // What the process that died while it collected did not get to write of its job.
  if (delivery.collecting && delivery.next_at && *delivery.next_at > now) return at(*delivery.next_at);
  if (times.quiet_until && *times.quiet_until > now) {
    store::postpone(session, delivery.id, *times.quiet_until);
    return at(*times.quiet_until);
  }
  if (!delivery.digest_id) return {};
  // From here on the message stays as it is, on every try.
  if (delivery.collecting) store::close_digest(session, delivery.id);
  return {.with = store::digest(session, delivery.id)};
}

Message Deliveries::said(const Delivery& delivery, const std::vector<Delivery>& with) const {
  if (with.size() < 2) return with_absolute_urls(delivery.message);
  std::vector<Message> messages;
  for (const auto& one : with) messages.push_back(with_absolute_urls(one.message));
  return digest_of(messages, rules::absolute_url(options_.base_url, "/inbox"));
}

std::vector<std::optional<Deliveries::Prepared>> Deliveries::look_up(sql::Session& session, std::span<const DeliveryId> ids) const {
  std::map<DeliveryId, std::size_t> places;
  for (std::size_t i = 0; i < ids.size(); ++i) places.emplace(ids[i], i);
  auto reached = store::reached_targets(session, ids);
  std::vector<std::optional<Prepared>> found(ids.size());
  ChannelsNow channels;
  for (auto& delivery : store::find_deliveries(session, ids)) {
    const auto id = delivery.id;
    auto way = find_way(session, channels, delivery.strategy_id, delivery.user_id, !delivery.transactional);
    if (auto missing = delivery.transactional ? open(delivery) : std::nullopt) way = Way{.channel = nullptr, .missing = std::move(*missing)};
    found[places.at(id)] = Prepared{std::move(delivery), std::move(way), std::move(reached[id])};
  }
  return found;
}

namespace {

/// What becomes of the job of a delivery that stands so after a try.
Outcome outcome_of(const rules::Settled& settled, const std::string& reason) {
  return settled.state == DeliveryState::pending ? Outcome::retry(reason, settled.after.value()) : Outcome::done();
}

}  // namespace

struct Deliveries::Look {
  explicit Look(Executor executor) : ended(executor) {}
  std::vector<DeliveryId> ids;
  std::vector<std::optional<Prepared>> found;  ///< in the order of the ids; empty when the read failed
  bool over = false;
  async::Event ended;
};

awaitable<Result<std::optional<Deliveries::Prepared>>> Deliveries::prepare(DeliveryId id) {
  const auto executor = co_await asio::this_coro::executor;
  if (!next_look_) next_look_ = std::make_shared<Look>(executor);
  const auto look = next_look_;
  const std::size_t place = look->ids.size();
  look->ids.push_back(id);
  if (place > 0) {
    while (!look->over) co_await look->ended.wait();
  } else {
    // Whatever ends this, the others do not wait for ever.
    struct End {
      Deliveries& deliveries;
      std::shared_ptr<Look> look;
      void close() {
        if (deliveries.next_look_ == look) deliveries.next_look_.reset();
      }
      ~End() {
        close();
        look->over = true;
        look->ended.notify_all();
      }
    } end{*this, look};
    co_await asio::post(executor, use_awaitable);  // all that begin in this turn join
    end.close();
    try {
      if (auto found = co_await database_.read([this, look](sql::Session& session) { return look_up(session, look->ids); })) look->found = std::move(*found);
    } catch (const Fault&) {  // which of them it was shows when each is looked up alone
      if (look->ids.size() == 1) throw;
    }
  }
  if (!look->found.empty()) co_return std::move(look->found[place]);
  co_return co_await database_.read([this, id](sql::Session& session) { return std::move(look_up(session, std::span(&id, 1)).front()); });
}

awaitable<jobs::Outcome> Deliveries::run(jobs::Job job) {
  auto visit = rates_.visit(std::move(job.held_for));
  const auto payload = rpc::from_json<DeliveryPayload>(job.payload);
  if (!payload) co_return Outcome::give_up("the job names no delivery");
  auto prepared = co_await prepare(payload->delivery);
  if (!prepared) co_return Outcome::retry(std::move(prepared.error().message));
  // Settled by a try whose job was not ended before the process died; or taken along by another one.
  if (!*prepared || (*prepared)->delivery.state != DeliveryState::pending || (*prepared)->delivery.joined()) co_return Outcome::done();
  auto& [delivery, way, reached] = **prepared;

  std::vector<Delivery> with;
  if (may_have_to_wait(delivery, way.times)) {
    auto turn = co_await changes_.run([delivery, times = way.times](Change& change) { return take_turn(change, delivery, times); });
    if (!turn) co_return Outcome::retry(std::move(turn.error().message));
    if (turn->joined) co_return Outcome::done();
    if (turn->after) co_return Outcome::retry("it waits for its user's time", turn->after);
    with = std::move(turn->with);
  }
  auto at = clock_.now();
  std::chrono::milliseconds took{0};
  auto verdict = rules::Verdict::refused(way.missing);
  std::string used;
  if (way.channel != nullptr) {
    std::vector<HostGate::Pass> passes;
    const auto hosts = way.channel->hosts(way.admin_config, way.user_config);
    for (const auto& host : hosts)
      // Waiting here would keep a place from those whose receivers are quick.
      if (gate_.room(host) == 0) co_return Outcome::hold(host);
    // A host that is down is left alone, which costs no try; but what is old goes by the schedule all the same, lest it stays for ever.
    std::optional<HostCircuits::Leave> leave;
    if (hosts.size() == 1 && !delivery.transactional && clock_.now() - delivery.created_at < kWaitsForItsHost) {
      auto asked = circuits_.ask(hosts.front(), clock_.monotonic());
      if (!asked) co_return Outcome::retry(fmt::format("{} cannot be reached and is left alone for the moment", hosts.front()), spread(asked.error()));
      leave.emplace(std::move(*asked));
    }
    // Last, as a token that was taken is spent.
    if (auto taken = visit.take(rates_.buckets(*way.channel, way.admin_config, way.user_config, hosts)); !taken) {
      if (!taken.error().line.empty()) co_return Outcome::hold(std::move(taken.error().line));
      co_return Outcome::retry("more go out than may", spread(std::chrono::ceil<std::chrono::milliseconds>(taken.error().time)));
    }
    for (const auto& host : hosts) passes.push_back(std::move(gate_.try_enter(host).value()));
    co_await pauses_.at("delivery.before_send");
    at = clock_.now();
    const auto began = clock_.monotonic();
    used = way.user_config;
    channels::Outgoing outgoing{
        .key = delivery.id,
        .message = said(delivery, with),
        .created_at = delivery.created_at,
        .type = delivery.transactional ? MessageType::transactional : MessageType::notification,
        .recipient = std::move(way.recipient),
        .thread = with.size() > 1                 ? std::nullopt
                  : delivery.message.collapse_key ? delivery.message.collapse_key
                                                  : delivery.thread,
        .leave_url = options_.leave_url && way.channel->traits().leave_link && !delivery.transactional ? options_.leave_url(delivery.user_id, delivery.strategy_id) : std::string(),
        .reached = std::move(reached)};
    // What comes late must not take the place of what overtook it while a push service still keeps that.
    if (delivery.attempts > 0 || (delivery.next_at && *delivery.next_at > delivery.created_at)) outgoing.message.collapse_key.reset();
    verdict = co_await send_over(*way.channel, delivery.user_id, std::move(outgoing), std::move(way.admin_config), std::move(way.user_config));
    took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.monotonic() - began);
    if (leave && verdict.unreachable) leave->failed(clock_.monotonic());
    else if (leave) leave->answered();
  }
  co_await pauses_.at("delivery.before_record");
  const std::string reason = verdict.reason;
  const auto told = delivery.transactional ? std::optional(delivery.dispatch_id) : std::nullopt;
  Result<rules::Settled> settled;
  // What was sent was sent: it waits for room to be written down, and is not sent again for want of it. Who stops this ends the wait.
  bool logged = false;
  for (async::Backoff backoff(100ms, 1s);;) {
    try {
      settled = co_await record(job, delivery, with, verdict, at, took, used);
      if (settled || settled.error().code != ErrorCode::unavailable) break;
    } catch (const Fault& fault) {
      if (fault.code() != ErrorCode::unavailable) throw;
      if (!std::exchange(logged, true)) log::fault("notification.record", std::current_exception());
    }
    asio::steady_timer room(co_await asio::this_coro::executor, backoff.next(random_));
    co_await room.async_wait(use_awaitable);
  }
  if (!settled) co_return Outcome::retry(settled.error().message);
  if (told && on_tried_) on_tried_(*told);
  co_return outcome_of(*settled, reason).as_written();
}

namespace {

/// What a try came to, for all that went out with it.
void write_try(sql::Session& session, const Delivery& delivery, const std::vector<Delivery>& with, const store::Attempt& attempt, const rules::Settled& settled,
               int tried, Timestamp now) {
  if (with.empty()) store::insert_attempt(session, delivery, attempt);
  for (const auto& one : with) store::insert_attempt(session, one, attempt);
  const auto next = settled.after ? std::optional(now + *settled.after) : std::nullopt;
  store::settle_delivery(session, delivery, settled.state, tried, next, attempt.error_message, now);
  if (delivery.transactional && settled.state != DeliveryState::pending) store::erase_sealed(session, delivery.dispatch_id);
}

}  // namespace

std::chrono::milliseconds Deliveries::spread(std::chrono::milliseconds wait) {
  return wait + std::chrono::milliseconds(static_cast<std::int64_t>(static_cast<double>(wait.count()) * 0.5 * random_.unit()));
}

rules::Settled Deliveries::settle(const rules::Verdict& verdict, int tried, double unit) const {
  auto settled = rules::settle(verdict, tried, unit);
  if (settled.after && options_.hurry != 1) settled.after = std::max<std::chrono::milliseconds>(*settled.after / options_.hurry, verdict.retry_after.value_or(0s));
  return settled;
}

awaitable<Result<rules::Settled>> Deliveries::record(jobs::Job job, Delivery delivery, std::vector<Delivery> with, rules::Verdict verdict, Timestamp at,
                                                     std::chrono::milliseconds took, std::string used) {
  const int tried = delivery.attempts + 1;
  const auto settled = settle(verdict, tried, random_.unit());
  co_return co_await changes_.run([this, job = std::move(job), delivery = std::move(delivery), with = std::move(with), verdict = std::move(verdict), at, took, tried, settled,
                                   used = std::move(used)](Change& change) -> Result<rules::Settled> {
    const bool good = verdict.kind == rules::Verdict::Kind::delivered;
    const auto reason = good ? std::nullopt : std::optional(std::string(utf8_prefix(verdict.reason, 500)));
    write_try(change.sql(), delivery, with,
              {.at = at, .status = good ? AttemptStatus::success : AttemptStatus::failure, .error_message = reason, .duration_ms = took.count()}, settled,
              tried, change.now());
    if (!verdict.reached.empty()) store::add_reached_targets(change.sql(), delivery.id, verdict.reached);
    if (!verdict.ended.empty()) {
      auto left = channels_.forget_targets(change, delivery.strategy_id, delivery.user_id, verdict.ended);
      if (!left) return std::unexpected(std::move(left.error()));
    }
    if (verdict.gone) {
      if (auto off = turn_off(change, channels_, delivery, used); !off) return std::unexpected(std::move(off.error()));
    }
    if (auto ended = change.ends(job, outcome_of(settled, verdict.reason)); !ended) return std::unexpected(std::move(ended.error()));
    return settled;
  });
}

awaitable<rules::Verdict> Deliveries::send_over(const channels::Channel& channel, UserId user, channels::Outgoing outgoing, std::string admin_config,
                                                std::string user_config) {
  if (!channel.by_oauth() || !options_.renew) co_return co_await channel.send(std::move(outgoing), std::move(admin_config), std::move(user_config));
  for (bool refused = false;; refused = true) {
    auto renewed = co_await options_.renew(channel, user, admin_config, user_config, refused);
    if (renewed.failed) co_return std::move(*renewed.failed);
    user_config = std::move(renewed.user_config);
    auto verdict = co_await channel.send(outgoing, admin_config, user_config);
    if (!verdict.unauthorized || refused) co_return verdict;
  }
}

awaitable<Result<void>> Deliveries::take_up() {
  constexpr std::size_t kBatch = 100;
  while (true) {
    const auto taken = co_await changes_.run([this, unit = random_.unit()](Change& change) -> Result<std::size_t> {
      const auto given_up = jobs::store::take_failed(change.sql(), kDeliveryQueue, static_cast<std::int64_t>(kBatch));
      for (const auto& failed : given_up) {
        const auto named = rpc::from_json<DeliveryPayload>(failed.payload);
        const auto delivery = named ? store::find_delivery(change.sql(), named->delivery) : std::nullopt;
        if (!delivery || delivery->state != DeliveryState::pending || delivery->joined()) continue;
        const auto with = delivery->digest_id ? store::digest(change.sql(), delivery->id) : std::vector<Delivery>();
        const int tried = delivery->attempts + 1;
        const std::string reason = failed.reason.value_or("its job was given up");
        const auto settled = settle(rules::Verdict::retry(reason), tried, unit);
        write_try(change.sql(), *delivery, with, {.at = change.now(), .status = AttemptStatus::failure, .error_message = reason, .duration_ms = 0}, settled,
                  tried, change.now());
        if (!settled.after) continue;
        auto next = job(delivery->message.importance);
        next.payload = failed.payload;
        next.delay = *settled.after;
        if (auto enqueued = change.enqueues(next); !enqueued) return std::unexpected(std::move(enqueued.error()));
      }
      return given_up.size();
    });
    if (!taken) co_return std::unexpected(taken.error());
    if (*taken < kBatch) co_return Result<void>();
  }
}

awaitable<void> Deliveries::forget(UserId user, std::string strategy_id, std::vector<std::string> ended) {
  if (ended.empty()) co_return;
  try {
    static_cast<void>(co_await changes_.run([this, user, strategy_id, ended = std::move(ended)](Change& change) {
      return channels_.forget_targets(change, strategy_id, user, ended);
    }));
  } catch (const Fault& fault) {  // not worth failing for: the message is out, and the next try finds them again
    log::warn("receivers that are gone could not be forgotten", {{"strategy", strategy_id}, {"reason", fault.what()}});
  }
}

awaitable<Result<TestResult>> Deliveries::test(UserId user, std::string strategy_id, bool administrator) {
  auto found = co_await database_.read([this, user, strategy_id](sql::Session& session) {
    ChannelsNow channels;
    return find_way(session, channels, strategy_id, user, false);
  });
  if (!found) co_return std::unexpected(std::move(found.error()));
  if (found->channel == nullptr) co_return TestResult{.success = false, .error = std::move(found->missing)};
  const auto& channel = *found->channel;
  auto hosts = channel.hosts(found->admin_config, found->user_config);
  if (const auto wait = rates_.take_at_once(rates_.buckets(channel, found->admin_config, found->user_config, hosts)); wait.count() > 0)
    co_return TestResult{.success = false, .error = fmt::format("The channel takes no more messages for {} s", std::chrono::ceil<std::chrono::seconds>(wait).count())};
  std::vector<HostGate::Pass> passes;
  std::ranges::sort(hosts);  // in one order: of two who wait none has what the other waits for
  for (auto& host : hosts) passes.push_back(co_await gate_.enter(std::move(host)));
  const auto now = clock_.now();
  channels::Outgoing outgoing{.key = DeliveryId::make(now),
                              .message = rules::test_message(channel.traits().display_name, options_.base_url),
                              .created_at = now,
                              .recipient = std::move(found->recipient)};
  auto verdict = co_await send_over(channel, user, std::move(outgoing), std::move(found->admin_config), std::move(found->user_config));
  co_await forget(user, channel.id(), std::move(verdict.ended));
  if (verdict.kind == rules::Verdict::Kind::delivered) co_return TestResult{.success = true, .error = {}};
  const bool told = administrator || channel.traits().user_sets_server;
  co_return TestResult{.success = false, .error = told ? std::move(verdict.reason) : rules::reason_for_reader(verdict.reason)};
}

std::optional<std::vector<Deliveries::Candidate>> Deliveries::candidates(sql::Session& session, const UserId& user) const {
  if (!find_user_(session, user)) return std::nullopt;
  std::vector<Candidate> found;
  ChannelsNow channels;
  for (const auto& channel : channels_.registry()) {
    if (!channel->traits().carries_secrets) continue;
    auto way = find_way(session, channels, channel->id(), user, false);
    if (!way.off) found.push_back({channel->id(), std::move(way.missing)});
  }
  return found;
}

}  // namespace watchbell::notification
