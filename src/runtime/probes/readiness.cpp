#include "runtime/probes/readiness.hpp"

#include <algorithm>

#include "async/loop.hpp"
#include "async/timeout.hpp"
#include "platform/log/log.hpp"
#include "runtime/rpc/writer.hpp"

namespace watchbell::probes {

using namespace std::chrono_literals;

namespace {

std::string body_of(const Report& report) {
  rpc::Writer out;
  bool first = true;
  const auto member = [&out](bool& begun, std::string_view name, auto write) {
    out.begin_member(begun, name);
    write();
    out.end_member();
  };
  out.begin_object();
  member(first, "ready", [&] { out.boolean(report.ready); });
  member(first, "checks", [&] {
    out.json += '[';
    for (std::size_t i = 0; i < report.checks.size(); ++i) {
      const Check& check = report.checks[i];
      out.begin_element(i);
      out.begin_object();
      bool begun = true;
      member(begun, "name", [&] { out.text(check.name); });
      member(begun, "critical", [&] { out.boolean(check.critical); });
      member(begun, "ok", [&] { out.boolean(check.ok); });
      if (!check.message.empty()) member(begun, "message", [&] { out.text(check.message); });
      member(begun, "durationMs", [&] { out.integer(check.duration.count()); });
      out.end_object();
      out.end_element();
    }
    out.json += ']';
  });
  out.end_object();
  return std::move(out.json);
}

}  // namespace

Readiness::Readiness(async::TimerWheel& wheel, Options options)
    : wheel_(wheel),
      options_(options),
      finished_(wheel.executor()),
      limit_([this] { finish(); }),
      scope_(wheel.executor(), [](std::string_view name, std::exception_ptr thrown) { log::fault(name, thrown); }) {
  add("core.init", Weight::critical, []() -> awaitable<ProbeResult> { co_return ProbeResult(); });
}

void Readiness::add(std::string name, Weight weight, Probe probe) {
  fresh_ = false;
  auto entry = std::make_shared<Entry>(Entry{.name = std::move(name), .critical = weight == Weight::critical, .probe = std::move(probe)});
  const auto before = std::ranges::find(entries_, entry->name, [](const auto& each) -> const std::string& { return each->name; });
  if (before == entries_.end()) {
    entries_.push_back(std::move(entry));
    return;
  }
  log::warn("a readiness probe was replaced by another of the same name", {{"probe", entry->name}});
  *before = std::move(entry);
}

void Readiness::running() {
  if (phase_ == Phase::initializing) phase_ = Phase::running;
}

void Readiness::failed(std::string_view error) {
  if (phase_ != Phase::initializing) return;
  phase_ = Phase::failed;
  log::error("the start failed", {{"error", error}});
}

void Readiness::draining() { phase_ = Phase::draining; }

awaitable<Answer> Readiness::answer() {
  if (phase_ == Phase::running) {
    const Report report = co_await check();
    if (phase_ == Phase::running)
      co_return Answer{.status = report.ready ? 200 : 503, .retry_after = report.ready ? std::nullopt : std::optional(5s), .body = body_of(report)};
  }
  switch (phase_) {
    case Phase::initializing: co_return Answer{.status = 503, .retry_after = 1s, .body = R"({"ready":false,"reason":"initializing","checks":[]})"};
    case Phase::failed: co_return Answer{.status = 503, .retry_after = 5s, .body = R"({"ready":false,"error":"The start failed.","checks":[]})"};
    case Phase::running:
    case Phase::draining: break;
  }
  co_return Answer{.status = 503, .retry_after = 5s, .body = R"({"ready":false,"reason":"draining","checks":[]})"};
}

awaitable<Report> Readiness::check() {
  WATCHBELL_ASSERT_ON_LOOP();
  if (!stopped_ && !going_ && (!fresh_ || wheel_.clock().monotonic() - started_ >= options_.reuse)) start();
  // Another caller may begin the next run before this one is resumed; its own is then long over.
  const std::uint64_t number = number_;
  while (!stopped_ && going_ && number_ == number) co_await finished_.wait();
  co_return stopped_ ? Report() : report_;
}

void Readiness::start() {
  ++number_;
  going_ = true;
  fresh_ = true;
  started_ = wheel_.clock().monotonic();
  asked_ = entries_;
  found_.clear();
  pending_ = 0;
  for (std::size_t i = 0; i < asked_.size(); ++i) {
    Entry& entry = *asked_[i];
    // What is true of a probe that is never heard of.
    found_.push_back({.name = entry.name, .critical = entry.critical, .error = fmt::format("no answer within {} ms", options_.limit.count()), .duration = options_.limit});
    if (entry.busy) {
      found_.back().error = "the last run of this probe still hangs";
      found_.back().duration = 0ms;
      continue;
    }
    entry.busy = true;
    ++pending_;
    scope_.spawn("probe " + entry.name, run(asked_[i], number_, i));
  }
  if (pending_ == 0) return finish();
  wheel_.arm(limit_, options_.limit);
}

awaitable<void> Readiness::run(std::shared_ptr<Entry> entry, std::uint64_t number, std::size_t index) {
  struct Busy {
    Entry& entry;
    ~Busy() { entry.busy = false; }
  } const busy{*entry};
  const Monotonic began = wheel_.clock().monotonic();
  ProbeResult result{.ok = false};
  std::string error;
  try {
    auto answer = co_await async::with_timeout(wheel_, entry->probe(), options_.limit);
    if (answer) result = std::move(*answer);
    else error = std::move(answer.error().message);
  } catch (const boost::system::system_error& thrown) {
    if (stopped_) throw;
    error = thrown.what();
  } catch (const std::exception& thrown) {
    // This is the boundary: whatever a probe throws is what the probe says.
    error = thrown.what();
  }
  if (!going_ || number_ != number) co_return;
  Check& check = found_[index];
  check.ok = result.ok;
  check.message = std::move(result.message);
  check.error = std::move(error);
  check.duration = std::chrono::duration_cast<std::chrono::milliseconds>(wheel_.clock().monotonic() - began);
  if (--pending_ == 0) finish();
}

void Readiness::finish() {
  limit_.cancel();
  going_ = false;
  report_.ready = std::ranges::all_of(found_, [](const Check& check) { return check.ok || !check.critical; });
  for (std::size_t i = 0; i < found_.size(); ++i) {
    const Check& check = found_[i];
    if (check.ok != asked_[i]->failing) continue;
    asked_[i]->failing = !check.ok;
    if (check.ok) log::info("a readiness probe is ok again", {{"probe", check.name}});
    else log::warn("a readiness probe failed", {{"probe", check.name}, {"critical", check.critical}, {"message", check.message}, {"error", check.error}});
  }
  report_.checks = std::move(found_);
  asked_.clear();
  finished_.notify_all();
}

awaitable<void> Readiness::stop() {
  stopped_ = true;
  limit_.cancel();
  finished_.notify_all();
  co_await scope_.stop();
}

}  // namespace watchbell::probes
