#include "domains/catalog/store.hpp"

namespace watchbell::catalog {

BOOST_DESCRIBE_STRUCT(System, (), (id, name, description, metadata, created_at, updated_at))

namespace store {
namespace {

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
  return session.all<System>("select id, name, description, metadata, created_at, updated_at from systems order by lower(name), id");
}

std::vector<SystemId> all_ids(sql::Session& session) { return session.all<SystemId>("select id from systems order by id"); }

std::optional<System> find(sql::Session& session, const SystemId& id) {
  return session.one<System>("select id, name, description, metadata, created_at, updated_at from systems where id = :1", id);
}

bool exists(sql::Session& session, const SystemId& id) { return session.one<std::int64_t>("select 1 from systems where id = :1", id).has_value(); }

bool insert(sql::Session& session, const System& system) {
  return unless_taken([&] {
    session.execute("insert into systems (id, name, description, metadata, created_at, updated_at) values (:1, :2, :3, :4, :5, :6)", system.id, system.name,
                    system.description, system.metadata, system.created_at, system.updated_at);
  });
}

bool update(sql::Session& session, const System& system) {
  return unless_taken([&] {
    session.execute("update systems set name = :2, description = :3, metadata = :4, updated_at = :5 where id = :1", system.id, system.name, system.description,
                    system.metadata, system.updated_at);
  });
}

bool remove(sql::Session& session, const SystemId& id) { return session.execute("delete from systems where id = :1", id) > 0; }

}  // namespace store
}  // namespace watchbell::catalog
