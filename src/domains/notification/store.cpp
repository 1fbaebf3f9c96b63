#include "domains/notification/store.hpp"

#include <algorithm>
#include <tuple>

namespace watchbell::notification {

BOOST_DESCRIBE_STRUCT(Notification, (), (id, user_id, title, body, action_label, action_url, importance, is_read, group_id, created_at))
BOOST_DESCRIBE_STRUCT(Group, (), (id, name, description, owner_plugin, created_at))
BOOST_DESCRIBE_STRUCT(Subscription, (), (group_id, group_name, group_description, owner_plugin, subscribed_at))

namespace store {

BOOST_DESCRIBE_STRUCT(Earlier, (), (body_hash, notified_count))
BOOST_DESCRIBE_STRUCT(Preference, (), (enabled, is_configured))

namespace {

/// Rows of one statement: bounds its one parameter, which holds their ids.
constexpr std::size_t kChunk = 5000;

/// Calls write(texts) for the rows, a chunk at a time; text(row) makes the text of fixed-width ids that the statement cuts up again.
template <class Row, class MakeText, class Write>
void in_chunks(std::span<const Row> rows, MakeText text, Write write) {
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < rows.size(); at += kChunk) {
    texts.clear();
    for (const auto& row : rows.subspan(at, std::min(kChunk, rows.size() - at))) texts.push_back(text(row));
    write(sql::List(texts));
  }
}

std::optional<std::string> label_of(const Message& message) { return message.action ? std::optional(message.action->label) : std::nullopt; }
std::optional<std::string> url_of(const Message& message) { return message.action ? std::optional(message.action->url) : std::nullopt; }

Message message_of(std::string title, std::string body, std::optional<std::string> label, std::optional<std::string> url, Importance importance) {
  Message message{.title = std::move(title), .body = std::move(body), .importance = importance, .action = {}};
  if (label && url) message.action = Action{.label = std::move(*label), .url = std::move(*url)};
  return message;
}

}  // namespace

std::vector<Notification> page(sql::Session& session, const UserId& user, bool unread_only, std::int64_t limit, std::int64_t offset) {
  if (unread_only)
    return session.all<Notification>(
        "select id, user_id, title, body, action_label, action_url, importance, is_read, group_id, created_at from notifications "
        "where user_id = :1 and not is_read order by created_at desc, id desc limit :2 offset :3",
        user, limit, offset);
  return session.all<Notification>(
      "select id, user_id, title, body, action_label, action_url, importance, is_read, group_id, created_at from notifications "
      "where user_id = :1 order by created_at desc, id desc limit :2 offset :3",
      user, limit, offset);
}

std::int64_t count(sql::Session& session, const UserId& user, bool unread_only) {
  if (unread_only) return unread_count(session, user);
  return session.one<std::int64_t>("select count(*) from notifications where user_id = :1", user).value();
}

std::int64_t unread_count(sql::Session& session, const UserId& user) {
  return session.one<std::int64_t>("select count(*) from notifications where user_id = :1 and not is_read", user).value();
}

std::vector<std::pair<UserId, std::int64_t>> unread_counts(sql::Session& session, const std::vector<UserId>& users) {
  std::vector<std::pair<UserId, std::int64_t>> counts;
  session.each<std::tuple<UserId, std::int64_t>>(
      "select user_id, count(*) from notifications where user_id in (select value from json_each(:1)) and not is_read group by user_id order by user_id",
      [&](const std::tuple<UserId, std::int64_t>& row) { counts.emplace_back(std::get<0>(row), std::get<1>(row)); }, sql::List(users));
  return counts;
}

std::int64_t mark_read(sql::Session& session, const UserId& user, const std::optional<NotificationId>& one) {
  if (one) return session.execute("update notifications set is_read = true where id = :2 and user_id = :1 and not is_read", user, *one);
  return session.execute("update notifications set is_read = true where user_id = :1 and not is_read", user);
}

bool remove(sql::Session& session, const UserId& user, const NotificationId& id) {
  return session.execute("delete from notifications where id = :2 and user_id = :1", user, id) > 0;
}

Put put_group(sql::Session& session, const GroupDefinition& group, Timestamp now) {
  const bool made = session.execute(
                        "insert into notification_groups (id, name, description, owner_plugin, created_at) values (:1, :2, :3, :4, :5) on conflict (id) do nothing",
                        group.id, group.name, group.description, group.owner, now) > 0;
  if (made) return Put::made;
  const auto changed = session.execute("update notification_groups set name = :2, description = :3 where id = :1 and (name <> :2 or description <> :3)",
                                       group.id, group.name, group.description);
  return changed > 0 ? Put::changed : Put::same;
}

bool remove_group(sql::Session& session, std::string_view id, const std::optional<std::string>& owner) {
  if (owner) return session.execute("delete from notification_groups where id = :1 and owner_plugin = :2", id, *owner) > 0;
  return session.execute("delete from notification_groups where id = :1", id) > 0;
}

bool group_exists(sql::Session& session, std::string_view id) {
  return session.one<std::int64_t>("select 1 from notification_groups where id = :1", id).has_value();
}

std::vector<Group> groups(sql::Session& session) {
  return session.all<Group>("select id, name, description, owner_plugin, created_at from notification_groups order by created_at, id");
}

std::vector<Subscription> subscriptions(sql::Session& session, const UserId& user) {
  return session.all<Subscription>(
      "select g.id, g.name, g.description, g.owner_plugin, s.subscribed_at from notification_subscriptions s "
      "join notification_groups g on g.id = s.group_id where s.user_id = :1 order by s.subscribed_at, g.id",
      user);
}

bool subscribe(sql::Session& session, const UserId& user, std::string_view group_id, Timestamp now) {
  return session.execute(
             "insert into notification_subscriptions (user_id, group_id, subscribed_at) select :1, id, :3 from notification_groups where id = :2 "
             "on conflict (user_id, group_id) do nothing",
             user, group_id, now) > 0;
}

bool unsubscribe(sql::Session& session, const UserId& user, std::string_view group_id) {
  return session.execute("delete from notification_subscriptions where user_id = :1 and group_id = :2", user, group_id) > 0;
}

std::vector<UserId> followers(sql::Session& session, const std::vector<std::string>& group_ids) {
  return session.all<UserId>("select distinct user_id from notification_subscriptions where group_id in (select value from json_each(:1)) order by user_id",
                             sql::List(group_ids));
}

std::optional<std::string> owner(sql::Session& session, std::string_view owner_plugin) {
  return session.one<std::string>("select sender from notification_owners where owner_plugin = :1", owner_plugin);
}

void claim_owner(sql::Session& session, std::string_view owner_plugin, std::string_view sender, Timestamp now) {
  session.execute("insert into notification_owners (owner_plugin, sender, claimed_at) values (:1, :2, :3)", owner_plugin, sender, now);
}

std::optional<Earlier> find_key(sql::Session& session, std::string_view sender, std::string_view key) {
  return session.one<Earlier>("select body_hash, notified_count from dispatches where sender = :1 and idempotency_key = :2", sender, key);
}

void release_key(sql::Session& session, std::string_view sender, std::string_view key, Timestamp before) {
  session.execute("update dispatches set idempotency_key = null where sender = :1 and idempotency_key = :2 and created_at < :3", sender, key, before);
}

void insert_dispatch(sql::Session& session, const Dispatch& dispatch, const std::vector<std::string>& group_ids) {
  session.execute(
      "insert into dispatches (id, sender, idempotency_key, body_hash, title, body, action_label, action_url, importance, group_ids, state, notified_count, "
      "created_at) values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13)",
      dispatch.id, dispatch.sender, dispatch.idempotency_key, dispatch.body_hash, dispatch.message.title, dispatch.message.body, label_of(dispatch.message),
      url_of(dispatch.message), dispatch.message.importance, sql::List(group_ids), dispatch.state, dispatch.notified_count, dispatch.created_at);
}

std::optional<Dispatch> find_dispatch(sql::Session& session, const DispatchId& id) {
  using Row = std::tuple<std::string, std::optional<std::string>, std::string, std::string, std::string, std::optional<std::string>, std::optional<std::string>,
                         Importance, DispatchState, std::int64_t, Timestamp>;
  auto row = session.one<Row>(
      "select sender, idempotency_key, body_hash, title, body, action_label, action_url, importance, state, notified_count, created_at from dispatches where id = :1",
      id);
  if (!row) return std::nullopt;
  auto& [sender, key, hash, title, body, label, url, importance, state, notified, created] = *row;
  return Dispatch{.id = id,
                  .sender = std::move(sender),
                  .idempotency_key = std::move(key),
                  .body_hash = std::move(hash),
                  .message = message_of(std::move(title), std::move(body), std::move(label), std::move(url), importance),
                  .state = state,
                  .notified_count = notified,
                  .created_at = created};
}

std::vector<std::string> group_ids(sql::Session& session, const DispatchId& id) {
  return session.all<std::string>("select g.value from dispatches d, json_each(d.group_ids) g where d.id = :1 order by g.value", id);
}

void finish_dispatch(sql::Session& session, const DispatchId& id, std::int64_t notified_count) {
  session.execute("update dispatches set state = 'done', notified_count = :2 where id = :1", id, notified_count);
}

void insert_notifications(sql::Session& session, const Dispatch& dispatch, const std::optional<std::string>& group_id, std::span<const InboxRow> rows) {
  in_chunks(rows, [](const InboxRow& row) { return row.id.to_string() + row.user_id.to_string(); }, [&](const sql::List<std::string>& texts) {
    session.execute(
        "insert into notifications (id, user_id, title, body, action_label, action_url, importance, is_read, group_id, dispatch_id, created_at) "
        "select substr(value, 1, 36), substr(value, 37), :2, :3, :4, :5, :6, false, :7, :8, :9 from json_each(:1)",
        texts, dispatch.message.title, dispatch.message.body, label_of(dispatch.message), url_of(dispatch.message), dispatch.message.importance, group_id,
        dispatch.id, dispatch.created_at);
  });
}

std::optional<Preference> preference(sql::Session& session, const UserId& user, std::string_view strategy_id) {
  return session.one<Preference>("select enabled, is_configured from notification_preferences where user_id = :1 and strategy_id = :2", user, strategy_id);
}

void put_preference(sql::Session& session, const UserId& user, std::string_view strategy_id, const Preference& preference, Timestamp now) {
  session.execute(
      "insert into notification_preferences (user_id, strategy_id, enabled, is_configured, updated_at) values (:1, :2, :3, :4, :5) "
      "on conflict (user_id, strategy_id) do update set enabled = excluded.enabled, is_configured = excluded.is_configured, updated_at = excluded.updated_at",
      user, strategy_id, preference.enabled, preference.is_configured, now);
}

std::vector<UserId> reachable(sql::Session& session, std::string_view strategy_id, const std::vector<UserId>& users) {
  return session.all<UserId>(
      "select user_id from notification_preferences where strategy_id = :1 and enabled and is_configured and user_id in (select value from json_each(:2)) "
      "order by user_id",
      strategy_id, sql::List(users));
}

void insert_deliveries(sql::Session& session, const DispatchId& dispatch, std::string_view strategy_id, std::span<const NewDelivery> rows, Timestamp now) {
  in_chunks(rows, [](const NewDelivery& row) { return row.id.to_string() + row.notification_id.to_string() + row.user_id.to_string(); },
            [&](const sql::List<std::string>& texts) {
              session.execute(
                  "insert into deliveries (id, dispatch_id, notification_id, user_id, strategy_id, state, attempts, next_at, created_at, updated_at) "
                  "select substr(value, 1, 36), :2, substr(value, 37, 36), substr(value, 73), :3, 'pending', 0, :4, :4, :4 from json_each(:1)",
                  texts, dispatch, strategy_id, now);
            });
}

std::optional<Delivery> find_delivery(sql::Session& session, const DeliveryId& id) {
  using Row = std::tuple<NotificationId, UserId, std::string, DeliveryState, int, std::string, std::string, std::optional<std::string>,
                         std::optional<std::string>, Importance, Timestamp>;
  auto row = session.one<Row>(
      "select v.notification_id, v.user_id, v.strategy_id, v.state, v.attempts, d.title, d.body, d.action_label, d.action_url, d.importance, v.created_at "
      "from deliveries v join dispatches d on d.id = v.dispatch_id where v.id = :1",
      id);
  if (!row) return std::nullopt;
  auto& [notification, user, strategy, state, attempts, title, body, label, url, importance, created] = *row;
  return Delivery{.id = id,
                  .notification_id = notification,
                  .user_id = user,
                  .strategy_id = std::move(strategy),
                  .state = state,
                  .attempts = attempts,
                  .message = message_of(std::move(title), std::move(body), std::move(label), std::move(url), importance),
                  .created_at = created};
}

void insert_attempt(sql::Session& session, const Delivery& delivery, const Attempt& attempt) {
  session.execute(
      "insert into delivery_attempts (id, delivery_id, notification_id, strategy_id, attempted_at, status, error_message, duration_ms) "
      "values (:1, :2, :3, :4, :5, :6, :7, :8)",
      Uuid::make_v7(attempt.at.millis()), delivery.id, delivery.notification_id, delivery.strategy_id, attempt.at, attempt.status, attempt.error_message,
      attempt.duration_ms);
}

void settle_delivery(sql::Session& session, const DeliveryId& id, DeliveryState state, int attempts, std::optional<Timestamp> next_at,
                     const std::optional<std::string>& reason, Timestamp now) {
  session.execute("update deliveries set state = :2, attempts = :3, next_at = :4, reason = :5, updated_at = :6 where id = :1", id, state, attempts, next_at,
                  reason, now);
}

std::int64_t purge(sql::Session& session, Timestamp before, std::int64_t limit) {
  const auto attempts = session.execute(
      "delete from delivery_attempts where id in (select id from delivery_attempts where attempted_at < :1 order by attempted_at, id limit :2)", before, limit);
  const auto deliveries = session.execute(
      "delete from deliveries where id in (select id from deliveries where state <> 'pending' and updated_at < :1 order by updated_at, id limit :2)", before, limit);
  const auto dispatches = session.execute(
      "delete from dispatches where id in (select d.id from dispatches d where d.created_at < :1 and d.state = 'done' "
      "and not exists (select 1 from deliveries v where v.dispatch_id = d.id) order by d.created_at, d.id limit :2)",
      before, limit);
  return attempts + deliveries + dispatches;
}

}  // namespace store
}  // namespace watchbell::notification
