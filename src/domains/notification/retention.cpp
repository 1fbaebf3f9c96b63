#include "domains/notification/retention.hpp"

#include "domains/notification/store.hpp"
#include "platform/log/log.hpp"

namespace watchbell::notification {

namespace {

settings::RecordKey key() { return {"notification", std::string(Retention::kRecord)}; }

Result<void> enqueue(Change& change, std::string dedupe_id) {
  jobs::NewJob job;
  job.queue = kRetentionQueue;
  job.payload = "{}";
  job.dedupe_id = std::move(dedupe_id);
  auto enqueued = change.enqueues(job);
  if (!enqueued) return std::unexpected(std::move(enqueued.error()));
  return {};
}

}  // namespace

RetentionSettings Retention::stored(sql::Session& session) const {
  const auto record = settings_.get<RetentionSettings>(session, key());
  return record ? record->value : RetentionSettings();
}

awaitable<Result<RetentionSettings>> Retention::current() {
  co_return co_await database_.read([this](sql::Session& session) { return stored(session); });
}

awaitable<Result<void>> Retention::set(SetRetentionSettings input, Note note) {
  co_return co_await changes_.run([this, input, note = std::move(note)](Change& change) -> Result<void> {
    auto written = settings_.put(change.sql(), key(), RetentionSettings{.enabled = input.enabled, .retention_days = input.retention_days}, change.now());
    if (!written) return std::unexpected(std::move(written.error()));
    if (note) note(change);
    // A job of its own: one that runs already may have looked for the last time before this was set.
    return enqueue(change, {});
  });
}

Result<void> Retention::consume(jobs::Queue& queue) {
  return queue.consume(std::string(kRetentionQueue), "notification", [this](const jobs::Job&) { return run(); }, {.concurrency = 1});
}

awaitable<Result<void>> Retention::begin() {
  // Never a heap of them.
  co_return co_await changes_.run([](Change& change) { return enqueue(change, std::string(kRetentionQueue)); });
}

awaitable<jobs::Outcome> Retention::run() {
  std::int64_t notifications = 0, deliveries = 0;
  while (true) {
    const auto removed = co_await changes_.run([](Change& change) { return store::purge(change.sql(), change.now() - kKept, kBatch); });
    if (!removed) co_return jobs::Outcome::retry(removed.error().message);
    if (*removed == 0) break;
    deliveries += *removed;
  }
  while (true) {
    // Read anew for every batch: whoever shortens the time, or stops it all, meanwhile is heeded.
    const auto removed = co_await changes_.run([this](Change& change) -> std::int64_t {
      const auto settings = stored(change.sql());
      if (!settings.enabled) return 0;
      return service_.remove_old(change, change.now() - std::chrono::days(settings.retention_days.value()), kBatch);
    });
    if (!removed) co_return jobs::Outcome::retry(removed.error().message);
    if (*removed == 0) break;
    notifications += *removed;
  }
  if (notifications + deliveries > 0) log::info("old notifications removed", {{"notifications", notifications}, {"delivery_rows", deliveries}});
  co_return jobs::Outcome::done();
}

}  // namespace watchbell::notification
