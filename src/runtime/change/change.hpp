#pragma once

#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/this_coro.hpp>

#include "platform/sql/database.hpp"
#include "runtime/coherence/cluster.hpp"
#include "runtime/coherence/target.hpp"
#include "runtime/events/bus.hpp"
#include "runtime/jobs/queue.hpp"
#include "runtime/signals/hub.hpp"
#include "runtime/signals/relay.hpp"

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
  /// A signal to browsers, of every process, sent after commit and invalidation.
  void announces(signals::Signal signal) { effects_.signals.add(std::move(signal)); }
  /// Something for the other processes of a cluster (coherence::Cluster::listen), sent after commit and invalidation. Nothing where there can be none.
  void tells(std::string topic, std::string what) { effects_.told.emplace_back(std::move(topic), std::move(what)); }
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
  /// Ends a try of the job whose handler runs this change, as part of it: done, or to be tried again after so long. The handler then answers the same
  /// outcome as_written(). ErrorCode::conflict when this run no longer counts, because another process has taken the job up: then what it did does not either.
  Result<void> ends(const jobs::Job& job, const jobs::Outcome& outcome) {
    if (jobs::store::end(session_, {.id = job.id, .claim = job.claim}, outcome, now_)) return {};
    return fail(ErrorCode::conflict, "the job was given to another process meanwhile");
  }

 private:
  friend class Changes;
  struct Effects {
    std::vector<coherence::Target> targets;
    signals::Signals signals;
    std::vector<std::pair<std::string, std::string>> told;
    std::vector<events::Event> events;
    bool jobs = false;
    bool kept = false;  ///< f ended without an error: its writes are part of what COMMIT decides on
    std::optional<coherence::IntentId> intent;  ///< what other processes are to drop, as it stands in the database
    std::string intent_text;
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
  /// `cluster` is what waits for the other processes of a database that has several; null where there can be none.
  /// `relay` is what tells them of signals.
  Changes(sql::Database& database, const Clock& clock, jobs::Queue& queue, events::Bus& bus, signals::Hub& hub, coherence::Cluster* cluster = nullptr,
          signals::Relay* relay = nullptr)
      : database_(database), clock_(clock), queue_(queue), bus_(bus), hub_(hub), cluster_(cluster), relay_(relay) {}

  /// Runs f(Change&) -> R or Result<R> on a pool thread inside one transaction, and returns after COMMIT was durable, everything named was invalidated
  /// in every process, and signals were handed to the hub. A returned error or a fault rolls back and nothing is dropped, said or enqueued; only when COMMIT itself
  /// failed, which may have reached the disk all the same, everything named is dropped. f may run more than once: it must leave no trace but in the
  /// Change. Once f has begun, cancelling the caller changes nothing.
  ///
  /// Few effects take place in the turn of the loop that follows COMMIT; many take several turns (TurnBudget), in which other reads go on and
  /// may still see the state before this change. Signals of changes leave in the order of their commits, however long each took to invalidate. In a cluster
  /// they leave in the order in which the changes took effect everywhere, so that one that waits for a process which stands still holds up no other.
  template <class F, class R = std::invoke_result_t<F&, Change&>>
  awaitable<ResultOf<R>> run(F f) {
    WATCHBELL_ASSERT_ON_LOOP();
    // Shared with the pool's job, which outlives a caller that is cancelled while it waits.
    auto effects = std::make_shared<Change::Effects>();
    ResultOf<R> result;
    std::exception_ptr fault;
    try {
      result = co_await database_.write(Job<F, R>{std::move(f), clock_, queue_, bus_, cluster_, effects});
    } catch (const Fault&) {
      fault = std::current_exception();
    }
    if (effects->kept && (fault || result)) {
      Finish finish(*this, *effects, fault ? Finish::How::doubtful : Finish::How::committed);
      if (!finish.step()) {
        // A caller that was cancelled meanwhile would get out at the first co_await.
        const bool throws = co_await asio::this_coro::throw_if_cancelled();
        co_await asio::this_coro::throw_if_cancelled(false);
        const auto stopped = co_await rest(finish);
        co_await asio::this_coro::throw_if_cancelled(throws);
        if (stopped) std::rethrow_exception(stopped);
      }
    }
    if (fault) std::rethrow_exception(fault);
    co_return result;
  }

 private:
  template <class F, class R>
  struct Job {
    F f;
    const Clock& clock;
    const jobs::Queue& queue;
    const events::Bus& bus;
    const coherence::Cluster* cluster;
    std::shared_ptr<Change::Effects> effects;

    R operator()(sql::Session& session) {
      *effects = {};
      Change change(session, clock.now(), queue, bus, *effects);
      if constexpr (std::is_void_v<R>) {
        f(change);
        keep(change);
      } else {
        R answer = f(change);
        if constexpr (AnyResult<R>) {
          if (answer) keep(change);
        } else {
          keep(change);
        }
        return answer;
      }
    }
    void keep(Change& change) {
      effects->kept = true;
      if (cluster == nullptr || effects->targets.empty()) return;
      effects->intent_text = coherence::to_text(effects->targets);
      effects->intent = cluster->record(change.sql(), effects->intent_text, change.now());
    }
  };

  /// What follows COMMIT, in slices.
  class Finish {
   public:
    enum class How {
      committed,
      doubtful,  ///< COMMIT failed: what it would have changed is read anew, and nothing is said
    };
    Finish(Changes& changes, Change::Effects& effects, How how);
    ~Finish();
    Finish(const Finish&) = delete;
    Finish& operator=(const Finish&) = delete;
    /// Does what this turn of the loop has room for. Whether nothing is left.
    bool step();
    /// Whether step() has come to where the other processes are to be waited for.
    bool waits() const noexcept { return dropped_ && effects_.intent.has_value(); }
    /// Waits for them, or where nobody knows whether there is anything to wait for has it done behind.
    awaitable<void> settle();

   private:
    Changes& changes_;
    Change::Effects& effects_;
    How how_;
    signals::Hub::Place place_;
    bool dropped_ = false;  // in this process
    std::size_t event_ = 0;
  };
  /// The steps that are left, one a turn. What one of them threw.
  awaitable<std::exception_ptr> rest(Finish& finish);

  sql::Database& database_;
  const Clock& clock_;
  jobs::Queue& queue_;
  events::Bus& bus_;
  signals::Hub& hub_;
  coherence::Cluster* cluster_;
  signals::Relay* relay_;
};

}  // namespace watchbell
