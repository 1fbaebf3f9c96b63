#include "engine.hpp"

#include "scope_data.hpp"
#include "waiting.hpp"

#include <watchbell/cache/detail/assert.hpp>
#include <watchbell/cache/errors.hpp>
#include <watchbell/cache/observer.hpp>
#include <watchbell/cache/provider.hpp>

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

namespace watchbell::cache {
namespace detail {
namespace {

/// The policy's sketch, at its largest (policy/frequency_sketch.hpp).
constexpr std::size_t kPolicyBytes = 32;
/// What one entry costs beside key, value and families: itself, its part of the table, the control block of its value,
/// and what the allocator adds, alignment included.
constexpr std::size_t kEntryBytes = sizeof(Entry) + Table::kBytesPerEntry + kPolicyBytes + 128;
/// A family's node and its slot; only the first entry of a family really costs it.
constexpr std::size_t kFamilyBytes = sizeof(Node) + 80;
/// Slots looked at for dead entries with every store, and before anything alive is evicted.
constexpr std::size_t kLookedAtPerStore = 8;
constexpr std::size_t kLookedAtPerEviction = 32;
/// Order of an entry that was removed in the present section: it has no epoch yet.
constexpr std::uint64_t kFresh = std::numeric_limits<std::uint64_t>::max();

std::string encoded_segment(std::string_view text) {
  PathBytes encoded;
  encoded.append_text(text);
  return std::string(encoded.view());
}

/// Segments joined by ':', with what could be mistaken written as %XX; for people, not injective.
std::string readable(std::string_view scope, std::string_view encoded) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string text(scope);
  for (SegmentReader segments(encoded); !segments.at_end();) {
    text += ':';
    const std::string_view segment = segments.next_text();
    for (const char c : segment) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte > 0x20 && byte != 0x7F && byte != ':' && byte != '%') {
        text += c;
      } else {
        text += '%';
        text += kHex[byte >> 4];
        text += kHex[byte & 15];
      }
    }
  }
  return text;
}

}  // namespace

std::shared_ptr<const void> Loan::share() const noexcept {
  return found_.entry == nullptr ? nullptr : static_cast<const Entry*>(found_.entry)->value;
}

LoadEnd::~LoadEnd() {
  if (load_) load_->core->ended(*load_);
}

Load::Load(std::shared_ptr<Core> owner, Node& in_scope, LoadRules load_rules, boost::asio::any_io_executor runs_on)
    : core(std::move(owner)),
      rules(load_rules),
      executor(std::move(runs_on)),
      deadline(std::chrono::steady_clock::now() + std::min<Duration>(rules.deadline, std::chrono::hours(24))),
      began(std::chrono::steady_clock::now()),
      scope(&in_scope) {}

Flight::Flight(std::shared_ptr<Load> by, Node& deepest, Key of, std::uint64_t key_hash, const std::type_info& value_type,
               std::uint64_t generation, std::uint64_t nth, std::string seen)
    : load(std::move(by)),
      key(std::move(of)),
      hash(key_hash),
      type(value_type),
      stamp(generation),
      number(nth),
      observed(std::move(seen)),
      scope(load->scope),
      family(&deepest) {}

// --- scopes

ScopeState::ScopeState(std::shared_ptr<Core> owner, std::string_view scope_name)
    : core(std::move(owner)), name(scope_name), root(&core->acquire_scope(name)), hits(&Core::hits_of(*root)) {}

ScopeState::~ScopeState() { core->release_scope(*root); }

/// The lock around every change. Entries removed under it are freed once it is given back and no reader looks at them,
/// since the destructors of values are the program's.
class Engine::Section {
 public:
  explicit Section(Engine& engine) : engine_(engine) { engine_.mutex_.lock(); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;
  ~Section() { leave(); }

  /// Gives the lock back before the end of the block.
  void leave() noexcept {
    if (left_) return;
    left_ = true;
    engine_.collect(*this);
    engine_.mutex_.unlock();
    free.clear_and_dispose([this](Entry* entry) { Entry::destroy(engine_.memory_, entry); });
    arrays.reset();
  }

  PolicyQueue<Entry> free;
  std::unique_ptr<Table::Array> arrays;

 private:
  Engine& engine_;
  bool left_ = false;
};

Engine::Engine(CacheOptions options)
    : options_([&options] {
        options.ttl_jitter = std::clamp(options.ttl_jitter, 0.0, 0.1);
        options.per_scope_share = std::clamp(options.per_scope_share, 0.0, 1.0);
        return std::move(options);
      }()),
      random_state_(hash_bytes("jitter")) {
  epoch::prepare();
}

Engine::~Engine() {
  Section section(*this);
  for (std::size_t slot = 0; slot < table_.capacity(); ++slot)
    while (Entry* const entry = table_.at(slot)) remove(*entry, Removal::invalidated);
  collect(section, true);  // whoever is pinned reads another cache: no scope of this one is left
}

Statistics& Engine::counts(const Node& scope) noexcept { return scope.scope->counted; }

Node& Engine::acquire_scope(std::string_view name) {
  const std::string segment = encoded_segment(name);
  const Section section(*this);
  Node& root = families_.acquire(families_.root(), segment);
  if (!root.scope) root.scope = std::make_unique<ScopeData>(name);
  return root;
}

void Engine::release_scope(Node& root) {
  const Section section(*this);
  families_.release(root);
}

// --- reading

/// What nearly every hit needs and nothing else; whatever is unusual is left to `look_further`, which begins anew. Few values
/// live across the call of the clock, since the instructions of a hit, and so how many of them wait for memory at once,
/// are its cost.
template <bool kGoesOnToBegin>
Found Engine::look_up(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead) {
  const Probe wanted{scope.root, key.bytes().small_view(), scope.root->hash ^ key.hash()};
  Reader* const pinned = epoch::pin_first();
  if (pinned == nullptr) [[unlikely]] return look_further<kGoesOnToBegin>(scope, key, type, refresh_ahead);
  Reader& reader = *pinned;
  Entry* const entry = table_.find_at_once(wanted);
  if (entry == nullptr) {
    epoch::unpin(reader);
    if (wanted.key.size() <= PathBytes::kSmall) [[likely]] return {};
    return look_further<kGoesOnToBegin>(scope, key, type, refresh_ahead);
  }
  if (entry->type != &type || !is_valid_in(*entry, *wanted.scope)) [[unlikely]] {
    epoch::unpin(reader);
    return look_further<kGoesOnToBegin>(scope, key, type, refresh_ahead);
  }
  // Not before the look-up: so its memory arrives meanwhile.
  const Duration left = entry->expires - now();
  if (left <= refresh_ahead) [[unlikely]] return late<kGoesOnToBegin>(scope, *entry, left, reader);
  return hit(scope, *entry, reader);
}

/// All of the look-up.
template <bool kGoesOnToBegin>
Found Engine::look_further(const ScopeState& scope, const Key& key, const std::type_info& type, Duration refresh_ahead) {
  const Probe wanted = probe(scope, key);
  Reader& reader = epoch::pin();
  Entry* const entry = table_.find(wanted);
  if (entry == nullptr) {
    epoch::unpin(reader);
    return {};
  }
  WATCHBELL_CACHE_ASSERT(*entry->type == type, "a key is read as two types");
  const Duration left = is_valid(*entry) ? entry->expires - now() : Duration::zero();
  return left > refresh_ahead ? hit(scope, *entry, reader) : late<kGoesOnToBegin>(scope, *entry, left, reader);
}

Found Engine::hit(const ScopeState& scope, Entry& entry, Reader& reader) noexcept {
  const auto uses = entry.uses.load(std::memory_order_relaxed);
  if (uses < ClockTinyLfu<Entry>::kMaxUses) entry.uses.store(static_cast<std::uint8_t>(uses + 1), std::memory_order_relaxed);
  scope.hits->add(reader);
  return {&entry, &reader};
}

/// Of an entry that is dead, or ends soon: then one reader is to load it anew. Takes the pin over.
template <bool kGoesOnToBegin>
Found Engine::late(const ScopeState& scope, Entry& entry, Duration left, Reader& reader) {
  if (left <= Duration::zero()) {
    static_cast<Engine&>(*scope.core).bury(entry, reader);
    return {};
  }
  auto state = Refresh::none;
  const bool his = kGoesOnToBegin ? entry.refresh.load() != Refresh::loads
                                  : entry.refresh.compare_exchange_strong(state, Refresh::asked);
  if (!his) return hit(scope, entry, reader);
  epoch::unpin(reader);
  return {};
}

Begun Engine::begin(const ScopeState& scope, const Key& key, const Asking& asking, const std::shared_ptr<Load>& load) {
  const Probe wanted = probe(scope, key);
  const TimePoint at = now();
  const Section section(*this);
  Entry* const entry = asking.trusts_here ? find_live(wanted, asking.type, at) : nullptr;
  bool refresh = false;
  if (entry != nullptr) {
    refresh = entry->expires - at <= load->rules.refresh_ahead && entry->refresh.load() != Refresh::loads && !closing_;
    if (!refresh) {
      scope.hits->add(epoch::this_reader());
      return {.hit = entry->value, .flight = nullptr};
    }
  }
  std::shared_ptr<Flight> older;
  if (const auto found = flights_.find(wanted); found != flights_.end()) {
    Flight& flight = **found;
    WATCHBELL_CACHE_ASSERT(flight.type == asking.type, "a key is read as two types");
    const bool valid = is_valid(flight);
    if (refresh) {  // somebody loads it; whatever comes of that, there is a value
      scope.hits->add(epoch::this_reader());
      return {.hit = entry->value, .flight = nullptr};
    }
    const bool observed_same = !asking.observed.empty() && asking.observed == flight.observed;
    const bool new_enough = asking.since != Asking::kNone && flight.number > asking.since;
    const bool will_do = new_enough || (valid && (asking.trusts_here || observed_same));
    const bool without_provider = !asking.trusts_here && asking.observed.empty();
    const bool crowded = flight.older && !flight.older->done.happened;
    // Whoever joins waits for a flight's end, and so does who may not load beside it.
    std::shared_ptr<Flight> waits_for;
    if (will_do || (!crowded && valid && without_provider)) {
      waits_for = flight.shared_from_this();
    } else if (crowded) {
      waits_for = flight.older;
    }
    if (waits_for) {
      const Load& waited = *waits_for->load;
      const bool own_coroutine = asking.thread.is_connected() && waited.thread == asking.thread;
      const bool own_thread = asking.plain_thread != nullptr && waited.plain_thread == asking.plain_thread;
      if (own_coroutine || own_thread)
        throw SelfRead("a loader of scope " + scope.name + " reads the key it is loading");
      if (!will_do) {
        const std::uint64_t since = std::min(asking.since, flights_begun_);
        return {.hit = nullptr, .flight = std::move(waits_for), .too_old = true, .since = since};
      }
      ++counts(*scope.root).joins;
      ++counts(*scope.root).misses;
      return {.hit = nullptr, .flight = std::move(waits_for)};
    }
    older = flight.shared_from_this();  // for its own waiters only
  }
  if (closing_) throw CacheClosed("the cache is closed");

  Node& family = families_.acquire_family_of(*scope.root, key);
  std::shared_ptr<Flight> flight;
  try {
    flight = std::make_shared<Flight>(load, family, key, wanted.hash, asking.type, generation_, flights_begun_ + 1,
                                      asking.observed);
    load->flights.push_back(flight);
    if (older) {
      slot_of(*older) = flight.get();
      older->older.reset();
      flight->older = std::move(older);
    } else {
      flights_.insert(flight.get());
    }
  } catch (...) {
    if (flight && !load->flights.empty() && load->flights.back() == flight) load->flights.pop_back();
    families_.release(family);
    throw;
  }
  ++flights_begun_;
  if (!load->listed) {
    load->listed = true;
    ++scope.root->references;
    running_.push_back(*load);
  }
  auto& counted = counts(*scope.root);
  ++counted.loads;
  if (refresh) {
    entry->refresh.store(Refresh::loads);
    ++counted.refreshes;
    scope.hits->add(epoch::this_reader());
    return {.hit = entry->value, .flight = std::move(flight), .must_load = true};
  }
  ++counted.misses;
  return {.hit = nullptr, .flight = std::move(flight), .must_load = true};
}

std::uint64_t Engine::last_flight() const {
  const std::lock_guard lock(mutex_);
  return flights_begun_;
}

/// An entry that is dead is removed on the way.
Entry* Engine::find_live(const Probe& wanted, const std::type_info& type, TimePoint at) {
  Entry* const entry = table_.find(wanted);
  if (entry == nullptr || remove_if_dead(*entry, at)) return nullptr;
  WATCHBELL_CACHE_ASSERT(*entry->type == type, "a key is read as two types");
  if (entry->uses.load(std::memory_order_relaxed) < ClockTinyLfu<Entry>::kMaxUses) entry->uses.fetch_add(1, std::memory_order_relaxed);
  return entry;
}

bool Engine::remove_if_dead(Entry& entry, TimePoint at) noexcept {
  if (!is_valid(entry)) {
    remove(entry, Removal::invalidated);
  } else if (entry.expires <= at) {
    remove(entry, Removal::expired);
  } else {
    return false;
  }
  return true;
}

/// A reader has met a dead entry, which may have been replaced since. Takes his pin over, and gives it back before what
/// he alone may still look at is freed.
void Engine::bury(const Entry& dead, Reader& reader) noexcept {
  const TimePoint at = now();
  const Section section(*this);
  if (Entry* const entry = table_.find({&dead.scope(), dead.key(), dead.hash})) static_cast<void>(remove_if_dead(*entry, at));
  epoch::unpin(reader);
}

// --- invalidating

void Engine::invalidate(const ScopeState& scope, const Key& key) {
  pause("invalidate.before");
  {
    const Section section(*this);
    drop_key(probe(scope, key));
    ++counts(*scope.root).key_invalidations;
  }
  pause("invalidate.after");
}

void Engine::invalidate_family(const ScopeState& scope, const Family& family) {
  pause("invalidate.before");
  {
    const Section section(*this);
    if (Node* const node = families_.find(*scope.root, family)) node->generation.store(++generation_);
    drop_key(probe(scope, family));  // the key of exactly these segments hangs one family higher
    ++counts(*scope.root).family_invalidations;
  }
  pause("invalidate.after");
}

void Engine::clear() {
  const Section section(*this);
  ++generation_;
  families_.for_each_scope([this](Node& scope) { scope.generation.store(generation_); });
  for (std::size_t slot = 0; slot < table_.capacity(); ++slot)
    while (Entry* const entry = table_.at(slot)) remove(*entry, Removal::invalidated);
}

void Engine::drop_key(const Probe& dropped) noexcept {
  if (Entry* const entry = table_.find(dropped)) remove(*entry, Removal::invalidated);
  const auto found = flights_.find(dropped);
  if (found == flights_.end()) return;
  // Both that may run: one reader trusts this process, another asked the provider and loads beside.
  for (Flight* flight = *found; flight != nullptr; flight = flight->older.get()) flight->doomed = true;
}

std::uint64_t Engine::remove_family(const ScopeState& scope, const Family& family) {
  std::uint64_t removed = 0;
  {
    const Section section(*this);
    for (std::size_t slot = 0; slot < table_.capacity(); ++slot) {
      // Removal moves later entries back into the slot.
      for (Entry* entry = table_.at(slot); entry != nullptr; entry = table_.at(slot)) {
        if (&entry->scope() != scope.root || !entry->key().starts_with(family.encoded())) break;
        remove(*entry, Removal::invalidated);
        ++removed;
      }
    }
  }
  // After counting, because it takes one entry away itself; what was stored meanwhile is dropped with the running loads.
  invalidate_family(scope, family);
  return removed;
}

// --- loading

std::shared_ptr<Load> Core::make_load(const ScopeState& scope, LoadRules rules, boost::asio::any_io_executor executor) {
  return std::make_shared<Load>(shared_from_this(), *scope.root, rules, std::move(executor));
}

void Engine::load_started(Load& load, const boost::asio::cancellation_slot& thread, const void* plain_thread) {
  {
    const std::lock_guard lock(mutex_);
    load.thread = thread;
    load.plain_thread = plain_thread;
  }
  pause("load.noted");
}

Kept Engine::finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable,
                    Duration ttl_at_most) {
  pause("load.before_store");
  WaitList waiters;
  Kept kept = Kept::refused;
  {
    const TimePoint at = now();
    const Section section(*this);
    if (!settle(flight, std::move(value), nullptr)) {
      ++counts(*flight.scope).discarded.late;
      return Kept::refused;
    }
    try {
      kept = store(flight, value_bytes, cacheable, ttl_at_most, at);
    } catch (const std::bad_alloc&) {
      ++counts(*flight.scope).discarded.no_memory;  // the readers have their value all the same
    }
    waiters = std::move(flight.done.waiters);
  }
  pause("load.before_resume");
  resume_all(std::move(waiters));
  return kept;
}

void Engine::fail(Load& load, std::exception_ptr error) { settle_all(load, error, &Statistics::load_failures); }

void Engine::time_out(Load& load, bool elsewhere) {
  settle_all(load, std::make_exception_ptr(LoadTimedOut("a load did not end within its deadline")),
             &Statistics::load_timeouts);
  if (!load.executor) return;
  if (!elsewhere) return cancel_load(load);
  boost::asio::post(load.executor, [this, late = load.shared_from_this()] { cancel_load(*late); });
}

void Engine::settle_all(Load& load, const std::exception_ptr& error, std::uint64_t Statistics::*counter) {
  std::vector<WaitList> waiters;
  {
    const Section section(*this);
    for (const auto& flight : load.flights) {
      if (!settle(*flight, nullptr, error)) continue;
      ++(counts(*load.scope).*counter);
      if (load.ending == LoadEnding::loaded)
        load.ending = counter == &Statistics::load_timeouts ? LoadEnding::timed_out : LoadEnding::failed;
      waiters.push_back(std::move(flight->done.waiters));
    }
  }
  for (auto& list : waiters) resume_all(std::move(list));
}

// Runs in destructors. Without the memory to post a handler nobody who waits would ever be told, so that is the end.
void Engine::ended(Load& load) noexcept {  // NOLINT(bugprone-exception-escape)
  WaitList others;
  WaitList same_context;
  WaitList closers;
  std::vector<std::shared_ptr<Flight>> flights;
  std::string name;
  {
    const auto error = std::make_exception_ptr(LoadAbandoned("the execution context of a load was destroyed"));
    const Section section(*this);
    load.ended = true;
    if (!load.listed) return;
    if (observer() != nullptr) name = load.scope->scope->name;
    for (const auto& flight : load.flights) {
      if (settle(*flight, nullptr, error)) {
        ++counts(*load.scope).load_failures;
        load.ending = LoadEnding::failed;
        // The frame went without an end: its context is being destroyed, and with it those who wait there.
        for (WaitList here = flight->done.waiters.take(load.executor); !here.empty();) same_context.push(here.pop());
        while (!flight->done.waiters.empty()) others.push(flight->done.waiters.pop());
      }
      families_.release(*flight->family);
    }
    flights = std::move(load.flights);
    running_.erase(running_.iterator_to(load));
    families_.release(*load.scope);
    if (closing_ && running_.empty()) {
      closed_.happened = true;
      closers = std::move(closed_.waiters);
    }
  }
  if (observer() != nullptr) observer()->load_ended(name, load.ending, std::chrono::steady_clock::now() - load.began);
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

/// The slot may belong to a newer load of the key by now; it is given back to an older one that still runs.
void Engine::forget_if_current(Flight& flight) noexcept {
  const auto found = flights_.find(probe(flight));
  if (found == flights_.end() || *found != &flight) return;
  if (flight.older && !flight.older->done.happened) {
    slot_of(flight) = flight.older.get();
  } else {
    flights_.erase(found);
  }
  flight.older.reset();
}

/// Where the table keeps the flight; flights of one key are equal to the table, so one may take another's place.
Flight*& Engine::slot_of(const Flight& flight) noexcept {
  const auto found = flights_.find(probe(flight));
  return const_cast<Flight*&>(*found);
}

// --- storing

Kept Engine::store(Flight& flight, std::size_t value_bytes, bool cacheable, Duration ttl_at_most, TimePoint at) {
  const LoadRules& rules = flight.load->rules;
  Statistics& counted = counts(*flight.scope);
  DiscardedFills& discarded = counted.discarded;
  const auto refused = [](std::uint64_t& why) {
    ++why;
    return Kept::refused;
  };
  if (!cacheable) return refused(discarded.not_cacheable);
  if (!is_valid(flight)) return refused(discarded.invalidated);
  if (!rules.keep) return Kept::refused;
  const Duration ttl = shortened(std::min(rules.ttl, ttl_at_most));
  if (ttl <= Duration::zero()) return refused(discarded.no_ttl);
  const std::size_t cost = charge(flight.key, value_bytes);
  if (cost > options_.max_bytes || options_.max_entries == 0) {
    ++discarded.too_large;
    return Kept::too_large;
  }

  const auto destroy = [this](Entry* unused) { Entry::destroy(memory_, unused); };
  std::unique_ptr<Entry, decltype(destroy)> made(Entry::make(memory_, *flight.family, flight.hash, flight.key.encoded()), destroy);
  Entry& entry = *made;
  entry.type = &flight.type;
  entry.value = flight.value;
  entry.object = entry.value.get();
  entry.stamp = flight.stamp;
  entry.expires = ttl < TimePoint::max() - at ? at + ttl : TimePoint::max();
  entry.charge = cost;
  entry.order = ++insertions_;
  table_.reserve_one([this](std::unique_ptr<Table::Array> outgrown) {
    outgrown->next_retired = std::move(limbo_.arrays);
    limbo_.arrays = std::move(outgrown);
  });

  // Room first, so that the bounds hold at every moment; the key's own old entry never counts against it.
  if (Entry* const old = table_.find(probe(flight))) remove(*old, Removal::replaced);
  look_for_dead(kLookedAtPerStore, at);
  if (!make_room(*flight.scope, cost, at)) return refused(discarded.no_room);

  static_cast<void>(made.release());
  ++flight.family->references;
  policy_.inserted(entry);
  bytes_ += cost;
  ++counted.entries;
  counted.bytes += cost;
  ++counted.stores;
  account(*flight.scope);
  table_.insert(entry);
  return Kept::stored;
}

/// Evicts until one more entry of this cost fits. False when the scope may not have more of the room than it holds.
bool Engine::make_room(Node& scope, std::size_t cost, TimePoint at) noexcept {
  const auto full = [&] { return table_.size() >= options_.max_entries || bytes_ > options_.max_bytes - cost; };
  if (full()) look_for_dead(kLookedAtPerEviction, at);
  while (full()) {
    Entry* const victim = choose_victim(scope);
    if (victim == nullptr) return false;
    if (!remove_if_dead(*victim, at)) remove(*victim, Removal::evicted);
  }
  return true;
}

/// Whoever holds more than his share gives first, as long as he is not alone.
Entry* Engine::choose_victim(Node& scope) noexcept {
  const auto anyone = [](const Entry&) { return true; };
  Node* giver = nullptr;
  for (Node* const node : over_share_)
    if (giver == nullptr || node == &scope) giver = node;
  if (giver == nullptr || counts(*giver).entries == table_.size()) return policy_.victim(anyone);
  if (Entry* const victim = policy_.victim([giver](const Entry& entry) { return &entry.scope() == giver; })) return victim;
  return giver == &scope ? nullptr : policy_.victim(anyone);
}

/// Keeps the list of those over their share.
void Engine::account(Node& scope) noexcept {
  ScopeData& data = *scope.scope;
  const auto share_of = [this](std::size_t bound) {
    return static_cast<std::size_t>(static_cast<double>(bound) * options_.per_scope_share);
  };
  const bool over = data.counted.entries > share_of(options_.max_entries) ||
                    data.counted.bytes > share_of(options_.max_bytes);
  if (over == data.over_share) return;
  if (over) {
    // Without the memory to note it, the scope keeps what it holds a little longer.
    try {
      over_share_.push_back(&scope);
    } catch (const std::bad_alloc&) {
      return;
    }
  } else {
    std::erase(over_share_, &scope);
  }
  data.over_share = over;
}

/// Looks at some slots of the table in turn, so that dead entries which nobody asks for go without a timer and without
/// a long pause. Returns how many went.
std::size_t Engine::look_for_dead(std::size_t slots, TimePoint at) noexcept {
  std::size_t removed = 0;
  for (; slots > 0 && table_.size() > 0; --slots) {
    if (cursor_ >= table_.capacity()) cursor_ = 0;
    Entry* const entry = table_.at(cursor_);
    if (entry != nullptr && remove_if_dead(*entry, at)) {
      ++removed;  // another may have moved into its slot
    } else {
      ++cursor_;
    }
  }
  return removed;
}

std::size_t Engine::sweep(std::size_t most) {
  const TimePoint at = now();
  const Section section(*this);
  return look_for_dead(std::min(most, 2 * table_.capacity()), at);
}

void Engine::remove(Entry& entry, Removal why) noexcept {
  Statistics& counted = counts(entry.scope());
  switch (why) {
    case Removal::evicted: ++counted.evictions; break;
    case Removal::expired: ++counted.expirations; break;
    case Removal::invalidated: ++counted.invalidated_entries; break;
    case Removal::replaced: break;
  }
  table_.erase(entry);
  policy_.removed(entry);
  bytes_ -= entry.charge;
  --counted.entries;
  counted.bytes -= entry.charge;
  account(entry.scope());

  entry.order = kFresh;
  limbo_.entries.push_back(entry);
}

/// Hands what no reader can see any more to the section, which frees it after the lock is given back. What an entry
/// holds of families is let go here.
void Engine::collect(Section& section, bool all) noexcept {
  if (limbo_.entries.empty() && !limbo_.arrays) return;
  const bool fresh_entries = !limbo_.entries.empty() && limbo_.entries.back().order == kFresh;
  if (fresh_entries || (limbo_.arrays && limbo_.arrays->epoch == 0)) {
    const std::uint64_t now = epoch::retire();
    for (auto entry = limbo_.entries.rbegin(); entry != limbo_.entries.rend() && entry->order == kFresh; ++entry)
      entry->order = now;
    for (auto* array = limbo_.arrays.get(); array != nullptr && array->epoch == 0; array = array->next_retired.get())
      array->epoch = now;
  }
  const std::uint64_t first = !limbo_.entries.empty() ? limbo_.entries.front().order : limbo_.arrays->epoch;
  const std::uint64_t oldest = all ? std::numeric_limits<std::uint64_t>::max() : epoch::oldest_pinned(first);
  while (!limbo_.entries.empty() && limbo_.entries.front().order < oldest) {
    Entry& entry = limbo_.entries.front();
    limbo_.entries.pop_front();
    families_.release(*entry.family);
    section.free.push_back(entry);
  }
  if (limbo_.arrays && limbo_.arrays->epoch < oldest) section.arrays = std::move(limbo_.arrays);
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
  std::vector<std::shared_ptr<Load>> running;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    closed_.happened = running_.empty();
    for (Load& load : running_)
      if (load.executor) running.push_back(load.shared_from_this());
  }
  for (auto& load : running) {
    const auto executor = load->executor;
    boost::asio::post(executor, [this, load = std::move(load)] { cancel_load(*load); });
  }
  return closed_;
}

/// On the load's executor, where nobody can end it meanwhile.
void Engine::cancel_load(Load& load) {
  {
    const std::lock_guard lock(mutex_);
    if (load.ended) return;
  }
  load.cancel.emit(boost::asio::cancellation_type::terminal);
}

// --- looking from outside

Statistics Engine::counted(const Node& scope) const {
  Statistics counted = scope.scope->counted;
  counted.hits = scope.scope->hits.sum();
  return counted;
}

Statistics Engine::snapshot() const {
  const std::lock_guard lock(mutex_);
  Statistics all = families_.departed();
  families_.for_each_scope([&](const Node& scope) { all += counted(scope); });
  all.families = families_.size();
  all.flights = flights_.size();
  all.running_loads = running_.size();
  all.awaiting_release = limbo_.entries.size();
  return all;
}

Statistics Engine::snapshot(const ScopeState& scope) const {
  const std::lock_guard lock(mutex_);
  return counted(*scope.root);
}

std::vector<ScopeStatistics> Engine::scopes() const {
  const std::lock_guard lock(mutex_);
  std::vector<ScopeStatistics> all;
  families_.for_each_scope([&](const Node& scope) { all.push_back({scope.scope->name, counted(scope)}); });
  return all;
}

EntryPage Engine::list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order) const {
  struct Listed {
    std::uint64_t rank;
    std::uint64_t inserted;
    const Entry* entry;
  };
  EntryPage page;
  page.supported = true;
  const TimePoint at = now();
  const std::lock_guard lock(mutex_);
  std::vector<Listed> all;
  all.reserve(table_.size());
  for (std::size_t slot = 0; slot < table_.capacity(); ++slot)
    if (const Entry* const entry = table_.at(slot))
      all.push_back({order == EntryOrder::biggest ? entry->charge : entry->order, entry->order, entry});
  page.total = all.size();
  if (offset >= all.size()) return page;
  const auto first = static_cast<std::ptrdiff_t>(offset);
  const auto last = first + static_cast<std::ptrdiff_t>(std::min<std::uint64_t>(limit, all.size() - offset));
  std::partial_sort(all.begin(), all.begin() + last, all.end(), [](const Listed& a, const Listed& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.inserted > b.inserted;
  });
  for (auto item = all.begin() + first; item != all.begin() + last; ++item)
    page.items.push_back({readable(item->entry->scope().scope->name, item->entry->key()), item->entry->charge,
                          std::max(item->entry->expires - at, Duration::zero())});
  page.has_more = static_cast<std::size_t>(last) < all.size();
  return page;
}

// --- the face of it: calls that are not virtual, since there is one engine

std::shared_ptr<Core> Core::make(CacheOptions options) { return std::make_shared<Engine>(std::move(options)); }

namespace {
Engine& engine(Core& core) noexcept { return static_cast<Engine&>(core); }
const Engine& engine(const Core& core) noexcept { return static_cast<const Engine&>(core); }
}  // namespace

Node& Core::acquire_scope(std::string_view name) { return engine(*this).acquire_scope(name); }
void Core::release_scope(Node& root) { engine(*this).release_scope(root); }
StripedCounter& Core::hits_of(Node& root) noexcept { return root.scope->hits; }
// Flat, so that there is no call within a call on the way of a hit.
[[gnu::flatten]] Found Core::look_up(const ScopeState& scope, const Key& key, const std::type_info& type,
                                     Duration refresh_ahead) noexcept {
  return engine(*this).look_up<false>(scope, key, type, refresh_ahead);
}
[[gnu::flatten]] Found Core::look_up_or_begin(const ScopeState& scope, const Key& key, const std::type_info& type,
                                              Duration refresh_ahead) noexcept {
  return engine(*this).look_up<true>(scope, key, type, refresh_ahead);
}
Begun Core::begin(const ScopeState& scope, const Key& key, const Asking& asking, const std::shared_ptr<Load>& load) {
  return engine(*this).begin(scope, key, asking, load);
}
std::uint64_t Core::last_flight() const { return engine(*this).last_flight(); }
void Core::invalidate(const ScopeState& scope, const Key& key) { engine(*this).invalidate(scope, key); }
void Core::invalidate_family(const ScopeState& scope, const Family& family) {
  engine(*this).invalidate_family(scope, family);
}
void Core::clear() { engine(*this).clear(); }
void Core::load_started(Load& load, const boost::asio::cancellation_slot& thread, const void* plain_thread) {
  engine(*this).load_started(load, thread, plain_thread);
}
Kept Core::finish(Flight& flight, std::shared_ptr<const void> value, std::size_t value_bytes, bool cacheable,
                  Duration ttl_at_most) {
  return engine(*this).finish(flight, std::move(value), value_bytes, cacheable, ttl_at_most);
}
void Core::fail(Load& load, std::exception_ptr error) { engine(*this).fail(load, std::move(error)); }
void Core::time_out(Load& load) { engine(*this).time_out(load, false); }
void Core::time_out_elsewhere(Load& load) { engine(*this).time_out(load, true); }
void Core::ended(Load& load) noexcept { engine(*this).ended(load); }
bool Core::happened(const Event& event) { return engine(*this).happened(event); }
bool Core::wait(Event& event, std::shared_ptr<Waiter> waiter) { return engine(*this).wait(event, std::move(waiter)); }
bool Core::give_up(Event& event, Waiter& waiter) { return engine(*this).give_up(event, waiter); }
Event& Core::begin_close() { return engine(*this).begin_close(); }
std::size_t Core::sweep(std::size_t most) { return engine(*this).sweep(most); }
Statistics Core::snapshot() const { return engine(*this).snapshot(); }
Statistics Core::snapshot(const ScopeState& scope) const { return engine(*this).snapshot(scope); }
std::vector<ScopeStatistics> Core::scopes() const { return engine(*this).scopes(); }
EntryPage Core::list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order) const {
  return engine(*this).list_entries(offset, limit, order);
}
std::uint64_t Core::remove_family(const ScopeState& scope, const Family& family) {
  return engine(*this).remove_family(scope, family);
}
Observer* Core::observer() const noexcept { return engine(*this).observer(); }
TimePoint Core::now() const { return engine(*this).now(); }

}  // namespace detail

Cache::Cache(CacheOptions options) : core_(detail::Core::make(std::move(options))) {}

Cache::~Cache() { static_cast<void>(core_->begin_close()); }

void Cache::clear() { core_->clear(); }

std::size_t Cache::sweep(std::size_t most) { return core_->sweep(most); }

Statistics Cache::snapshot() const { return core_->snapshot(); }

std::vector<ScopeStatistics> Cache::scopes() const { return core_->scopes(); }

EntryPage Cache::list_entries(std::uint64_t offset, std::uint64_t limit, EntryOrder order) const {
  return core_->list_entries(offset, limit, order);
}

std::size_t Cache::charge(const Key& key, std::size_t value_bytes) noexcept {
  return detail::Engine::charge(key, value_bytes);
}

}  // namespace watchbell::cache
