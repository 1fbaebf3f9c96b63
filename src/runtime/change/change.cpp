#include "runtime/change/change.hpp"

namespace watchbell {

using signals::TurnBudget;

// The place is taken at once, while changes come in the order of their commits: a later one that has less to invalidate does not overtake. In a cluster
// there is no such order to keep: what others change comes as it comes, so a signal carries no state (signals::to_readers), and the place is
// taken when the signal leaves. A change may have to wait for a process that stands still, for seconds, and those behind it would wait as well.
Changes::Finish::Finish(Changes& changes, Change::Effects& effects, How how) : changes_(changes), effects_(effects), how_(how) {
  if (how_ == How::committed && !effects_.signals.list.empty() && changes_.relay_ == nullptr) place_ = changes_.hub_.place();
}

// Also when a step threw: the rows of jobs are there, and nothing polls for them.
Changes::Finish::~Finish() {
  if (effects_.jobs || !effects_.events.empty()) changes_.queue_.added();
}

// Every invalidation comes before the first signal: a browser that refetches on the signal sees the change. They need no order among them: the last goes
// first, so that what was done is gone, because freeing a hundred thousand at the end would hold up the loop as well.
bool Changes::Finish::step() {
  auto& budget = changes_.hub_.budget();
  std::size_t done = 0;
  const auto room = [&] { return budget.take() || done < TurnBudget::kStride; };
  for (auto& targets = effects_.targets; !targets.empty(); ++done) {
    if (!room()) return false;
    const auto target = std::move(targets.back());
    targets.pop_back();
    target.apply();
  }
  dropped_ = true;
  if (waits()) return false;
  if (how_ == How::doubtful) return true;
  for (const auto& [topic, what] : std::exchange(effects_.told, {}))
    if (changes_.cluster_ != nullptr) changes_.cluster_->tell(topic, what);
  if (auto signals = std::exchange(effects_.signals, {}); !signals.list.empty()) {
    if (changes_.relay_ != nullptr) changes_.relay_->emit(std::move(signals));
    else changes_.hub_.emit(std::move(place_), std::move(signals));
  }
  for (; event_ < effects_.events.size(); ++event_, ++done) {
    if (!room()) return false;
    changes_.bus_.deliver(effects_.events[event_]);
  }
  return true;
}

awaitable<void> Changes::Finish::settle() {
  const auto intent = std::exchange(effects_.intent, std::nullopt).value();
  if (how_ == How::committed) co_await changes_.cluster_->settle(intent, std::move(effects_.intent_text));
  else changes_.cluster_->settle_doubtful(intent, std::move(effects_.intent_text));
}

awaitable<std::exception_ptr> Changes::rest(Finish& finish) {
  try {
    do {
      if (finish.waits()) co_await finish.settle();
      else co_await hub_.budget().next_turn();
    } while (!finish.step());
    co_return nullptr;
  } catch (...) {  // carried past the restoring of the caller's cancellation
    co_return std::current_exception();
  }
}

}  // namespace watchbell
