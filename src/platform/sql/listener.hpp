#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "async/awaitable.hpp"
#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/result.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::sql {

/// Bytes of a message at most; what is longer is sent by reference.
inline constexpr std::size_t kMostOfMessage = 7999;

/// Sends a message to who listens on the channel, of this process too; with the transaction that is open, when that is committed. Messages of one transaction
/// arrive in their order, those of several in that of their commits; equal ones of one transaction may become one. PostgreSQL alone. Throws Fault,
/// of kind `other` for a message that is too long.
void notify(Session& session, std::string_view channel, std::string_view message);

/// Hears what is sent on channels of a PostgreSQL database (NOTIFY), over a connection of its own. A message that is sent while there is no connection
/// is lost for ever, so whoever keeps something that messages make stale drops all of it in on_listening, and trusts none of it from on_lost on.
///
/// The connection is tried anew after 100 ms, doubling to 2 s, with jitter. One that is gone without a word is found by a question every
/// `ping` that must be answered before the next. Loop-only; stop() must have ended before it is destroyed.
class Listener {
 public:
  struct Options {
    std::string url;                    ///< "postgresql://..."
    std::vector<std::string> channels;  ///< REQUIRES names of [a-z0-9_], at most 63
    std::chrono::milliseconds ping{5000};
    std::chrono::milliseconds connect_deadline{5000};
  };
  /// Called on the loop, in the order of what happened; they do not throw.
  struct Events {
    /// From now on nothing is missed, but what was sent before was: also called the first time.
    std::function<void()> on_listening;
    std::function<void(std::string_view channel, std::string_view message)> on_message;
    /// What is sent now may not be heard.
    std::function<void()> on_lost;
  };

  /// `wheel` must outlive it. An Error is one sentence about the URL. `on_fault` as of TaskScope.
  static Result<std::unique_ptr<Listener>> make(async::TimerWheel& wheel, Options options, Events events, async::TaskScope::OnFault on_fault);
  virtual ~Listener() = default;
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  virtual void start() = 0;
  virtual awaitable<void> stop() = 0;
  virtual bool listening() const noexcept = 0;
  /// Why there is no connection, or why the last one ended; for a person. Empty when it never failed.
  virtual const std::string& last_error() const noexcept = 0;

 protected:
  Listener() = default;
};

}  // namespace watchbell::sql
