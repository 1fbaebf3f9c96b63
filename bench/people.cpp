// Puts people into a database that no server has open: COUNT users, each with a signed webhook of his own on the hosts 127.0.0.1 to 127.0.0.HOSTS in turn
// (none with 0 hosts). Prints their ids, a line each. Making them over the wire would take a password's hash each.
//
//     people DATA COUNT HOSTS PORT
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "app/run_alone.hpp"
#include "domains/notification/channels/webhook.hpp"
#include "domains/notification/store.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/sql/database.hpp"
#include "runtime/settings/store.hpp"

namespace {

using namespace watchbell;

/// What a receiver verifies with; the same for all of them.
constexpr std::string_view kSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
constexpr std::string_view kWebhook = "notification-webhook.webhook";
constexpr std::size_t kAtOnce = 2000;

struct People {
  std::size_t count = 0, hosts = 0;
  std::string port;
};

void put(sql::Session& session, const settings::Store& settings, const People& people, std::size_t from, std::size_t to, std::vector<UserId>& made) {
  const auto now = SystemClock().now();
  for (std::size_t i = from; i < to; ++i) {
    const auto id = UserId::make(now);
    made.push_back(id);
    session.execute("insert into users (id, name, email, email_verified, created_at, updated_at) values (:1, :2, :3, true, :4, :4)", id,
                    fmt::format("User {}", i), fmt::format("user-{}@bench.example", i), now);
    if (people.hosts == 0) continue;
    const auto config = fmt::format(R"({{"url":"http://127.0.0.{}:{}/hook","signingSecret":"{}"}})", 1 + i % people.hosts, people.port, kSecret);
    const settings::RecordKey key{"notification", fmt::format("user-pref.{}.{}", id.to_string(), kWebhook)};
    const auto& type = notification::channels::record_type<notification::channels::WebhookUser>();
    if (const auto written = settings.put_json(session, key, type, config, now); !written) throw Fault(written.error().message);
    notification::store::put_preference(session, id, kWebhook, {.enabled = true, .is_configured = true}, now);
  }
}

awaitable<std::vector<UserId>> put_all(sql::Database& database, const settings::Store& settings, People people) {
  std::vector<UserId> all;
  for (std::size_t from = 0; from < people.count; from += kAtOnce) {
    auto some = co_await database.write([&settings, people, from](sql::Session& session) {
      std::vector<UserId> made;
      put(session, settings, people, from, std::min(from + kAtOnce, people.count), made);
      return made;
    });
    if (!some) throw Fault(some.error().message);
    all.insert(all.end(), some->begin(), some->end());
  }
  co_await database.close();
  co_return all;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    std::fputs("usage: people DATA COUNT HOSTS PORT\n", stderr);
    return 2;
  }
  const std::filesystem::path data(argv[1]);
  std::string key;
  std::ifstream(data / "master.key") >> key;
  auto ring = crypto::Keyring::make(key);
  if (!ring) {
    std::fprintf(stderr, "people: %s\n", ring.error().message.c_str());
    return 1;
  }
  const settings::Store settings(std::move(*ring));
  const SystemClock clock;
  async::Loop loop;
  async::TimerWheel wheel(loop.executor(), clock);
  auto opened = sql::Database::open(loop, wheel, {.url = (data / "watchbell.db").string()});
  if (!opened) {
    std::fprintf(stderr, "people: %s\n", opened.error().message.c_str());
    return 1;
  }
  const People people{.count = std::strtoull(argv[2], nullptr, 10), .hosts = std::strtoull(argv[3], nullptr, 10), .port = argv[4]};
  for (const auto& id : app::run_alone(loop, put_all(**opened, settings, people))) std::puts(id.to_string().c_str());
}
