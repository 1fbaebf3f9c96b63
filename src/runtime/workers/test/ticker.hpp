#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "runtime/workers/workers.hpp"

namespace watchbell::workers::test {

using namespace std::chrono_literals;

inline constexpr std::string_view kKind = "ticks";
inline constexpr int kShards = 32;
inline constexpr const char* kTables = "create table fires (shard bigint not null, tick bigint not null, process text not null);";

/// Every begin of a tick of a shard, by whichever process: what somebody outside would see.
struct Seen {
  std::map<std::pair<int, std::int64_t>, int> begun;
  std::int64_t twice() const { return std::ranges::count_if(begun, [](const auto& item) { return item.second > 1; }); }
};

/// Work that is to be done once a tick for every shard, as a process does it that takes the most liberties: what was begun is never cancelled, it lasts longer than
/// a tick now and then, and nothing but the workers keeps two processes apart.
class Ticker {
 public:
  Ticker(async::TimerWheel& wheel, sql::Database& database, Workers& workers, async::TaskScope::OnFault on_fault, Seen& seen, std::chrono::milliseconds tick, std::uint64_t seed)
      : wheel_(wheel), database_(database), workers_(workers), seen_(seen), tick_(tick), random_(seed), ended_(wheel.executor()), scope_(wheel.executor(), std::move(on_fault)),
        next_([this] { fire(); }) {
    workers.share(std::string(kKind), kShards,
                  {.gained = [this](std::span<const int> numbers) { gained(numbers); },
                   .give = [this](std::vector<int> numbers) { return give(*this, std::move(numbers)); },
                   .lost = [this](std::span<const int> numbers) {
                     for (const auto number : numbers) shards_.erase(number);
                     lost += numbers.size();
                   }});
    wheel_.arm(next_, tick_ / 10);
  }
  awaitable<void> stop() {
    next_.cancel();
    return scope_.stop();
  }

  std::uint64_t written = 0;
  std::uint64_t refused = 0;
  std::uint64_t lost = 0;
  bool hold = false;  ///< what is under way does not end

  void let_go() {
    hold = false;
    ended_.notify_all();
  }
  std::size_t under_way() const { return running_.size(); }

 private:
  struct Shard {
    std::uint64_t time = 0;  // when it came
    std::int64_t last = -1;
    bool loaded = false;
  };

  void gained(std::span<const int> numbers) {
    ++times_;
    for (const auto number : numbers) shards_[number] = {.time = times_};
    scope_.spawn("load", load(*this, times_));
  }
  static awaitable<void> load(Ticker& self, std::uint64_t time) {
    while (true) {
      try {
        using Row = std::pair<std::int64_t, std::int64_t>;
        const auto rows = co_await self.database_.read([](sql::Session& session) {
          std::vector<Row> all;
          session.each<std::tuple<std::int64_t, std::int64_t>>("select shard, max(tick) from fires group by shard",
                                                               [&](std::tuple<std::int64_t, std::int64_t> row) { all.emplace_back(std::get<0>(row), std::get<1>(row)); });
          return all;
        });
        if (rows) {
          for (auto& [number, shard] : self.shards_) {
            if (shard.time != time) continue;
            shard.loaded = true;
            for (const auto& [of, last] : *rows)
              if (of == number) shard.last = last;
          }
          co_return;
        }
      } catch (const sql::Fault&) {  // again
      }
      co_await self.wheel_.sleep(50ms);
    }
  }
  static awaitable<void> give(Ticker& self, std::vector<int> numbers) {
    for (const auto number : numbers) self.shards_.erase(number);
    while (std::ranges::any_of(numbers, [&](int number) { return self.running_.contains(number); })) co_await self.ended_.wait();
  }
  void fire() {
    wheel_.arm(next_, tick_ / 10);
    const std::int64_t tick = wheel_.clock().now().micros() / std::chrono::microseconds(tick_).count();
    for (auto& [number, shard] : shards_) {
      if (!shard.loaded || shard.last >= tick) continue;
      const auto right = workers_.may_begin(kKind, number);
      if (!right) continue;
      shard.last = tick;
      ++seen_.begun[{number, tick}];
      running_.insert(number);
      scope_.spawn("run", run(*this, *right, tick));
    }
  }
  static awaitable<void> run(Ticker& self, Right right, std::int64_t tick) {
    struct End {
      Ticker& self;
      int number;
      ~End() {
        self.running_.erase(self.running_.find(number));
        self.ended_.notify_all();
      }
    } const end{self, right.number};
    co_await self.wheel_.sleep(std::chrono::duration_cast<std::chrono::milliseconds>(self.tick_ * (1.5 * self.random_.unit() * self.random_.unit())));
    while (self.hold) co_await self.ended_.wait();
    while (true) {
      try {
        const auto written = co_await self.database_.write([&workers = self.workers_, right, tick](sql::Session& session) -> Result<void> {
          if (!workers.confirms(session, right)) return fail(ErrorCode::conflict, "another's");
          session.execute("insert into fires (shard, tick, process) values (:1, :2, :3)", right.number, tick, right.worker);
          return {};
        });
        ++(written ? self.written : self.refused);
        co_return;
      } catch (const sql::Fault&) {  // as who has done something and is to write it down
      }
      co_await self.wheel_.sleep(50ms);
    }
  }

  async::TimerWheel& wheel_;
  sql::Database& database_;
  Workers& workers_;
  Seen& seen_;
  const std::chrono::milliseconds tick_;
  Random random_;
  std::map<int, Shard> shards_;
  std::multiset<int> running_;
  std::uint64_t times_ = 0;
  async::Event ended_;
  async::TaskScope scope_;
  async::Timer next_;
};

}  // namespace watchbell::workers::test
