#include "domains/catalog/store.hpp"

#include "base/text.hpp"

namespace watchbell::catalog {

BOOST_DESCRIBE_STRUCT(System, (), (id, name, description, metadata, created_at, updated_at))

namespace store {
namespace {

/// What of two names that are one is the same. Made here, because lower() folds ASCII alone on SQLite and what the collation says on PostgreSQL.
std::string key_of(const System& system) { return ascii_lower(system.name); }

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

}  // namespace store
}  // namespace watchbell::catalog
