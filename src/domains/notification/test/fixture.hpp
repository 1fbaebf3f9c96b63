#pragma once

#include <algorithm>
#include <map>
#include <set>

#include "domains/notification/channels/registry.hpp"
#include "domains/notification/contract.hpp"
#include "domains/notification/jobs.hpp"
#include "domains/notification/module.hpp"
#include "domains/notification/store.hpp"
#include "platform/http_client/test/fixture.hpp"
#include "platform/mail/smtp_client.hpp"
#include "runtime/test/runtime_fixture.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& settings();
}

namespace watchbell::notification::test {

using namespace std::chrono_literals;

inline UserId user(int n) { return UserId::parse(fmt::format("01000000-0000-7000-8000-{:012}", n)).value(); }

inline access::PrincipalPtr application(int n) {
  access::Principal principal;
  principal.kind = access::Principal::Kind::application;
  principal.id = user(n).uuid();
  return std::make_shared<const access::Principal>(principal);
}

/// A page of a user: keeps what it hears, and can act on each frame as a browser does.
class Page final : public http::WebSocket {
 public:
  explicit Page(Executor executor) : event_(executor) {}
  awaitable<std::optional<std::string>> read() override {
    while (open_) co_await event_.wait();
    co_return std::nullopt;
  }
  void send(std::shared_ptr<const std::string> text) override {
    heard.push_back(*text);
    if (on_frame) on_frame(*text);
  }
  void hold(std::string_view begin, std::string_view rest) override { send(std::make_shared<const std::string>(std::string(begin).append(rest))); }
  void flush() override {}
  void close(std::uint16_t, std::string) override {
    open_ = false;
    event_.notify_all();
  }
  bool open() const noexcept override { return open_; }
  std::string_view peer_address() const noexcept override { return "127.0.0.1"; }
  /// How many frames hold the text.
  std::size_t count(std::string_view part) const {
    return static_cast<std::size_t>(std::ranges::count_if(heard, [&](const std::string& frame) { return frame.find(part) != std::string::npos; }));
  }
  std::vector<std::string> heard;
  std::function<void(const std::string&)> on_frame;

 private:
  bool open_ = true;
  async::Event event_;
};

/// Deliveries under way at a time, and of them to one host; and how often they go out.
struct Places {
  std::size_t at_once = 512;
  std::size_t per_host = 64;
  DeliveryRates::Options rates{};
};

/// The domain on a database of its own, a clock moved by hand, and a real HTTP client that may reach loopback unless told otherwise.
struct Fixture : watchbell::test::RuntimeFixture {
  using Storage = watchbell::test::Storage;
  explicit Fixture(async::Loop& l, std::string egress_allow = "127.0.0.0/8", const sql::MigrationSet* more = nullptr, Storage storage = Storage::memory, Places places = {})
      : RuntimeFixture(l, sets(more), storage), places_(places), bench(l, std::move(egress_allow)) {
    EXPECT_TRUE(consume(*queue, service, deliveries, places_.at_once));
    EXPECT_TRUE(retention.consume(*queue));
    service.read_signals(*hub);
  }
  Fixture(async::Loop& l, Storage storage) : Fixture(l, "127.0.0.0/8", nullptr, storage) {}
  static std::vector<const sql::MigrationSet*> sets(const sql::MigrationSet* more) {
    std::vector<const sql::MigrationSet*> all{&migrations::settings(), &migrations::notification()};
    if (more != nullptr) all.push_back(more);
    return all;
  }
  ExistingUsers existing() {
    return [this](sql::Session&, std::span<const UserId> asked) {
      std::vector<UserId> found;
      for (const auto& one : asked)
        if (!gone.contains(one)) found.push_back(one);
      return found;
    };
  }
  FindUser find_user() {
    return [this](sql::Session&, const UserId& one) -> std::optional<channels::Recipient> {
      if (gone.contains(one)) return std::nullopt;
      return channels::Recipient{.email = "ada@w.test", .name = "Ada"};
    };
  }
  /// Everybody sees everything, but for those whom a test blinds.
  Viewers viewers() {
    return [this](sql::Session&, std::span<const UserId> asked, std::string_view, std::string_view object) {
      std::vector<UserId> seeing;
      for (const auto& one : asked)
        if (!blind.contains({one, std::string(object)})) seeing.push_back(one);
      return seeing;
    };
  }
  /// Ends everything; to be awaited at the end of every test.
  awaitable<void> shut() {
    co_await queue->stop(0ms);
    co_await scope.stop();
    co_await mail.close();
    co_await bench.close();
    co_await close();
  }
  /// As a process has them that has just begun.
  Deliveries new_deliveries() {
    return Deliveries(*database, *changes, wheel, pauses, keyring, channel_settings, find_user(),
                      {.base_url = "https://watchbell.test", .per_host = places_.per_host, .rates = places_.rates, .seed = 3,
                       .renew = [this](const channels::Channel& channel, UserId of, std::string admin, std::string used,
                                       bool refused) { return links.renew(channel, of, std::move(admin), std::move(used), refused); }});
  }
  /// The process is killed: what ran says nothing any more, and its jobs are under leases that nobody renews.
  awaitable<void> kill() {
    scope.spawn("stop", queue->stop(0ms));
    co_await until([&] {
      clock.advance(10ms);  // the time that running jobs get to end passes
      return scope.size() == 0;
    });
    co_await database->write([](sql::Session& s) { s.execute("update jobs set state = 'running', lease_until = 9000000000000000000"); });
  }
  /// The next process begins.
  awaitable<void> begin_anew(jobs::Queue& next) {
    EXPECT_TRUE(consume(next, service, deliveries, places_.at_once));
    co_await next.start();
  }
  awaitable<std::shared_ptr<Page>> open_page(UserId of) {
    const auto page = std::make_shared<Page>(loop.executor());
    const std::string cookie = of.to_string();
    const auto principal = co_await identity.identify({.authorization = {}, .cookie = cookie});
    scope.spawn("page", hub->serve(page, *principal, identity, cookie, "10.0.0.1"));
    co_await until([&] { return hub->online(of) && !page->heard.empty(); });
    page->heard.clear();
    co_return page;
  }
  /// Runs a change that must succeed.
  template <class F>
  awaitable<void> change(F f) {
    const auto done = co_await changes->run(std::move(f));
    EXPECT_TRUE(done);
  }
  template <class Row>
  awaitable<Row> one(std::string query) {
    auto row = co_await database->read([query](sql::Session& session) { return session.one<Row>(query).value(); });
    co_return row.value();
  }
  /// The texts of all rows, one behind the other.
  awaitable<std::string> joined(std::string query, std::string_view between = " ") {
    auto texts = co_await database->read([query](sql::Session& session) { return session.all<std::string>(query); });
    std::string all;
    for (const auto& text : texts.value()) all.append(all.empty() ? std::string_view() : between).append(text);
    co_return all;
  }
  awaitable<std::int64_t> rows(std::string table) { co_return co_await one<std::int64_t>("select count(*) from " + table); }
  awaitable<std::string> unread(UserId of) {
    const auto answer = co_await service.unread_count(of).wait();
    co_return answer ? *answer->bytes : answer.error().message;
  }
  awaitable<std::string> page_of(UserId of, PageInput input = {}) {
    const auto answer = co_await service.notifications(of, input).wait();
    co_return answer ? *answer->bytes : answer.error().message;
  }
  awaitable<std::int64_t> notify(std::vector<UserId> users, std::string title = "Disk full", std::string key = {}) {
    NotifyUsers input{.user_ids = {}, .title = Text<1, 200>::of(std::move(title)), .body = {Text<0, 10'000>::of("**/var** is full")}, .action = {}, .idempotency_key = {}};
    for (const auto& one : users) input.user_ids.push_back(Text<1, 200>::of(one.to_string()));
    if (!key.empty()) input.idempotency_key = Text<1, 200>::of(std::move(key));
    const auto sent = co_await service.notify_users(application(1), std::move(input));
    if (!sent) {
      EXPECT_EQ(sent.error().code, ErrorCode::conflict);
      co_return -1;
    }
    co_return sent->notified_count;
  }
  awaitable<Result<void>> set_webhook(UserId of, std::string config, bool enabled = true) {
    return set_channel("notification-webhook.webhook", of, std::move(config), enabled);
  }
  awaitable<Result<void>> set_channel(std::string id, UserId of, std::string config, bool enabled = true) {
    SetPreference input{.strategy_id = Text<1, 200>::of(std::move(id)), .enabled = {enabled}, .user_config = {}};
    if (config == "null") input.user_config = Patch<ConfigJson>::cleared();
    else if (!config.empty()) input.user_config = Patch<ConfigJson>::set(ConfigJson{.text = std::move(config)});
    co_return co_await channel_settings.set_preference(of, std::move(input));
  }

  Places places_;
  std::set<UserId> gone;
  std::set<std::pair<UserId, std::string>> blind;  ///< who does not see which object
  http::test::Bench bench;
  mail::SmtpClient mail{loop, bench.wheel, bench.resolver, {}};
  async::PausePoints pauses{loop.executor()};
  settings::Store settings{keyring};
  channels::Registry registry = channels::all(bench.client, mail, clock, "https://watchbell.test");
  ChannelSettings channel_settings{*database, *changes, settings, registry};
  PushSubscriptions push_subscriptions{*database, *changes, channel_settings};
  OAuthLinks links{*database, *changes, channel_settings, bench.client, identity, keyring, clock, loop.executor(), "https://watchbell.test"};
  Service service{*database, cache, *changes, scope, channel_settings, existing(), viewers()};
  Deliveries deliveries = new_deliveries();
  Transactional transactional{*database, *changes, wheel, keyring, deliveries};
  Retention retention{*database, *changes, settings, service};
  /// Users are called by the last digit of their ids; those who are gone by nothing.
  DeadLetters dead_letters{*database, *changes, registry, [this](sql::Session&, std::span<const UserId> asked) {
                             std::map<UserId, std::string> names;
                             for (const auto& one : asked)
                               if (!gone.contains(one)) names.emplace(one, "User " + one.to_string().substr(35));
                             return names;
                           }};
};

}  // namespace watchbell::notification::test
