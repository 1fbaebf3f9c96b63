#include "runtime/change/change.hpp"

namespace watchbell {

void Changes::invalidate(const Change::Effects& effects) {
  for (const auto& target : effects.targets) target.apply();
}

// One turn of the loop: nobody can read between the steps, so a browser that refetches on the signal sees the change.
void Changes::finish(const Change::Effects& effects) {
  invalidate(effects);
  for (const auto& signal : effects.signals) hub_.emit(signal);
  for (const auto& event : effects.events) bus_.deliver(event);
  if (effects.jobs || !effects.events.empty()) queue_.wake();
}

}  // namespace watchbell
