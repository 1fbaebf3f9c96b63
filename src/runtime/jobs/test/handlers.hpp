#pragma once

#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::jobs::test {

using watchbell::test::RuntimeFixture;

/// A handler that notes what it saw and answers as told.
struct Worker {
  std::vector<std::string> seen;
  std::function<Outcome(const Job&)> answer = [](const Job&) { return Outcome::done(); };
  Handler handler() {
    return [this](const Job& job) { return run(*this, job); };
  }
  static awaitable<Outcome> run(Worker& self, Job job) {
    self.seen.push_back(job.payload);
    co_return self.answer(job);
  }
};

inline awaitable<void> enqueue(RuntimeFixture& f, NewJob job) {
  const auto done = co_await f.changes->run([job](Change& change) -> Result<void> {
    auto id = change.enqueues(job);
    if (!id) return std::unexpected(id.error());
    return {};
  });
  EXPECT_TRUE(done);
}

/// A handler that holds its jobs until the gate opens.
struct Gate {
  explicit Gate(async::Loop& loop) : opened(loop.executor()) {}
  async::Event opened;
  bool open = false;
  std::size_t began = 0;
  Handler handler() {
    return [this](const Job&) { return run(*this); };
  }
  void let_go() {
    open = true;
    opened.notify_all();
  }
  static awaitable<Outcome> run(Gate& self) {
    ++self.began;
    while (!self.open) co_await self.opened.wait();
    co_return Outcome::done();
  }
};

/// Lets the next `times` writes of one kind fail, as when memory or disk are full.
template <class Failure>
void fail_writes(Queue& queue, std::string what, int times, Failure failure) {
  auto left = std::make_shared<int>(times);
  queue.before_write_for_test([what = std::move(what), left, failure](std::string_view now) {
    if (now == what && *left > 0) {
      --*left;
      throw failure;
    }
  });
}

template <class T>
awaitable<T> value(RuntimeFixture& f, std::string_view query) {
  co_return (co_await f.database->read([query](sql::Session& s) { return s.one<T>(query).value(); })).value();
}

inline awaitable<std::int64_t> rows(RuntimeFixture& f, std::string state = "") {
  const auto n = co_await f.database->read([state](sql::Session& s) {
    return s.one<std::int64_t>("select count(*) from jobs where :1 = '' or state = :1", state).value();
  });
  co_return n.value();
}

}  // namespace watchbell::jobs::test
