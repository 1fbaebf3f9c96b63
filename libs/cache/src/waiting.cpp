#include "waiting.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace watchbell::cache::detail {
namespace {

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

}  // namespace

void resume_all(WaitList waiters) {
  while (!waiters.empty()) {
    const auto executor = waiters.front().executor;
    if (!executor) {
      waiters.pop()->resume({});
    } else {
      boost::asio::post(executor, Resumption(waiters.take(executor)));
    }
  }
}

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

}  // namespace watchbell::cache::detail
