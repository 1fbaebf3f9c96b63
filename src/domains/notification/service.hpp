#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/signals.hpp"
#include "domains/notification/types.hpp"
#include "domains/notification/views.hpp"
#include "runtime/access/objects.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/change/change.hpp"
#include "runtime/coherence/scope.hpp"

namespace watchbell::notification {

namespace store {
struct InboxRow;
}

/// Which of these users see an object of that type; from the domain that keeps rights, inside the caller's transaction.
using Viewers = std::function<std::vector<UserId>(sql::Session&, std::span<const UserId>, std::string_view type, std::string_view object)>;

/// A message as it was sent in. ErrorCode::bad_request when its button leads nowhere, or rules::judge_subjects or rules::judge_collapse_key refuse.
Result<Message> message_of(Text<1, 200> title, Text<0, 10'000> body, Importance importance, std::optional<ActionInput> action, SubjectsInput subjects,
                           CollapseKeyInput collapse_key);

/// The same of a message that has no inbox row.
Result<Message> message_of(TransactionalMessage said);

/// Who sends, as dispatches and owners are kept under.
std::string name_of(const access::Principal& sender);

/// The use cases of inbox, groups and sending. Loop-only, but for the functions that take a Change, which are part of its transaction.
class Service {
 public:
  /// @param scope  for tidying up behind a large send
  Service(sql::Database& database, coherence::Memory& cache, Changes& changes, async::TaskScope& scope, const ChannelSettings& channels, ExistingUsers existing_users,
          Viewers viewers);
  /// Has the payloads of kReceived and kCountChanged read here. Before anything is sent.
  void read_signals(signals::Hub& hub);

  // The inbox.
  /// Newest first; page and total are of one snapshot. What is searched for is looked up each time: keys of what people type would have no bound.
  async::ValueTask<Result<rpc::Encoded<PageView>>> notifications(UserId user, PageInput input);
  async::ValueTask<Result<rpc::Encoded<UnreadCount>>> unread_count(UserId user);
  /// Over which channels notifications of the user's went, and what became of them. Not cached: every try changes it.
  awaitable<Result<NotificationDeliveries>> deliveries(UserId user, GetNotificationDeliveries input);
  /// One notification, or all. Nothing is dropped or said when none was unread; unknown and foreign ids are none.
  awaitable<Result<void>> mark_as_read(UserId user, std::optional<NotificationId> one);
  awaitable<Result<void>> remove(UserId user, NotificationId id);
  /// Inside the caller's change: removes up to `limit` notifications that are older than `before`, of whomever; how many. Their owners' cached inboxes
  /// are dropped, and whose unread count changed is told of it.
  std::int64_t remove_old(Change& change, Timestamp before, std::int64_t limit) const;
  /// Inside the caller's change: removes what a user who is gone had, up to `limit` notifications at a time, and drops what he had cached. Whether nothing
  /// is left.
  bool forget_user(Change& change, const UserId& user, std::int64_t limit) const;

  // Groups.
  /// All but those of systems that the reader does not see.
  awaitable<Result<std::vector<GroupView>>> groups(access::Reach systems);
  /// His, but for those of systems he does not see (any more).
  async::ValueTask<Result<rpc::Kept<std::vector<SubscriptionView>>>> subscriptions(UserId user, access::Reach systems = access::Reach::everything());
  /// ErrorCode::not_found for an unknown group, and for one of a system he does not see; following twice keeps the first time.
  awaitable<Result<void>> subscribe(UserId user, std::string group_id, access::Reach systems = access::Reach::everything());
  awaitable<Result<void>> unsubscribe(UserId user, std::string group_id);
  /// For services (their own area's groups alone) and outside senders: the first to use a name owns it. ErrorCode::bad_request, ErrorCode::forbidden.
  awaitable<Result<CreatedGroup>> create_group(access::PrincipalPtr sender, CreateGroup input);
  awaitable<Result<Success>> delete_group(access::PrincipalPtr sender, DeleteGroup input);

  /// For services, a page at a time; an unknown group has none.
  awaitable<Result<GroupSubscribers>> group_subscribers(GetGroupSubscribers input);

  // Sending. Recipients are distinct and exist, and who follows the group of a system is told while he sees the system; a key used within 24 hours answers what it answered then, or ErrorCode::conflict for another body.
  awaitable<Result<Notified>> notify_users(access::PrincipalPtr sender, NotifyUsers input);
  awaitable<Result<Notified>> notify_groups(access::PrincipalPtr sender, NotifyGroups input);
  /// The job that sends what notify_groups_later() stored.
  awaitable<jobs::Outcome> run_dispatch(jobs::Job job);

  // For other domains, inside their changes.
  /// Makes the group or renames it; drops what its followers have cached when something changed. REQUIRES that the id begins with `<owner>.`.
  Result<void> put_group(Change& change, const GroupDefinition& group) const;
  /// With its subscriptions; nothing happens to an unknown group.
  Result<void> remove_group(Change& change, std::string_view group_id) const;
  /// Stores one send to the followers of the groups, and the job that will do it: exactly when the change is committed, it will run. A message that is
  /// too long is cut. Within 24 hours a key sends once; ErrorCode::conflict for another message under it, ErrorCode::unavailable when too much waits.
  Result<void> notify_groups_later(Change& change, std::vector<std::string> group_ids, Message message, std::string idempotency_key = {}) const;

 private:
  struct Request;

  awaitable<Result<rpc::Encoded<PageView>>> search(UserId user, PageInput input);
  coherence::Target inbox_of(const UserId& user) const;
  coherence::Target subscriptions_of(const UserId& user) const;
  void drop_followers(Change& change, std::string_view group_id) const;
  std::vector<UserId> followers_who_see(sql::Session& session, const std::vector<std::string>& group_ids) const;
  Result<void> claim(Change& change, const access::Principal& sender, std::string_view owner, bool make) const;
  awaitable<Result<Notified>> send(std::shared_ptr<const Request> request);
  /// To how many.
  Result<std::int64_t> send(Change& change, const Request& request) const;
  /// The one way all sends end in: inbox rows, dropped caches, deliveries and their jobs, and those of the recipients who have a page open are told.
  Result<std::int64_t> write(Change& change, const Dispatch& dispatch, const std::vector<std::string>& group_ids, std::vector<UserId> recipients) const;
  using Payloads = std::vector<std::pair<UserId, std::string>>;
  awaitable<Result<Payloads>> read_received(std::string sent, std::vector<UserId> users);
  awaitable<Result<Payloads>> read_counts(std::vector<UserId> users);
  Result<void> write_deliveries(Change& change, const Dispatch& dispatch, const std::vector<store::InboxRow>& rows, const std::vector<UserId>& recipients) const;

  sql::Database& database_;
  Changes& changes_;
  async::TaskScope& scope_;
  const ChannelSettings& channels_;
  ExistingUsers existing_users_;
  Viewers viewers_;
  coherence::Scope cache_;
};

}  // namespace watchbell::notification
