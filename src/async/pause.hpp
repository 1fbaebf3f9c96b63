#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "async/event.hpp"

namespace watchbell::async {

/// Named places where a test may hold one task while the rest runs on. `co_await pauses.at("delivery.before_send")` returns at once unless
/// the point was armed; then the nth passage stays until release() (or for ever, when the process is about to be killed). Loop-only.
class PausePoints {
 public:
  explicit PausePoints(Executor executor) : executor_(executor) {}
  ~PausePoints();

  /// Arms a point: NAME or NAME:n, the nth passage, from 1. False when the text is neither.
  bool arm(std::string_view text);
  /// Called when a task is held, with the point's name.
  void on_paused(std::function<void(std::string_view)> told) { told_ = std::move(told); }

  awaitable<void> at(std::string_view name);
  /// Lets the held task go.
  void release(std::string_view name);
  bool paused(std::string_view name) const;

 private:
  struct Point {
    explicit Point(Executor executor) : go(executor) {}
    int remaining = 0;
    bool held = false;
    Event go;
  };
  Executor executor_;
  std::function<void(std::string_view)> told_;
  std::map<std::string, std::unique_ptr<Point>, std::less<>> points_;
};

}  // namespace watchbell::async
