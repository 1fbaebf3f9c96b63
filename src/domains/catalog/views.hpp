#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/bounded.hpp"
#include "domains/catalog/types.hpp"
#include "domains/notification/service.hpp"
#include "runtime/rpc/codec.hpp"

/// What clients send and get.
namespace watchbell::catalog {

using Metadata = Json<32 * 1024, 6>;
using Name = Text<1, 200>;
using Description = Text<0, 10'000>;
/// An id as clients send it; one that is no UUID names nothing.
using IdText = Text<1, 200>;

// Systems.

struct SystemView {
  SystemId id;
  std::string name;
  Nullable<std::string> description;
  Nullable<Metadata> metadata;
  Timestamp created_at;
  Timestamp updated_at;
};
BOOST_DESCRIBE_STRUCT(SystemView, (), (id, name, description, metadata, created_at, updated_at))

struct SystemsView {
  std::vector<SystemView> systems;
};
BOOST_DESCRIBE_STRUCT(SystemsView, (), (systems))

struct CreateSystem {
  Name name;
  std::optional<Description> description;
  std::optional<Metadata> metadata;
};
BOOST_DESCRIBE_STRUCT(CreateSystem, (), (name, description, metadata))

struct SystemPatch {
  std::optional<Name> name;
  Patch<Description> description;
  Patch<Metadata> metadata;
};
BOOST_DESCRIBE_STRUCT(SystemPatch, (), (name, description, metadata))

struct UpdateSystem {
  IdText id;
  SystemPatch data;
};
BOOST_DESCRIBE_STRUCT(UpdateSystem, (), (id, data))

struct OfSystem {
  IdText system_id;
};
BOOST_DESCRIBE_STRUCT(OfSystem, (), (system_id))

struct Success {
  bool success = true;
};
BOOST_DESCRIBE_STRUCT(Success, (), (success))

// Groups.

struct GroupView {
  GroupId id;
  std::string name;
  std::vector<SystemId> system_ids;
  Nullable<Metadata> metadata;
  std::int64_t sort_order = 0;
  Timestamp created_at;
  Timestamp updated_at;
};
BOOST_DESCRIBE_STRUCT(GroupView, (), (id, name, system_ids, metadata, sort_order, created_at, updated_at))

struct EntitiesView {
  std::vector<SystemView> systems;
  std::vector<GroupView> groups;
};
BOOST_DESCRIBE_STRUCT(EntitiesView, (), (systems, groups))

struct GroupIdsView {
  std::vector<GroupId> group_ids;
};
BOOST_DESCRIBE_STRUCT(GroupIdsView, (), (group_ids))

struct CreateGroup {
  Name name;
  std::optional<Metadata> metadata;
};
BOOST_DESCRIBE_STRUCT(CreateGroup, (), (name, metadata))

struct GroupPatch {
  std::optional<Name> name;
  Patch<Metadata> metadata;
};
BOOST_DESCRIBE_STRUCT(GroupPatch, (), (name, metadata))

struct UpdateGroup {
  IdText id;
  GroupPatch data;
};
BOOST_DESCRIBE_STRUCT(UpdateGroup, (), (id, data))

struct ReorderGroups {
  List<IdText, 0, 10'000> ordered_ids;
};
BOOST_DESCRIBE_STRUCT(ReorderGroups, (), (ordered_ids))

struct MembershipInput {
  IdText group_id;
  IdText system_id;
};
BOOST_DESCRIBE_STRUCT(MembershipInput, (), (group_id, system_id))

// Contacts.

struct UserContactView {
  static constexpr std::string_view kTagName = "type", kTag = "user";
  ContactId id;
  SystemId system_id;
  Nullable<std::string> label;
  Timestamp created_at;
  UserId user_id;
  std::optional<std::string> user_name;   ///< absent when nobody could be asked, or the user is gone
  std::optional<std::string> user_email;  ///< the same
};
BOOST_DESCRIBE_STRUCT(UserContactView, (), (id, system_id, label, created_at, user_id, user_name, user_email))

struct MailboxContactView {
  static constexpr std::string_view kTagName = "type", kTag = "mailbox";
  ContactId id;
  SystemId system_id;
  Nullable<std::string> label;
  Timestamp created_at;
  std::string email;
};
BOOST_DESCRIBE_STRUCT(MailboxContactView, (), (id, system_id, label, created_at, email))

using ContactView = std::variant<UserContactView, MailboxContactView>;

enum class ContactType { user, mailbox };
BOOST_DESCRIBE_ENUM(ContactType, user, mailbox)

struct AddContact {
  IdText system_id;
  Required<ContactType> type;
  std::optional<IdText> user_id;
  std::optional<Email> email;
  std::optional<Text<0, 120>> label;
};
BOOST_DESCRIBE_STRUCT(AddContact, (), (system_id, type, user_id, email, label))

struct ContactRef {
  IdText id;
  std::optional<IdText> system_id;  ///< early clients send the bare id of the contact
};
BOOST_DESCRIBE_STRUCT(ContactRef, (), (id, system_id))

// Views.

using Configuration = Json<32 * 1024, 6, false>;

struct ViewView {
  ViewId id;
  std::string name;
  Nullable<std::string> description;
  Configuration configuration;
  Timestamp created_at;
  Timestamp updated_at;
};
BOOST_DESCRIBE_STRUCT(ViewView, (), (id, name, description, configuration, created_at, updated_at))

struct CreateView {
  Name name;
  std::optional<Description> description;
  Configuration configuration;
};
BOOST_DESCRIBE_STRUCT(CreateView, (), (name, description, configuration))

struct ViewPatch {
  std::optional<Name> name;
  Patch<Description> description;
  std::optional<Configuration> configuration;
};
BOOST_DESCRIBE_STRUCT(ViewPatch, (), (name, description, configuration))

struct UpdateView {
  IdText id;
  ViewPatch data;
};
BOOST_DESCRIBE_STRUCT(UpdateView, (), (id, data))

// For other areas.

struct NotifySubscribers {
  IdText system_id;
  Text<1, 200> title;
  Required<Text<0, 10'000>> body;
  notification::Importance importance = notification::Importance::info;
  std::optional<notification::ActionInput> action;
  bool include_group_subscribers = false;
};
BOOST_DESCRIBE_STRUCT(NotifySubscribers, (), (system_id, title, body, importance, action, include_group_subscribers))

SystemView view_of(const System& system);
GroupView view_of(const Group& group, std::vector<SystemId> systems);
ViewView view_of(const View& view);

}  // namespace watchbell::catalog
