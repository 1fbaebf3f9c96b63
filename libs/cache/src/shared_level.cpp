#include <watchbell/cache/detail/shared_level.hpp>

#include <watchbell/cache/detail/assert.hpp>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace watchbell::cache::detail {
namespace {

namespace asio = boost::asio;

/// Injective: length-safe, and a key never equals a family.
std::string name_of(std::string_view scope, std::string_view path, bool family) {
  std::string name = std::to_string(scope.size());
  name += family ? 'f' : 'k';
  name += scope;
  name += path;
  return name;
}

std::string name_of(const Drop& drop) {
  if (const auto* key = std::get_if<Key>(&drop.what)) return name_of(drop.scope, key->encoded(), false);
  return name_of(drop.scope, std::get<Family>(drop.what).encoded(), true);
}

}  // namespace

// --- what is pending

std::uint64_t PendingDrops::add(const Drop& drop, TimePoint at) {
  const std::uint64_t number = ++last_;
  if (drops_.size() < most_) {
    const auto [found, added] = drops_.try_emplace(name_of(drop), Pending{drop, number, at});
    if (!added) found->second.number = number;
    return number;
  }
  if (const auto found = drops_.find(name_of(drop)); found != drops_.end()) {
    found->second.number = number;
    return number;
  }
  // Too many to keep apart: the whole scope covers them all. Scopes are few, so this ends.
  TimePoint since = at;
  std::erase_if(drops_, [&](const auto& pending) {
    if (pending.second.drop.scope != drop.scope) return false;
    since = std::min(since, pending.second.since);
    return true;
  });
  const Drop whole(drop.scope, Family());
  drops_.insert_or_assign(name_of(whole), Pending{whole, number, since});
  return number;
}

void PendingDrops::applied(const std::vector<Drop>& sent, std::uint64_t number) {
  for (const auto& drop : sent) {
    const auto found = drops_.find(name_of(drop));
    if (found != drops_.end() && found->second.number <= number) drops_.erase(found);
  }
}

bool PendingDrops::covers(std::string_view scope, const Key& key) const {
  if (drops_.empty()) return false;
  const std::string_view path = key.encoded();
  if (drops_.contains(name_of(scope, path, false))) return true;
  if (drops_.contains(name_of(scope, {}, true))) return true;
  std::size_t passed = 0;
  for (SegmentReader segments(path); !segments.at_end();) {
    passed += segments.next().size();
    if (drops_.contains(name_of(scope, path.substr(0, passed), true))) return true;
  }
  return false;
}

std::vector<Drop> PendingDrops::all(std::uint64_t& number) const {
  number = last_;
  std::vector<Drop> drops;
  drops.reserve(drops_.size());
  for (const auto& [name, pending] : drops_) drops.push_back(pending.drop);
  return drops;
}

TimePoint PendingDrops::oldest() const noexcept {
  TimePoint oldest = TimePoint::max();
  for (const auto& [name, pending] : drops_) oldest = std::min(oldest, pending.since);
  return oldest;
}

// --- the level

SharedLevel::SharedLevel(std::shared_ptr<CacheProvider> provider, SharedOptions options)
    : options_(options),
      provider_(std::move(provider)),
      circuit_(options_),
      pending_(std::max<std::size_t>(options_.max_pending, 1)),
      retry_(provider_->executor(), std::chrono::steady_clock::time_point::max()),
      idle_(provider_->executor(), std::chrono::steady_clock::time_point::max()) {}

SharedLevel::~SharedLevel() = default;

SharedStatistics SharedLevel::snapshot() const {
  const std::lock_guard lock(mutex_);
  SharedStatistics seen = counted_;
  seen.circuit_open = circuit_.open();
  seen.pending = pending_.size();
  if (!pending_.empty()) seen.oldest_pending = std::chrono::steady_clock::now() - pending_.oldest();
  return seen;
}

void SharedLevel::called(ProviderCall call, bool ok, std::chrono::steady_clock::time_point began) {
  bool opened = false;
  {
    const std::lock_guard lock(mutex_);
    if (ok) {
      circuit_.succeeded();
    } else {
      opened = circuit_.failed();
      if (opened) ++counted_.circuit_opened;
      switch (call) {
        case ProviderCall::fetch: ++counted_.fetch_errors; break;
        case ProviderCall::fill: ++counted_.fill_errors; break;
        case ProviderCall::invalidate: ++counted_.invalidate_errors; break;
      }
    }
  }
  if (options_.observer != nullptr)
    options_.observer->provider_called(call, ok, std::chrono::steady_clock::now() - began);
  if (opened) keep_trying();
}

void SharedLevel::count_undecodable() {
  const std::lock_guard lock(mutex_);
  ++counted_.undecodable;
}

asio::awaitable<std::vector<Fetched>> SharedLevel::fetch(std::vector<Address> addresses) {
  std::vector<std::size_t> asked;
  std::vector<Fetched> found(addresses.size());
  std::vector<Address> wanted;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (!usable() || pending_.covers(addresses[i].scope, addresses[i].key)) {
        ++counted_.bypasses;
        continue;
      }
      asked.push_back(i);
      wanted.push_back(std::move(addresses[i]));
    }
  }
  if (wanted.empty()) co_return found;
  const auto began = std::chrono::steady_clock::now();
  auto answered = co_await provider_->fetch(std::move(wanted), options_.lease, options_.fetch_deadline);
  const bool ok = answered.has_value() && answered->size() == asked.size();
  called(ProviderCall::fetch, ok, began);
  if (!ok) co_return found;
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    ++(((*answered)[i].kind == Fetched::Kind::hit) ? counted_.hits : counted_.misses);
    found[asked[i]] = std::move((*answered)[i]);
  }
  co_return found;
}

// --- background work

/// Counts a background coroutine for as long as it lives.
class SharedLevel::Running {
 public:
  explicit Running(std::shared_ptr<SharedLevel> level) : level_(std::move(level)) {
    const std::lock_guard lock(level_->mutex_);
    ++level_->running_;
  }
  Running(Running&&) noexcept = default;
  Running& operator=(Running&&) = delete;
  ~Running() {
    if (!level_) return;
    const std::lock_guard lock(level_->mutex_);
    if (--level_->running_ > 0 || !level_->closing_) return;
    asio::dispatch(level_->provider_->executor(), [level = level_] { level->idle_.cancel(); });
  }

 private:
  std::shared_ptr<SharedLevel> level_;
};

void SharedLevel::spawn(asio::awaitable<void> work) {
  asio::co_spawn(provider_->executor(), std::move(work),
                 [running = Running(shared_from_this())](const std::exception_ptr& fault) {
                   if (fault) std::rethrow_exception(fault);
                 });
}

void SharedLevel::fill(std::vector<Fill> fills) {
  {
    const std::lock_guard lock(mutex_);
    if (!usable()) return;
    std::erase_if(fills, [this](const Fill& fill) { return pending_.covers(fill.address.scope, fill.address.key); });
  }
  if (!fills.empty()) spawn(fill_now(shared_from_this(), std::move(fills)));
}

asio::awaitable<void> SharedLevel::fill_now(std::shared_ptr<SharedLevel> self, std::vector<Fill> fills) {
  const auto count = fills.size();
  const auto began = std::chrono::steady_clock::now();
  const auto filled = co_await self->provider_->fill(std::move(fills), self->options_.other_deadline);
  const bool ok = filled.has_value() && filled->size() == count;
  self->called(ProviderCall::fill, ok, began);
  if (!ok) co_return;
  const std::lock_guard lock(self->mutex_);
  for (const auto one : *filled) ++(one == Filled::stored ? self->counted_.fills : self->counted_.fills_refused);
}

void SharedLevel::discard(Address address) {
  {
    const std::lock_guard lock(mutex_);
    if (!usable()) return;
  }
  spawn(discard_now(shared_from_this(), std::move(address)));
}

asio::awaitable<void> SharedLevel::discard_now(std::shared_ptr<SharedLevel> self, Address address) {
  // The lease goes with the entry.
  std::vector<Drop> drops;
  drops.emplace_back(std::move(address.scope), std::move(address.key));
  static_cast<void>(co_await self->provider_->invalidate(std::move(drops), self->options_.other_deadline));
}

std::uint64_t SharedLevel::fence(const Drop& drop) {
  std::uint64_t number = 0;
  bool crowded = false;
  {
    const std::lock_guard lock(mutex_);
    number = pending_.add(drop, std::chrono::steady_clock::now());
    crowded = pending_.size() >= options_.max_pending;
  }
  if (crowded) keep_trying();  // what was merged is nobody's any more
  return number;
}

asio::awaitable<bool> SharedLevel::apply(std::vector<Drop> drops, std::uint64_t number) {
  bool ask = false;
  {
    const std::lock_guard lock(mutex_);
    ask = usable();
  }
  bool ok = false;
  // However this ends, also when the caller's coroutine goes away under it.
  struct TryAgain {
    SharedLevel& level;
    const bool& applied;
    ~TryAgain() {
      if (!applied) level.keep_trying();
    }
  } const try_again{*this, ok};
  if (ask) {
    auto sent = drops;
    const auto began = std::chrono::steady_clock::now();
    const auto outcome = co_await provider_->invalidate(std::move(sent), options_.other_deadline);
    ok = outcome.has_value();
    called(ProviderCall::invalidate, ok, began);
  }
  {
    const std::lock_guard lock(mutex_);
    if (ok) {
      pending_.applied(drops, number);
      counted_.invalidations += drops.size();
    } else {
      counted_.invalidations_queued += drops.size();
    }
  }
  co_return ok;
}

/// Starts the one coroutine that retries and probes, if it does not run.
void SharedLevel::keep_trying() {
  {
    const std::lock_guard lock(mutex_);
    if (trying_ || closing_) return;
    trying_ = true;
  }
  spawn(try_until_applied(shared_from_this()));
}

asio::awaitable<void> SharedLevel::try_until_applied(std::shared_ptr<SharedLevel> self) {
  // Asking costs nothing that matters, and a key nobody reads is as good as any when nothing is pending.
  const Drop probe("", Key("probe"));
  Duration retry = self->options_.first_retry;
  while (true) {
    Duration delay{};
    {
      const std::lock_guard lock(self->mutex_);
      if (self->closing_ || (!self->circuit_.open() && self->pending_.empty())) {
        self->trying_ = false;
        co_return;
      }
      delay = self->circuit_.open() ? self->circuit_.probe_delay() : retry;
    }
    retry = std::min<Duration>(2 * retry, std::chrono::seconds(2));
    self->retry_.expires_after(delay);
    boost::system::error_code stopped;
    co_await self->retry_.async_wait(asio::redirect_error(asio::use_awaitable, stopped));
    std::uint64_t number = 0;
    std::vector<Drop> drops;
    bool is_probe = false;
    {
      const std::lock_guard lock(self->mutex_);
      if (self->closing_) continue;
      is_probe = self->circuit_.open();
      drops = self->pending_.all(number);
    }
    if (drops.empty()) drops.push_back(probe);
    auto sent = drops;
    const auto began = std::chrono::steady_clock::now();
    const auto outcome = co_await self->provider_->invalidate(std::move(sent), self->options_.other_deadline);
    const bool ok = outcome.has_value();
    self->called(ProviderCall::invalidate, ok, began);
    const std::lock_guard lock(self->mutex_);
    if (!ok) {
      if (is_probe) self->circuit_.probe_failed();
      continue;
    }
    self->pending_.applied(drops, number);
    self->counted_.invalidations += drops.size();
    // Reads ask the provider again, past whatever has become pending meanwhile: that covers its own keys.
    self->circuit_.close();
  }
}

asio::awaitable<void> SharedLevel::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  retry_.cancel();
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (running_ == 0) co_return;
    }
    boost::system::error_code woken;
    co_await idle_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
}

}  // namespace watchbell::cache::detail
