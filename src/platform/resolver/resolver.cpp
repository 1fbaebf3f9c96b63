#include "platform/resolver/resolver.hpp"

#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "async/event.hpp"
#include "async/loop.hpp"
#include "base/text.hpp"

namespace watchbell::net {
namespace {

/// The one spelling of a name: lower case, no dot at the end. Nothing when it cannot be a name.
std::optional<std::string> normal_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return std::nullopt;
  for (const char c : host)
    if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f || c == '/' || c == '%') return std::nullopt;
  return ascii_lower(host);
}

}  // namespace

/// What a thread may still touch when the Resolver is gone.
struct Resolver::Shared {
  struct Finished {
    std::string name;
    Result<std::vector<Address>> result;
  };
  LookUp look_up;
  std::size_t max_threads = 1;

  std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::string> queue;
  std::vector<Finished> finished;
  std::function<void()> wake;  // posts collect() to the loop; called under the mutex, and never once stopping
  std::size_t threads = 0;
  std::size_t busy = 0;
  bool woken = false;
  bool stopping = false;
};

struct Resolver::Waiter : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  explicit Waiter(Executor executor) : event(executor) {}
  void answer(Result<std::vector<Address>> with) {
    unlink();
    result.emplace(std::move(with));
    event.notify_all();
  }
  std::optional<Result<std::vector<Address>>> result;
  async::Event event;
};

struct Resolver::Name {
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>> waiters;
  std::size_t look_ups = 0;  // queued or running
  Monotonic begun;           // the youngest of them
};

Resolver::Resolver(Executor executor, async::TimerWheel& wheel, Options options) : Resolver(executor, wheel, options, system_look_up) {}

Resolver::Resolver(Executor executor, async::TimerWheel& wheel, Options options, LookUp look_up)
    : executor_(executor), wheel_(wheel), options_(options), shared_(std::make_shared<Shared>()) {
  shared_->look_up = std::move(look_up);
  shared_->max_threads = std::max<std::size_t>(1, options_.threads);
  // The handler may run after the Resolver is gone; shared_ is gone from the Resolver then too, and expired() says so on the loop itself.
  shared_->wake = [this, executor, alive = std::weak_ptr(shared_)] {
    asio::post(executor, [this, alive] {
      const auto shared = alive.lock();
      if (!shared) return;
      {
        const std::lock_guard lock(shared->mutex);
        if (shared->stopping) return;
      }
      collect();
    });
  };
}

Resolver::~Resolver() {
  for (const auto& [name, state] : names_) WATCHBELL_ASSERT(state->waiters.empty());
  close();
}

void Resolver::close() {
  if (closed_) return;
  closed_ = true;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->queue.clear();
    shared_->finished.clear();
  }
  shared_->ready.notify_all();
  for (auto& [name, state] : names_)
    while (!state->waiters.empty()) state->waiters.front().answer(fail(ErrorCode::unavailable, "name look-up is shutting down"));
  names_.clear();
}

std::size_t Resolver::busy_threads() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->busy;
}

void Resolver::work(std::shared_ptr<Shared> shared) {
  ::pthread_setname_np(::pthread_self(), "resolver");
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->ready.wait(lock, [&] { return shared->stopping || !shared->queue.empty(); });
    if (shared->stopping) return;
    std::string name = std::move(shared->queue.front());
    shared->queue.pop_front();
    ++shared->busy;
    lock.unlock();
    Result<std::vector<Address>> result;
    try {
      result = shared->look_up(name);
    } catch (const std::exception& fault) {  // the boundary of a thread: an exception leaving it would end the process
      result = fail(ErrorCode::unavailable, "looking up {} failed: {}", name, fault.what());
    }
    lock.lock();
    --shared->busy;
    if (shared->stopping) return;
    shared->finished.push_back({std::move(name), std::move(result)});
    if (!shared->woken) {
      shared->woken = true;
      shared->wake();
    }
  }
}

bool Resolver::enqueue(const std::string& name) {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->queue.size() >= options_.max_queued) return false;
  if (shared_->threads <= shared_->busy + shared_->queue.size() && shared_->threads < shared_->max_threads) {
    try {
      std::thread(work, shared_).detach();
      ++shared_->threads;
    } catch (const std::system_error&) {  // no more threads to be had: those there are have to do
      if (shared_->threads == 0) return false;
    }
  }
  shared_->queue.push_back(name);
  shared_->ready.notify_one();
  return true;
}

bool Resolver::is_queued(const std::string& name) const {
  const std::lock_guard lock(shared_->mutex);
  return std::ranges::find(shared_->queue, name) != shared_->queue.end();
}

/// Makes sure that a look-up of the name is under way; false when there is no room for it.
bool Resolver::begin(const std::string& name, Name& state) {
  const auto now = wheel_.clock().monotonic();
  if (state.look_ups > 0) {
    // A look-up that runs for long has likely lost its packet or its server. A second try is worth a thread; a name that just hangs is not
    // worth all of them.
    const std::size_t share = std::max<std::size_t>(1, options_.threads / 2);
    if (now - state.begun < options_.join_for || state.look_ups >= share || is_queued(name)) return true;
    if (!enqueue(name)) return true;
  } else if (!enqueue(name)) {
    return false;
  }
  ++state.look_ups;
  state.begun = now;
  return true;
}

/// The waiter goes without its answer. Nobody needs a look-up then that has not begun.
void Resolver::leave(const std::string& name, Waiter& waiter) {
  waiter.unlink();
  const auto it = names_.find(name);
  if (it == names_.end() || !it->second->waiters.empty()) return;
  {
    const std::lock_guard lock(shared_->mutex);
    it->second->look_ups -= std::erase(shared_->queue, name);
  }
  if (it->second->look_ups == 0) names_.erase(it);
}

awaitable<Result<std::vector<Address>>> Resolver::resolve(std::string host, std::chrono::milliseconds deadline) {
  WATCHBELL_ASSERT_ON_LOOP();
  if (auto at_once = known(host)) co_return std::move(*at_once);
  const auto name = normal_name(host);
  if (!name) co_return fail(ErrorCode::bad_request, "this is not a host name");
  if (closed_) co_return fail(ErrorCode::unavailable, "name look-up is shutting down");
  const auto [it, fresh] = names_.try_emplace(*name);
  if (fresh) it->second = std::make_unique<Name>();
  if (!begin(*name, *it->second)) {
    names_.erase(it);
    co_return fail(ErrorCode::unavailable, "too many name look-ups are waiting");
  }

  Waiter waiter(executor_);
  it->second->waiters.push_back(waiter);
  struct Leave {
    Resolver& resolver;
    const std::string& name;
    Waiter& waiter;
    ~Leave() {
      if (waiter.is_linked()) resolver.leave(name, waiter);
    }
  } const left{*this, *name, waiter};
  async::Timer timer([&] {
    leave(*name, waiter);
    waiter.answer(fail(ErrorCode::timeout, "looking up {} took longer than {} ms", *name, deadline.count()));
  });
  wheel_.arm(timer, deadline);
  // The threads do not count as work of the loop; whoever waits for them does.
  const auto work = asio::make_work_guard(executor_);
  while (!waiter.result) co_await waiter.event.wait();
  co_return std::move(*waiter.result);
}

std::optional<std::vector<Address>> Resolver::known(std::string_view host) const {
  if (const auto literal = Address::parse(host)) return std::vector{*literal};
  const auto name = normal_name(host);
  if (!name) return std::nullopt;
  const auto it = kept_.find(*name);
  if (it == kept_.end() || it->second.until <= wheel_.clock().monotonic()) return std::nullopt;
  return it->second.addresses;
}

void Resolver::collect() {
  std::vector<Shared::Finished> finished;
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->woken = false;
    finished.swap(shared_->finished);
  }
  for (auto& each : finished) finish(each.name, std::move(each.result));
}

void Resolver::finish(const std::string& name, Result<std::vector<Address>> result) {
  if (result && result->empty()) result = fail(ErrorCode::not_found, "{} has no address", name);
  if (result) {
    if (result->size() > kMaxAddresses) result->resize(kMaxAddresses);
    keep(name, *result);
  }
  const auto it = names_.find(name);
  if (it == names_.end()) return;
  Name& state = *it->second;
  --state.look_ups;
  // A late failure of a look-up that hung says nothing while a younger one is under way.
  if (result || state.look_ups == 0)
    while (!state.waiters.empty()) state.waiters.front().answer(result);
  if (state.look_ups == 0) names_.erase(it);
}

void Resolver::keep(const std::string& name, const std::vector<Address>& addresses) {
  if (options_.keep.count() <= 0 || options_.max_kept == 0) return;
  const auto now = wheel_.clock().monotonic();
  if (kept_.size() >= options_.max_kept) {
    std::erase_if(kept_, [&](const auto& entry) { return entry.second.until <= now; });
    // All still good: which goes matters little for the seconds they live.
    if (kept_.size() >= options_.max_kept) kept_.clear();
  }
  kept_.insert_or_assign(name, Kept{addresses, now + options_.keep});
}

Result<std::vector<Address>> system_look_up(const std::string& name) {
  ::addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ::addrinfo* list = nullptr;
  const int code = ::getaddrinfo(name.c_str(), nullptr, &hints, &list);
  if (code == EAI_NONAME || code == EAI_NODATA) return fail(ErrorCode::not_found, "there is no host {}", name);
  if (code != 0) {
    const std::string reason = code == EAI_SYSTEM ? std::error_code(errno, std::generic_category()).message() : ::gai_strerror(code);
    return fail(ErrorCode::unavailable, "looking up {} failed: {}", name, reason);
  }
  const std::unique_ptr<::addrinfo, decltype(&::freeaddrinfo)> owned(list, ::freeaddrinfo);
  std::vector<Address> addresses;
  for (const ::addrinfo* each = list; each != nullptr && addresses.size() < Resolver::kMaxAddresses; each = each->ai_next) {
    const auto address = Address::from_sockaddr(*each->ai_addr);
    if (address && std::ranges::find(addresses, *address) == addresses.end()) addresses.push_back(*address);
  }
  if (addresses.empty()) return fail(ErrorCode::not_found, "{} has no address", name);
  return addresses;
}

}  // namespace watchbell::net
