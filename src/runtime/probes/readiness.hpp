#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"

namespace watchbell::probes {

/// What a probe found. The message is shown to whoever asks, without a login: it names no host, path or error text. Those are for exceptions,
/// whose text goes to the log alone.
struct ProbeResult {
  bool ok = true;
  std::string message;
};

struct Check {
  std::string name;
  bool critical = true;
  bool ok = false;
  std::string message;
  std::string error;  ///< for the log and administrators only
  std::chrono::milliseconds duration{0};
};

/// In the order in which the probes were added. Ready when every critical check is ok.
struct Report {
  bool ready = false;
  std::vector<Check> checks;
};

/// The answer to a readiness request, as the HTTP layer sends it.
struct Answer {
  int status = 200;
  std::optional<std::chrono::seconds> retry_after;
  std::string body;
};

/// What liveness answers: 200 with this whenever the process can answer at all. Touches nothing.
inline constexpr std::string_view kAlive = R"({"status":"ok"})";

/// Whether this process should be sent work. Probes run only when somebody asks, all at once, at most once in `reuse`, and however a probe
/// behaves a report is there after `limit`: one that still hangs then counts as failed, is cancelled, and is not started again before it ended.
/// Together: a lost dependency shows within reuse + limit. What fails and what recovers is logged, each once. Loop-only; stop() before destruction.
class Readiness {
 public:
  struct Options {
    std::chrono::milliseconds limit{1000};
    std::chrono::milliseconds reuse{1000};
  };
  using Probe = std::function<awaitable<ProbeResult>()>;
  enum class Weight {
    critical,
    informative,  ///< shown, without a say in readiness
  };

  /// Has the probe `core.init`, which is ok once the start is through.
  explicit Readiness(async::TimerWheel& wheel) : Readiness(wheel, Options()) {}
  Readiness(async::TimerWheel& wheel, Options options);

  /// Adds a probe. The same name again replaces the one before and logs a warning. An exception counts as not ok. What the function holds stays
  /// alive while it runs, even when it is replaced meanwhile.
  /// @param name  "area.state": "db.reachable"
  void add(std::string name, Weight weight, Probe probe);

  enum class Phase {
    initializing,
    failed,    ///< the start failed; final
    running,
    draining,  ///< about to stop; final
  };
  Phase phase() const noexcept { return phase_; }
  void running();
  /// The error goes to the log; clients learn only that the start failed.
  void failed(std::string_view error);
  /// From now on the answer is 503 at once: balancers are to look elsewhere.
  void draining();

  /// What GET /readyz answers. While not running no probe is asked.
  awaitable<Answer> answer();
  /// Runs the probes, or joins the run that goes on, or answers the last report when that run began less than `reuse` ago. A caller that is
  /// cancelled leaves alone. After stop(): not ready.
  awaitable<Report> check();

  /// Cancels probes and releases who waits; joined when it returns.
  awaitable<void> stop();

 private:
  struct Entry {
    std::string name;
    bool critical;
    Probe probe;
    bool busy = false;     // a run of it has not ended
    bool failing = false;  // as last logged
  };

  void start();
  void finish();
  awaitable<void> run(std::shared_ptr<Entry> entry, std::uint64_t number, std::size_t index);

  async::TimerWheel& wheel_;
  Options options_;
  Phase phase_ = Phase::initializing;
  std::vector<std::shared_ptr<Entry>> entries_;

  // The run that goes on, or the last one.
  std::uint64_t number_ = 0;
  bool going_ = false;
  Monotonic started_{};
  std::vector<std::shared_ptr<Entry>> asked_;
  std::vector<Check> found_;
  std::size_t pending_ = 0;

  Report report_;
  bool fresh_ = false;  // false: not to be reused, however young
  bool stopped_ = false;
  async::Event finished_;
  async::Timer limit_;
  async::TaskScope scope_;
};

}  // namespace watchbell::probes
