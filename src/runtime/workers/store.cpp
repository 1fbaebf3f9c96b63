#include "runtime/workers/store.hpp"

#include <tuple>

#include <boost/describe.hpp>
#include <fmt/format.h>

namespace watchbell::workers {

BOOST_DESCRIBE_STRUCT(Worker, (), (process, beat, sharing))
BOOST_DESCRIBE_STRUCT(Shard, (), (kind, number, owner))

namespace store {

Timestamp join(sql::Session& session, const WorkerId& worker, bool sharing, Timestamp now, Timestamp seen_after) {
  return session
      .one<Timestamp>(
          "insert into workers (process, beat, sharing, since, seen_at) select :1, :2, :3, coalesce((select min(since) from workers where seen_at >= :5), :4), :4 "
          "returning since",
          worker, kFirstBeat, sharing, now, seen_after)
      .value();
}

bool beat(sql::Session& session, const WorkerId& worker, std::int64_t known, bool sharing, Timestamp since, Timestamp now) {
  return session.execute("update workers set beat = beat + 1, sharing = :3, since = :4, seen_at = :5 where process = :1 and beat = :2", worker, known, sharing, since,
                         now) == 1;
}

void leave(sql::Session& session, const WorkerId& worker) { session.execute("delete from workers where process = :1", worker); }

bool strike_off(sql::Session& session, const WorkerId& worker, std::int64_t beat) {
  return session.execute("delete from workers where process = :1 and beat = :2", worker, beat) == 1;
}

std::vector<Worker> workers(sql::Session& session) { return session.all<Worker>("select process, beat, sharing from workers order by process"); }

void make_shards(sql::Session& session, std::string_view kind, int count) {
  std::vector<std::int64_t> numbers;
  for (int i = 0; i < count; ++i) numbers.push_back(i);
  session.execute("insert into shards (kind, number) select :1, value from json_each(:2) where true on conflict (kind, number) do nothing", kind, sql::List(numbers));
}

std::vector<Shard> shards(sql::Session& session) { return session.all<Shard>("select kind, number, owner from shards order by kind, number"); }

// Who is gone is named, not looked up here: the look of a statement at `workers` may be older than the row of `shards` that it locks, whose owner has joined since.
std::vector<std::int64_t> claim(sql::Session& session, std::string_view kind, const WorkerId& worker, const std::vector<WorkerId>& gone, std::int64_t limit) {
  const auto text = fmt::format(
      "with picked as materialized (select number from shards where kind = :1 and (owner is null or owner in (select value from json_each(:3))) "
      "and exists (select 1 from workers where process = :2) order by number limit :4{}) "
      "update shards set owner = :2 where kind = :1 and number in (select number from picked) returning number",
      session.dialect() == sql::Dialect::postgres ? " for update of shards skip locked" : "");
  return session.all<std::int64_t>(text, kind, worker, sql::List(gone), limit);
}

void release(sql::Session& session, std::string_view kind, const WorkerId& worker, const std::vector<std::int64_t>& numbers) {
  session.execute("update shards set owner = null where kind = :1 and owner = :2 and number in (select value from json_each(:3))", kind, worker, sql::List(numbers));
}

void release_all(sql::Session& session, const WorkerId& worker) { session.execute("update shards set owner = null where owner = :1", worker); }

bool confirm(sql::Session& session, std::string_view kind, std::int64_t number, const WorkerId& worker, std::chrono::milliseconds patience) {
  if (session.dialect() != sql::Dialect::postgres)
    return session.one<std::int64_t>("select number from shards where kind = :1 and number = :2 and owner = :3", kind, number, worker).has_value();
  return session
      .one<std::tuple<std::int64_t, std::string>>(
          "select number, set_config('idle_in_transaction_session_timeout', :4, true) from shards where kind = :1 and number = :2 and owner = :3 for share", kind, number,
          worker, std::to_string(patience.count()))
      .has_value();
}

}  // namespace store
}  // namespace watchbell::workers
