#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "domains/auth/service.hpp"
#include "domains/catalog/signals.hpp"
#include "domains/catalog/types.hpp"
#include "domains/catalog/views.hpp"
#include "domains/notification/service.hpp"
#include "runtime/access/objects.hpp"
#include "runtime/change/change.hpp"
#include "runtime/coherence/scope.hpp"

namespace watchbell::catalog {

/// The people that contacts name.
struct Users {
  /// Inside a transaction; nothing for somebody who does not exist.
  std::function<std::optional<auth::UserSummary>(sql::Session&, const UserId&)> find;
  /// Many at once, those that exist.
  std::function<awaitable<Result<std::vector<auth::UserSummary>>>(std::vector<UserId>)> find_all;
};

/// The use cases of the catalog. What is kept of a read is everybody's; what a caller may not see is left out of a copy. Loop-only, but for the functions
/// that take a session or a Change, which are part of its transaction.
class Service {
 public:
  Service(sql::Database& database, coherence::Memory& cache, Changes& changes, notification::Service& notification, Users users);

  // Systems.
  async::ValueTask<Result<rpc::Kept<SystemsView>>> systems();
  /// Null for an id nobody has.
  async::ValueTask<Result<rpc::Encoded<Nullable<SystemView>>>> system(std::string id);
  /// Those whose name or description holds the text, without regard to (ASCII) case; at most `limit`, in the order of systems().
  awaitable<Result<std::vector<SystemView>>> search(std::string text, access::Reach sees, std::size_t limit);
  /// ErrorCode::conflict when the name is taken.
  awaitable<Result<SystemView>> create(CreateSystem input);
  /// ErrorCode::not_found, ErrorCode::conflict.
  awaitable<Result<SystemView>> update(UpdateSystem input);
  /// Whether there was such a system. Its memberships, contacts and notification group go with it.
  awaitable<Result<bool>> remove(std::string id);

  // Groups.
  /// Groups name no system that is not seen; systems are all there.
  async::ValueTask<Result<rpc::Kept<EntitiesView>>> entities(const access::Reach& sees);
  async::ValueTask<Result<rpc::Kept<std::vector<GroupView>>>> groups(const access::Reach& sees);
  /// Empty for an id nobody has.
  async::ValueTask<Result<rpc::Encoded<GroupIdsView>>> group_ids(std::string system_id);
  /// Behind all others. ErrorCode::conflict when the name is taken.
  awaitable<Result<GroupView>> create_group(CreateGroup input);
  /// ErrorCode::not_found, ErrorCode::conflict. The answer names the systems that are seen.
  awaitable<Result<GroupView>> update_group(UpdateGroup input, access::Reach sees);
  /// Whether there was such a group.
  awaitable<Result<bool>> remove_group(std::string id);
  /// The groups in this order; others keep their place. ErrorCode::bad_request when one is named twice, false and nothing done when one does not exist.
  awaitable<Result<bool>> order_groups(ReorderGroups input);
  /// Nothing happens to one that is in already. ErrorCode::not_found.
  awaitable<Result<void>> add_to_group(MembershipInput input);
  awaitable<Result<void>> remove_from_group(MembershipInput input);

  // Contacts.
  /// Names and addresses of users are looked up at each read, all at once; who cannot be found stays without. Empty for an id nobody has.
  awaitable<Result<std::vector<ContactView>>> contacts(std::string system_id);
  /// ErrorCode::bad_request without the member its type needs, ErrorCode::not_found for an unknown system or user, ErrorCode::conflict for one the system has.
  awaitable<Result<ContactView>> add_contact(AddContact input);
  /// Whether there was such a contact, of that system if one is named.
  awaitable<Result<bool>> remove_contact(ContactRef input);

  // Views.
  async::ValueTask<Result<rpc::Encoded<std::vector<ViewView>>>> views();
  awaitable<Result<ViewView>> create_view(CreateView input);
  /// ErrorCode::not_found.
  awaitable<Result<ViewView>> update_view(UpdateView input);
  awaitable<Result<bool>> remove_view(std::string id);

  // For other domains.
  /// Tells who follows the system and, if asked, the groups that hold it; each person once. ErrorCode::not_found.
  awaitable<Result<notification::Notified>> notify_subscribers(access::PrincipalPtr sender, NotifySubscribers input);
  /// Makes sure that every system and group has its notification group under its present name; at start.
  awaitable<Result<void>> mend_groups();
  /// Takes a user who is gone out of all contacts.
  void forget(Change& change, const UserId& user) const;
  std::optional<System> find(sql::Session& session, SystemId id) const;
  bool exists(sql::Session& session, SystemId id) const;
  std::vector<SystemId> all_ids(sql::Session& session) const;

 private:
  void changed(Change& change, ChangedEntity entity, std::string id, ChangedAction action) const;
  void contacts_changed(Change& change, const SystemId& system) const;
  Result<void> put_group(Change& change, const System& system) const;
  Result<void> put_group(Change& change, const Group& group) const;
  coherence::Target contacts_of(const SystemId& system) const;

  sql::Database& database_;
  Changes& changes_;
  notification::Service& notification_;
  Users users_;
  coherence::Scope cache_;
};

}  // namespace watchbell::catalog
