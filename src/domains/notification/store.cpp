#include "domains/notification/store.hpp"

#include <algorithm>
#include <tuple>

#include <boost/json.hpp>
#include <fmt/format.h>

#include "base/like.hpp"

namespace watchbell::sql {

using notification::Subject;
using notification::SubjectStatus;

/// A JSON array; NULL for none.
template <>
struct Codec<std::vector<Subject>> {
  static detail::Param put(const std::vector<Subject>& subjects, Dialect) {
    if (subjects.empty()) return {};
    boost::json::array list;
    for (const auto& subject : subjects) {
      boost::json::object one{{"kind", subject.kind}, {"id", subject.id}, {"name", subject.name}};
      if (subject.url) one["url"] = *subject.url;
      if (subject.status) one["status"] = boost::describe::enum_to_string(*subject.status, "");
      list.push_back(std::move(one));
    }
    return boost::json::serialize(list);
  }
  static std::vector<Subject> get(const detail::Cursor& cursor, std::size_t column) {
    std::vector<Subject> subjects;
    if (cursor.is_null(column)) return subjects;
    boost::system::error_code error;
    const auto list = boost::json::parse(cursor.text(column), error);
    if (error || !list.is_array()) cursor.mismatch(column, "holds no list of subjects");
    for (const auto& one : list.get_array()) {
      const auto text = [&](std::string_view pointer) -> std::optional<std::string> {
        boost::system::error_code missing;
        const auto* found = one.find_pointer(pointer, missing);
        return found != nullptr && found->is_string() ? std::optional(std::string(found->get_string())) : std::nullopt;
      };
      Subject subject{.kind = text("/kind").value_or(""), .id = text("/id").value_or(""), .name = text("/name").value_or(""), .url = text("/url"), .status = {}};
      if (const auto said = text("/status")) {
        SubjectStatus status{};
        if (!boost::describe::enum_from_string(said->c_str(), status)) cursor.mismatch(column, "holds a word its enum does not know");
        subject.status = status;
      }
      subjects.push_back(std::move(subject));
    }
    return subjects;
  }
};

}  // namespace watchbell::sql

namespace watchbell::notification {

BOOST_DESCRIBE_STRUCT(Notification, (), (id, user_id, title, body, action_label, action_url, importance, is_read, group_id, collapse_key, subjects, created_at))
BOOST_DESCRIBE_STRUCT(Passage, (), (notification_id, strategy_id, state, attempts, reason, updated_at))
BOOST_DESCRIBE_STRUCT(Group, (), (id, name, description, owner_plugin, created_at))
BOOST_DESCRIBE_STRUCT(Subscription, (), (group_id, group_name, group_description, owner_plugin, subscribed_at))

BOOST_DESCRIBE_STRUCT(DeadLetter, (), (id, notification_id, user_id, strategy_id, attempts, reason, created_at, died_at))
BOOST_DESCRIBE_STRUCT(RecordedAttempt, (), (id, delivery_id, notification_id, strategy_id, attempted_at, status, error_message, duration_ms))

namespace store {

BOOST_DESCRIBE_STRUCT(Earlier, (), (id, body_hash, notified_count))
BOOST_DESCRIBE_STRUCT(FirstTry, (), (strategy_id, state, reason, status, error_message))
BOOST_DESCRIBE_STRUCT(Trip, (), (state_hash, return_path, expires_at))

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

Message message_of(std::string title, std::string body, std::optional<std::string> label, std::optional<std::string> url, Importance importance,
                   std::vector<Subject> subjects, std::optional<std::string> collapse_key) {
  Message message{.title = std::move(title),
                  .body = std::move(body),
                  .importance = importance,
                  .action = {},
                  .subjects = std::move(subjects),
                  .collapse_key = std::move(collapse_key)};
  if (label && url) message.action = Action{.label = std::move(*label), .url = std::move(*url)};
  return message;
}

}  // namespace

namespace {

/// What every look into an inbox reads.
constexpr std::string_view kRows =
    "select id, user_id, title, body, action_label, action_url, importance, is_read, group_id, collapse_key, subjects, created_at from notifications ";
constexpr std::string_view kNewestFirst = " order by created_at desc, id desc";
constexpr std::string_view kCount = "select count(*) from notifications ";
// A text for each way to choose them, so that each has its index.
constexpr std::string_view kOfUser = "where user_id = :1";
constexpr std::string_view kUnread = "where user_id = :1 and not is_read";
constexpr std::string_view kOfKey = "where user_id = :1 and collapse_key = :2 and (not :3 or not is_read)";
constexpr std::string_view kFound = R"(where user_id = :1 and (not :2 or not is_read) and (lower(title) like :3 escape '\' or lower(body) like :3 escape '\'))";
constexpr std::string_view kFoundOfKey =
    R"(where user_id = :1 and collapse_key = :2 and (not :3 or not is_read) and (lower(title) like :4 escape '\' or lower(body) like :4 escape '\'))";

std::string text_of(std::string_view first, std::string_view which, std::string_view rest = {}) { return std::string(first).append(which).append(rest); }
std::string page_of(std::string_view which, int limit) { return text_of(kRows, which, kNewestFirst) + fmt::format(" limit :{} offset :{}", limit, limit + 1); }

}  // namespace

std::vector<Notification> page(sql::Session& session, const UserId& user, bool unread_only, std::int64_t limit, std::int64_t offset,
                               const std::optional<std::string>& collapse_key, const std::optional<std::string>& search) {
  static const std::string all = page_of(kOfUser, 2), unread = page_of(kUnread, 2), of_key = page_of(kOfKey, 4), found = page_of(kFound, 4),
                           found_of_key = page_of(kFoundOfKey, 5);
  if (search && collapse_key) return session.all<Notification>(found_of_key, user, *collapse_key, unread_only, like_containing(*search), limit, offset);
  if (search) return session.all<Notification>(found, user, unread_only, like_containing(*search), limit, offset);
  if (collapse_key) return session.all<Notification>(of_key, user, *collapse_key, unread_only, limit, offset);
  return session.all<Notification>(unread_only ? unread : all, user, limit, offset);
}

std::int64_t count(sql::Session& session, const UserId& user, bool unread_only, const std::optional<std::string>& collapse_key,
                   const std::optional<std::string>& search) {
  static const std::string all = text_of(kCount, kOfUser), of_key = text_of(kCount, kOfKey), found = text_of(kCount, kFound), found_of_key = text_of(kCount, kFoundOfKey);
  if (search && collapse_key) return session.one<std::int64_t>(found_of_key, user, *collapse_key, unread_only, like_containing(*search)).value();
  if (search) return session.one<std::int64_t>(found, user, unread_only, like_containing(*search)).value();
  if (collapse_key) return session.one<std::int64_t>(of_key, user, *collapse_key, unread_only).value();
  if (unread_only) return unread_count(session, user);
  return session.one<std::int64_t>(all, user).value();
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

RemovedRows remove_old(sql::Session& session, Timestamp before, std::int64_t limit) {
  RemovedRows removed;
  std::vector<NotificationId> ids;
  session.each<std::tuple<NotificationId, UserId, bool>>(
      "select id, user_id, is_read from notifications where created_at < :1 order by created_at limit :2",
      [&](const std::tuple<NotificationId, UserId, bool>& row) {
        const auto& [id, owner, read] = row;
        ids.push_back(id);
        removed.owners.push_back(owner);
        if (!read) removed.readers.push_back(owner);
      },
      before, limit);
  if (!ids.empty()) removed.rows = session.execute("delete from notifications where id in (select value from json_each(:1))", sql::List(ids));
  for (auto* users : {&removed.owners, &removed.readers}) {
    std::ranges::sort(*users);
    const auto [first, last] = std::ranges::unique(*users);
    users->erase(first, last);
  }
  return removed;
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

std::vector<UserId> followers_page(sql::Session& session, std::string_view group_id, const std::optional<UserId>& after, std::int64_t limit) {
  if (!after) return session.all<UserId>("select user_id from notification_subscriptions where group_id = :1 order by user_id limit :2", group_id, limit);
  return session.all<UserId>("select user_id from notification_subscriptions where group_id = :1 and user_id > :2 order by user_id limit :3", group_id, *after,
                             limit);
}

std::optional<std::string> owner(sql::Session& session, std::string_view owner_plugin) {
  return session.one<std::string>("select sender from notification_owners where owner_plugin = :1", owner_plugin);
}

void claim_owner(sql::Session& session, std::string_view owner_plugin, std::string_view sender, Timestamp now) {
  session.execute("insert into notification_owners (owner_plugin, sender, claimed_at) values (:1, :2, :3)", owner_plugin, sender, now);
}

std::optional<Earlier> find_key(sql::Session& session, std::string_view sender, std::string_view key) {
  return session.one<Earlier>("select id, body_hash, notified_count from dispatches where sender = :1 and idempotency_key = :2", sender, key);
}

void release_key(sql::Session& session, std::string_view sender, std::string_view key, Timestamp before) {
  session.execute("update dispatches set idempotency_key = null where sender = :1 and idempotency_key = :2 and created_at < :3", sender, key, before);
}

void insert_dispatch(sql::Session& session, const Dispatch& dispatch, const std::vector<std::string>& group_ids) {
  session.execute(
      "insert into dispatches (id, sender, idempotency_key, body_hash, title, body, action_label, action_url, importance, group_ids, state, notified_count, "
      "created_at, subjects, collapse_key) values (:1, :2, :3, :4, :5, :6, :7, :8, :9, :10, :11, :12, :13, :14, :15)",
      dispatch.id, dispatch.sender, dispatch.idempotency_key, dispatch.body_hash, dispatch.message.title, dispatch.message.body, label_of(dispatch.message),
      url_of(dispatch.message), dispatch.message.importance, boost::json::serialize(boost::json::value_from(group_ids)), dispatch.state,
      dispatch.notified_count, dispatch.created_at, dispatch.message.subjects, dispatch.message.collapse_key);
}

std::optional<Dispatch> find_dispatch(sql::Session& session, const DispatchId& id) {
  using Row = std::tuple<std::string, std::optional<std::string>, std::string, std::string, std::string, std::optional<std::string>, std::optional<std::string>,
                         Importance, DispatchState, std::int64_t, Timestamp, std::vector<Subject>, std::optional<std::string>>;
  auto row = session.one<Row>(
      "select sender, idempotency_key, body_hash, title, body, action_label, action_url, importance, state, notified_count, created_at, subjects, collapse_key "
      "from dispatches where id = :1",
      id);
  if (!row) return std::nullopt;
  auto& [sender, key, hash, title, body, label, url, importance, state, notified, created, subjects, collapse_key] = *row;
  return Dispatch{.id = id,
                  .sender = std::move(sender),
                  .idempotency_key = std::move(key),
                  .body_hash = std::move(hash),
                  .message = message_of(std::move(title), std::move(body), std::move(label), std::move(url), importance, std::move(subjects),
                                        std::move(collapse_key)),
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

void insert_transactional(sql::Session& session, const TransactionalDispatch& dispatch) {
  session.execute(
      "insert into dispatches (id, sender, idempotency_key, body_hash, title, body, importance, group_ids, state, notified_count, created_at, transactional, "
      "sealed, expires_at) values (:1, :2, :3, :4, '', '', :5, '[]', 'done', 0, :6, true, :7, :8)",
      dispatch.id, dispatch.sender, dispatch.idempotency_key, dispatch.body_hash, dispatch.importance, dispatch.created_at, dispatch.sealed,
      dispatch.expires_at);
}

void erase_sealed(sql::Session& session, const DispatchId& dispatch) {
  session.execute("update dispatches set sealed = null where id = :1 and not exists (select 1 from deliveries where dispatch_id = :1 and state = 'pending')",
                  dispatch);
}

std::vector<std::pair<DispatchId, std::string>> sealed_dispatches(sql::Session& session) {
  std::vector<std::pair<DispatchId, std::string>> found;
  session.each<std::tuple<DispatchId, std::string>>(
      "select id, sealed from dispatches where sealed is not null order by id",
      [&](const std::tuple<DispatchId, std::string>& row) { found.emplace_back(std::get<0>(row), std::get<1>(row)); });
  return found;
}

void put_sealed(sql::Session& session, const DispatchId& dispatch, std::string_view sealed) {
  session.execute("update dispatches set sealed = :2 where id = :1", dispatch, sealed);
}

std::vector<FirstTry> first_tries(sql::Session& session, const DispatchId& dispatch) {
  return session.all<FirstTry>(
      "select v.strategy_id, v.state, v.reason, a.status, a.error_message from deliveries v left join delivery_attempts a on a.id = "
      "(select f.id from delivery_attempts f where f.delivery_id = v.id order by f.attempted_at, f.id limit 1) where v.dispatch_id = :1 order by v.strategy_id",
      dispatch);
}

std::vector<InboxRow> rows_of(sql::Session& session, const DispatchId& dispatch, Timestamp at, const std::vector<UserId>& users) {
  std::vector<InboxRow> rows;
  session.each<std::tuple<NotificationId, UserId>>(
      "select id, user_id from notifications where user_id in (select value from json_each(:1)) and created_at = :2 and dispatch_id = :3",
      [&](const std::tuple<NotificationId, UserId>& row) { rows.push_back({.id = std::get<0>(row), .user_id = std::get<1>(row)}); }, sql::List(users), at, dispatch);
  return rows;
}

void insert_notifications(sql::Session& session, const Dispatch& dispatch, const std::optional<std::string>& group_id, std::span<const InboxRow> rows) {
  in_chunks(rows, [](const InboxRow& row) { return row.id.to_string() + row.user_id.to_string(); }, [&](const sql::List<std::string>& texts) {
    session.execute(
        "insert into notifications (id, user_id, title, body, action_label, action_url, importance, is_read, group_id, dispatch_id, created_at, subjects, "
        "collapse_key) select substr(value, 1, 36), substr(value, 37), :2, :3, :4, :5, :6, false, :7, :8, :9, :10, :11 from json_each(:1)",
        texts, dispatch.message.title, dispatch.message.body, label_of(dispatch.message), url_of(dispatch.message), dispatch.message.importance, group_id,
        dispatch.id, dispatch.created_at, dispatch.message.subjects, dispatch.message.collapse_key);
  });
}

std::optional<Preference> preference(sql::Session& session, const UserId& user, std::string_view strategy_id) {
  auto row = session.one<std::tuple<bool, bool, std::int64_t, std::optional<std::int64_t>, std::optional<std::int64_t>, std::optional<std::string>>>(
      "select enabled, is_configured, digest_minutes, quiet_from, quiet_to, quiet_zone from notification_preferences where user_id = :1 and strategy_id = :2",
      user, strategy_id);
  if (!row) return std::nullopt;
  auto& [enabled, is_configured, digest_minutes, from, to, zone] = *row;
  Preference found{.enabled = enabled, .is_configured = is_configured, .digest_minutes = digest_minutes};
  if (from && to && zone) found.quiet_hours = QuietHours{.from = *from, .to = *to, .zone = std::move(*zone)};
  return found;
}

void put_preference(sql::Session& session, const UserId& user, std::string_view strategy_id, const Preference& preference, Timestamp now) {
  const auto& quiet = preference.quiet_hours;
  session.execute(
      "insert into notification_preferences (user_id, strategy_id, enabled, is_configured, updated_at, digest_minutes, quiet_from, quiet_to, quiet_zone) "
      "values (:1, :2, :3, :4, :5, :6, :7, :8, :9) "
      "on conflict (user_id, strategy_id) do update set enabled = excluded.enabled, is_configured = excluded.is_configured, updated_at = excluded.updated_at, "
      "digest_minutes = excluded.digest_minutes, quiet_from = excluded.quiet_from, quiet_to = excluded.quiet_to, quiet_zone = excluded.quiet_zone",
      user, strategy_id, preference.enabled, preference.is_configured, now, preference.digest_minutes, quiet ? std::optional(quiet->from) : std::nullopt,
      quiet ? std::optional(quiet->to) : std::nullopt, quiet ? std::optional(quiet->zone) : std::nullopt);
}

std::vector<UserId> reachable(sql::Session& session, std::string_view strategy_id, const std::vector<UserId>& users) {
  return session.all<UserId>(
      "select user_id from notification_preferences where strategy_id = :1 and enabled and is_configured and user_id in (select value from json_each(:2)) "
      "order by user_id",
      strategy_id, sql::List(users));
}

std::vector<UserId> not_refusing(sql::Session& session, std::string_view strategy_id, const std::vector<UserId>& users) {
  return session.all<UserId>(
      "select value from json_each(:2) where value not in (select user_id from notification_preferences where strategy_id = :1 and not enabled) order by value",
      strategy_id, sql::List(users));
}

std::vector<UserId> with_preference(sql::Session& session, std::string_view strategy_id) {
  return session.all<UserId>("select user_id from notification_preferences where strategy_id = :1 order by user_id", strategy_id);
}

void begin_trip(sql::Session& session, const UserId& user, std::string_view strategy_id, const Trip& trip, Timestamp now) {
  session.execute("delete from oauth_trips where expires_at <= :1", now);
  session.execute(
      "insert into oauth_trips (user_id, strategy_id, state_hash, return_path, expires_at) values (:1, :2, :3, :4, :5) "
      "on conflict (user_id, strategy_id) do update set state_hash = excluded.state_hash, return_path = excluded.return_path, expires_at = excluded.expires_at",
      user, strategy_id, trip.state_hash, trip.return_path, trip.expires_at);
}

std::optional<Trip> end_trip(sql::Session& session, const UserId& user, std::string_view strategy_id, std::string_view state_hash) {
  auto trip = session.one<Trip>(
      "select state_hash, return_path, expires_at from oauth_trips where user_id = :1 and strategy_id = :2 and state_hash = :3", user, strategy_id, state_hash);
  if (trip) session.execute("delete from oauth_trips where user_id = :1 and strategy_id = :2", user, strategy_id);
  return trip;
}

bool begin_refresh(sql::Session& session, const UserId& user, std::string_view strategy_id, Timestamp until, Timestamp now) {
  return session.execute(
             "insert into oauth_refreshes (user_id, strategy_id, until) values (:1, :2, :3) "
             "on conflict (user_id, strategy_id) do update set until = excluded.until where oauth_refreshes.until <= :4",
             user, strategy_id, until, now) == 1;
}

void end_refresh(sql::Session& session, const UserId& user, std::string_view strategy_id, Timestamp until) {
  session.execute("delete from oauth_refreshes where user_id = :1 and strategy_id = :2 and until = :3", user, strategy_id, until);
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

namespace {

constexpr std::string_view kDeliveries =
    "select v.id, v.notification_id, v.user_id, v.strategy_id, v.state, v.attempts, d.title, d.body, d.action_label, d.action_url, d.importance, v.created_at, "
    "(select min(g.value) from json_each(d.group_ids) g having count(*) = 1), v.next_at, v.digest_id, v.collecting, v.dispatch_id, d.transactional, d.sealed, "
    "d.expires_at, d.subjects, d.collapse_key "
    "from deliveries v join dispatches d on d.id = v.dispatch_id ";
using DeliveryRow =
    std::tuple<DeliveryId, NotificationId, UserId, std::string, DeliveryState, int, std::string, std::string, std::optional<std::string>,
               std::optional<std::string>, Importance, Timestamp, std::optional<std::string>, std::optional<Timestamp>, std::optional<DeliveryId>, bool,
               DispatchId, bool, std::optional<std::string>, std::optional<Timestamp>, std::vector<Subject>, std::optional<std::string>>;

Delivery delivery_of(const DeliveryRow& row) {
  const auto& [id, notification, user, strategy, state, attempts, title, body, label, url, importance, created, thread, next, digest, collecting, dispatch,
               transactional, sealed, expires, subjects, collapse_key] = row;
  return Delivery{.id = id,
                  .dispatch_id = dispatch,
                  .notification_id = notification,
                  .user_id = user,
                  .strategy_id = strategy,
                  .state = state,
                  .attempts = attempts,
                  .message = message_of(title, body, label, url, importance, subjects, collapse_key),
                  .created_at = created,
                  .thread = thread,
                  .next_at = next,
                  .digest_id = digest,
                  .collecting = collecting,
                  .transactional = transactional,
                  .sealed = sealed,
                  .expires_at = expires};
}

}  // namespace

std::vector<Delivery> find_deliveries(sql::Session& session, std::span<const DeliveryId> ids) {
  static const std::string query = std::string(kDeliveries) + "where v.id in (select value from json_each(:1))";
  std::vector<Delivery> found;
  session.each<DeliveryRow>(query, [&](const DeliveryRow& row) { found.push_back(delivery_of(row)); }, sql::List(ids));
  return found;
}

std::optional<Delivery> find_delivery(sql::Session& session, const DeliveryId& id) {
  static const std::string query = std::string(kDeliveries) + "where v.id = :1";
  const auto row = session.one<DeliveryRow>(query, id);
  return row ? std::optional(delivery_of(*row)) : std::nullopt;
}

void refuse_delivery(sql::Session& session, const DeliveryId& id, std::string_view reason, Timestamp now) {
  session.execute("update deliveries set state = 'refused', next_at = null, reason = :2, updated_at = :3 where id = :1", id, reason, now);
}

void postpone(sql::Session& session, const DeliveryId& id, Timestamp next_at) {
  session.execute("update deliveries set next_at = :2 where id = :1", id, next_at);
}

std::optional<DeliveryId> open_digest(sql::Session& session, const UserId& user, std::string_view strategy_id) {
  return session.one<DeliveryId>("select id from deliveries where user_id = :1 and strategy_id = :2 and collecting", user, strategy_id);
}

void begin_digest(sql::Session& session, const DeliveryId& id, Timestamp until) {
  session.execute("update deliveries set digest_id = id, collecting = true, next_at = :2 where id = :1", id, until);
}

void join_digest(sql::Session& session, const DeliveryId& id, const DeliveryId& digest) {
  session.execute("update deliveries set digest_id = :2, next_at = (select next_at from deliveries where id = :2) where id = :1", id, digest);
}

void close_digest(sql::Session& session, const DeliveryId& digest) { session.execute("update deliveries set collecting = false where id = :1", digest); }

std::vector<Delivery> digest(sql::Session& session, const DeliveryId& digest) {
  static const std::string query = std::string(kDeliveries) + "where v.digest_id = :1 order by v.created_at, v.id";
  std::vector<Delivery> members;
  session.each<DeliveryRow>(query, [&](const DeliveryRow& row) { members.push_back(delivery_of(row)); }, digest);
  return members;
}

bool was_tried(sql::Session& session, const DeliveryId& id) {
  return session.one<std::int64_t>("select 1 from delivery_attempts where delivery_id = :1 limit 1", id).has_value();
}

std::map<DeliveryId, std::vector<std::string>> reached_targets(sql::Session& session, std::span<const DeliveryId> ids) {
  std::map<DeliveryId, std::vector<std::string>> targets;
  session.each<std::tuple<DeliveryId, std::string>>(
      "select delivery_id, target from delivery_targets where delivery_id in (select value from json_each(:1)) order by delivery_id, target",
      [&](std::tuple<DeliveryId, std::string> row) { targets[std::get<0>(row)].push_back(std::move(std::get<1>(row))); }, sql::List(ids));
  return targets;
}

void add_reached_targets(sql::Session& session, const DeliveryId& id, const std::vector<std::string>& targets) {
  session.execute("insert into delivery_targets (delivery_id, target) select :1, value from json_each(:2) where true on conflict do nothing", id,
                  sql::List(targets));
}

void insert_attempt(sql::Session& session, const Delivery& delivery, const Attempt& attempt) {
  session.execute(
      "insert into delivery_attempts (id, delivery_id, notification_id, strategy_id, attempted_at, status, error_message, duration_ms) "
      "values (:1, :2, :3, :4, :5, :6, :7, :8)",
      Uuid::make_v7(attempt.at.millis()), delivery.id, delivery.notification_id, delivery.strategy_id, attempt.at, attempt.status, attempt.error_message,
      attempt.duration_ms);
}

void settle_delivery(sql::Session& session, const Delivery& delivery, DeliveryState state, int attempts, std::optional<Timestamp> next_at,
                     const std::optional<std::string>& reason, Timestamp now) {
  if (delivery.digest_id)
    session.execute("update deliveries set state = :2, attempts = :3, next_at = :4, reason = :5, updated_at = :6, collecting = false where digest_id = :1",
                    *delivery.digest_id, state, attempts, next_at, reason, now);
  else
    session.execute("update deliveries set state = :2, attempts = :3, next_at = :4, reason = :5, updated_at = :6 where id = :1", delivery.id, state, attempts,
                    next_at, reason, now);
}

std::vector<Passage> passages(sql::Session& session, const UserId& user, const std::vector<NotificationId>& notifications) {
  return session.all<Passage>(
      "select v.notification_id, v.strategy_id, v.state, v.attempts, v.reason, v.updated_at from notifications n "
      "join deliveries v on v.notification_id = n.id where n.id in (select value from json_each(:2)) and n.user_id = :1 and v.user_id = :1 "
      "order by v.notification_id, v.strategy_id",
      user, sql::List(notifications));
}

std::vector<RecordedAttempt> attempts(sql::Session& session, const std::optional<DeliveryId>& delivery, const std::optional<NotificationId>& notification,
                                      std::int64_t limit, std::int64_t offset) {
  // A text each, so that each has its index.
  if (delivery)
    return session.all<RecordedAttempt>(
        "select id, delivery_id, notification_id, strategy_id, attempted_at, status, error_message, duration_ms from delivery_attempts "
        "where delivery_id = :1 order by attempted_at desc, id desc limit :2 offset :3",
        *delivery, limit, offset);
  if (notification)
    return session.all<RecordedAttempt>(
        "select id, delivery_id, notification_id, strategy_id, attempted_at, status, error_message, duration_ms from delivery_attempts "
        "where notification_id = :1 order by attempted_at desc, id desc limit :2 offset :3",
        *notification, limit, offset);
  return session.all<RecordedAttempt>(
      "select id, delivery_id, notification_id, strategy_id, attempted_at, status, error_message, duration_ms from delivery_attempts "
      "order by attempted_at desc, id desc limit :1 offset :2",
      limit, offset);
}

std::int64_t count_attempts(sql::Session& session, const std::optional<DeliveryId>& delivery, const std::optional<NotificationId>& notification) {
  if (delivery) return session.one<std::int64_t>("select count(*) from delivery_attempts where delivery_id = :1", *delivery).value();
  if (notification) return session.one<std::int64_t>("select count(*) from delivery_attempts where notification_id = :1", *notification).value();
  return session.one<std::int64_t>("select count(*) from delivery_attempts").value();
}

std::vector<DeadLetter> dead_letters(sql::Session& session, std::int64_t limit, std::int64_t offset) {
  return session.all<DeadLetter>(
      "select id, notification_id, user_id, strategy_id, attempts, reason, created_at, updated_at from deliveries where state = 'dead' "
      "order by updated_at desc, id desc limit :1 offset :2",
      limit, offset);
}

std::int64_t count_dead_letters(sql::Session& session) {
  return session.one<std::int64_t>("select count(*) from deliveries where state = 'dead'").value();
}

std::optional<DeliveryId> revive_delivery(sql::Session& session, const DeliveryId& id, Timestamp now) {
  const auto first = session.one<DeliveryId>(
      "select f.id from deliveries v join deliveries f on f.id = coalesce(v.digest_id, v.id) "
      "join dispatches d on d.id = f.dispatch_id where v.id = :1 and v.state = 'dead' and f.state = 'dead' and not d.transactional",
      id);
  if (!first) return std::nullopt;
  session.execute(
      "update deliveries set state = 'pending', attempts = 0, next_at = :2, reason = null, updated_at = :2 where state = 'dead' and (id = :1 or digest_id = "
      ":1)",
      *first, now);
  return first;
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

bool forget_user(sql::Session& session, const UserId& user, std::int64_t limit) {
  session.execute("update dispatches set sealed = null where sealed is not null and id in (select dispatch_id from deliveries where user_id = :1)", user);
  const auto batch = session.all<NotificationId>("select id from notifications where user_id = :1 order by id limit :2", user, limit);
  session.execute("delete from deliveries where notification_id in (select value from json_each(:1))", sql::List(batch));
  session.execute("delete from notifications where id in (select value from json_each(:1))", sql::List(batch));
  // Those whose notifications went before.
  const auto more = session.execute("delete from deliveries where id in (select id from deliveries where user_id = :1 limit :2)", user, limit);
  if (std::cmp_greater_equal(batch.size(), limit) || more >= limit) return false;
  session.execute("delete from notification_subscriptions where user_id = :1", user);
  session.execute("delete from notification_preferences where user_id = :1", user);
  session.execute("delete from oauth_trips where user_id = :1", user);
  session.execute("delete from oauth_refreshes where user_id = :1", user);
  return true;
}

}  // namespace store
}  // namespace watchbell::notification
