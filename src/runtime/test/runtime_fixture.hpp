#pragma once

#include "tests/support/co_test.hpp"

#include <boost/asio/post.hpp>

#include "async/manual_clock.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/sql/test/temporary_folder.hpp"
#include "platform/sql/testing.hpp"
#include "runtime/change/change.hpp"
#include "runtime/rpc/dispatcher.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
}

namespace watchbell::test {

/// Somebody whose cookie is his user id; "gone" cookies are nobody.
class FakeIdentity final : public access::Identity {
 public:
  awaitable<Result<access::PrincipalPtr>> identify(access::Credentials credentials) override {
    const auto principal = identify_now(credentials);
    co_return principal == nullptr ? access::Principal::nobody() : principal;
  }
  access::PrincipalPtr identify_now(access::Credentials credentials) override {
    const auto id = Uuid::parse(credentials.cookie);
    if (!id || gone.contains(*id)) return nullptr;
    access::Principal user;
    user.kind = access::Principal::Kind::user;
    user.id = *id;
    user.rules = std::make_shared<const access::RuleSet>(rules);
    user.expires_at = expires_at;
    return std::make_shared<const access::Principal>(std::move(user));
  }
  awaitable<Result<access::RuleSetPtr>> anonymous_rules() override { co_return std::make_shared<const access::RuleSet>(anonymous); }
  std::set<Uuid> gone;
  std::optional<Timestamp> expires_at; ///< of every session
  std::vector<std::string> rules;      ///< of everybody with a cookie
  std::vector<std::string> anonymous;  ///< of those without
};

/// Calls procedures as clients do, without a socket between.
struct Wire {
  explicit Wire(access::Identity& identity) : dispatcher(identity, pool) {}
  /// "200 {...}": status and body of a POST. What is answered at once is what is answered otherwise.
  awaitable<std::string> call(std::string path, std::string body, std::string cookie = {}) {
    const rpc::CallRequest request{.method = "POST", .path = path, .body = body, .credentials = {.authorization = {}, .cookie = cookie}};
    const auto* const procedure = dispatcher.find(path);
    const auto at_once = procedure == nullptr ? std::nullopt : dispatcher.call_now(*procedure, request);
    const auto text = text_of(co_await dispatcher.call(request));
    if (at_once) EXPECT_EQ(text_of(*at_once), text);
    co_return text;
  }
  static std::string text_of(const rpc::CallAnswer& answer) {
    const auto* text = std::get_if<std::string>(&answer.body);
    return std::to_string(answer.status) + " " + (text != nullptr ? *text : **std::get_if<1>(&answer.body));
  }
  async::BlockingPool pool{{.name = "decode", .threads = 1}};
  rpc::Dispatcher dispatcher;
};

/// A websocket whose other end is the test.
class FakeSocket : public http::WebSocket {
 public:
  explicit FakeSocket(Executor executor) : event_(executor) {}
  awaitable<std::optional<std::string>> read() override {
    while (incoming.empty() && open_) co_await event_.wait();
    if (incoming.empty()) co_return std::nullopt;
    auto frame = std::move(incoming.front());
    incoming.pop_front();
    co_return frame;
  }
  void send(std::shared_ptr<const std::string> text) override {
    if (open_) sent.push_back(*text);
  }
  void hold(std::string_view begin, std::string_view rest) override { send(std::make_shared<const std::string>(std::string(begin).append(rest))); }
  void flush() override { ++flushes; }
  void close(std::uint16_t code, std::string) override {
    if (open_) close_code = code;
    open_ = false;
    event_.notify_all();
  }
  bool open() const noexcept override { return open_; }
  std::string_view peer_address() const noexcept override { return "127.0.0.1"; }
  void receive(std::string frame) {
    incoming.push_back(std::move(frame));
    event_.notify_all();
  }
  std::deque<std::string> incoming;
  std::vector<std::string> sent;
  int flushes = 0;  // of what was held; sent has it from the start
  std::uint16_t close_code = 0;

 private:
  bool open_ = true;
  async::Event event_;
};

/// Where a fixture stores, when it stores in SQLite (sql/testing.hpp).
enum class Storage {
  memory,  ///< fast; one connection, so that a read never overlaps a commit
  file,    ///< readers beside the writer, as the server has them: where reads race with changes
};

/// The runtime on a database of its own and a clock moved by hand.
struct RuntimeFixture {
  explicit RuntimeFixture(async::Loop& l, const std::vector<const sql::MigrationSet*>& more = {}, Storage storage = Storage::memory, jobs::Queue::Options queue_options = {})
      : loop(l) {
    clock.attach(wheel);
    std::vector<const sql::MigrationSet*> sets{&migrations::runtime()};
    sets.insert(sets.end(), more.begin(), more.end());
    if (sql::testing::g_make_store != nullptr) elsewhere = sql::testing::g_make_store(sets);
    else if (storage == Storage::file) folder.emplace();
    const auto url = elsewhere ? elsewhere->url() : folder ? "sqlite:" + folder->file("a.db") : std::string(":memory:");
    // In PostgreSQL few connections take the place of the one: what does not depend on each other keeps its order.
    const bool few = elsewhere && storage == Storage::memory;
    auto opened = sql::Database::open(loop, database_wheel,
                                      {.url = url, .readers = few ? 1u : 4u, .writers = few ? 1u : 4u, .synchronous_full = false});
    if (!opened) throw std::runtime_error(opened.error().message);
    database = std::move(*opened);
    if (const auto migrated = database->migrate(sets); !migrated) throw std::runtime_error(migrated.error().message);
    queue = std::make_unique<jobs::Queue>(wheel, *database, on_fault(), std::move(queue_options), 7);
    bus = std::make_unique<events::Bus>(*queue, keyring, scope, on_fault());
    hub = std::make_unique<signals::Hub>(wheel, scope, signals::Hub::Options{});
    changes = std::make_unique<Changes>(*database, clock, *queue, *bus, *hub);
  }
  async::TaskScope::OnFault on_fault() {
    return [this](std::string_view where, std::exception_ptr) { faults.emplace_back(where); };
  }
  /// To be awaited at the end of every test.
  awaitable<void> close() {
    co_await queue->stop(std::chrono::seconds(0));
    co_await scope.stop();
    co_await cache.close<Executor>();
    co_await database->close();
  }
  /// Lets the loop and the pool run until `done` holds.
  template <class Predicate>
  awaitable<void> until(Predicate done) {
    while (!done()) co_await asio::post(loop.executor(), use_awaitable);
  }
  /// Lets the loop and the pool run until the database has nothing to do, nor soon after.
  awaitable<void> until_idle() {
    for (int turns = 0; turns < 20; ++turns) {
      if (database->waiting() > 0 || database->sessions().busy > 0) turns = 0;
      co_await asio::post(loop.executor(), use_awaitable);
    }
  }
  /// Until `done` holds, while time passes; it stands still while a server works.
  template <class Predicate>
  awaitable<void> elapse_until(Predicate done, std::chrono::milliseconds step = std::chrono::milliseconds(100)) {
    while (!done()) {
      if (elsewhere) co_await until_idle();
      clock.advance(step, step);
      co_await asio::post(loop.executor(), use_awaitable);
    }
  }

  std::optional<sql::test::TemporaryFolder> folder;
  std::unique_ptr<sql::testing::Store> elsewhere;  // where no file of ours is the database
  async::Loop& loop;
  async::ManualClock clock;
  async::TimerWheel wheel{loop.executor(), clock, async::TimerWheel::Drive::manual};
  // The database waits for others and tries again in true time.
  SystemClock true_clock;
  async::TimerWheel database_wheel{loop.executor(), true_clock};
  std::vector<std::string> faults;
  crypto::Keyring keyring = crypto::Keyring::make(crypto::Keyring::generate()).value();
  FakeIdentity identity;
  std::unique_ptr<sql::Database> database;
  coherence::Memory cache;
  async::TaskScope scope{loop.executor(), on_fault()};
  std::unique_ptr<jobs::Queue> queue;
  std::unique_ptr<events::Bus> bus;
  std::unique_ptr<signals::Hub> hub;
  std::unique_ptr<Changes> changes;
};

}  // namespace watchbell::test
