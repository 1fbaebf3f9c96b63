#pragma once

#include <list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "base/random.hpp"
#include "runtime/signals/hub.hpp"
#include "runtime/signals/signal.hpp"

namespace watchbell::signals {

/// Payloads that are read when they are told: Kind::read, for the sockets of this process.
///
/// One task reads, for a few hundred users at a time. Who is asked for while his is read is read once more behind it: so of two states of a user the newer
/// is told last, whichever process changed them and in whatever order this one heard of it. Who is asked for many times meanwhile is read once. A read that
/// fails is tried again for those who are still here. What waits is bounded by who has a page open; beyond that it is forgotten, and every socket refetches.
/// Loop-only.
class Readings {
 public:
  Readings(async::TimerWheel& wheel, async::TaskScope& scope, Hub& hub);
  ~Readings();
  Readings(const Readings&) = delete;
  Readings& operator=(const Readings&) = delete;

  void declare(std::string_view id, ReadPayloads read);
  bool knows(std::string_view id) const { return read_.contains(id); }
  /// Has the payload of one read for these users. REQUIRES that its id was declared.
  void add(const Signal& signal, std::span<const UserId> users);

 private:
  struct Running;
  struct What {
    std::string_view id;
    std::string reference;
    auto operator<=>(const What&) const = default;
  };
  struct Asked {
    What what;
    Audience audience;
    std::unordered_set<UserId> users;
  };
  struct Taken {
    What what;
    Audience audience;
    std::vector<UserId> users;
  };

  void add(const What& what, const Audience& audience, std::span<const UserId> users);
  /// The next ones, and those behind them get their turn. REQUIRES that somebody waits.
  Taken take();
  void forget();
  awaitable<void> run(Running mark);
  awaitable<bool> tell(Taken taken);

  async::TimerWheel& wheel_;
  async::TaskScope& scope_;
  Hub& hub_;
  Random random_;
  std::map<std::string_view, ReadPayloads> read_;
  std::list<Asked> line_;  // none is empty
  std::map<What, std::list<Asked>::iterator> places_;
  std::size_t waiting_ = 0;  // users, of all of it
  bool running_ = false;
};

}  // namespace watchbell::signals
