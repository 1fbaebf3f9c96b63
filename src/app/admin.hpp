#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "async/loop.hpp"
#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/result.hpp"

namespace watchbell::app {

/// How long an API key may be made to live, and the old one be kept beside a new one.
inline constexpr std::int64_t kMaxKeyDays = 36'500;
inline constexpr std::int64_t kMaxKeepHours = 8'760;

/// A command for the server's operator, as JSON text: {"command":"apikey.create",...}. The answer is {"ok":true,...} or
/// {"ok":false,"message":"..."}.
using AdminHandler = std::function<awaitable<std::string>(std::string request)>;

/// The administration socket DATA/admin.sock (mode 0600): whoever can open it is the operator. One request and one answer a connection, each a
/// line, the request of at most 64 KiB, within 60 s. Loop-only.
class AdminSocket {
 public:
  AdminSocket(async::Loop& loop, async::TimerWheel& wheel, async::TaskScope& scope, std::string path, AdminHandler handler);
  ~AdminSocket();
  /// Binds (removing a leftover: the folder's lock is ours) and serves until close().
  Result<void> open();
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Asks a running server; blocks, at most `patience` for each of its steps (connect, write, read).
///
/// ErrorCode::unavailable when nobody took the request: none listens there, or who did went away before reading it; it may be asked again, or done
/// otherwise. ErrorCode::timeout when the server stays silent, ErrorCode::internal when it ended over the request: whether it was carried out is
/// not known then.
Result<std::string> ask_admin(const std::string& socket_path, const std::string& request, std::chrono::milliseconds patience);

}  // namespace watchbell::app
