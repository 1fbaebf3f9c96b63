#include "async/event.hpp"

namespace watchbell::async {

Event::~Event() { WATCHBELL_ASSERT(waiters_.empty()); }

bool Event::notify_one() {
  WATCHBELL_ASSERT_ON_LOOP();
  if (waiters_.empty()) return false;
  Waiter& waiter = waiters_.front();
  waiters_.pop_front();
  waiter.complete({});
  return true;
}

void Event::notify_all() {
  WATCHBELL_ASSERT_ON_LOOP();
  boost::intrusive::list<Waiter> now;
  now.swap(waiters_);
  while (!now.empty()) {
    Waiter& waiter = now.front();
    now.pop_front();
    waiter.complete({});
  }
}

void Event::cancel(Waiter& waiter) {
  waiters_.erase(waiters_.iterator_to(waiter));
  waiter.complete(asio::error::operation_aborted);
}

}  // namespace watchbell::async
