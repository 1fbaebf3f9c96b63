#include "runtime/jobs/payloads.hpp"

namespace watchbell::jobs::store {

BOOST_DESCRIBE_STRUCT(Waiting, (), (id, queue, payload))
BOOST_DESCRIBE_STRUCT(Failed, (), (id, payload, reason))

std::vector<Waiting> of_queues(sql::Session& session, std::string_view prefix) {
  return session.all<Waiting>("select id, queue, payload from jobs where state <> 'failed' and substr(queue, 1, length(:1)) = :1 order by id", prefix);
}

std::vector<Failed> take_failed(sql::Session& session, std::string_view queue, std::int64_t limit) {
  auto failed = session.all<Failed>("select id, payload, last_error from jobs where queue = :1 and state = 'failed' order by id limit :2", queue, limit);
  for (const auto& job : failed) session.execute("delete from jobs where id = :1", job.id);
  return failed;
}

void put_payload(sql::Session& session, const JobId& job, const std::string& payload) {
  session.execute("update jobs set payload = :2 where id = :1", job, payload);
}

}  // namespace watchbell::jobs::store
