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
  explicit Round(Executor executor) : ended(executor) {}
  std::map<SystemId, Loaded> loaded;  ///< null until done
  bool done = false;
  std::exception_ptr fault;
  async::Event ended;
};

StatusLoader::StatusLoader(coherence::Memory& cache, sql::Database& database, const Clock& clock, const Systems& systems)
    : scope_(cache, "healthcheck", std::chrono::seconds(15)), lease_(cache.lease), database_(database), clock_(clock), systems_(systems) {}

awaitable<Result<rpc::Encoded<SystemHealth>>> StatusLoader::answer(SystemId id) {
  if (lease_.holds())
    if (const auto hit = scope_.find<Result<KeptStatus>>(key_of(id))) co_return answer_now(**hit);
  const auto loaded = co_await read({id});
  if (!*loaded.front()) co_return std::unexpected(loaded.front()->error());
  co_return answer_now(**loaded.front());
}

awaitable<Result<std::vector<SystemHealth>>> StatusLoader::health(std::vector<SystemId> ids) {
  const auto all = co_await read(std::move(ids));
  std::vector<SystemHealth> health;
  health.reserve(all.size());
  for (const auto& loaded : all) {
    if (!*loaded) co_return std::unexpected(loaded->error());
    health.push_back(health_now(**loaded));
  }
  co_return health;
}

awaitable<std::vector<StatusLoader::Loaded>> StatusLoader::read(std::vector<SystemId> ids) {
  if (!lease_.holds()) return load(std::move(ids));
  return scope_.wrap_many_batched<Result<KeptStatus>>(std::move(ids), key_of, [this](std::vector<SystemId> missing) { return load(std::move(missing)); });
}

awaitable<std::vector<StatusLoader::Loaded>> StatusLoader::load(std::vector<SystemId> ids) {
  WATCHBELL_ASSERT_ON_LOOP();
  const bool first = gathering_ == nullptr;
  if (first) gathering_ = std::make_shared<Round>(co_await asio::this_coro::executor);
  const auto round = gathering_;
  for (const auto& id : ids) round->loaded[id];
  if (first) co_await fill(round);
  while (!round->done) co_await round->ended.wait();
  if (round->fault) std::rethrow_exception(round->fault);
  std::vector<Loaded> loaded;
  loaded.reserve(ids.size());
  for (const auto& id : ids) loaded.push_back(round->loaded[id]);
  co_return loaded;
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
    // The readers of one moment stand in the loop's queue one behind the other: their loads are all there when this comes back.
    co_await asio::post(co_await asio::this_coro::executor, use_awaitable);
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
  round->ended.notify_all();
}

rpc::Encoded<SystemHealth> StatusLoader::answer_now(const KeptStatus& kept) const {
  const Timestamp now = clock_.now();
  return kept.until && now >= *kept.until ? rpc::encoded(rules::evaluate(kept.facts, now)) : kept.encoded;
}

SystemHealth StatusLoader::health_now(const KeptStatus& kept) const {
  const Timestamp now = clock_.now();
  return kept.until && now >= *kept.until ? rules::evaluate(kept.facts, now) : kept.health;
}

}  // namespace watchbell::healthcheck
