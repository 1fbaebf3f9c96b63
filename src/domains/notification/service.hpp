#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/signals.hpp"
#include "domains/notification/types.hpp"
#include "domains/notification/views.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/change/change.hpp"

namespace watchbell::notification {

namespace store {
struct InboxRow;
}

/// The use cases of inbox, groups and sending. Loop-only, but for the functions that take a Change, which are part of its transaction.
class Service {
 public:
  /// Whether a user has a page open; asked on the loop.
  using Online = std::function<bool(const UserId&)>;

  /// @param scope  for telling those who are online, after a send is stored
  Service(sql::Database& database, cache::Cache& cache, Changes& changes, async::TaskScope& scope, const ChannelSettings& channels, ExistingUsers existing_users,
          Online online);

  // The inbox.
  /// Newest first; page and total are of one snapshot.
  awaitable<Result<rpc::Encoded<PageView>>> notifications(UserId user, PageInput input);
  awaitable<Result<rpc::Encoded<UnreadCount>>> unread_count(UserId user);
  /// One notification, or all. Nothing is dropped or said when none was unread; unknown and foreign ids are none.
  awaitable<Result<void>> mark_as_read(UserId user, std::optional<NotificationId> one);
  awaitable<Result<void>> remove(UserId user, NotificationId id);

  // Groups.
  awaitable<Result<std::vector<GroupView>>> groups();
  awaitable<Result<rpc::Encoded<std::vector<SubscriptionView>>>> subscriptions(UserId user);
  /// ErrorCode::not_found for an unknown group; following twice keeps the first time.
  awaitable<Result<void>> subscribe(UserId user, std::string group_id);
  awaitable<Result<void>> unsubscribe(UserId user, std::string group_id);
  /// For services (their own area's groups alone) and outside senders: the first to use a name owns it. ErrorCode::bad_request, ErrorCode::forbidden.
  awaitable<Result<CreatedGroup>> create_group(access::PrincipalPtr sender, CreateGroup input);
  awaitable<Result<Success>> delete_group(access::PrincipalPtr sender, DeleteGroup input);

  // Sending. Recipients are distinct and exist; a key used within 24 hours answers what it answered then, or ErrorCode::conflict for another body.
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
  struct Sent;

  coherence::Target inbox_of(const UserId& user) const;
  coherence::Target subscriptions_of(const UserId& user) const;
  void drop_followers(Change& change, std::string_view group_id) const;
  Result<void> claim(Change& change, const access::Principal& sender, std::string_view owner, bool make) const;
  awaitable<Result<Notified>> send(std::shared_ptr<const Request> request);
  Result<Sent> send(Change& change, const Request& request) const;
  /// The one way all sends end in: inbox rows, dropped caches, deliveries and their jobs.
  Result<Sent> write(Change& change, const Dispatch& dispatch, const std::vector<std::string>& group_ids, std::vector<UserId> recipients) const;
  Result<void> write_deliveries(Change& change, const Dispatch& dispatch, const std::vector<store::InboxRow>& rows, const std::vector<UserId>& recipients) const;
  /// Tells those of the recipients who have a page open.
  void tell_later(Sent sent);
  awaitable<void> tell(std::shared_ptr<const Sent> sent);

  sql::Database& database_;
  Changes& changes_;
  async::TaskScope& scope_;
  const ChannelSettings& channels_;
  ExistingUsers existing_users_;
  Online online_;
  coherence::Scope cache_;
};

}  // namespace watchbell::notification
