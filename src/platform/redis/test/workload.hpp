#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <watchbell/cache/testing/checker.hpp>

#include "async/task_scope.hpp"
#include "platform/redis/test/client.hpp"

namespace watchbell::redis::test {

/// Readers and writers of several clients of one cache, over rows of a table that stands for the database. All take random pauses between their steps,
/// so that loads, fills and invalidations meet in all ways; everything is recorded, and `judge` says whether a read was stale. Loop-only.
class Workload {
 public:
  struct Options {
    unsigned seed = 0;
    int readers = 4;  ///< of each client
    int writers = 2;
    int reads = 400;  ///< of each reader
    int changes = 150;
    bool bounded = false;  ///< reads of the scopes that may be late
    bool told = false;     ///< writers tell the other clients before they return
  };

  Workload(async::Loop& loop, std::vector<Client*> clients, Options options)
      : loop_(loop),
        clients_(std::move(clients)),
        options_(options),
        scope_(loop.executor(), [this](std::string_view, std::exception_ptr) { ++faults_; }) {}

  awaitable<void> run() {
    unsigned number = 0;
    for (Client* client : clients_) {
      for (int i = 0; i < options_.readers; ++i) scope_.spawn("reader", read(*client, std::mt19937(options_.seed + number++)));
      for (int i = 0; i < options_.writers; ++i) scope_.spawn("writer", write(*client, std::mt19937(options_.seed + number++)));
    }
    co_await scope_.join();
  }

  /// Calls `disturb` again and again until readers and writers have ended.
  awaitable<void> run_disturbed(std::function<void()> disturb, int every) {
    scope_.spawn("disturber", [](Workload& self, std::function<void()> what, int turns) -> awaitable<void> {
      while (self.scope_.size() > 1) {
        for (int i = 0; i < turns; ++i) co_await asio::post(self.loop_.executor(), use_awaitable);
        what();
      }
    }(*this, std::move(disturb), every));
    co_await run();
  }

  /// REQUIRES: run() has ended.
  cache::testing::Verdict judge() {
    recorder_->close();
    cache::testing::read_history(file_, "workload", history_);
    return cache::testing::check(history_);
  }
  std::string describe(const cache::testing::Verdict& verdict) const { return cache::testing::describe(history_, verdict); }

  int faults() const noexcept { return faults_; }
  int queued() const noexcept { return queued_; }  ///< invalidations that the provider has not confirmed
  int loads() const noexcept { return loads_; }

 private:
  static constexpr int kGroups = 3;
  static constexpr int kMembers = 3;
  static constexpr int kRows = kGroups * kMembers;
  using Row = std::uint64_t;

  static cache::Key key_of(int row) { return cache::Key("group", row / kMembers, row % kMembers); }
  static std::string item_of(int row) { return "row:" + std::to_string(row); }
  const cache::SharedScope& scope_of(const Client& client) const { return options_.bounded ? client.bounded : client.strict; }

  awaitable<void> pause(std::shared_ptr<std::mt19937> random) {
    for (auto turns = (*random)() % 4; turns > 0; --turns) co_await asio::post(loop_.executor(), use_awaitable);
  }

  awaitable<Row> load(int row, std::shared_ptr<std::mt19937> random) {
    ++loads_;
    co_await pause(random);
    const Row snapshot = rows_.at(static_cast<std::size_t>(row));
    co_await pause(random);
    co_return snapshot;
  }
  awaitable<std::vector<Row>> load_all(std::vector<int> rows, std::shared_ptr<std::mt19937> random) {
    ++loads_;
    co_await pause(random);
    std::vector<Row> snapshot;
    for (const int row : rows) snapshot.push_back(rows_.at(static_cast<std::size_t>(row)));
    co_await pause(random);
    co_return snapshot;
  }

  awaitable<void> read(Client& client, std::mt19937 seeded) {
    const auto random = std::make_shared<std::mt19937>(seeded);
    const auto& scope = scope_of(client);
    for (int i = 0; i < options_.reads; ++i) {
      const unsigned kind = (*random)() % 4;
      if (kind > 1) {
        const int row = static_cast<int>((*random)() % kRows);
        auto recorded = recorder_->begin_read(item_of(row));
        auto loader = [this, row, random] { return load(row, random); };
        const auto value = co_await scope.wrap<Row>(key_of(row), std::move(loader));
        recorded.saw(item_of(row), *value);
        recorded.returned();
      } else {
        std::vector<int> rows;
        for (auto n = 1 + (*random)() % 5; n > 0; --n) rows.push_back(static_cast<int>((*random)() % kRows));
        auto recorded = recorder_->begin_read("several");
        std::vector<std::shared_ptr<const Row>> values;
        if (kind == 0) {
          auto loader = [this, random](std::vector<int> missing) { return load_all(std::move(missing), random); };
          values = co_await scope.wrap_many_batched<Row>(rows, key_of, std::move(loader));
        } else {
          auto loader = [this, random](int row) { return load(row, random); };
          values = co_await scope.wrap_many<Row>(rows, key_of, std::move(loader));
        }
        for (std::size_t n = 0; n < rows.size(); ++n) recorded.saw(item_of(rows[n]), *values.at(n));
        recorded.returned();
      }
      co_await pause(random);
    }
  }

  awaitable<void> write(Client& client, std::mt19937 seeded) {
    const auto random = std::make_shared<std::mt19937>(seeded);
    for (int i = 0; i < options_.changes; ++i) {
      const int row = static_cast<int>((*random)() % kRows);
      auto recorded = recorder_->begin_change(item_of(row));
      co_await pause(random);
      recorded.wrote(++rows_.at(static_cast<std::size_t>(row)));
      co_await pause(random);
      bool applied = false;
      switch ((*random)() % 3) {
        case 0: applied = co_await drop(client, key_of(row)); break;
        case 1: applied = co_await drop(client, cache::Family("group", row / kMembers)); break;
        default: applied = co_await drop(client, cache::Family("group")); break;
      }
      if (applied) {
        recorded.returned();
      } else {
        ++queued_;
      }
      for (auto n = (*random)() % 8; n > 0; --n) co_await pause(random);
    }
  }

  awaitable<bool> drop(Client& client, cache::Key key) {
    const bool applied = co_await scope_of(client).invalidate<Executor>(key);
    tell(client, key);
    co_return applied;
  }
  awaitable<bool> drop(Client& client, cache::Family family) {
    const bool applied = co_await scope_of(client).invalidate_prefix<Executor>(family);
    tell(client, family);
    co_return applied;
  }
  template <class What>
  void tell(const Client& from, const What& what) {
    if (!options_.told) return;
    for (Client* client : clients_)
      if (client != &from) scope_of(*client).heard(what);
  }

  async::Loop& loop_;
  std::vector<Client*> clients_;
  Options options_;
  std::array<Row, kRows> rows_{};
  std::stringstream file_;
  std::unique_ptr<cache::testing::Recorder> recorder_ = std::make_unique<cache::testing::Recorder>(file_);
  cache::testing::History history_;
  int faults_ = 0;
  int queued_ = 0;
  int loads_ = 0;
  async::TaskScope scope_;
};

}  // namespace watchbell::redis::test
