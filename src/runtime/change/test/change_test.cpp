#include "runtime/test/runtime_fixture.hpp"

namespace watchbell {

struct CountOut {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(CountOut, (), (count))
struct Payload {
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Payload, (), (count))

namespace {

using namespace std::chrono_literals;
using test::RuntimeFixture;

const sql::MigrationSet kTable{"t", {{"0001_t.sql", "create table t (n integer not null)"}}};
constexpr signals::Definition<Payload> kChanged{"t.changed"};

struct Fixture : RuntimeFixture {
  explicit Fixture(async::Loop& l) : RuntimeFixture(l, {&kTable}), scope_of_t(cache, *database, "t", 15s) {}
  coherence::Scope scope_of_t;
  int loads = 0;

  awaitable<std::int64_t> count() {
    const auto value = co_await scope_of_t.read<std::int64_t>(cache::Key("count"), [this](sql::Session& session) {
      ++loads;
      return session.one<std::int64_t>("select count(*) from t").value();
    });
    co_return *value.value();
  }
  awaitable<Result<void>> add(bool refuse = false) {
    co_return co_await changes->run([this, refuse](Change& change) -> Result<void> {
      change.sql().execute("insert into t values (1)");
      change.invalidates(scope_of_t.key(cache::Key("count")));
      change.announces(signals::to_user(kChanged, UserId(), Payload{change.sql().one<std::int64_t>("select count(*) from t").value()}));
      if (refuse) return fail(ErrorCode::conflict, "no");
      return {};
    });
  }
};

CO_TEST(Change, C_1_a_read_after_a_change_returned_sees_it) {
  Fixture f(loop);
  for (std::int64_t n = 0; n < 20; ++n) {
    EXPECT_EQ(co_await f.count(), n);
    EXPECT_EQ(co_await f.count(), n);
    EXPECT_TRUE(co_await f.add());
  }
  EXPECT_EQ(f.loads, 20);
  co_await f.close();
}

CO_TEST(Change, C_11_a_refused_change_drops_and_says_nothing) {
  Fixture f(loop);
  const auto socket = std::make_shared<test::FakeSocket>(loop.executor());
  access::Principal user;
  user.kind = access::Principal::Kind::user;
  f.scope.spawn("socket", f.hub->serve(socket, std::make_shared<const access::Principal>(user), f.identity, UserId().to_string(), "x"));
  co_await f.until([&] { return socket->sent.size() == 1; });
  EXPECT_EQ(co_await f.count(), 0);
  EXPECT_FALSE(co_await f.add(true));
  EXPECT_EQ(co_await f.count(), 0);
  EXPECT_EQ(f.loads, 1);
  EXPECT_EQ(socket->sent.size(), 1u);
  EXPECT_TRUE(co_await f.add());
  EXPECT_EQ(socket->sent.size(), 2u);
  co_await f.close();
}

CO_TEST(Change, S_7_who_refetches_on_a_signal_sees_the_change) {
  Fixture f(loop);
  // A socket that reads the cached value the moment a signal reaches it.
  struct Refetcher final : http::WebSocket {
    Fixture& f;
    std::vector<std::int64_t> seen;
    bool open_ = true;
    async::Event event;
    explicit Refetcher(Fixture& fixture) : f(fixture), event(fixture.loop.executor()) {}
    awaitable<std::optional<std::string>> read() override {
      while (open_) co_await event.wait();
      co_return std::nullopt;
    }
    static awaitable<void> fetch(Refetcher& self) { self.seen.push_back(co_await self.f.count()); }
    void send(std::shared_ptr<const std::string> text) override {
      if (text->find("t.changed") != std::string::npos) f.scope.spawn("fetch", fetch(*this));
    }
    void close(std::uint16_t, std::string) override {}
    bool open() const noexcept override { return open_; }
    std::string_view peer_address() const noexcept override { return "x"; }
  };
  const auto socket = std::make_shared<Refetcher>(f);
  access::Principal user;
  user.kind = access::Principal::Kind::user;
  f.scope.spawn("socket", f.hub->serve(socket, std::make_shared<const access::Principal>(user), f.identity, UserId().to_string(), "x"));
  co_await asio::post(loop.executor(), use_awaitable);
  for (std::int64_t n = 1; n <= 20; ++n) {
    co_await f.count();
    EXPECT_TRUE(co_await f.add());
    co_await f.until([&] { return socket->seen.size() == static_cast<std::size_t>(n); });
    EXPECT_EQ(socket->seen.back(), n);
  }
  co_await f.close();
}

CO_TEST(Change, N_1_write_then_drop_then_signal) {
  Fixture f(loop);
  // At the moment of the signal the write is committed and the entry gone.
  struct Witness final : http::WebSocket {
    cache::CachedScope scope;
    bool dropped = false;
    bool told = false;
    async::Event event;
    Witness(cache::CachedScope s, Executor e) : scope(std::move(s)), event(e) {}
    awaitable<std::optional<std::string>> read() override {
      while (true) co_await event.wait();
    }
    void send(std::shared_ptr<const std::string> text) override {
      if (text->find("t.changed") == std::string::npos) return;
      told = true;
      dropped = scope.find<Result<std::int64_t>>(cache::Key("count")) == nullptr;
    }
    void close(std::uint16_t, std::string) override {}
    bool open() const noexcept override { return true; }
    std::string_view peer_address() const noexcept override { return "x"; }
  };
  const auto socket = std::make_shared<Witness>(cache::CachedScope(f.cache, "t"), loop.executor());
  access::Principal user;
  user.kind = access::Principal::Kind::user;
  f.scope.spawn("socket", f.hub->serve(socket, std::make_shared<const access::Principal>(user), f.identity, UserId().to_string(), "x"));
  co_await f.count();
  EXPECT_TRUE(co_await f.add());
  EXPECT_TRUE(socket->told);
  EXPECT_TRUE(socket->dropped);
  co_await f.close();
}

CO_TEST(Change, an_encoded_answer_is_made_once_and_lent) {
  Fixture f(loop);
  int encodes = 0;
  const auto read = [&]() { return f.scope_of_t.answer<CountOut>(cache::Key("answer"), [&encodes](sql::Session& s) {
    ++encodes;
    return CountOut{s.one<std::int64_t>("select count(*) from t").value()};
  }); };
  const auto first = co_await read();
  const auto second = co_await read();
  EXPECT_EQ(*first->bytes, R"({"json":{"count":0}})");
  EXPECT_EQ(first->bytes.get(), second->bytes.get());
  EXPECT_EQ(encodes, 1);
  co_await f.close();
}

CO_TEST(Change, errors_of_a_load_reach_the_reader_and_are_not_kept) {
  Fixture f(loop);
  int loads = 0;
  for (int i = 0; i < 2; ++i) {
    const auto value = co_await f.scope_of_t.read<std::int64_t>(cache::Key("error"), [&loads](sql::Session&) -> Result<std::int64_t> {
      ++loads;
      return fail(ErrorCode::not_found, "no");
    });
    CO_ASSERT_TRUE(!value);
    EXPECT_EQ(value.error().code, ErrorCode::not_found);
  }
  EXPECT_EQ(loads, 2);
  co_await f.close();
}

}  // namespace
}  // namespace watchbell
