#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/sql/session.hpp"
#include "runtime/jobs/job.hpp"

/// What jobs hold that wait or have failed, as plain functions over a session.
namespace watchbell::jobs::store {

/// A job that is not finished for good.
struct Waiting {
  JobId id;
  std::string queue;
  std::string payload;
};
/// Those of all queues whose names begin with `prefix`, by id.
std::vector<Waiting> of_queues(sql::Session& session, std::string_view prefix);
/// A job that failed for good.
struct Failed {
  JobId id;
  std::string payload;
  std::optional<std::string> reason;
};
/// Takes up to `limit` of those of a queue out of it, by id.
std::vector<Failed> take_failed(sql::Session& session, std::string_view queue, std::int64_t limit);
void put_payload(sql::Session& session, const JobId& job, const std::string& payload);

}  // namespace watchbell::jobs::store
