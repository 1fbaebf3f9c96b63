#include "runtime/change/change.hpp"

namespace watchbell {

void Changes::invalidate(const Change::Effects& effects) {
  for (const auto& target : effects.targets) target.apply();
}

// One turn of the loop: nobody can read between the steps, so a browser that refetches on the signal sees the change.
void Changes::finish(const Change::Effects& effects) {
  // Also when something here throws: the rows of jobs are there, and nothing polls for them.
  const struct Wake {
    jobs::Queue* queue;
    ~Wake() {
      if (queue) queue->wake();
    }
  } wake{effects.jobs || !effects.events.empty() ? &queue_ : nullptr};
  invalidate(effects);
  for (const auto& signal : effects.signals) hub_.emit(signal);
  for (const auto& event : effects.events) bus_.deliver(event);
}

}  // namespace watchbell
