#include "domains/catalog/store.hpp"

#include "base/text.hpp"

namespace watchbell::catalog {

BOOST_DESCRIBE_STRUCT(System, (), (id, name, description, metadata, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(Group, (), (id, name, metadata, sort_order, created_at, updated_at))
BOOST_DESCRIBE_STRUCT(Membership, (), (group, system))
BOOST_DESCRIBE_STRUCT(Contact, (), (id, system, user, email, label, created_at))
BOOST_DESCRIBE_STRUCT(View, (), (id, name, description, configuration, created_at, updated_at))

namespace store {
namespace {

/// What of two names that are one is the same. Made here, because lower() folds ASCII alone on SQLite and what the collation says on PostgreSQL.
template <class Named>
std::string key_of(const Named& named) {
  return ascii_lower(named.name);
}

/// The unique index decides, so that two writers who race cannot both win.
template <class Write>
bool unless_taken(Write write) {
  try {
    write();
    return true;
  } catch (const sql::Fault& fault) {
    if (fault.kind() == sql::Fault::Kind::unique_violation) return false;
    throw;
  }
}

}  // namespace

std::vector<System> all(sql::Session& session) {
  return session.all<System>("select id, name, description, metadata, created_at, updated_at from systems order by name_key, id");
}

std::vector<SystemId> all_ids(sql::Session& session) { return session.all<SystemId>("select id from systems order by id"); }

std::optional<System> find(sql::Session& session, const SystemId& id) {
  return session.one<System>("select id, name, description, metadata, created_at, updated_at from systems where id = :1", id);
}

bool exists(sql::Session& session, const SystemId& id) { return session.one<std::int64_t>("select 1 from systems where id = :1", id).has_value(); }

bool insert(sql::Session& session, const System& system) {
  return unless_taken([&] {
    session.execute("insert into systems (id, name, name_key, description, metadata, created_at, updated_at) values (:1, :2, :3, :4, :5, :6, :7)", system.id,
                    system.name, key_of(system), system.description, system.metadata, system.created_at, system.updated_at);
  });
}

bool update(sql::Session& session, const System& system) {
  return unless_taken([&] {
    session.execute("update systems set name = :2, name_key = :3, description = :4, metadata = :5, updated_at = :6 where id = :1", system.id, system.name,
                    key_of(system), system.description, system.metadata, system.updated_at);
  });
}

bool remove(sql::Session& session, const SystemId& id) { return session.execute("delete from systems where id = :1", id) > 0; }

std::vector<Group> all_groups(sql::Session& session) {
  return session.all<Group>("select id, name, metadata, sort_order, created_at, updated_at from groups order by sort_order, created_at, id");
}

std::optional<Group> find_group(sql::Session& session, const GroupId& id) {
  return session.one<Group>("select id, name, metadata, sort_order, created_at, updated_at from groups where id = :1", id);
}

std::vector<Membership> all_memberships(sql::Session& session) {
  return session.all<Membership>(
      "select m.group_id, m.system_id from systems_groups m join systems s on s.id = m.system_id order by m.group_id, s.name_key, s.id");
}

std::vector<SystemId> systems_of_group(sql::Session& session, const GroupId& id) {
  return session.all<SystemId>("select m.system_id from systems_groups m join systems s on s.id = m.system_id where m.group_id = :1 order by s.name_key, s.id",
                               id);
}

std::vector<GroupId> groups_of_system(sql::Session& session, const SystemId& id) {
  return session.all<GroupId>(
      "select m.group_id from systems_groups m join groups g on g.id = m.group_id where m.system_id = :1 order by g.sort_order, g.created_at, g.id", id);
}

bool insert_group(sql::Session& session, Group& group) {
  group.sort_order = session.one<std::int64_t>("select coalesce(max(sort_order) + 1, 0) from groups").value();
  return unless_taken([&] {
    session.execute("insert into groups (id, name, name_key, metadata, sort_order, created_at, updated_at) values (:1, :2, :3, :4, :5, :6, :7)", group.id,
                    group.name, key_of(group), group.metadata, group.sort_order, group.created_at, group.updated_at);
  });
}

bool update_group(sql::Session& session, const Group& group) {
  return unless_taken([&] {
    session.execute("update groups set name = :2, name_key = :3, metadata = :4, updated_at = :5 where id = :1", group.id, group.name, key_of(group),
                    group.metadata, group.updated_at);
  });
}

bool remove_group(sql::Session& session, const GroupId& id) { return session.execute("delete from groups where id = :1", id) > 0; }

std::int64_t order_groups(sql::Session& session, const std::vector<GroupId>& ids) {
  return session.execute("update groups set sort_order = (select key from json_each(:1) where value = groups.id) where id in (select value from json_each(:1))",
                         sql::List(ids));
}

bool add_membership(sql::Session& session, const Membership& membership) {
  return session.execute("insert into systems_groups (system_id, group_id) values (:1, :2) on conflict (system_id, group_id) do nothing", membership.system,
                         membership.group) > 0;
}

bool remove_membership(sql::Session& session, const Membership& membership) {
  return session.execute("delete from systems_groups where system_id = :1 and group_id = :2", membership.system, membership.group) > 0;
}

std::vector<Contact> contacts_of(sql::Session& session, const SystemId& system) {
  return session.all<Contact>("select id, system_id, user_id, email, label, created_at from system_contacts where system_id = :1 order by created_at, id",
                              system);
}

std::optional<Contact> find_contact(sql::Session& session, const ContactId& id) {
  return session.one<Contact>("select id, system_id, user_id, email, label, created_at from system_contacts where id = :1", id);
}

bool insert_contact(sql::Session& session, const Contact& contact) {
  return unless_taken([&] {
    session.execute("insert into system_contacts (id, system_id, user_id, email, label, created_at) values (:1, :2, :3, :4, :5, :6)", contact.id,
                    contact.system, contact.user, contact.email, contact.label, contact.created_at);
  });
}

bool remove_contact(sql::Session& session, const ContactId& id) { return session.execute("delete from system_contacts where id = :1", id) > 0; }

std::vector<SystemId> remove_contacts_of_user(sql::Session& session, const UserId& user) {
  auto systems = session.all<SystemId>("select system_id from system_contacts where user_id = :1 order by system_id", user);
  session.execute("delete from system_contacts where user_id = :1", user);
  return systems;
}

std::vector<View> all_views(sql::Session& session) {
  return session.all<View>("select id, name, description, configuration, created_at, updated_at from views order by created_at, id");
}

std::optional<View> find_view(sql::Session& session, const ViewId& id) {
  return session.one<View>("select id, name, description, configuration, created_at, updated_at from views where id = :1", id);
}

void insert_view(sql::Session& session, const View& view) {
  session.execute("insert into views (id, name, description, configuration, created_at, updated_at) values (:1, :2, :3, :4, :5, :6)", view.id, view.name,
                  view.description, view.configuration, view.created_at, view.updated_at);
}

void update_view(sql::Session& session, const View& view) {
  session.execute("update views set name = :2, description = :3, configuration = :4, updated_at = :5 where id = :1", view.id, view.name, view.description,
                  view.configuration, view.updated_at);
}

bool remove_view(sql::Session& session, const ViewId& id) { return session.execute("delete from views where id = :1", id) > 0; }

}  // namespace store
}  // namespace watchbell::catalog
