#include "domains/notification/service.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include <boost/asio/post.hpp>

#include "base/uuid_text.hpp"
#include "domains/notification/rules.hpp"
#include "domains/notification/store.hpp"
#include "platform/crypto/hash.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::notification {

using namespace std::chrono_literals;

struct DispatchPayload {
  DispatchId dispatch;
};
BOOST_DESCRIBE_STRUCT(DispatchPayload, (), (dispatch))

namespace {

/// What names the inbox rows of a send: they were made at one instant, which is not that of a dispatch that waited for its job. Written "DISPATCH.MICROSECONDS".
struct SentAt {
  DispatchId dispatch;
  Timestamp at;
  std::string to_string() const { return fmt::format("{}.{}", dispatch, at.micros()); }
  static std::optional<SentAt> parse(std::string_view text) {
    const auto dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto dispatch = DispatchId::parse(text.substr(0, dot));
    std::int64_t micros = 0;
    const auto digits = text.substr(dot + 1);
    const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), micros);
    if (!dispatch || bad != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    return SentAt{.dispatch = *dispatch, .at = Timestamp::from_micros(micros)};
  }
};

/// A send that was accepted is not given up for a database that fails for a day: back-off ends at 5 minutes.
constexpr int kDispatchRetries = 300;
/// Users asked about at one go: the largest list in one statement's parameter, and the longest turn of the loop.
constexpr std::size_t kUsersAtOnce = 5000;
constexpr std::size_t kFreedAtOnce = 2000;

NotificationView view_of(Notification row) {
  NotificationView view{.id = row.id,
                        .user_id = row.user_id,
                        .title = std::move(row.title),
                        .body = std::move(row.body),
                        .action = {},
                        .importance = row.importance,
                        .is_read = row.is_read,
                        .group_id = std::move(row.group_id),
                        .collapse_key = std::move(row.collapse_key),
                        .subjects = {},
                        .created_at = row.created_at};
  if (!row.subjects.empty()) view.subjects = std::move(row.subjects);
  if (row.action_label && row.action_url) view.action = Action{.label = std::move(*row.action_label), .url = std::move(*row.action_url)};
  return view;
}

bool shows(const access::Reach& systems, std::string_view group_id) {
  const auto system = rules::shown_object(group_id);
  return !system || systems.holds(*system);
}

std::unexpected<Error> no_group(std::string_view id) { return fail(ErrorCode::not_found, "There is no notification group {}", id); }

using Subscriptions = rpc::Kept<std::vector<SubscriptionView>>;
/// What of it somebody sees who does not see all systems.
Result<Subscriptions> shown(Result<Subscriptions> all, const access::Reach& systems) {
  if (!all) return all;
  auto views = *all->value;
  std::erase_if(views, [&](const SubscriptionView& view) { return !shows(systems, view.group_id); });
  return rpc::kept(std::move(views));
}
awaitable<Result<Subscriptions>> shown_later(async::ValueTask<Result<Subscriptions>> all, access::Reach systems) {
  co_return shown(co_await std::move(all).wait(), systems);
}

/// Tells one body from another; each text with its quotes, so that two lists of texts never run into one.
template <class Texts>
std::string hash_of(const Message& message, std::string_view to, const Texts& recipients) {
  std::string text(to);
  const auto add = [&](std::string_view part) {
    text += ',';
    rpc::append_json_string(text, part);
  };
  add(message.title);
  add(message.body);
  add(rpc::enum_text(message.importance));
  if (message.action) {
    add(message.action->label);
    add(message.action->url);
  }
  // Each behind a word of its own, and neither where there is none: keys that were used before there were any still name the same bodies.
  if (message.collapse_key) {
    text += ";together";
    add(*message.collapse_key);
  }
  for (const auto& subject : message.subjects) {
    text += ";about";
    add(subject.kind);
    add(subject.id);
    add(subject.name);
    add(subject.url.value_or(""));
    add(subject.status ? rpc::enum_text(*subject.status) : "");
  }
  text += ';';
  for (const auto& recipient : recipients) add(recipient);
  return crypto::sha256_hex(text);
}

template <class T>
std::vector<std::string> texts_of(std::vector<T> bounded) {
  std::vector<std::string> texts;
  texts.reserve(bounded.size());
  for (auto& text : bounded) texts.push_back(std::move(text).str());
  return texts;
}

/// A hundred thousand texts freed at once would hold the loop up for milliseconds.
awaitable<void> free_slowly(std::vector<Text<1, 200>> texts) {
  const auto executor = co_await asio::this_coro::executor;
  while (texts.size() > kFreedAtOnce) {
    texts.erase(texts.end() - static_cast<std::ptrdiff_t>(kFreedAtOnce), texts.end());
    co_await asio::post(executor, use_awaitable);
  }
}

/// Distinct ids in order; what is no id names nobody.
std::vector<UserId> parse_users(const std::vector<Text<1, 200>>& texts) {
  std::vector<UserId> users;
  users.reserve(texts.size());
  for (const auto& text : texts)
    if (const auto id = UserId::parse(text)) users.push_back(*id);
  std::ranges::sort(users);
  const auto [first, last] = std::ranges::unique(users);
  users.erase(first, last);
  return users;
}

}  // namespace

std::string name_of(const access::Principal& sender) {
  using Kind = access::Principal::Kind;
  switch (sender.kind) {
    case Kind::user:
      return "user:" + sender.id.to_string();
    case Kind::application:
      return "application:" + sender.id.to_string();
    case Kind::service:
      return "service:" + sender.area;
    case Kind::none:
      break;
  }
  return "nobody";
}

Result<Message> message_of(Text<1, 200> title, Text<0, 10'000> body, Importance importance, std::optional<ActionInput> action, SubjectsInput subjects,
                           CollapseKeyInput collapse_key) {
  Message message{.title = std::move(title).str(), .body = std::move(body).str(), .importance = importance, .action = {}};
  if (action) {
    if (!rules::usable_action_url(action->url)) return fail_field(ErrorCode::bad_request, "action.url", "action.url must be a path of this site or an http(s) URL");
    message.action = Action{.label = std::move(action->label).str(), .url = std::move(action->url).str()};
  }
  if (subjects) {
    for (auto& one : *subjects)
      message.subjects.push_back({.kind = std::move(one.kind).str(),
                                  .id = std::move(one.id).str(),
                                  .name = std::move(one.name).str(),
                                  .url = one.url ? std::optional(std::move(*one.url).str()) : std::nullopt,
                                  .status = one.status});
    if (auto judged = rules::judge_subjects(message.subjects); !judged) return std::unexpected(std::move(judged.error()));
  }
  if (collapse_key) {
    if (auto judged = rules::judge_collapse_key(*collapse_key); !judged) return std::unexpected(std::move(judged.error()));
    message.collapse_key = std::move(*collapse_key).str();
  }
  return message;
}

Result<Message> message_of(TransactionalMessage said) {
  return message_of(std::move(said.title), std::move(said.body.value), said.importance, std::move(said.action), std::move(said.subjects), {});
}

/// What a caller asked to be sent, and by whom.
struct Service::Request {
  std::string sender;
  std::optional<std::string> idempotency_key;
  Message message;
  bool to_groups = false;
  std::vector<Text<1, 200>> users;  ///< ids, as they came: on the loop nothing is done for each
  std::vector<std::string> groups;
  std::string body_hash() const { return to_groups ? hash_of(message, "groups", groups) : hash_of(message, "users", users); }
};

Service::Service(sql::Database& database, coherence::Memory& cache, Changes& changes, async::TaskScope& scope, const ChannelSettings& channels,
                 ExistingUsers existing_users, Viewers viewers)
    : database_(database),
      changes_(changes),
      scope_(scope),
      channels_(channels),
      existing_users_(std::move(existing_users)),
      viewers_(std::move(viewers)),
      cache_(cache, database, "notification", 15s) {}

coherence::Target Service::inbox_of(const UserId& user) const { return cache_.family(cache::Family("inbox", user.to_string())); }
coherence::Target Service::subscriptions_of(const UserId& user) const { return cache_.key(cache::Key("subs", user.to_string())); }

// The inbox.

namespace {

PageView page_of(sql::Session& session, const UserId& user, const PageInput& input, const std::optional<std::string>& together, const std::optional<std::string>& search) {
  PageView view{.notifications = {},
                .total = store::count(session, user, input.unread_only, together, search),
                .limit = input.limit,
                .offset = input.offset};
  for (auto& row : store::page(session, user, input.unread_only, input.limit, input.offset, together, search)) view.notifications.push_back(view_of(std::move(row)));
  return view;
}

}  // namespace

async::ValueTask<Result<rpc::Encoded<PageView>>> Service::notifications(UserId user, PageInput input) {
  if (input.search) return search(user, std::move(input));
  const std::string_view which = input.unread_only ? "unread" : "all";
  std::optional<std::string> together;
  if (input.collapse_key) together = std::move(*input.collapse_key).str();
  cache::Key key = together ? cache::Key("inbox", UuidText(user), "page", input.limit.value(), input.offset.value(), which, crypto::sha256_hex(*together))
                            : cache::Key("inbox", UuidText(user), "page", input.limit.value(), input.offset.value(), which);
  return cache_.answer<PageView>(std::move(key), [user, limit = input.limit, offset = input.offset, unread_only = input.unread_only,
                                                  together = std::move(together)](sql::Session& session) {
    return page_of(session, user, {.limit = limit, .offset = offset, .unread_only = unread_only}, together, {});
  });
}

awaitable<Result<rpc::Encoded<PageView>>> Service::search(UserId user, PageInput input) {
  auto sought = rules::clean_search(input.search->str());
  if (!sought) co_return std::unexpected(std::move(sought.error()));
  co_return co_await database_.read([user, input = std::move(input), sought = std::move(*sought)](sql::Session& session) {
    const auto together = input.collapse_key ? std::optional(input.collapse_key->str()) : std::nullopt;
    return rpc::encoded(page_of(session, user, input, together, sought));
  });
}

async::ValueTask<Result<rpc::Encoded<UnreadCount>>> Service::unread_count(UserId user) {
  return cache_.answer<UnreadCount>(cache::Key("inbox", UuidText(user), "unread"),
                                    [user](sql::Session& session) { return UnreadCount{.count = store::unread_count(session, user)}; });
}

awaitable<Result<NotificationDeliveries>> Service::deliveries(UserId user, GetNotificationDeliveries input) {
  co_return co_await database_.read([this, user, input = std::move(input)](sql::Session& session) {
    NotificationDeliveries answer;
    for (auto& passage : store::passages(session, user, input.notification_ids)) {
      const auto* channel = channels::find(channels_.registry(), passage.strategy_id);
      answer.deliveries.push_back({.notification_id = passage.notification_id,
                                   .strategy_id = passage.strategy_id,
                                   .display_name = channel != nullptr ? channel->traits().display_name : passage.strategy_id,
                                   .state = passage.state,
                                   .attempts = passage.attempts,
                                   .reason = passage.reason ? std::optional(rules::reason_for_reader(*passage.reason)) : std::nullopt,
                                   .updated_at = passage.updated_at});
    }
    return answer;
  });
}

awaitable<Result<void>> Service::mark_as_read(UserId user, std::optional<NotificationId> one) {
  co_return co_await changes_.run([this, user, one](Change& change) -> Result<void> {
    if (store::mark_read(change.sql(), user, one) == 0) return {};
    change.invalidates(inbox_of(user));
    change.announces(signals::to_user(kRead, user, Read{.notification_id = one}));
    change.announces(signals::to_readers(kCountChanged, {user}));
    return {};
  });
}

awaitable<Result<void>> Service::remove(UserId user, NotificationId id) {
  co_return co_await changes_.run([this, user, id](Change& change) -> Result<void> {
    if (!store::remove(change.sql(), user, id)) return {};
    change.invalidates(inbox_of(user));
    change.announces(signals::to_readers(kCountChanged, {user}));
    return {};
  });
}

std::int64_t Service::remove_old(Change& change, Timestamp before, std::int64_t limit) const {
  auto removed = store::remove_old(change.sql(), before, limit);
  for (const auto& owner : removed.owners) change.invalidates(inbox_of(owner));
  if (!removed.readers.empty()) change.announces(signals::to_readers(kCountChanged, std::move(removed.readers)));
  return removed.rows;
}

bool Service::forget_user(Change& change, const UserId& user, std::int64_t limit) const {
  change.invalidates(inbox_of(user));
  change.invalidates(subscriptions_of(user));
  return store::forget_user(change.sql(), user, limit);
}

// Groups.

awaitable<Result<std::vector<GroupView>>> Service::groups(access::Reach systems) {
  co_return co_await database_.read([systems = std::move(systems)](sql::Session& session) {
    std::vector<GroupView> views;
    for (auto& group : store::groups(session)) {
      if (!shows(systems, group.id)) continue;
      views.push_back({std::move(group.id), std::move(group.name), std::move(group.description), std::move(group.owner_plugin), group.created_at});
    }
    return views;
  });
}

async::ValueTask<Result<rpc::Kept<std::vector<SubscriptionView>>>> Service::subscriptions(UserId user, access::Reach systems) {
  auto all = cache_.keep<std::vector<SubscriptionView>>(cache::Key("subs", UuidText(user)), [user](sql::Session& session) {
    std::vector<SubscriptionView> views;
    for (auto& s : store::subscriptions(session, user))
      views.push_back({std::move(s.group_id), std::move(s.group_name), std::move(s.group_description), std::move(s.owner_plugin), s.subscribed_at});
    return views;
  });
  // What is kept is all of it: whether he sees a system may change without a change of ours.
  if (systems.holds_everything()) return all;
  if (all.ready()) return shown(std::move(all.value()), systems);
  return shown_later(std::move(all), std::move(systems));
}

awaitable<Result<void>> Service::subscribe(UserId user, std::string group_id, access::Reach systems) {
  if (!shows(systems, group_id)) co_return no_group(group_id);
  co_return co_await changes_.run([this, user, group_id = std::move(group_id)](Change& change) -> Result<void> {
    if (store::subscribe(change.sql(), user, group_id, change.now())) {
      change.invalidates(subscriptions_of(user));
      return {};
    }
    if (!store::group_exists(change.sql(), group_id)) return no_group(group_id);
    return {};
  });
}

awaitable<Result<void>> Service::unsubscribe(UserId user, std::string group_id) {
  co_return co_await changes_.run([this, user, group_id = std::move(group_id)](Change& change) -> Result<void> {
    if (store::unsubscribe(change.sql(), user, group_id)) change.invalidates(subscriptions_of(user));
    return {};
  });
}

void Service::drop_followers(Change& change, std::string_view group_id) const {
  for (const auto& user : store::followers(change.sql(), {std::string(group_id)})) change.invalidates(subscriptions_of(user));
}

std::vector<UserId> Service::followers_who_see(sql::Session& session, const std::vector<std::string>& group_ids) const {
  std::vector<std::string> open;
  std::vector<UserId> all;
  for (const auto& group : group_ids) {
    const auto system = rules::shown_object(group);
    if (!system) {
      open.push_back(group);
      continue;
    }
    const auto following = store::followers(session, {group});
    for (std::size_t at = 0; at < following.size(); at += kUsersAtOnce) {
      const auto seeing =
          viewers_(session, std::span(following).subspan(at, std::min(kUsersAtOnce, following.size() - at)), rules::kShownObjects, *system);
      all.insert(all.end(), seeing.begin(), seeing.end());
    }
  }
  if (!open.empty()) {
    const auto following = store::followers(session, open);
    all.insert(all.end(), following.begin(), following.end());
  }
  std::ranges::sort(all);
  const auto [first, last] = std::ranges::unique(all);
  all.erase(first, last);
  return all;
}

Result<void> Service::put_group(Change& change, const GroupDefinition& group) const {
  WATCHBELL_ASSERT(group.id.starts_with(group.owner + "."));
  if (store::put_group(change.sql(), group, change.now()) == store::Put::changed) drop_followers(change, group.id);
  return {};
}

Result<void> Service::remove_group(Change& change, std::string_view group_id) const {
  drop_followers(change, group_id);  // while there are any
  store::remove_group(change.sql(), group_id, {});
  return {};
}

Result<void> Service::claim(Change& change, const access::Principal& sender, std::string_view owner, bool make) const {
  if (sender.kind == access::Principal::Kind::service) {
    if (sender.area == owner) return {};
    return fail_field(ErrorCode::forbidden, "ownerPlugin", "{} may not touch groups of {}", sender.area, owner);
  }
  if (auto judged = rules::judge_owner(owner); !judged) return judged;
  const auto holder = store::owner(change.sql(), owner);
  const auto name = name_of(sender);
  if (holder && *holder != name) return fail_field(ErrorCode::forbidden, "ownerPlugin", "{} belongs to another sender", owner);
  if (!holder && make) store::claim_owner(change.sql(), owner, name, change.now());
  return {};
}

awaitable<Result<CreatedGroup>> Service::create_group(access::PrincipalPtr sender, CreateGroup input) {
  co_return co_await changes_.run([this, sender = std::move(sender), input = std::move(input)](Change& change) -> Result<CreatedGroup> {
    const auto& owner = input.owner_plugin.str();
    if (auto claimed = claim(change, *sender, owner, true); !claimed) return std::unexpected(std::move(claimed.error()));
    const GroupDefinition group{.id = owner + "." + input.group_id.str(), .name = input.name.str(), .description = input.description.value.str(), .owner = owner};
    if (auto put = put_group(change, group); !put) return std::unexpected(std::move(put.error()));
    return CreatedGroup{.id = group.id};
  });
}

awaitable<Result<Success>> Service::delete_group(access::PrincipalPtr sender, DeleteGroup input) {
  co_return co_await changes_.run([this, sender = std::move(sender), input = std::move(input)](Change& change) -> Result<Success> {
    if (auto claimed = claim(change, *sender, input.owner_plugin, false); !claimed) return std::unexpected(std::move(claimed.error()));
    drop_followers(change, input.group_id);
    return Success{.success = store::remove_group(change.sql(), input.group_id, input.owner_plugin.str())};
  });
}

awaitable<Result<GroupSubscribers>> Service::group_subscribers(GetGroupSubscribers input) {
  co_return co_await database_.read([input = std::move(input)](sql::Session& session) {
    return GroupSubscribers{.user_ids = store::followers_page(session, input.group_id, input.after, input.limit)};
  });
}

// Sending.

awaitable<Result<Notified>> Service::notify_users(access::PrincipalPtr sender, NotifyUsers input) {
  auto message = message_of(std::move(input.title), std::move(input.body.value), input.importance, std::move(input.action), std::move(input.subjects),
                            std::move(input.collapse_key));
  if (!message) co_return std::unexpected(std::move(message.error()));
  auto request = std::make_shared<Request>();
  request->sender = name_of(*sender);
  if (input.idempotency_key) request->idempotency_key = std::move(*input.idempotency_key).str();
  request->message = std::move(*message);
  request->users = std::move(input.user_ids);
  auto answer = co_await send(request);
  if (request->users.size() > kFreedAtOnce) scope_.spawn("notification.free", free_slowly(std::move(request->users)));
  co_return answer;
}

awaitable<Result<Notified>> Service::notify_groups(access::PrincipalPtr sender, NotifyGroups input) {
  auto message = message_of(std::move(input.title), std::move(input.body.value), input.importance, std::move(input.action), std::move(input.subjects),
                            std::move(input.collapse_key));
  if (!message) co_return std::unexpected(std::move(message.error()));
  auto request = std::make_shared<Request>();
  request->sender = name_of(*sender);
  if (input.idempotency_key) request->idempotency_key = std::move(*input.idempotency_key).str();
  request->message = std::move(*message);
  request->to_groups = true;
  request->groups = texts_of<GroupIdText>(std::move(input.group_ids));
  co_return co_await send(std::move(request));
}

awaitable<Result<Notified>> Service::send(std::shared_ptr<const Request> request) {
  auto sent = co_await changes_.run([this, request](Change& change) { return send(change, *request); });
  if (!sent) co_return std::unexpected(std::move(sent.error()));
  co_return Notified{.notified_count = *sent};
}

Result<std::int64_t> Service::send(Change& change, const Request& request) const {
  auto& session = change.sql();
  Dispatch dispatch{.id = DispatchId::make(change.now()),
                    .sender = request.sender,
                    .idempotency_key = request.idempotency_key,
                    .body_hash = request.body_hash(),
                    .message = request.message,
                    .created_at = change.now()};
  if (dispatch.idempotency_key) {
    store::release_key(session, dispatch.sender, *dispatch.idempotency_key, change.now() - store::kKeyLifetime);
    if (const auto earlier = store::find_key(session, dispatch.sender, *dispatch.idempotency_key)) {
      if (earlier->body_hash != dispatch.body_hash) return fail(ErrorCode::conflict, "This idempotency key was used with another body");
      return earlier->notified_count;
    }
  }
  store::insert_dispatch(session, dispatch, request.groups);
  return write(change, dispatch, request.groups, request.to_groups ? followers_who_see(session, request.groups) : parse_users(request.users));
}

Result<std::int64_t> Service::write(Change& change, const Dispatch& dispatch, const std::vector<std::string>& group_ids, std::vector<UserId> recipients) const {
  auto& session = change.sql();
  std::vector<UserId> existing;
  existing.reserve(recipients.size());
  for (std::size_t at = 0; at < recipients.size(); at += kUsersAtOnce) {
    const auto some = existing_users_(session, std::span(recipients).subspan(at, std::min(kUsersAtOnce, recipients.size() - at)));
    existing.insert(existing.end(), some.begin(), some.end());
  }
  std::ranges::sort(existing);

  std::vector<store::InboxRow> rows;
  rows.reserve(existing.size());
  for (const auto& user : existing) {
    rows.push_back({.id = NotificationId::make(change.now()), .user_id = user});
    change.invalidates(inbox_of(user));
  }
  store::insert_notifications(session, dispatch, group_ids.size() == 1 ? std::optional(group_ids.front()) : std::nullopt, rows);
  if (auto written = write_deliveries(change, dispatch, rows, existing); !written) return std::unexpected(std::move(written.error()));
  const auto count = static_cast<std::int64_t>(existing.size());
  store::finish_dispatch(session, dispatch.id, count);
  if (count > 0) {
    change.announces(signals::to_readers(kReceived, existing, SentAt{.dispatch = dispatch.id, .at = dispatch.created_at}.to_string()));
    change.announces(signals::to_readers(kCountChanged, std::move(existing)));
  }
  return count;
}

Result<void> Service::write_deliveries(Change& change, const Dispatch& dispatch, const std::vector<store::InboxRow>& rows,
                                       const std::vector<UserId>& recipients) const {
  if (recipients.empty()) return {};
  for (const auto* channel : channels_.usable(change.sql())) {
    std::vector<store::NewDelivery> deliveries;
    std::vector<std::string> payloads;
    auto row = rows.begin();  // both lists are in the order of users
    const auto reached = channel->by_account() ? store::not_refusing(change.sql(), channel->id(), recipients)
                                               : store::reachable(change.sql(), channel->id(), recipients);
    for (const auto& user : reached) {
      while (row->user_id != user) ++row;
      deliveries.push_back({.id = DeliveryId::make(change.now()), .notification_id = row->id, .user_id = user});
      payloads.push_back(Deliveries::payload_of(deliveries.back().id));
    }
    if (deliveries.empty()) continue;
    store::insert_deliveries(change.sql(), dispatch.id, channel->id(), deliveries, change.now());
    if (auto enqueued = change.enqueues_many(Deliveries::job(dispatch.message.importance), payloads); !enqueued) return enqueued;
  }
  return {};
}

Result<void> Service::notify_groups_later(Change& change, std::vector<std::string> group_ids, Message message, std::string idempotency_key) const {
  Dispatch dispatch{.id = DispatchId::make(change.now()),
                    .sender = "service:" + (group_ids.empty() ? std::string() : group_ids.front().substr(0, group_ids.front().find('.'))),
                    .body_hash = {},
                    .message = rules::clamped(std::move(message)),
                    .created_at = change.now()};
  dispatch.body_hash = hash_of(dispatch.message, "groups", group_ids);
  if (!idempotency_key.empty()) {
    store::release_key(change.sql(), dispatch.sender, idempotency_key, change.now() - store::kKeyLifetime);
    if (const auto earlier = store::find_key(change.sql(), dispatch.sender, idempotency_key)) {
      if (earlier->body_hash != dispatch.body_hash) return fail(ErrorCode::conflict, "This idempotency key was used with another message");
      return {};
    }
    dispatch.idempotency_key = std::move(idempotency_key);
  }
  store::insert_dispatch(change.sql(), dispatch, group_ids);
  jobs::NewJob job;
  job.queue = kDispatchQueue;
  job.payload = rpc::to_json(DispatchPayload{.dispatch = dispatch.id});
  job.max_retries = kDispatchRetries;
  auto enqueued = change.enqueues(job);
  if (!enqueued) return std::unexpected(std::move(enqueued.error()));
  return {};
}

awaitable<jobs::Outcome> Service::run_dispatch(jobs::Job job) {
  const auto payload = rpc::from_json<DispatchPayload>(job.payload);
  if (!payload) co_return jobs::Outcome::give_up("the job names no dispatch");
  auto sent = co_await changes_.run([this, id = payload->dispatch](Change& change) -> Result<std::int64_t> {
    auto dispatch = store::find_dispatch(change.sql(), id);
    // Done by a try whose job was not ended before the process died.
    if (!dispatch || dispatch->state == DispatchState::done) return 0;
    const auto groups = store::group_ids(change.sql(), id);
    // The inbox shows when people were told, in the order they were told.
    dispatch->created_at = change.now();
    return write(change, *dispatch, groups, followers_who_see(change.sql(), groups));
  });
  if (!sent) co_return jobs::Outcome::retry(sent.error().message);
  co_return jobs::Outcome::done();
}

// What signals say, when they are said: by then the change is committed, and whoever opens a page reads the new state.

void Service::read_signals(signals::Hub& hub) {
  hub.reads(kReceived, [this](std::string sent, std::vector<UserId> users) { return read_received(std::move(sent), std::move(users)); });
  hub.reads(kCountChanged, [this](std::string, std::vector<UserId> users) { return read_counts(std::move(users)); });
}

awaitable<Result<Service::Payloads>> Service::read_received(std::string sent, std::vector<UserId> users) {
  const auto what = SentAt::parse(sent);
  if (!what) co_return Payloads();
  co_return co_await database_.read([what = *what, users = std::move(users)](sql::Session& session) {
    Payloads payloads;
    const auto dispatch = store::find_dispatch(session, what.dispatch);
    if (!dispatch) return payloads;
    const auto& message = dispatch->message;
    for (const auto& row : store::rows_of(session, what.dispatch, what.at, users))
      payloads.emplace_back(row.user_id, rpc::to_json(Received{.id = row.id, .title = message.title, .body = message.body, .importance = message.importance}));
    return payloads;
  });
}

awaitable<Result<Service::Payloads>> Service::read_counts(std::vector<UserId> users) {
  co_return co_await database_.read([users = std::move(users)](sql::Session& session) {
    const auto counted = store::unread_counts(session, users);
    const std::map<UserId, std::int64_t> counts(counted.begin(), counted.end());
    Payloads payloads;
    for (const auto& user : users) {
      const auto count = counts.find(user);
      payloads.emplace_back(user, rpc::to_json(CountChanged{.unread_count = count == counts.end() ? 0 : count->second}));
    }
    return payloads;
  });
}

}  // namespace watchbell::notification
