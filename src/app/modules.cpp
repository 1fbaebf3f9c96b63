#include "app/modules.hpp"

#include <chrono>

#include "app/domains.hpp"
#include "app/rate_of.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
const sql::MigrationSet& settings();
}  // namespace watchbell::migrations

namespace watchbell::app {
namespace {

/// One domain, whatever of the optional parts it has: start(), stop(), signals().
struct Entry {
  virtual ~Entry() = default;
  virtual Result<void> mount() = 0;
  virtual awaitable<Result<void>> start() = 0;
  virtual awaitable<void> stop() = 0;
  virtual std::vector<signals::Declared> signals() const = 0;
};

awaitable<void> nothing() { co_return; }

awaitable<Result<void>> started(awaitable<void> start) {
  co_await std::move(start);
  co_return Result<void>();
}
awaitable<Result<void>> started(awaitable<Result<void>> start) { return start; }

template <class M>
struct EntryOf final : Entry {
  template <class... Args>
  explicit EntryOf(Args&&... args) : module(std::forward<Args>(args)...) {}
  Result<void> mount() override { return module.mount(); }
  awaitable<Result<void>> start() override {
    if constexpr (requires { module.start(); }) return started(module.start());
    else return started(nothing());
  }
  awaitable<void> stop() override {
    if constexpr (requires { module.stop(); }) return module.stop();
    else return nothing();
  }
  std::vector<signals::Declared> signals() const override {
    if constexpr (requires { M::signals(); }) return M::signals();
    else return {};
  }
  M module;
};

}  // namespace

struct Modules::All {
  std::vector<std::unique_ptr<Entry>> entries;

  template <class M, class... Args>
  M& add(Args&&... args) {
    auto entry = std::make_unique<EntryOf<M>>(std::forward<Args>(args)...);
    M& module = entry->module;
    entries.push_back(std::move(entry));
    return module;
  }
};

// One line a domain; auth stands apart, because every request needs its identity before there is a dispatcher.
Modules::Modules(Runtime& runtime, auth::Service& auth, const config::Config& config) : all_(std::make_unique<All>()) {
  all_->add<theme::Module>(runtime);
  all_->add<caching::Module>(
      runtime, caching::MemoryConfig{.max_entries = config.cache_max_entries, .max_bytes = config.cache_max_bytes, .per_scope_share = config.cache_per_scope_share});
  auto& notification = all_->add<notification::Module>(
      runtime, auth,
      notification::Module::Options{.notify_body_bytes = static_cast<std::size_t>(config.notify_max_body_bytes),
                                    .deliveries_at_once = static_cast<std::size_t>(config.delivery_concurrency),
                                    .deliveries_per_host = static_cast<std::size_t>(config.delivery_concurrency_per_host),
                                    .delivery_rates = {.per_channel = rate_of(config.delivery_rate_per_channel), .per_host = rate_of(config.delivery_rate_per_host)},
                                    .hurry = config.test_hurry});
  auto& catalog = all_->add<catalog::Module>(runtime, auth, notification.service());
  all_->add<command::Module>(runtime, catalog.service(), auth);
  all_->add<healthcheck::Module>(runtime, catalog.service(), notification.service(),
                                  healthcheck::Module::Options{.probe_concurrency = static_cast<std::size_t>(config.probe_concurrency),
                                                               .response_bytes = static_cast<std::size_t>(config.response_max_bytes),
                                                               .keep_runs = std::chrono::days(config.run_retention_days)});
}

Modules::~Modules() = default;

Result<void> Modules::mount() {
  for (auto& entry : all_->entries)
    if (auto mounted = entry->mount(); !mounted) return mounted;
  return {};
}

awaitable<Result<void>> Modules::start() {
  for (auto& entry : all_->entries)
    if (auto started = co_await entry->start(); !started) co_return started;
  co_return Result<void>();
}

awaitable<void> Modules::stop() {
  for (auto it = all_->entries.rbegin(); it != all_->entries.rend(); ++it) co_await (*it)->stop();
}

std::vector<signals::Declared> Modules::signals() const {
  std::vector<signals::Declared> all;
  for (const auto& entry : all_->entries) {
    const auto some = entry->signals();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::span<const sql::MigrationSet* const> Modules::migrations() {
  static const std::vector<const sql::MigrationSet*> all = [] {
    std::vector<const sql::MigrationSet*> sets{&watchbell::migrations::runtime(), &watchbell::migrations::settings()};
    const auto domains = domain_migrations();
    sets.insert(sets.end(), domains.begin(), domains.end());
    return sets;
  }();
  return all;
}

}  // namespace watchbell::app
