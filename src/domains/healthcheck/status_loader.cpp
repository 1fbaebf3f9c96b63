#include "domains/healthcheck/status_loader.hpp"

#include <map>

#include "async/event.hpp"
#include "async/loop.hpp"
#include "domains/healthcheck/rules.hpp"
#include "domains/healthcheck/store.hpp"

namespace watchbell::healthcheck {

namespace {

KeptStatus keep(SystemFacts facts, Timestamp now) {
  KeptStatus kept{.facts = std::move(facts), .health = {}, .until = {}, .encoded = {}};
  kept.health = rules::evaluate(kept.facts, now);
  kept.until = rules::next_change(kept.facts, now);
  kept.encoded = rpc::encoded(kept.health);
  return kept;
}

}  // namespace

std::size_t size_in_bytes(const KeptStatus& status) noexcept {
  std::size_t bytes = sizeof(KeptStatus) + rpc::size_in_bytes(status.encoded);
  for (const auto& check : status.facts.checks) bytes += sizeof check + check.configuration_name.capacity() + check.runs.capacity() * sizeof(RecentRun);
  for (const auto& check : status.health.check_statuses)
    bytes += sizeof check + check.configuration_name.capacity() + check.recent_runs.capacity() * sizeof(RecentRun);
  return bytes;
}

bool is_cacheable(const Result<KeptStatus>& status) noexcept { return status && status->facts.known; }

/// Loads that share a read.
struct StatusLoader::Round {
  explicit Round(Executor executor) : changed(executor) {}
  std::map<SystemId, Loaded> loaded;  ///< null until done
  bool done = false;
  std::exception_ptr fault;
  async::Event changed;
};

/// Reads that one caller waits for.
struct StatusLoader::Batch {
  explicit Batch(Executor executor, std::size_t size) : loaded(size), changed(executor) {}
  std::vector<Loaded> loaded;
  std::size_t running = 0;
  std::exception_ptr fault;
  async::Event changed;
};

StatusLoader::StatusLoader(cache::Cache& cache, sql::Database& database, async::TaskScope& scope, const Clock& clock, const Systems& systems)
    : scope_(cache, "healthcheck", std::chrono::seconds(15)), database_(database), tasks_(scope), clock_(clock), systems_(systems) {}

awaitable<Result<StatusLoader::Kept>> StatusLoader::read(SystemId id) {
  auto found = scope_.find<Result<KeptStatus>>(cache::Key("status", id.to_string()));
  if (!found) found = co_await wrap(id);
  if (!*found) co_return std::unexpected(found->error());
  co_return Kept(found, &**found);
}

awaitable<Result<std::vector<StatusLoader::Kept>>> StatusLoader::read_all(std::vector<SystemId> ids) {
  const auto batch = std::make_shared<Batch>(tasks_.executor(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    batch->loaded[i] = scope_.find<Result<KeptStatus>>(cache::Key("status", ids[i].to_string()));
    if (batch->loaded[i]) continue;
    // The ticket is given back however the task ends, also when it never begins.
    ++batch->running;
    std::shared_ptr<void> ticket(nullptr, [batch](void*) {
      --batch->running;
      batch->changed.notify_all();
    });
    tasks_.spawn("healthcheck status", read_one(*this, batch, i, ids[i], std::move(ticket)));
  }
  while (batch->running > 0) co_await batch->changed.wait();
  if (batch->fault) std::rethrow_exception(batch->fault);
  std::vector<Kept> all;
  for (const auto& loaded : batch->loaded) {
    if (!loaded) co_return fail(ErrorCode::unavailable, "the server is stopping");
    if (!*loaded) co_return std::unexpected(loaded->error());
    all.emplace_back(loaded, &**loaded);
  }
  co_return all;
}

awaitable<void> StatusLoader::read_one(StatusLoader& self, std::shared_ptr<Batch> batch, std::size_t index, SystemId id, std::shared_ptr<void>) {
  try {
    batch->loaded[index] = co_await self.wrap(id);
  } catch (...) {  // carried to the caller and rethrown there
    batch->fault = std::current_exception();
  }
}

awaitable<StatusLoader::Loaded> StatusLoader::wrap(SystemId id) {
  auto loader = [this, id] { return load(id); };
  co_return co_await scope_.wrap<Result<KeptStatus>>(cache::Key("status", id.to_string()), std::move(loader));
}

awaitable<StatusLoader::Loaded> StatusLoader::load(SystemId id) {
  WATCHBELL_ASSERT_ON_LOOP();
  const coherence::LoadTimer timer(scope_);
  const bool first = gathering_ == nullptr;
  if (first) gathering_ = std::make_shared<Round>(tasks_.executor());
  const auto round = gathering_;
  round->loaded[id];
  if (first) co_await fill(round);
  while (!round->done) co_await round->changed.wait();
  if (round->fault) std::rethrow_exception(round->fault);
  co_return round->loaded[id];
}

awaitable<void> StatusLoader::fill(std::shared_ptr<Round> round) {
  struct Open {
    StatusLoader& self;
    std::shared_ptr<Round> round;
    ~Open() { close(); }
    void close() {
      if (self.gathering_ == round) self.gathering_ = nullptr;
    }
  } open{*this, round};
  try {
    // The loads of a bulk read stand in the loop's queue one behind the other: they are all there when this comes back.
    co_await asio::post(tasks_.executor(), use_awaitable);
    open.close();
    std::vector<SystemId> ids;
    for (const auto& [id, loaded] : round->loaded) ids.push_back(id);
    auto facts = co_await database_.read([ids, &systems = systems_](sql::Session& session) {
      auto all = store::facts(session, ids);
      if (ids.size() == 1) {
        all.begin()->second.known = systems.name(session, ids.front()).has_value();
      } else {
        for (const auto& id : systems.all_ids(session))
          if (const auto it = all.find(id); it != all.end()) it->second.known = true;
      }
      return all;
    });
    for (auto& [id, loaded] : round->loaded) {
      if (!facts) loaded = std::make_shared<const Result<KeptStatus>>(std::unexpected(facts.error()));
      else loaded = std::make_shared<const Result<KeptStatus>>(keep(std::move((*facts)[id]), clock_.now()));
    }
  } catch (const std::exception& thrown) {  // carried to all who share the load
    const auto* error = dynamic_cast<const boost::system::system_error*>(&thrown);
    const bool cancelled = error != nullptr && error->code() == asio::error::operation_aborted;
    // Only this load was cancelled; to the others it is a fault like any.
    round->fault = cancelled ? std::make_exception_ptr(Fault("a shared load of statuses was cancelled")) : std::current_exception();
  }
  round->done = true;
  round->changed.notify_all();
}

SystemHealth StatusLoader::health(const KeptStatus& kept) const {
  const Timestamp now = clock_.now();
  return kept.until && now >= *kept.until ? rules::evaluate(kept.facts, now) : kept.health;
}

rpc::Encoded<SystemHealth> StatusLoader::answer(const KeptStatus& kept) const {
  const Timestamp now = clock_.now();
  return kept.until && now >= *kept.until ? rpc::encoded(rules::evaluate(kept.facts, now)) : kept.encoded;
}

}  // namespace watchbell::healthcheck
