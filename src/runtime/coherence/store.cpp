#include "runtime/coherence/store.hpp"

#include <algorithm>

#include "runtime/coherence/target.hpp"

namespace watchbell::coherence {

BOOST_DESCRIBE_STRUCT(Member, (), (id, process, lease_no))
BOOST_DESCRIBE_STRUCT(Intent, (), (id, process, targets))

namespace store {

void join(sql::Session& session, const MemberId& member, const ProcessId& process, Timestamp now) {
  session.execute("insert into processes (member, process, lease_no, joined_at) values (:1, :2, :3, :4)", member, process, kFirstLease, now);
}

bool renew(sql::Session& session, const MemberId& member, std::int64_t known) {
  return session.execute("update processes set lease_no = lease_no + 1 where member = :1 and lease_no = :2", member, known) == 1;
}

void leave(sql::Session& session, const MemberId& member) { session.execute("delete from processes where member = :1", member); }

bool fence(sql::Session& session, const MemberId& member, std::int64_t lease_no) {
  return session.execute("delete from processes where member = :1 and lease_no = :2", member, lease_no) == 1;
}

std::vector<Member> members(sql::Session& session) { return session.all<Member>("select member, process, lease_no from processes order by member"); }

std::optional<Timestamp> now_there(sql::Session& session) {
  if (session.dialect() != sql::Dialect::postgres) return std::nullopt;
  return session.one<Timestamp>("select cast(extract(epoch from clock_timestamp()) * 1000000 as bigint)");
}

void add(sql::Session& session, const IntentId& id, const ProcessId& process, std::string_view targets, Timestamp now) {
  session.execute("insert into intents (id, process, targets, created_at) values (:1, :2, :3, :4)", id, process, targets, now);
}

std::optional<IntentId> add_everything(sql::Session& session, Timestamp now) {
  const auto tables = session.connection().tables();
  if (std::ranges::find(tables, "intents") == tables.end()) return std::nullopt;
  const auto id = IntentId::make(now);
  add(session, id, ProcessId::make(now), kEverything, now);
  return id;
}

// Of two rows with one id the second waits until the first is committed or gone.
void decide(sql::Session& session, const IntentId& id, const ProcessId& process, std::string_view targets, Timestamp now) {
  session.execute("insert into intents (id, process, targets, created_at) values (:1, :2, :3, :4) on conflict (id) do nothing", id, process, targets, now);
}

void remove(sql::Session& session, const IntentId& id) { session.execute("delete from intents where id = :1", id); }

std::vector<Intent> open_intents(sql::Session& session, const ProcessId& but, const std::vector<IntentId>& known) {
  return session.all<Intent>(
      "select id, process, case when id in (select value from json_each(:2)) then '' else targets end as says from intents where process <> :1 order by id", but,
      sql::List(known));
}

std::string targets_of(sql::Session& session, const IntentId& id) {
  return session.one<std::string>("select targets from intents where id = :1", id).value_or(std::string());
}

}  // namespace store
}  // namespace watchbell::coherence
