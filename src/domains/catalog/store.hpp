#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "domains/catalog/types.hpp"
#include "platform/sql/session.hpp"

/// The rows of catalog, as plain functions over a session.
namespace watchbell::catalog::store {

/// Ordered by lower-case name, id.
std::vector<System> all(sql::Session& session);
std::vector<SystemId> all_ids(sql::Session& session);
std::optional<System> find(sql::Session& session, const SystemId& id);
bool exists(sql::Session& session, const SystemId& id);
/// False, and nothing written, when the name is taken.
bool insert(sql::Session& session, const System& system);
bool update(sql::Session& session, const System& system);
/// With its memberships and contacts.
bool remove(sql::Session& session, const SystemId& id);

/// Ordered by sort order, age, id.
std::vector<Group> all_groups(sql::Session& session);
std::optional<Group> find_group(sql::Session& session, const GroupId& id);
/// Of all groups; a group's systems come in the order of all().
std::vector<Membership> all_memberships(sql::Session& session);
std::vector<SystemId> systems_of_group(sql::Session& session, const GroupId& id);
/// In the order of all_groups().
std::vector<GroupId> groups_of_system(sql::Session& session, const SystemId& id);
/// Behind all others. False, and nothing written, when the name is taken.
bool insert_group(sql::Session& session, Group& group);
bool update_group(sql::Session& session, const Group& group);
bool remove_group(sql::Session& session, const GroupId& id);
/// Each gets its place in the list; others keep theirs. How many there were.
std::int64_t order_groups(sql::Session& session, const std::vector<GroupId>& ids);
/// Whether it was new. REQUIRES that both exist.
bool add_membership(sql::Session& session, const Membership& membership);
bool remove_membership(sql::Session& session, const Membership& membership);

/// By age, id.
std::vector<Contact> contacts_of(sql::Session& session, const SystemId& system);
std::optional<Contact> find_contact(sql::Session& session, const ContactId& id);
/// False, and nothing written, when the system has this user or mailbox.
bool insert_contact(sql::Session& session, const Contact& contact);
bool remove_contact(sql::Session& session, const ContactId& id);
/// The systems that had the user as a contact.
std::vector<SystemId> remove_contacts_of_user(sql::Session& session, const UserId& user);

/// By age, id.
std::vector<View> all_views(sql::Session& session);
std::optional<View> find_view(sql::Session& session, const ViewId& id);
void insert_view(sql::Session& session, const View& view);
void update_view(sql::Session& session, const View& view);
bool remove_view(sql::Session& session, const ViewId& id);

}  // namespace watchbell::catalog::store
