#pragma once

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "platform/sql/database.hpp"
#include "runtime/coherence/scope.hpp"
#include "runtime/events/bus.hpp"
#include "runtime/jobs/queue.hpp"
#include "runtime/signals/hub.hpp"

namespace watchbell {

/// One unit of work inside its transaction, on a pool thread. What it writes, drops, says and enqueues takes effect together or not at all.
class Change {
 public:
  /// The open transaction; store functions take it.
  sql::Session& sql() noexcept { return session_; }
  /// The instant of this change.
  Timestamp now() const noexcept { return now_; }

  /// Cached values that are stale once this is committed. They are dropped before anybody is told.
  void invalidates(coherence::Target target) { effects_.targets.push_back(std::move(target)); }
  /// A signal to browsers, sent after commit and invalidation.
  void announces(signals::Signal signal) { effects_.signals.push_back(std::move(signal)); }
  /// An event to other domains: its rows, and what other domains do at once on it (Bus::on_change), are part of this transaction.
  Result<void> publishes(events::Event event) {
    auto written = bus_.insert(session_, event, now_);
    if (!written) return written;
    if (auto joined = bus_.take_part(*this, event); !joined) return joined;
    effects_.events.push_back(std::move(event));
    return {};
  }
  /// A job: its row is part of this transaction. ErrorCode::unavailable when its queue is full.
  Result<std::optional<jobs::JobId>> enqueues(const jobs::NewJob& job) {
    auto id = queue_.insert(session_, job, now_);
    effects_.jobs = true;
    return id;
  }
  /// Many jobs like `like`, a payload each; all or none. ErrorCode::unavailable when their queue has no room for them.
  Result<void> enqueues_many(const jobs::NewJob& like, std::span<const std::string> payloads) {
    effects_.jobs = true;
    return queue_.insert_many(session_, like, payloads, now_);
  }

 private:
  friend class Changes;
  struct Effects {
    std::vector<coherence::Target> targets;
    std::vector<signals::Signal> signals;
    std::vector<events::Event> events;
    bool jobs = false;
    bool kept = false;  ///< f ended without an error: its writes are part of what COMMIT decides on
  };
  Change(sql::Session& session, Timestamp now, const jobs::Queue& queue, const events::Bus& bus, Effects& effects)
      : session_(session), now_(now), queue_(queue), bus_(bus), effects_(effects) {}

  sql::Session& session_;
  Timestamp now_;
  const jobs::Queue& queue_;
  const events::Bus& bus_;
  Effects& effects_;
};

/// Runs changes. Commit, invalidate and wait, signal, answer: that is the body of run(), and a domain has no other way to do any of the four.
/// Loop-only.
class Changes {
 public:
  Changes(sql::Database& database, const Clock& clock, jobs::Queue& queue, events::Bus& bus, signals::Hub& hub)
      : database_(database), clock_(clock), queue_(queue), bus_(bus), hub_(hub) {}

  /// Runs f(Change&) -> R or Result<R> on a pool thread inside one transaction, and returns after COMMIT was durable, everything named was invalidated,
  /// and signals were handed to the sockets. A returned error or a fault rolls back and nothing is dropped, said or enqueued; only when COMMIT itself
  /// failed, which may have reached the disk all the same, everything named is dropped. f may run more than once: it must leave no trace but in the
  /// Change. Once f has begun, cancelling the caller changes nothing.
  template <class F, class R = std::invoke_result_t<F&, Change&>>
  awaitable<ResultOf<R>> run(F f) {
    // Shared with the pool's job, which outlives a caller that is cancelled while it waits.
    auto effects = std::make_shared<Change::Effects>();
    ResultOf<R> result;
    try {
      result = co_await database_.write(Job<F, R>{std::move(f), clock_, queue_, bus_, effects});
    } catch (const Fault&) {
      // A COMMIT that failed may yet have reached the disk: what it would have changed is read anew, in any case.
      if (effects->kept) invalidate(*effects);
      throw;
    }
    if (result) finish(*effects);
    co_return result;
  }

 private:
  template <class F, class R>
  struct Job {
    F f;
    const Clock& clock;
    const jobs::Queue& queue;
    const events::Bus& bus;
    std::shared_ptr<Change::Effects> effects;

    R operator()(sql::Session& session) {
      *effects = {};
      Change change(session, clock.now(), queue, bus, *effects);
      if constexpr (std::is_void_v<R>) {
        f(change);
        effects->kept = true;
      } else {
        R answer = f(change);
        if constexpr (AnyResult<R>) effects->kept = answer.has_value();
        else effects->kept = true;
        return answer;
      }
    }
  };
  void invalidate(const Change::Effects& effects);
  void finish(const Change::Effects& effects);

  sql::Database& database_;
  const Clock& clock_;
  jobs::Queue& queue_;
  events::Bus& bus_;
  signals::Hub& hub_;
};

}  // namespace watchbell
