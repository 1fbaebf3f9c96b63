#include "async/pause.hpp"

#include <charconv>

namespace watchbell::async {

PausePoints::~PausePoints() = default;

bool PausePoints::arm(std::string_view text) {
  int passage = 1;
  if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    const auto digits = text.substr(colon + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), passage);
    if (error != std::errc() || end != digits.data() + digits.size() || passage < 1) return false;
    text = text.substr(0, colon);
  }
  if (text.empty()) return false;
  auto point = std::make_unique<Point>(executor_);
  point->remaining = passage;
  points_.insert_or_assign(std::string(text), std::move(point));
  return true;
}

awaitable<void> PausePoints::at(std::string_view name) {
  const auto it = points_.find(name);
  if (it == points_.end()) co_return;
  Point& point = *it->second;
  if (point.remaining == 0 || --point.remaining > 0) co_return;
  point.held = true;
  if (told_) told_(it->first);
  while (point.held) co_await point.go.wait();
}

void PausePoints::release(std::string_view name) {
  const auto it = points_.find(name);
  if (it == points_.end()) return;
  it->second->held = false;
  it->second->go.notify_all();
}

bool PausePoints::paused(std::string_view name) const {
  const auto it = points_.find(name);
  return it != points_.end() && it->second->held;
}

}  // namespace watchbell::async
