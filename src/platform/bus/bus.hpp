#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "async/awaitable.hpp"

namespace watchbell::bus {

/// What carries messages between the processes of one cluster: each hears what any of them sends, itself included, and of one sender in the order in which
/// it sent. A message is text in UTF-8 without NUL. Loop-only; stop() must have ended before it is destroyed.
///
/// Nothing is kept: who does not listen at the time never hears a message, and what waits to be sent goes with its process. Who relies on what he
/// heard numbers his messages (Outgoing, Incoming).
class Bus {
 public:
  /// Called on the loop, in the order of what happened; they do not throw.
  struct Events {
    /// From now on nothing is missed, but what was sent before was: also called the first time.
    std::function<void()> on_up;
    std::function<void(std::string_view message)> on_message;
    /// What is sent now may not be heard.
    std::function<void()> on_down;
  };

  virtual ~Bus() = default;
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;

  virtual void start(Events events) = 0;
  virtual awaitable<void> stop() = 0;
  /// Longest message that publish() takes.
  virtual std::size_t most_bytes() const noexcept = 0;
  /// Hands the message on; never waits and never fails. It is sent again until it was taken, unless so much waits already that it is dropped.
  virtual void publish(std::string message) = 0;

 protected:
  Bus() = default;
};

}  // namespace watchbell::bus
