#pragma once

#include <sqlite3.h>

#include <atomic>
#include <future>
#include <string_view>

#include <boost/asio/post.hpp>

#include "platform/sql/database.hpp"

namespace watchbell::test {

/// Holds one read of a file database on its pool thread, behind its first select: its snapshot is open and does not see what is committed from now
/// on. So a race between a load and a change is steered, whatever the load consists of:
///
///     HeldRead held(loop, *database);
///     co_await held.arm();
///     scope.spawn("load", ...);   // the next read
///     co_await held.entered();
///     ... a change, from beginning to return ...
///     held.release();
///
/// Outlives the database's connections, or stands behind the fixture that closes them. REQUIRES that nothing else reads between arm() and the load.
class HeldRead {
 public:
  HeldRead(async::Loop& loop, sql::Database& database) : loop_(loop), database_(database) {}
  ~HeldRead() { release(); }
  HeldRead(const HeldRead&) = delete;
  HeldRead& operator=(const HeldRead&) = delete;

  /// Prepares the reader that goes next: the one that was in use last.
  awaitable<void> arm() {
    static_cast<void>(co_await database_.read([this](sql::Session& session) {
      sqlite3_trace_v2(static_cast<sqlite3*>(session.connection().native_handle_for_test()), SQLITE_TRACE_PROFILE, &ended, this);
    }));
    armed_ = true;
  }
  awaitable<void> entered() {
    while (!entered_) co_await asio::post(loop_.executor(), use_awaitable);
  }
  void release() {
    if (!released_) go_.set_value();
    released_ = true;
  }

 private:
  // Called by SQLite on the pool thread when a statement has ended; its transaction, and so its snapshot, is still open.
  static int ended(unsigned, void* self, void* statement, void*) {
    auto& held = *static_cast<HeldRead*>(self);
    const std::string_view text = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
    if (!text.starts_with("select") || !held.armed_.exchange(false)) return 0;
    held.entered_ = true;
    held.go_.get_future().wait();
    return 0;
  }
  async::Loop& loop_;
  sql::Database& database_;
  std::atomic<bool> armed_ = false;
  std::atomic<bool> entered_ = false;
  bool released_ = false;
  std::promise<void> go_;
};

}  // namespace watchbell::test
