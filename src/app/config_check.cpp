#include "app/config_check.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>

#include <sys/timex.h>
#include <unistd.h>

#include "app/modules.hpp"
#include "app/run_alone.hpp"
#include "app/stored_key.hpp"
#include "async/timeout.hpp"
#include "domains/notification/module.hpp"
#include "platform/mail/smtp_client.hpp"
#include "platform/redis/transport.hpp"
#include "platform/resolver/resolver.hpp"
#include "platform/sql/database.hpp"
#include "platform/sql/peek.hpp"
#include "runtime/coherence/shared_clock.hpp"
#include "runtime/coherence/store.hpp"

namespace watchbell::app {
namespace {

using namespace std::chrono_literals;
using coherence::kApart;
namespace fs = std::filesystem;

/// What one thing may take. What is asked of others ends a little earlier by itself, so that it says what it waited for.
constexpr std::chrono::milliseconds kLimit(3000);
constexpr std::chrono::milliseconds kAsked(2500);
constexpr std::chrono::milliseconds kJump(500);
/// Nobody had this program before.
constexpr auto kEarliest = Timestamp::from_millis(1'735'689'600'000);  // 2025-01-01

Finding fine(std::string about, std::string text) { return {.about = std::move(about), .kind = Finding::Kind::fine, .text = std::move(text)}; }
Finding careful(std::string about, std::string text) { return {.about = std::move(about), .kind = Finding::Kind::careful, .text = std::move(text)}; }
Finding wrong(std::string about, std::string text) { return {.about = std::move(about), .kind = Finding::Kind::wrong, .text = std::move(text)}; }

std::string size_of(std::uintmax_t bytes) { return bytes < 1'000'000 ? fmt::format("{} kB", (bytes + 999) / 1000) : fmt::format("{} MB", bytes / 1'000'000); }
double seconds_of(std::chrono::microseconds span) { return std::chrono::duration<double>(span).count(); }
std::string migrations_text(std::int64_t count) { return count == 0 ? "up to date" : fmt::format("{} migration{} to run", count, count == 1 ? "" : "s"); }

/// Runs what cannot be interrupted on a thread of its own, which is left to itself when it takes too long: it owns all it uses.
template <class F>
auto within_limit(F f) {
  using R = std::invoke_result_t<F&>;
  auto promise = std::make_shared<std::promise<R>>();
  auto future = promise->get_future();
  std::thread([promise, f = std::move(f)]() mutable {
    try {
      promise->set_value(f());
    } catch (...) {  // carried to whoever waits
      promise->set_exception(std::current_exception());
    }
  }).detach();
  return future.wait_for(kLimit) == std::future_status::ready ? std::optional<R>(future.get()) : std::nullopt;
}

/// What the database told, as far as it could be asked.
struct Told {
  std::optional<Error> error;
  std::string version;
  std::int64_t bytes = 0;
  std::int64_t to_run = 0;
  std::optional<std::chrono::microseconds> ahead;  ///< by how much its clock is before ours
  std::optional<Timestamp> last_migration;
  bool key_fits = true;
  bool settings_read = false;
  std::optional<notification::MailServer> mail;
};

Told ask_database(const std::string& url, const std::optional<crypto::Keyring>& ring) {
  Told told;
  auto reached = sql::peek(url, kAsked, [&](sql::Session& session) {
    if (session.dialect() == sql::Dialect::sqlite) {
      told.version = "SQLite " + session.one<std::string>("select sqlite_version()").value();
      return;
    }
    told.version = "PostgreSQL " + session.one<std::string>("select split_part(current_setting('server_version'), ' ', 1)").value();
    told.bytes = session.one<std::int64_t>("select pg_database_size(current_database())").value();
    const SystemClock clock;
    const auto before = clock.now();
    const auto there = coherence::store::now_there(session).value();
    told.ahead = there - (before + (clock.now() - before) / 2);
  });
  if (!reached) {
    told.error = std::move(reached.error());
    return told;
  }
  if (auto ours = sql::Database::inspect(url, Modules::migrations()); !ours) {
    told.error = std::move(ours.error());
    return told;
  }
  auto looked = sql::peek(url, kAsked, [&](sql::Session& session) {
    told.to_run = migrations_to_run(session);
    const auto tables = session.connection().tables();
    if (std::ranges::find(tables, "schema_migrations") == tables.end()) return;
    if (const auto last = session.one<std::int64_t>("select coalesce(max(applied_at), 0) from schema_migrations"); last && *last > 0)
      told.last_migration = Timestamp::from_micros(*last);
    if (!ring || told.to_run > 0) return;
    told.key_fits = opens_settings(session, *ring);
    if (!told.key_fits) return;
    told.mail = notification::stored_mail_server(session, *ring);
    told.settings_read = true;
  });
  if (!looked) told.error = std::move(looked.error());
  return told;
}

/// The folder of an SQLite database that is not there yet, or whether what is there may be written to.
std::optional<std::string> wrong_with_folder(const fs::path& data) {
  std::error_code unknown;
  if (!fs::exists(data, unknown)) {
    const auto above = fs::absolute(data, unknown).lexically_normal();
    const auto parent = (above.has_filename() ? above : above.parent_path()).parent_path();
    if (!fs::is_directory(parent, unknown)) return fmt::format("the folder {} cannot be made: there is no {}", data.string(), parent.string());
    if (::access(parent.c_str(), W_OK | X_OK) != 0) return fmt::format("the folder {} cannot be made: {}", data.string(), std::strerror(errno));
    return std::nullopt;
  }
  if (!fs::is_directory(data, unknown)) return fmt::format("{} is no folder", data.string());
  if (::access(data.c_str(), R_OK | W_OK | X_OK) != 0) return fmt::format("the folder {} cannot be used: {}", data.string(), std::strerror(errno));
  return std::nullopt;
}

struct Looked {
  Finding database;
  std::optional<Finding> key;
  std::optional<Told> told;
};

Looked look_at_database(const config::Config& config) {
  const bool sqlite = !config.uses_postgresql();
  const std::string url = sqlite ? (config.data / "watchbell.db").string() : *config.database_url;
  const auto ring = present_keyring(config);
  if (!ring) return {.database = careful("database", "not looked at"), .key = wrong("master key", ring.error().message), .told = {}};
  if (sqlite) {
    if (auto why = wrong_with_folder(config.data)) return {.database = wrong("database", std::move(*why)), .key = {}, .told = {}};
    std::error_code unknown;
    if (fs::file_size(url, unknown) == 0 || unknown) {
      return {
          .database = fine("database", "SQLite, none yet: made at the first start"),
          .key = fine("master key", *ring ? config.master_key ? "set" : "in " + (config.data / "master.key").string() : "none yet: made at the first start"),
          .told = {}};
    }
  }
  auto asked = within_limit([url, ring = *ring] { return ask_database(url, ring); });
  if (!asked) return {.database = wrong("database", fmt::format("no answer within {} s", kLimit.count() / 1000)), .key = {}, .told = {}};
  if (asked->error) return {.database = wrong("database", asked->error->message), .key = {}, .told = std::move(asked)};
  if (sqlite) {
    std::error_code unknown;
    for (const char* part : {"", "-wal"})
      if (const auto bytes = fs::file_size(url + part, unknown); !unknown) asked->bytes += static_cast<std::int64_t>(bytes);
  }
  Looked looked{.database = fine("database",
                                 fmt::format("{}, {}, {}", asked->version, size_of(static_cast<std::uintmax_t>(asked->bytes)), migrations_text(asked->to_run))),
                .key = {},
                .told = std::move(asked)};
  if (!*ring)
    looked.key = wrong("master key", fmt::format("{} holds a database but no master.key: put the key back, or set WATCHBELL_MASTER_KEY", config.data.string()));
  else if (!looked.told->key_fits)
    looked.key = wrong("master key", "it does not open what the database keeps sealed, or a setting is damaged: put the key of this database back");
  else
    looked.key = fine("master key", config.master_key ? "set" : "in " + (config.data / "master.key").string());
  return looked;
}

/// Everything that talks over the loop.
struct Talk {
  async::Loop loop;
  SystemClock clock;
  async::TimerWheel wheel{loop.executor(), clock};
  net::Resolver resolver{loop.executor(), wheel, net::Resolver::Options{.threads = 2, .max_queued = 16}};
};

std::string field_of(std::string_view info, std::string_view name) {
  const auto at = info.find(std::string(name) + ":");
  if (at == std::string_view::npos) return {};
  const auto from = at + name.size() + 1;
  return std::string(info.substr(from, info.find_first_of("\r\n", from) - from));
}

/// A call of the transport, which is of any executor, from a coroutine of the loop.
template <class T>
awaitable<T> on_loop(Talk& talk, asio::awaitable<T> call) {
  co_return co_await asio::co_spawn(talk.loop.executor(), std::move(call), use_awaitable);
}

awaitable<Finding> ask_redis(Talk& talk, redis::Settings settings) {
  settings.connect_timeout = kAsked;
  const auto transport = redis::make_transport(talk.wheel, talk.resolver, settings);
  const auto deadline = std::chrono::duration_cast<cache::Duration>(kAsked);
  const auto server = co_await on_loop(talk, transport->server(deadline));
  auto found = wrong("redis", fmt::format("{} cannot be used: {}", settings.place(), transport->last_error()));
  if (server) {
    std::vector<cache::redis::Command> questions{{"PING"}, {"INFO", "server"}, {"INFO", "memory"}, {"INFO", "replication"}};
    const auto replies = co_await on_loop(talk, transport->pipeline(*server, std::move(questions), deadline));
    if (replies && replies->size() == 4) {
      using Kind = cache::redis::Reply::Kind;
      const auto refused = std::ranges::find(*replies, Kind::error, &cache::redis::Reply::kind);
      const auto policy = field_of((*replies)[2].text, "maxmemory_policy");
      if (refused != replies->end())
        found = wrong("redis", fmt::format("{} refuses: {}", settings.place(), refused->text));
      else if (field_of((*replies)[3].text, "role") == "slave")
        found = wrong("redis", fmt::format("{} is a replica, which takes no writes", settings.place()));
      else
        found =
            fine("redis", fmt::format("{}{}", field_of((*replies)[1].text, "redis_version"),
                                      field_of((*replies)[2].text, "maxmemory") == "0" || policy.empty() ? std::string() : ", at its memory's end: " + policy));
    }
  }
  co_await on_loop(talk, transport->stop());
  co_return found;
}

Finding look_at_redis(const config::Config& config) {
  auto settings = redis::parse_url(*config.redis_url);
  if (!settings) return wrong("redis", settings.error().message);
  Talk talk;
  auto found = run_alone(talk.loop, ask_redis(talk, std::move(*settings)));
  talk.resolver.close();
  return found;
}

awaitable<Finding> ask_mail(Talk& talk, notification::MailServer mail) {
  mail::SmtpClient client(talk.loop, talk.wheel, talk.resolver, {});
  auto& server = mail.server;
  server.connect_timeout = server.total_timeout = kAsked;
  const auto place = server.place();
  const auto answer = co_await client.greet(server, mail.from);
  co_await client.close();
  if (!answer) co_return wrong("mail", answer.error().message);
  co_return fine("mail", place);
}

Finding look_at_mail(const std::optional<Told>& told) {
  if (!told) return fine("mail", "no mail server is set up");
  if (!told->error && told->to_run > 0) return careful("mail", "not looked at before the migrations have run");
  if (!told->settings_read) return careful("mail", "not looked at, because its settings cannot be read");
  if (!told->mail) return fine("mail", "no mail server is set up");
  Talk talk;
  auto found = run_alone(talk.loop, ask_mail(talk, *told->mail));
  talk.resolver.close();
  return found;
}

/// The two clocks at one moment.
struct Moment {
  Timestamp wall;
  Monotonic monotonic;
};
Moment moment() {
  const SystemClock clock;
  return {.wall = clock.now(), .monotonic = clock.monotonic()};
}

Finding look_at_clock(const Moment& begun, const std::optional<Told>& told) {
  const auto now = moment();
  const auto jumped = std::chrono::duration_cast<std::chrono::microseconds>((now.wall - begun.wall) - (now.monotonic - begun.monotonic));
  if (now.wall < kEarliest) return wrong("clock", fmt::format("it says {}: set it", now.wall.to_iso()));
  if (told && told->last_migration && *told->last_migration > now.wall + kApart)
    return wrong("clock", fmt::format("it says {}, but the database was brought up to date at {}: one of the two was wrong", now.wall.to_iso(),
                                      told->last_migration->to_iso()));
  if (std::chrono::abs(jumped) > kJump) return careful("clock", fmt::format("it was put by {:+.1f} s while this command ran", seconds_of(jumped)));
  if (told && told->ahead && std::chrono::abs(*told->ahead) > kApart)
    return careful(
        "clock", fmt::format("that of the database is {:.1f} s {} ours", std::abs(seconds_of(*told->ahead)), told->ahead->count() > 0 ? "ahead of" : "behind"));
  timex kernel{};
  const int state = ::adjtimex(&kernel);
  const bool kept = state >= 0 && state != TIME_ERROR && (kernel.status & STA_UNSYNC) == 0;
  return fine("clock", fmt::format("{}, {}", now.wall.to_iso(), kept ? "kept in step" : "not kept in step with others, as far as the kernel knows"));
}

}  // namespace

std::string Finding::line() const {
  switch (kind) {
    case Kind::fine:
      return fmt::format("{}: ok ({})", about, text);
    case Kind::careful:
      return fmt::format("{}: careful: {}", about, text);
    case Kind::wrong:
      break;
  }
  return fmt::format("{}: {}", about, text);
}

std::vector<Finding> look_around(const config::Config& config) {
  const auto begun = moment();
  std::vector<Finding> found;
  auto looked = look_at_database(config);
  found.push_back(std::move(looked.database));
  if (looked.key) found.push_back(std::move(*looked.key));
  if (config.redis_url) found.push_back(look_at_redis(config));
  // Of a database that could not even be asked nothing is known of the mail server either.
  if (!looked.told && found.front().kind != Finding::Kind::fine)
    found.push_back(careful("mail", "not looked at, because its settings cannot be read"));
  else
    found.push_back(look_at_mail(looked.told));
  found.push_back(look_at_clock(begun, looked.told));
  return found;
}

int check(const config::Config& config) {
  std::puts("settings: ok");
  std::fflush(stdout);
  const auto found = look_around(config);
  for (const auto& each : found) std::puts(each.line().c_str());
  std::fflush(stdout);
  const int code = std::ranges::any_of(found, [](const Finding& each) { return each.kind == Finding::Kind::wrong; }) ? 1 : 0;
  // What still waits on a thread of its own must not find the program half taken down.
  std::_Exit(code);
}

}  // namespace watchbell::app
