#include "runtime/coherence/cluster.hpp"

#include <algorithm>

#include <boost/asio/associated_cancellation_slot.hpp>

#include "async/backoff.hpp"
#include "runtime/coherence/target.hpp"

namespace watchbell::coherence {
namespace {

// Messages: a word and what belongs to it, a line end, and a body.
constexpr std::string_view kDrop = "drop";  // INTENT, its targets
constexpr std::string_view kRead = "read";  // INTENT, whose targets stand in its row alone
constexpr std::string_view kDone = "done";  // MEMBER INTENT
constexpr std::string_view kTell = "tell";  // TOPIC, what the caller says

constexpr std::chrono::milliseconds kSameClock{5};  // less apart is as good as together
constexpr std::uint64_t kRenewalsAClock = 10;
constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{1000};
// What is longer is read by those who hear of it: one row instead of many messages.
constexpr std::size_t kMostOfValue = 6000;

std::string_view take_word(std::string_view& line) {
  const auto blank = line.find(' ');
  const auto word = line.substr(0, blank);
  line = blank == std::string_view::npos ? std::string_view() : line.substr(blank + 1);
  return word;
}

/// What does not read may mean anything.
void drop(Memory& memory, std::string_view text) {
  const auto targets = targets_from(memory, text);
  if (!targets) return memory.clear();
  for (const auto& target : *targets) target.apply();
}

}  // namespace

/// A change that waits for the others.
struct Cluster::Waiting {
  Waiting(Cluster& c, IntentId i, std::string t) : cluster(c), id(i), targets(std::move(t)), changed(c.wheel_.executor()) { cluster.waiting_.emplace(id, this); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() {
    cluster.waiting_.erase(id);
    release();
  }
  /// Lets the caller go on.
  void release() {
    if (const auto go = std::exchange(resume, nullptr)) go();
  }

  Cluster& cluster;
  const IntentId id;
  std::string targets;
  std::map<MemberId, std::int64_t> left;  // with the number each was first seen with
  std::set<MemberId> acknowledged;
  bool counted = false;          // left is known
  std::uint64_t counted_at = 0;  // the last look that was begun by then
  async::Event changed;
  std::function<void()> resume;
};

Cluster::Cluster(async::TimerWheel& wheel, sql::Database& database, bus::Bus& bus, Memory& memory, async::TaskScope::OnFault on_fault, Options options)
    : wheel_(wheel),
      clock_(wheel.clock()),
      database_(database),
      bus_(bus),
      memory_(memory),
      options_(std::move(options)),
      process_(ProcessId::make(clock_.now())),
      random_(static_cast<std::uint64_t>(clock_.monotonic().time_since_epoch().count())),
      outgoing_(process_.to_string(), bus.most_bytes()),
      changed_(wheel.executor()),
      scope_(wheel.executor(), std::move(on_fault)) {
  if (is_on("lease")) memory_.lease.bind(clock_);
}

Cluster::~Cluster() = default;

void Cluster::listen(std::string topic, Listener listener) {
  const bool first = listeners_.emplace(std::move(topic), std::move(listener)).second;
  WATCHBELL_ASSERT(first);
}

void Cluster::tell_lost() {
  for (const auto& [topic, listener] : listeners_) listener.lost();
}

void Cluster::start() {
  bus_.start({.on_up =
                  [this] {
                    up_ = true;
                    ++connection_;
                    incoming_.reset();
                    if (connection_ > 1) tell_lost();
                    changed_.notify_all();
                  },
              .on_message = [this](std::string_view frame) { hear(frame); },
              .on_down =
                  [this] {
                    up_ = false;
                    memory_.lease.end();
                    changed_.notify_all();
                  }});
  scope_.spawn("coherence.member", belong());
}

awaitable<void> Cluster::stop() {
  WATCHBELL_ASSERT_ON_LOOP();
  stopping_ = true;
  memory_.lease.end();
  changed_.notify_all();
  co_await scope_.stop();
  if (me_ || !settled_.empty())
    co_await ask(
        [me = me_, settled = settled_](sql::Session& session) {
          for (const auto& intent : settled) store::remove(session, intent);
          if (me) store::leave(session, *me);
          return true;
        },
        sql::Isolation::each_statement);
  settled_.clear();
  me_.reset();
  co_await bus_.stop();
}

template <class F, class R>
awaitable<std::optional<R>> Cluster::ask(F f, sql::Isolation isolation) {
  try {
    auto answer = co_await database_.write(std::move(f), isolation);
    if (answer) co_return std::move(*answer);
  } catch (const sql::Fault&) {  // away, or too busy: whoever asks tries again, and until then nobody serves from memory for longer than his lease
  }
  co_return std::nullopt;
}

// Membership.

awaitable<void> Cluster::belong() {
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (true) {
    while (!up_) co_await changed_.wait();
    co_await compare_clocks();
    const auto connection = connection_;
    const auto me = MemberId::make(clock_.now());
    me_ = me;  // from when its row is there it is waited for
    const auto sent = clock_.boot();
    const auto joined = co_await ask([me, process = process_, now = clock_.now()](sql::Session& session) { return store::join(session, me, process, now), true; },
                                     sql::Isolation::each_statement);
    if (joined && up_ && connection == connection_) {
      // Not before its row is there: what is loaded from here on began when others already waited for us.
      if (is_on("empty")) drop_everything();
      ++statistics_.joins;
      backoff = async::Backoff(kFirstRetry, kLastRetry);
      memory_.lease.extend(sent + options_.lease);
      co_await renew_while_up(me, connection);
    }
    // In this order: a row that is gone is not waited for.
    memory_.lease.end();
    const auto left = co_await ask([me](sql::Session& session) { return store::leave(session, me), true; }, sql::Isolation::each_statement);
    if (left) me_.reset();
    if (!joined || !left) co_await wheel_.sleep(backoff.next(random_));
  }
}

// A round trip may have gone wholly on either way, so what is within it is no difference.
awaitable<void> Cluster::compare_clocks() {
  if (!options_.on_ahead) co_return;
  const auto began = clock_.monotonic();
  const auto before = clock_.now();
  const auto there = co_await ask([](sql::Session& session) { return store::now_there(session); }, sql::Isolation::each_statement);
  if (!there || !*there) co_return;
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(clock_.monotonic() - began);
  const auto ahead = **there - (before + took / 2);
  if (std::chrono::abs(ahead) > took + kSameClock) options_.on_ahead(ahead);
}

void Cluster::drop_everything() { memory_.clear(); }

awaitable<void> Cluster::renew_while_up(MemberId me, std::uint64_t connection) {
  std::int64_t known = store::kFirstLease;
  const auto still = [&] { return up_ && connection == connection_; };
  auto next = clock_.boot() + options_.renew_every;
  while (true) {
    async::Timer due([this] { changed_.notify_all(); });
    while (still() && clock_.boot() < next) {
      wheel_.arm(due, next - clock_.boot());
      co_await changed_.wait();
    }
    if (!still()) co_return;
    const auto sent = clock_.boot();
    next = sent + options_.renew_every;
    const auto look = ++looks_;
    auto renewed = co_await ask(
        [me, known, &memory = memory_, process = process_, scan = is_on("scan"), applied = std::vector<IntentId>(applied_.begin(), applied_.end())](sql::Session& session) {
          Renewed result;
          if (scan) result.intents = store::open_intents(session, process, applied);
          // Before the number that says so is written. The cache may be used from any thread.
          for (const auto& intent : result.intents) drop(memory, intent.targets);
          result.kept = store::renew(session, me, known);
          result.members = store::members(session);
          return result;
        },
        sql::Isolation::each_statement);  // a process that is stopped in between holds nothing locked
    if (!renewed) {
      next = std::min(next, clock_.boot() + kFirstRetry);
      continue;
    }
    if (!renewed->kept && is_on("fence")) co_return;
    // It was over before this renewal: some reader may have been let past it since, and others may have stopped to wait for us.
    if (is_on("lease") && !memory_.lease.holds()) co_return;
    ++known;
    if (still()) memory_.lease.extend(sent + options_.lease);
    std::set<IntentId> open;
    for (const auto& intent : renewed->intents) {
      open.insert(intent.id);
      if (!applied_.contains(intent.id)) acknowledge(intent.id);
    }
    applied_ = std::move(open);
    observe(renewed->members, look);
    adopt(*renewed);
    if (static_cast<std::uint64_t>(known) % kRenewalsAClock == 0) scope_.spawn("coherence.clock", compare_clocks());
    for (const auto& [id, peer] : peers_)
      if (peer.member.process != process_ && clock_.boot() - peer.since >= options_.lease + options_.margin) scope_.spawn("coherence.fence", fence_dead(peer.member));
  }
}

void Cluster::adopt(const Renewed& renewed) {
  const auto before = statistics_.adopted;
  for (const auto& intent : renewed.intents) {
    const bool lives = std::ranges::any_of(renewed.members, [&](const Member& member) { return member.process == intent.process; });
    if (lives || waiting_.contains(intent.id)) continue;
    ++statistics_.adopted;
    settle_later(intent.id, intent.targets);
  }
  // Whatever else their process had to say about these changes, nobody may ever hear.
  if (statistics_.adopted != before) tell_lost();
}

// Changes.

IntentId Cluster::record(sql::Session& session, std::string_view targets, Timestamp now) const {
  const auto id = IntentId::make(now);
  store::add(session, id, process_, targets, now);
  return id;
}

std::shared_ptr<Cluster::Waiting> Cluster::begin(IntentId intent, std::string targets) {
  return std::make_shared<Waiting>(*this, intent, std::move(targets));
}

void Cluster::settle_later(IntentId intent, std::string targets) {
  auto waiting = begin(intent, std::move(targets));
  scope_.spawn("coherence.settle", carry(std::move(waiting)));
}

void Cluster::settle_doubtful(IntentId intent, std::string targets) { scope_.spawn("coherence.doubt", decide_and_carry(begin(intent, std::move(targets)))); }

awaitable<void> Cluster::decide_and_carry(std::shared_ptr<Waiting> waiting) {
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (!co_await ask(
      [id = waiting->id, process = process_, targets = waiting->targets, now = clock_.now()](sql::Session& session) {
        return store::decide(session, id, process, targets, now), true;
      },
      sql::Isolation::each_statement))
    co_await wheel_.sleep(backoff.next(random_));
  drop(memory_, waiting->targets);
  co_await carry(std::move(waiting));
}

awaitable<void> Cluster::settle(IntentId intent, std::string targets) {
  if (stopping_ || !is_on("wait")) co_return;
  // No cancellation slot: whatever becomes of the caller, he is not answered before.
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>, void()>(
      [this, intent, &targets](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        auto waiting = begin(intent, std::move(targets));
        waiting->resume = [shared, executor = wheel_.executor()] { asio::post(executor, [shared] { std::move (*shared)(); }); };
        scope_.spawn("coherence.settle", carry(std::move(waiting)));
      },
      use_awaitable);
}

awaitable<void> Cluster::carry(std::shared_ptr<Waiting> waiting) {
  co_await await_others(*waiting);
  ++statistics_.settled;
  settled_.insert(waiting->id);
  waiting->release();
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (!co_await ask([id = waiting->id](sql::Session& session) { return store::remove(session, id), true; }, sql::Isolation::each_statement))
    co_await wheel_.sleep(backoff.next(random_));
  settled_.erase(waiting->id);
}

awaitable<void> Cluster::await_others(Waiting& waiting) {
  async::Backoff backoff(kFirstRetry, kLastRetry);
  while (!waiting.counted) {
    const auto look = ++looks_;
    const auto members = co_await read_members();
    if (!members) {
      co_await wheel_.sleep(backoff.next(random_));
      continue;
    }
    observe(*members, look);
    for (const auto& member : *members)
      if (member.process != process_ && !waiting.acknowledged.contains(member.id)) waiting.left.emplace(member.id, member.lease_no);
    waiting.counted = true;
    waiting.counted_at = looks_;
  }
  if (waiting.left.empty()) co_return;
  statistics_.waited_for += waiting.left.size();
  const auto id = waiting.id.to_string();
  // What was taken over may stand in its row alone.
  const bool by_value = !waiting.targets.empty() && waiting.targets.size() <= kMostOfValue;
  for (const auto& frame : outgoing_.frames(fmt::format("{} {}\n{}", by_value ? kDrop : kRead, id, by_value ? waiting.targets : std::string()))) bus_.publish(frame);
  backoff = async::Backoff(kFirstRetry, kLastRetry);
  while (!waiting.left.empty()) {
    // As a rule an acknowledgement ends this. Else it looks how they stand: as often as they renew, and when the first of them has stood still for too long.
    auto next = clock_.boot() + options_.renew_every;
    for (const auto& [member, number] : waiting.left)
      if (const auto peer = peers_.find(member); peer != peers_.end()) next = std::min(next, peer->second.since + options_.lease + options_.margin);
    async::Timer due([&waiting] { waiting.changed.notify_all(); });
    wheel_.arm(due, next - clock_.boot());
    co_await waiting.changed.wait();
    if (waiting.left.empty() || clock_.boot() < next) continue;
    if (!co_await look()) {
      co_await wheel_.sleep(backoff.next(random_));
      continue;
    }
    co_await fence_still_ones(waiting);
  }
}

awaitable<void> Cluster::fence_still_ones(const Waiting& waiting) {
  std::vector<Member> still;
  for (const auto& [member, number] : waiting.left) {
    const auto peer = peers_.find(member);
    if (peer != peers_.end() && clock_.boot() - peer->second.since >= options_.lease + options_.margin) still.push_back(peer->second.member);
  }
  for (const auto& member : still) co_await fence(member);
}

awaitable<bool> Cluster::fence(Member member) {
  // A number that has moved means that it lives: then it is waited for on.
  const auto fenced = co_await ask([member](sql::Session& session) { return store::fence(session, member.id, member.lease_no); }, sql::Isolation::each_statement);
  if (!fenced || !*fenced) co_return false;
  ++statistics_.fenced;
  gone(member.id);
  co_return true;
}

awaitable<void> Cluster::fence_dead(Member member) {
  if (!fencing_.insert(member.id).second) co_return;
  struct Done {
    std::set<MemberId>& of;
    MemberId id;
    ~Done() { of.erase(id); }
  } const done{fencing_, member.id};
  co_await fence(member);
}

void Cluster::gone(const MemberId& member) {
  peers_.erase(member);
  for (auto& [id, waiting] : waiting_)
    if (waiting->left.erase(member) > 0 && waiting->left.empty()) waiting->changed.notify_all();
}

awaitable<std::optional<std::vector<Member>>> Cluster::read_members() {
  return ask([](sql::Session& session) { return store::members(session); }, sql::Isolation::each_statement);
}

awaitable<bool> Cluster::look() {
  const auto number = ++looks_;
  const auto members = co_await read_members();
  if (members) observe(*members, number);
  co_return members.has_value();
}

void Cluster::observe(const std::vector<Member>& members, std::uint64_t look) {
  const auto now = clock_.boot();
  if (look > last_look_) {
    last_look_ = look;
    std::map<MemberId, Peer> peers;
    for (const auto& member : members) {
      const auto known = peers_.find(member.id);
      const bool stood = known != peers_.end() && known->second.member.lease_no == member.lease_no;
      peers.emplace(member.id, Peer{.member = member, .since = stood ? known->second.since : now});
    }
    peers_ = std::move(peers);
  }
  for (auto& [id, waiting] : waiting_) {
    // Only what was read after it knew whom it waits for says that somebody is gone.
    if (!waiting->counted || look <= waiting->counted_at) continue;
    const auto before = waiting->left.size();
    std::erase_if(waiting->left, [&](const auto& left) {
      const auto it = std::ranges::find(members, left.first, &Member::id);
      return it == members.end() || it->lease_no >= left.second + 2;
    });
    if (waiting->left.empty() && before > 0) waiting->changed.notify_all();
  }
}

std::vector<Member> Cluster::others() const {
  std::vector<Member> found;
  for (const auto& [id, peer] : peers_)
    if (peer.member.process != process_) found.push_back(peer.member);
  return found;
}

// What is said.

void Cluster::tell(std::string_view topic, std::string_view what) {
  std::string message(kTell);
  message.append(1, ' ').append(topic).append(1, '\n').append(what);
  for (auto& frame : outgoing_.frames(message)) bus_.publish(std::move(frame));
}

void Cluster::acknowledge(const IntentId& intent) {
  if (!me_) return;
  for (auto& frame : outgoing_.frames(fmt::format("{} {} {}\n", kDone, *me_, intent))) bus_.publish(std::move(frame));
}

void Cluster::hear(std::string_view frame) {
  const auto heard = incoming_.take(frame);
  if (heard.sender == process_.to_string()) return;
  if (heard.gap) {
    ++statistics_.gaps;
    drop_everything();
    tell_lost();
  }
  if (!heard.message) return;
  const std::string_view message = *heard.message;
  const auto end = message.find('\n');
  if (end == std::string_view::npos) return drop_everything();
  auto line = message.substr(0, end);
  const auto body = message.substr(end + 1);
  const auto word = take_word(line);
  if (word == kTell) {
    if (const auto listener = listeners_.find(line); listener != listeners_.end()) listener->second.heard(body);
  } else if (word == kDrop) {
    hear_drop(line, body);
  } else if (word == kRead) {
    if (const auto intent = IntentId::parse(line)) scope_.spawn("coherence.read", read_and_acknowledge(*intent));
    else drop_everything();
  } else if (word == kDone) {
    const auto member = take_word(line);
    hear_acknowledgement(member, line);
  } else {
    drop_everything();  // of a version that knows more than this one
  }
}

void Cluster::hear_drop(std::string_view intent, std::string_view targets) {
  const auto id = IntentId::parse(intent);
  drop(memory_, targets);
  if (id) acknowledge(*id);
}

void Cluster::hear_acknowledgement(std::string_view member, std::string_view intent) {
  const auto who = MemberId::parse(member);
  const auto what = IntentId::parse(intent);
  if (!who || !what) return;
  const auto it = waiting_.find(*what);
  if (it == waiting_.end()) return;
  Waiting& waiting = *it->second;
  waiting.acknowledged.insert(*who);
  if (waiting.left.erase(*who) > 0 && waiting.left.empty()) waiting.changed.notify_all();
}

awaitable<void> Cluster::read_and_acknowledge(IntentId intent) {
  const auto read = co_await ask(
      [intent, &memory = memory_](sql::Session& session) {
        drop(memory, store::targets_of(session, intent));
        return true;
      },
      sql::Isolation::each_statement);
  if (read) acknowledge(intent);  // else the next renewal finds it
}

}  // namespace watchbell::coherence
