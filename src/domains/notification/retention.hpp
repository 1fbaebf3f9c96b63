#pragma once

#include <chrono>

#include "domains/notification/service.hpp"
#include "runtime/jobs/queue.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::notification {

inline constexpr std::string_view kRetentionQueue = "retention";

/// How long attempts, ended deliveries and finished sends are kept, whatever is set for inboxes.
inline constexpr std::chrono::hours kKept{30 * 24};

/// Removes what is old: notifications by what an administrator set, attempts and ended deliveries after kKept. It is one job at a time, whoever asked
/// for it, in transactions of at most kBatch rows of a table, so that others get the writer in between; what a dying process left of it the next one
/// goes on with. Loop-only.
class Retention {
 public:
  static constexpr std::string_view kRecord = "notification.retention";
  static constexpr std::int64_t kBatch = 1000;

  Retention(sql::Database& database, Changes& changes, const settings::Store& settings, const Service& service)
      : database_(database), changes_(changes), settings_(settings), service_(service) {}

  awaitable<Result<RetentionSettings>> current();
  /// Writes down who does something, as part of the change that does it.
  using Note = std::function<void(Change&)>;
  /// What is older goes at once: the job is part of the same change.
  awaitable<Result<void>> set(SetRetentionSettings input, Note note = {});

  /// Registers who runs the job; before the queue starts.
  Result<void> consume(jobs::Queue& queue);
  /// Asks for the job; nothing happens while one is unfinished. REQUIRES that the queue runs.
  awaitable<Result<void>> begin();
  awaitable<jobs::Outcome> run();

 private:
  RetentionSettings stored(sql::Session& session) const;

  sql::Database& database_;
  Changes& changes_;
  const settings::Store& settings_;
  const Service& service_;
};

}  // namespace watchbell::notification
