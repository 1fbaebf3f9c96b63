#include "engine.hpp"

#include <watchbell/cache/detail/assert.hpp>
#include <watchbell/cache/errors.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <new>
#include <utility>
#include <vector>

namespace watchbell::cache {
namespace detail {
namespace {

/// What one entry costs beside key, value and families: itself, its slot in the table while that is growing, the
/// control block of its value, and the allocator's headers.
constexpr std::size_t kEntryBytes = sizeof(Entry) + 96;
/// A family's node and its slot; only the first entry of a family really costs it.
constexpr std::size_t kFamilyBytes = sizeof(Node) + 64;
constexpr std::size_t kReclaimedPerStore = 2;

/// Resumes waiters of one executor in one turn of it.
class Resumption {
 public:
  explicit Resumption(WaitList waiters) : waiters_(std::move(waiters)) {}

  void operator()() {
    while (const auto waiter = waiters_.pop()) {
      try {
        waiter->resume({});
      } catch (...) {
        // One reader's exception leaves the executor's run(); the others still get their turn.
        if (!waiters_.empty()) {
          const auto executor = waiters_.front().executor;
          boost::asio::post(executor, Resumption(std::move(waiters_)));
        }
        throw;
      }
    }
  }

 private:
  WaitList waiters_;
};

void resume_all(WaitList waiters) {
  while (!waiters.empty()) {
    const auto executor = waiters.front().executor;
    boost::asio::post(executor, Resumption(waiters.take(executor)));
  }
}

std::string encoded_segment(std::string_view text) {
  std::string encoded;
  Segment(text).append_to(encoded);
  return encoded;
}

}  // namespace

// --- waiting

WaitList::~WaitList() {
  while (pop()) {
  }
}

void WaitList::push(std::shared_ptr<Waiter> waiter) noexcept {
  Waiter& listed = *waiter;
  listed.self = std::move(waiter);
  waiters_.push_back(listed);
}

std::shared_ptr<Waiter> WaitList::pop() noexcept {
  return waiters_.empty() ? nullptr : remove(waiters_.front());
}

std::shared_ptr<Waiter> WaitList::remove(Waiter& waiter) noexcept {
  waiters_.erase(waiters_.iterator_to(waiter));
  return std::move(waiter.self);
}

WaitList WaitList::take(const boost::asio::any_io_executor& executor) {
  WaitList taken;
  for (auto at = waiters_.begin(); at != waiters_.end();) {
    Waiter& waiter = *at++;
    if (waiter.executor == executor) taken.push(remove(waiter));
  }
  return taken;
}

LoadEnd::~LoadEnd() {
  if (flight_) flight_->core->ended(*flight_);
}

// --- scopes

ScopeState::ScopeState(std::shared_ptr<Core> owner, std::string_view scope_name)
    : core(std::move(owner)), name(scope_name), root(&core->acquire_scope(name)) {}

ScopeState::~ScopeState() { core->release_scope(*root); }

std::shared_ptr<Core> Core::make(CacheOptions options) { return std::make_shared<Engine>(std::move(options)); }

Engine::Engine(CacheOptions options)
    : options_([&options] {
        options.ttl_jitter = std::clamp(options.ttl_jitter, 0.0, 0.1);
        if (!options.clock) options.clock = coarse_now;
        return std::move(options);
      }()),
      random_state_(hash_bytes("jitter")) {}

Engine::~Engine() {
  Trash trash;
  while (!entries_.empty()) remove(entries_.front(), Removal::invalidated, trash);
}

Node& Engine::acquire_scope(std::string_view name) {
  const std::string segment = encoded_segment(name);
  const std::lock_guard lock(mutex_);
  return families_.acquire(families_.root(), segment);
}

void Engine::release_scope(Node& root) {
  const std::lock_guard lock(mutex_);
  families_.release(root);
}

// --- reading

std::shared_ptr<const void> Engine::find(const ScopeState& scope, const Key& key, const std::type_info& type) {
  Trash trash;
  const TimePoint now = options_.clock();
  const std::lock_guard lock(mutex_);
  const Entry* const entry = find_live(probe(scope, key), type, now, trash);
  if (entry == nullptr) return nullptr;
  ++statistics_.hits;
  return entry->value;
}

Begun Engine::begin(const ScopeState& scope, const Key& key, const std::type_info& type,
                    const boost::asio::any_io_executor& executor, const boost::asio::cancellation_slot& thread,
                    LoadRules rules) {
  Trash trash;
  const Probe wanted = probe(scope, key);
  const TimePoint now = options_.clock();
  const std::lock_guard lock(mutex_);
  if (const Entry* const entry = find_live(wanted, type, now, trash)) {
    ++statistics_.hits;
    return {.hit = entry->value, .flight = nullptr};
  }
  if (const auto found = flights_.find(wanted); found != flights_.end()) {
    Flight& flight = **found;
    if (is_valid(flight)) {
      WATCHBELL_CACHE_ASSERT(flight.type == type, "a key is read as two types");
      if (thread.is_connected() && flight.thread == thread)
        throw SelfRead("a loader of scope " + scope.name + " reads the key it is loading");
      ++statistics_.joins;
      ++statistics_.misses;
      return {.hit = nullptr, .flight = flight.shared_from_this()};
    }
    flights_.erase(found);  // begun before an invalidation: for its own waiters only
  }
  if (closing_) throw CacheClosed("the cache is closed");

  Node& family = families_.acquire_family_of(*scope.root, key);
  try {
    auto flight = std::make_shared<Flight>(shared_from_this(), *scope.root, family, key, type, executor, rules,
                                           generation_);
    flights_.insert(flight.get());
    running_.push_back(*flight);
    ++statistics_.loads;
    ++statistics_.misses;
    return {.hit = nullptr, .flight = std::move(flight), .must_load = true};
  } catch (...) {
    families_.release(family);
    throw;
  }
}

/// An entry that is dead is removed on the way.
Entry* Engine::find_live(const Probe& wanted, const std::type_info& type, TimePoint now, Trash& trash) {
  const auto found = table_.find(wanted);
  if (found == table_.end()) return nullptr;
  Entry& entry = **found;
  WATCHBELL_CACHE_ASSERT(*entry.type == type, "a key is read as two types");
  if (!is_valid(entry)) {
    remove(entry, Removal::invalidated, trash);
    return nullptr;
  }
  if (entry.expires <= now) {
    remove(entry, Removal::expired, trash);
    return nullptr;
  }
  policy_.touched(entry);
  return &entry;
}

// --- invalidating

void Engine::invalidate(const ScopeState& scope, const Key& key) {
  pause("invalidate.before");
  {
    Trash trash;
    const std::lock_guard lock(mutex_);
    drop_key(probe(scope, key), trash);
  }
  pause("invalidate.after");
}

void Engine::invalidate_family(const ScopeState& scope, const Family& family) {
  pause("invalidate.before");
  {
    Trash trash;
    const std::lock_guard lock(mutex_);
    if (Node* const node = families_.find(*scope.root, family)) node->generation = ++generation_;
    drop_key(probe(scope, family), trash);  // the key of exactly these segments hangs one family higher
  }
  pause("invalidate.after");
}

void Engine::clear() {
  Trash trash;
  const std::lock_guard lock(mutex_);
  families_.root().generation = ++generation_;
  while (!entries_.empty()) remove(entries_.front(), Removal::invalidated, trash);
}

void Engine::drop_key(const Probe& dropped, Trash& trash) noexcept {
  if (const auto found = table_.find(dropped); found != table_.end()) remove(**found, Removal::invalidated, trash);
  if (const auto found = flights_.find(dropped); found != flights_.end()) {
    (*found)->doomed = true;
    flights_.erase(found);
  }
}

// --- loading

void Engine::load_started(Flight& flight, const boost::asio::cancellation_slot& thread) {
  {
    const std::lock_guard lock(mutex_);
    flight.thread = thread;
  }
  pause("load.noted");
}

void Engine::finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable) {
  pause("load.before_store");
  WaitList waiters;
  {
    Trash trash;
    const TimePoint now = options_.clock();
    const std::lock_guard lock(mutex_);
    if (!settle(flight, std::move(value), nullptr)) {
      ++statistics_.discarded.late;
      return;
    }
    try {
      store(flight, value_bytes, cacheable, now, trash);
    } catch (const std::bad_alloc&) {
      ++statistics_.discarded.no_memory;  // the readers have their value all the same
    }
    waiters = std::move(flight.done.waiters);
  }
  pause("load.before_resume");
  resume_all(std::move(waiters));
}

void Engine::fail(Flight& flight, std::exception_ptr error) {
  WaitList waiters;
  {
    const std::lock_guard lock(mutex_);
    if (!settle(flight, nullptr, std::move(error))) return;
    ++statistics_.load_failures;
    waiters = std::move(flight.done.waiters);
  }
  resume_all(std::move(waiters));
}

void Engine::time_out(Flight& flight) {
  WaitList waiters;
  auto error = std::make_exception_ptr(LoadTimedOut("a load did not end within its deadline"));
  {
    const std::lock_guard lock(mutex_);
    if (!settle(flight, nullptr, std::move(error))) return;
    ++statistics_.load_timeouts;
    waiters = std::move(flight.done.waiters);
  }
  resume_all(std::move(waiters));
  cancel_load(flight);
}

// Runs in destructors. Without the memory to post a handler nobody who waits would ever be told, so that is the end.
void Engine::ended(Flight& flight) noexcept {  // NOLINT(bugprone-exception-escape)
  WaitList same_context;
  WaitList others;
  WaitList closers;
  {
    auto error = std::make_exception_ptr(LoadAbandoned("the execution context of a load was destroyed"));
    const std::lock_guard lock(mutex_);
    if (settle(flight, nullptr, std::move(error))) {
      ++statistics_.load_failures;
      // The frame went without an end: its context is being destroyed, and with it those who wait there.
      same_context = flight.done.waiters.take(flight.executor);
      others = std::move(flight.done.waiters);
    }
    flight.ended = true;
    running_.erase(running_.iterator_to(flight));
    families_.release(*flight.family);
    if (closing_ && running_.empty()) {
      closed_.happened = true;
      closers = std::move(closed_.waiters);
    }
  }
  resume_all(std::move(others));
  resume_all(std::move(closers));
}

/// False when the flight has its outcome already. Otherwise frees its slot; the caller takes the waiters.
bool Engine::settle(Flight& flight, std::shared_ptr<const void> value, std::exception_ptr error) noexcept {
  if (flight.done.happened) return false;
  flight.done.happened = true;
  flight.value = std::move(value);
  flight.error = std::move(error);
  forget_if_current(flight);
  return true;
}

/// The slot may belong to a newer load of the key by now.
void Engine::forget_if_current(Flight& flight) noexcept {
  const auto found = flights_.find(Probe{flight.scope, flight.key.encoded(), flight.key.hash()});
  if (found != flights_.end() && *found == &flight) flights_.erase(found);
}

// --- storing

void Engine::store(Flight& flight, std::size_t value_bytes, bool cacheable, TimePoint now, Trash& trash) {
  auto& discarded = statistics_.discarded;
  if (!cacheable) return static_cast<void>(++discarded.not_cacheable);
  if (!is_valid(flight)) return static_cast<void>(++discarded.invalidated);
  const Duration ttl = shortened(flight.rules.ttl);
  if (ttl <= Duration::zero()) return static_cast<void>(++discarded.no_ttl);
  const std::size_t cost = charge(flight.key, value_bytes);
  if (cost > options_.max_bytes || options_.max_entries == 0) return static_cast<void>(++discarded.too_large);

  auto entry = std::make_unique<Entry>(flight.key, *flight.scope, *flight.family);
  entry->type = &flight.type;
  entry->value = flight.value;
  entry->stamp = flight.stamp;
  entry->expires = ttl < TimePoint::max() - now ? now + ttl : TimePoint::max();
  entry->charge = cost;

  // Room first, so that the bounds hold at every moment; the key's own old entry never counts against it.
  const auto old = table_.find(Probe{flight.scope, flight.key.encoded(), flight.key.hash()});
  if (old != table_.end()) remove(**old, Removal::replaced, trash);
  reclaim(now, trash);
  while (statistics_.entries >= options_.max_entries || statistics_.bytes > options_.max_bytes - cost) {
    Entry& victim = policy_.victim();
    const bool expired = victim.expires <= now;
    remove(victim, !is_valid(victim) ? Removal::invalidated : expired ? Removal::expired : Removal::evicted, trash);
  }

  table_.insert(entry.get());
  ++flight.family->references;
  policy_.inserted(*entry);
  entries_.push_back(*entry.release());
  ++statistics_.entries;
  statistics_.bytes += cost;
  ++statistics_.stores;
}

/// Looks at a few entries in turn, so that dead ones which nobody asks for go without a timer and without a long pause.
void Engine::reclaim(TimePoint now, Trash& trash) noexcept {
  for (std::size_t looked = 0; looked < kReclaimedPerStore && !entries_.empty(); ++looked) {
    Entry& entry = entries_.front();
    if (!is_valid(entry)) {
      remove(entry, Removal::invalidated, trash);
    } else if (entry.expires <= now) {
      remove(entry, Removal::expired, trash);
    } else {
      entries_.splice(entries_.end(), entries_, entries_.begin());
    }
  }
}

void Engine::remove(Entry& entry, Removal why, Trash& trash) noexcept {
  switch (why) {
    case Removal::evicted: ++statistics_.evictions; break;
    case Removal::expired: ++statistics_.expirations; break;
    case Removal::invalidated: ++statistics_.invalidated_entries; break;
    case Removal::replaced: break;
  }
  table_.erase(&entry);
  policy_.removed(entry);
  entries_.erase(entries_.iterator_to(entry));
  families_.release(*entry.family);
  --statistics_.entries;
  statistics_.bytes -= entry.charge;
  trash.add(entry);
}

Duration Engine::shortened(Duration ttl) noexcept {
  ttl = std::min(ttl, options_.max_ttl);
  if (ttl <= Duration::zero() || options_.ttl_jitter == 0.0) return ttl;
  random_state_ = random_state_ * 6364136223846793005u + 1442695040888963407u;  // Knuth, MMIX
  const double part = static_cast<double>(random_state_ >> 32) / 4294967296.0;
  const double cut = static_cast<double>(ttl.count()) * options_.ttl_jitter * part;
  return ttl - Duration(static_cast<Duration::rep>(cut));
}

std::size_t Engine::charge(const Key& key, std::size_t value_bytes) noexcept {
  std::size_t segments = 0;
  for (SegmentReader reader(key.encoded()); !reader.at_end(); ++segments) static_cast<void>(reader.next());
  // The key's bytes stand in the entry, and those of its leading segments once more in the nodes of its families.
  const std::size_t overhead = kEntryBytes + 2 * key.encoded().size() + segments * kFamilyBytes;
  const std::size_t room = std::numeric_limits<std::size_t>::max() - overhead;
  return overhead + std::min(value_bytes, room);
}

// --- waiting and closing

bool Engine::happened(const Event& event) {
  const std::lock_guard lock(mutex_);
  return event.happened;
}

bool Engine::wait(Event& event, std::shared_ptr<Waiter> waiter) {
  const std::lock_guard lock(mutex_);
  if (event.happened) return false;
  event.waiters.push(std::move(waiter));
  return true;
}

bool Engine::give_up(Event& event, Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (event.happened || !waiter.self) return false;
  static_cast<void>(event.waiters.remove(waiter));  // the caller holds it
  return true;
}

Event& Engine::begin_close() {
  std::vector<std::shared_ptr<Flight>> running;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    closed_.happened = running_.empty();
    for (Flight& flight : running_) running.push_back(flight.shared_from_this());
  }
  for (auto& flight : running) {
    const auto executor = flight->executor;
    boost::asio::post(executor, [this, flight = std::move(flight)] { cancel_load(*flight); });
  }
  return closed_;
}

/// On the flight's executor, where nobody can end the load meanwhile.
void Engine::cancel_load(Flight& flight) {
  {
    const std::lock_guard lock(mutex_);
    if (flight.ended) return;
  }
  flight.cancel.emit(boost::asio::cancellation_type::terminal);
}

Statistics Engine::snapshot() const {
  const std::lock_guard lock(mutex_);
  Statistics now = statistics_;
  now.families = families_.size();
  now.flights = flights_.size();
  now.running_loads = running_.size();
  return now;
}

}  // namespace detail

Cache::Cache(CacheOptions options) : core_(detail::Core::make(std::move(options))) {}

Cache::~Cache() { static_cast<void>(core_->begin_close()); }

void Cache::clear() { core_->clear(); }

Statistics Cache::snapshot() const { return core_->snapshot(); }

std::size_t Cache::charge(const Key& key, std::size_t value_bytes) noexcept {
  return detail::Engine::charge(key, value_bytes);
}

}  // namespace watchbell::cache
