#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "async/awaitable.hpp"
#include "base/id.hpp"

namespace watchbell::jobs {

using JobId = Id<struct JobTag>;

/// Work to be done at least once, later or elsewhere. Enqueued inside a Change, so that it exists exactly when the change does.
struct NewJob {
  std::string queue;
  std::string payload;                  ///< JSON
  int priority = 0;                     ///< higher first
  std::chrono::milliseconds delay{0};   ///< not before this much later
  std::string dedupe_id;                ///< while a job of this id is unfinished, enqueueing again does nothing and answers its id
  int max_retries = 3;                  ///< extra tries after the first
  std::string correlation_id;
};

/// A job as its handler sees it.
struct Job {
  JobId id;
  std::string queue;
  std::string consumer;
  std::string payload;
  int attempt = 1;  ///< this try, from 1
  int max_retries = 3;
  std::string correlation_id;
  Timestamp created_at;
  Timestamp due;  ///< when this try was to begin
  std::string held_for{};  ///< what its last run put it on hold for; empty when that was tried
  std::string claim{};     ///< stands in its row while this run is the one that counts: no other process has taken the job up since
};

/// The jobs of a queue by state, one for each consumer.
struct Counts {
  std::int64_t waiting = 0;  ///< could run now: ready, or delayed and due, or held until there is room for it
  std::int64_t delayed = 0;  ///< not due yet
  std::int64_t running = 0;
  std::int64_t failed = 0;  ///< for good, and not purged yet
};

/// What a handler made of a job. Throwing is a failed try.
struct Outcome {
  enum class Kind { done, retry, give_up, hold };
  Kind kind = Kind::done;
  std::string reason;  ///< of hold, what has no room
  std::optional<std::chrono::milliseconds> after;  ///< of a retry, instead of the back-off
  bool written = false;                            ///< it stands in the job's row already: a change of the handler's ended the job (Change::ends)

  static Outcome done() { return {}; }
  static Outcome retry(std::string reason, std::optional<std::chrono::milliseconds> after = {}) { return {.kind = Kind::retry, .reason = std::move(reason), .after = after}; }
  static Outcome give_up(std::string reason) { return {.kind = Kind::give_up, .reason = std::move(reason), .after = {}}; }
  /// The same, where a change of the handler's has ended the job so.
  Outcome as_written() && {
    written = true;
    return std::move(*this);
  }
  /// Nothing was tried: what the job is for (`resource`, such as a host) takes no more at the moment. The job gives its place to others, no try is
  /// counted, and it comes again once ConsumerOptions::room says that there is room, or Queue::freed().
  static Outcome hold(std::string resource) { return {.kind = Kind::hold, .reason = std::move(resource), .after = {}}; }
};

using Handler = std::function<awaitable<Outcome>(const Job&)>;

}  // namespace watchbell::jobs
