#include "app/config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include <unistd.h>

namespace watchbell::config {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "8f1c6b0a95d2e7433b5f08ac61d9e2740cb7a1f35e6d48923fa0c4d71b86e25d";
constexpr const char* kOldKey = "15e8d36fb02a7c94c1497ea08d5bf6326a03d9be71c85f24e0b7936d4c2a81f5";

using Environment = std::vector<std::string>;

Result<Config> resolved(Environment environment, std::optional<std::string> file = std::nullopt, const Arguments& arguments = {}) {
  std::vector<char*> pointers;
  for (auto& entry : environment) pointers.push_back(entry.data());
  return resolve(pointers, file ? std::optional<File>(File{"w.toml", *file}) : std::nullopt, arguments);
}

/// The message of the error; fails the test when there is none.
std::string complaint(const Result<Config>& result) {
  EXPECT_FALSE(result.has_value());
  if (result) return {};
  EXPECT_EQ(result.error().code, ErrorCode::bad_request);
  return result.error().message;
}

TEST(Config, defaults_need_nothing) {
  const auto config = resolved({"PATH=/bin", "HOME=/"});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen.to_string(), "127.0.0.1:3000");
  EXPECT_EQ(config->data, "./data");
  EXPECT_FALSE(config->base_url);
  EXPECT_FALSE(config->uses_postgresql());
  EXPECT_FALSE(config->metrics_listen);
  EXPECT_EQ(config->drain, std::chrono::seconds(0));
  EXPECT_EQ(config->rate_limit_principal, (Rate{100, 400}));
  EXPECT_EQ(config->rate_limit_address, (Rate{200, 1000}));
  EXPECT_EQ(config->rate_limit_sign_in, (Quota{3, std::chrono::seconds(10)}));
  EXPECT_EQ(config->sockets_per_user, 20);
  EXPECT_EQ(config->sockets_per_address, 50);
  EXPECT_EQ(config->sockets_max, 20'000);
  EXPECT_EQ(config->max_body_bytes, 1 << 20);
  EXPECT_EQ(config->delivery_concurrency, 512);
  EXPECT_FALSE(config->delivery_rate_per_channel) << "ten thousand webhooks may go out within a second";
  EXPECT_FALSE(config->delivery_rate_per_host);
}

TEST(Config, the_presets_of_the_table_are_the_defaults_of_the_struct) {
  Environment environment;
  for (const Setting& setting : settings())
    if (!setting.preset.empty()) environment.push_back(setting.environment_name() + "=" + setting.preset);
  const auto given = resolved(environment);
  const auto defaults = resolved({});
  ASSERT_TRUE(given) << given.error().message;
  ASSERT_EQ(given->shown.size(), defaults->shown.size());
  for (std::size_t i = 0; i < given->shown.size(); ++i) EXPECT_EQ(given->shown[i].text, defaults->shown[i].text) << settings()[i].name;
  EXPECT_EQ(given->listen, defaults->listen);
  EXPECT_EQ(given->data, defaults->data);
  EXPECT_EQ(given->log_level, defaults->log_level);
  EXPECT_EQ(given->log_format, defaults->log_format);
  EXPECT_EQ(given->rate_limit_sign_in, defaults->rate_limit_sign_in);
  EXPECT_EQ(given->idle_timeout, defaults->idle_timeout);
  EXPECT_EQ(given->cache_max_bytes, defaults->cache_max_bytes);
  EXPECT_EQ(given->cache_per_scope_share, defaults->cache_per_scope_share);
}

TEST(Config, later_sources_win) {
  const std::string file = "listen = '127.0.0.1:1001'\ndata = '/file'\nlog_level = 'warn'\n";
  const auto from_file = resolved({}, file);
  ASSERT_TRUE(from_file) << from_file.error().message;
  EXPECT_EQ(from_file->listen.port, 1001);
  EXPECT_EQ(from_file->data, "/file");
  EXPECT_EQ(from_file->log_level, log::Level::warn);
  const Environment environment{"WATCHBELL_LISTEN=127.0.0.1:1002", "WATCHBELL_DATA=/environment"};
  const auto over_file = resolved(environment, file);
  ASSERT_TRUE(over_file) << over_file.error().message;
  EXPECT_EQ(over_file->listen.port, 1002);
  EXPECT_EQ(over_file->data, "/environment");
  EXPECT_EQ(over_file->log_level, log::Level::warn);
  const auto over_all = resolved(environment, file, {.listen = "[::1]:1003", .data = "/argument"});
  ASSERT_TRUE(over_all) << over_all.error().message;
  EXPECT_EQ(over_all->listen.to_string(), "[::1]:1003");
  EXPECT_EQ(over_all->data, "/argument");
  const std::string shown = describe(*over_all);
  EXPECT_THAT(shown, HasSubstr("listen = \"[::1]:1003\"  # argument\n"));
  EXPECT_THAT(shown, HasSubstr("log_level = \"warn\"  # file\n"));
  EXPECT_THAT(shown, HasSubstr("log_format = \"text\"  # built-in\n"));
  EXPECT_THAT(describe(*over_file), HasSubstr("data = \"/environment\"  # environment\n"));
}

TEST(Config, a_wrong_value_that_is_overridden_does_no_harm) {
  EXPECT_TRUE(resolved({"WATCHBELL_LISTEN=nonsense"}, std::nullopt, {.listen = "127.0.0.1:0"}));
}

TEST(Config, an_unknown_name_is_an_error_that_names_the_nearest) {
  const std::pair<const char*, const char*> kNames[] = {
      {"WATCHBELL_LISTN", "WATCHBELL_LISTEN"},
      {"WATCHBELL_LITSEN", "WATCHBELL_LISTEN"},
      {"WATCHBELL_PORT", "WATCHBELL_"},
      {"WATCHBELL_DATABASE", "WATCHBELL_DATA"},
      {"WATCHBELL_DB_URL", "WATCHBELL_"},
      {"WATCHBELL_MASTERKEY", "WATCHBELL_MASTER_KEY"},
      {"WATCHBELL_RATE_LIMIT_SIGNIN", "WATCHBELL_RATE_LIMIT_SIGN_IN"},
      {"WATCHBELL_listen", "WATCHBELL_LISTEN"},
      {"WATCHBELL_", "WATCHBELL_"},
  };
  for (const auto& [name, near] : kNames) {
    const std::string message = complaint(resolved({std::string(name) + "=secret value"}));
    EXPECT_THAT(message, HasSubstr(std::string("\"") + name + "\""));
    EXPECT_THAT(message, HasSubstr(std::string("the nearest known one is ") + near)) << name;
    EXPECT_THAT(message, Not(HasSubstr("secret value")));
  }
  const std::string message = complaint(resolved({}, "\nlog_levle = 'info'\n"));
  EXPECT_THAT(message, HasSubstr("w.toml, line 2: unknown setting \"log_levle\"; the nearest known one is log_level"));
}

TEST(Config, names_of_tests_and_of_others_are_left_alone) {
  EXPECT_TRUE(resolved({"WATCHBELL_TEST_SKIP=postgres", "WATCHBELL_TEST_=", "WATCHBELLX=1", "PORT=1", "BASE_URL=x", "WATCHBELL_LISTN"}));
}

TEST(Config, what_belongs_to_the_environment_alone_is_unknown_in_the_file) {
  EXPECT_THAT(complaint(resolved({}, "config = 'x.toml'")), HasSubstr("unknown setting \"config\""));
  EXPECT_THAT(complaint(resolved({}, "test_pause = 'delivery.before_send'")), HasSubstr("unknown setting \"test_pause\""));
}

TEST(Config, bad_values_name_setting_value_and_what_is_allowed) {
  struct Case {
    const char* name;
    const char* value;
    const char* allowed;
  };
  const Case kCases[] = {
      {"LISTEN", "3000", "HOST:PORT"},
      {"LISTEN", "", "HOST:PORT"},
      {"LISTEN", "127.0.0.1:65536", "HOST:PORT"},
      {"LISTEN", "127.0.0.1:", "HOST:PORT"},
      {"LISTEN", "127.0.0.1:-1", "HOST:PORT"},
      {"LISTEN", "::1:3000", "HOST:PORT"},
      {"LISTEN", "[127.0.0.1]:3000", "HOST:PORT"},
      {"LISTEN", "example.com:80", "HOST:PORT"},
      {"LISTEN", ":3000", "HOST:PORT"},
      {"DATA", "", "the path of a folder"},
      {"BASE_URL", "watchbell.example.com", "http://"},
      {"BASE_URL", "ftp://example.com", "http://"},
      {"BASE_URL", "https://example.com/path", "http://"},
      {"BASE_URL", "https://example.com?x=1", "http://"},
      {"BASE_URL", "https://user@example.com", "http://"},
      {"BASE_URL", "https://", "http://"},
      {"BASE_URL", "https://example.com:99999", "http://"},
      {"METRICS_LISTEN", "9464", "HOST:PORT"},
      {"LOG_LEVEL", "INFO", "trace, debug, info"},
      {"LOG_FORMAT", "xml", "text or json"},
      {"NAMESPACE", "-a", "1 to 32"},
      {"NAMESPACE", "Preview", "1 to 32"},
      {"NAMESPACE", "a23456789012345678901234567890123", "1 to 32"},
      {"TRUSTED_PROXIES", "10.0.0.0/33", "blocks"},
      {"TRUSTED_PROXIES", "proxy.example.com", "blocks"},
      {"EGRESS_ALLOW", "10.0.0.1,x", "blocks"},
      {"DRAIN_SECONDS", "-1", "from 0 to 300"},
      {"DRAIN_SECONDS", "3s", "from 0 to 300"},
      {"TEST_PAUSE", "delivery.before_send:0", "NAME:n"},
      {"TEST_PAUSE", "Delivery", "NAME:n"},
      {"RATE_LIMIT_PRINCIPAL", "100", "PER_SECOND/BURST"},
      {"RATE_LIMIT_PRINCIPAL", "0/400", "PER_SECOND/BURST"},
      {"RATE_LIMIT_ADDRESS", "100/", "PER_SECOND/BURST"},
      {"RATE_LIMIT_ADDRESS", "Off", "PER_SECOND/BURST"},
      {"RATE_LIMIT_SIGN_IN", "3/10", "COUNT/SECONDSs"},
      {"RATE_LIMIT_SIGN_IN", "3/s", "COUNT/SECONDSs"},
      {"RATE_LIMIT_SIGN_IN", "s", "COUNT/SECONDSs"},
      {"DELIVERY_RATE_PER_CHANNEL", "10", "PER_SECOND/BURST"},
      {"DELIVERY_RATE_PER_HOST", "0/1", "PER_SECOND/BURST"},
      {"SOCKETS_PER_USER", "0", "from 1 to"},
      {"MAX_BODY_BYTES", "1e6", "from 1024 to"},
      {"MAX_BODY_BYTES", "99999999999999999999", "from 1024 to"},
      {"CACHE_MAX_BYTES", "1023", "from 1048576 to"},
      {"CACHE_PER_SCOPE_SHARE", "1.01", "from 0 to 1"},
      {"CACHE_PER_SCOPE_SHARE", "-0.5", "from 0 to 1"},
      {"CACHE_PER_SCOPE_SHARE", "50%", "from 0 to 1"},
      {"CACHE_PER_SCOPE_SHARE", "nan", "from 0 to 1"},
      {"CACHE_PER_SCOPE_SHARE", "", "from 0 to 1"},
      {"SHUTDOWN_TOTAL_SECONDS", "0", "from 1 to 600"},
      {"LOG_FORMAT", "text\x1b[2J", "\\u001b"},
  };
  for (const Case& c : kCases) {
    const std::string name = std::string("WATCHBELL_") + c.name;
    const std::string message = complaint(resolved({name + "=" + c.value}));
    EXPECT_THAT(message, HasSubstr(name)) << c.value;
    EXPECT_THAT(message, HasSubstr(c.allowed)) << c.value;
    if (std::string_view(c.value).find('\x1b') == std::string_view::npos) {
      EXPECT_THAT(message, HasSubstr("is \"" + std::string(c.value) + "\""));
    }
  }
}

TEST(Config, good_values_are_read) {
  const auto config = resolved({
      "WATCHBELL_LISTEN=localhost:0",
      "WATCHBELL_BASE_URL=HTTPS://Watchbell.Example.com:443/",
      "WATCHBELL_MASTER_KEY=" + std::string(kKey),
      "WATCHBELL_MASTER_KEY_PREVIOUS=" + std::string(kOldKey),
      "WATCHBELL_SETUP_TOKEN=let-me-set-up",
      "WATCHBELL_METRICS_LISTEN=[::]:9464",
      "WATCHBELL_LOG_LEVEL=debug",
      "WATCHBELL_LOG_FORMAT=json",
      "WATCHBELL_NAMESPACE=preview-2",
      "WATCHBELL_TRUSTED_PROXIES=10.0.0.0/8, ::1",
      "WATCHBELL_EGRESS_ALLOW=127.0.0.0/8",
      "WATCHBELL_DRAIN_SECONDS=5",
      "WATCHBELL_TEST_PAUSE=delivery.before_send:3",
      "WATCHBELL_TEST_HURRY=1000",
      "WATCHBELL_RATE_LIMIT_PRINCIPAL=off",
      "WATCHBELL_RATE_LIMIT_ADDRESS=1/2",
      "WATCHBELL_RATE_LIMIT_SIGN_IN=5/60s",
      "WATCHBELL_JOB_CONCURRENCY= 12 ",
      "WATCHBELL_DELIVERY_RATE_PER_CHANNEL=50/100",
      "WATCHBELL_CACHE_PER_SCOPE_SHARE=0.25",
  });
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->listen.is_loopback());
  EXPECT_EQ(config->listen.port, 0);
  EXPECT_EQ(config->base_url, "https://watchbell.example.com");
  EXPECT_EQ(config->master_key, kKey);
  EXPECT_EQ(config->master_key_previous, kOldKey);
  EXPECT_EQ(config->setup_token, "let-me-set-up");
  EXPECT_EQ(config->metrics_listen->to_string(), "[::]:9464");
  EXPECT_FALSE(config->metrics_listen->is_loopback());
  EXPECT_EQ(config->log_level, log::Level::debug);
  EXPECT_EQ(config->log_format, log::Format::json);
  EXPECT_EQ(config->instance_namespace, "preview-2");
  ASSERT_EQ(config->trusted_proxies.size(), 2u);
  EXPECT_EQ(config->trusted_proxies[0].to_string(), "10.0.0.0/8");
  EXPECT_EQ(config->egress_allow.size(), 1u);
  EXPECT_EQ(config->drain, std::chrono::seconds(5));
  EXPECT_EQ(config->test_pause, "delivery.before_send:3");
  EXPECT_EQ(config->test_hurry, 1000);
  EXPECT_FALSE(config->rate_limit_principal);
  EXPECT_EQ(config->rate_limit_address, (Rate{1, 2}));
  EXPECT_EQ(config->rate_limit_sign_in, (Quota{5, std::chrono::seconds(60)}));
  EXPECT_EQ(config->job_concurrency, 12);
  EXPECT_EQ(config->delivery_rate_per_channel, (Rate{50, 100}));
  EXPECT_EQ(resolved({}, "delivery_rate_per_host = '5/5'")->delivery_rate_per_host, (Rate{5, 5}));
  EXPECT_EQ(config->cache_per_scope_share, 0.25);
  EXPECT_EQ(resolved({}, "cache_per_scope_share = 0.75")->cache_per_scope_share, 0.75);
  EXPECT_EQ(resolved({}, "cache_per_scope_share = 1")->cache_per_scope_share, 1);
  EXPECT_EQ(resolved({"WATCHBELL_BASE_URL=http://localhost:8080"})->base_url, "http://localhost:8080");
}

TEST(Config, an_empty_value_takes_away_what_may_be_left_out) {
  const auto config = resolved({"WATCHBELL_BASE_URL=", "WATCHBELL_METRICS_LISTEN=", "WATCHBELL_TRUSTED_PROXIES=", "WATCHBELL_NAMESPACE=",
                                "WATCHBELL_MASTER_KEY=", "WATCHBELL_MASTER_KEY_PREVIOUS=", "WATCHBELL_SETUP_TOKEN=", "WATCHBELL_DATABASE_URL="},
                               "base_url = 'https://a.example'\nmetrics_listen = '127.0.0.1:1'\ntrusted_proxies = ['::1']\nnamespace = 'a'\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_FALSE(config->base_url);
  EXPECT_FALSE(config->metrics_listen);
  EXPECT_TRUE(config->trusted_proxies.empty());
  EXPECT_EQ(config->instance_namespace, "");
  EXPECT_THAT(describe(*config), HasSubstr("# base_url is not set\n"));
}

TEST(Config, all_errors_come_at_once) {
  const std::string message = complaint(resolved({"WATCHBELL_LOG_LEVEL=loud", "WATCHBELL_NOISE=1"}, "log_format = 7\nsockets_max = 'many'\nnoise = 1\n"));
  EXPECT_EQ(std::ranges::count(message, '\n'), 4) << message;
  for (const char* part : {"WATCHBELL_LOG_LEVEL", "WATCHBELL_NOISE", "w.toml, line 1: log_format must be a text", "w.toml, line 2: sockets_max must be a number",
                           "\"noise\""})
    EXPECT_THAT(message, HasSubstr(part));
}

TEST(Config, base_url_is_required_off_loopback_only) {
  for (const char* listen : {"0.0.0.0:3000", "[::]:3000", "192.0.2.1:80", "[::ffff:127.0.0.1]:80"}) {
    EXPECT_THAT(complaint(resolved({std::string("WATCHBELL_LISTEN=") + listen})), HasSubstr("WATCHBELL_BASE_URL must be set")) << listen;
    EXPECT_TRUE(resolved({std::string("WATCHBELL_LISTEN=") + listen, "WATCHBELL_BASE_URL=https://w.example"})) << listen;
  }
  for (const char* listen : {"127.0.0.1:0", "127.9.9.9:3000", "[::1]:3000", "localhost:3000"})
    EXPECT_TRUE(resolved({std::string("WATCHBELL_LISTEN=") + listen})) << listen;
}

TEST(Config, what_is_for_tests_works_on_loopback_only) {
  for (const char* setting : {"WATCHBELL_TEST_PAUSE=a.b", "WATCHBELL_TEST_HURRY=2"})
    EXPECT_THAT(complaint(resolved({"WATCHBELL_LISTEN=0.0.0.0:1", "WATCHBELL_BASE_URL=https://w.example", setting})),
                HasSubstr(std::string(setting).substr(0, std::string_view(setting).find('=')) + " works only"));
  EXPECT_THAT(complaint(resolved({}, "test_hurry = 2")), HasSubstr("unknown setting \"test_hurry\""));
}

TEST(Config, redis_needs_postgresql_and_postgresql_needs_a_key) {
  EXPECT_THAT(complaint(resolved({"WATCHBELL_REDIS_URL=redis://localhost"})), HasSubstr("needs WATCHBELL_DATABASE_URL"));
  EXPECT_THAT(complaint(resolved({"WATCHBELL_DATABASE_URL=postgresql://localhost/w"})), HasSubstr("WATCHBELL_MASTER_KEY must be set"));
  const auto config = resolved({"WATCHBELL_DATABASE_URL=postgresql://localhost/w", "WATCHBELL_REDIS_URL=rediss://localhost:6380/1",
                                "WATCHBELL_MASTER_KEY=" + std::string(kKey)});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(config->uses_postgresql());
  EXPECT_EQ(config->drain, std::chrono::seconds(3));
  EXPECT_THAT(describe(*config), HasSubstr("drain_seconds = 3  # built-in\n"));
  for (const char* url : {"mysql://localhost/w", "sqlite:file", "postgresql:", "localhost:5432"})
    EXPECT_THAT(complaint(resolved({std::string("WATCHBELL_DATABASE_URL=") + url})), HasSubstr("a postgresql:// address")) << url;
  EXPECT_THAT(complaint(resolved({"WATCHBELL_REDIS_URL=http://localhost"})), HasSubstr("a redis:// or rediss:// address"));
}

TEST(Config, this_version_serves_sqlite_and_postgresql_without_redis) {
  EXPECT_TRUE(servable(Config{}));
  const auto postgresql = resolved({"WATCHBELL_DATABASE_URL=postgresql://localhost/w", "WATCHBELL_MASTER_KEY=" + std::string(kKey)});
  ASSERT_TRUE(postgresql);
  EXPECT_TRUE(servable(*postgresql));
  const auto config = resolved({"WATCHBELL_DATABASE_URL=postgresql://localhost/w", "WATCHBELL_MASTER_KEY=" + std::string(kKey), "WATCHBELL_REDIS_URL=redis://localhost"});
  ASSERT_TRUE(config);
  const auto served = servable(*config);
  ASSERT_FALSE(served);
  EXPECT_EQ(served.error().code, ErrorCode::not_implemented);
  EXPECT_THAT(served.error().message, HasSubstr("redis_url"));
}

TEST(Config, websockets_must_have_time_to_answer_a_ping) {
  EXPECT_THAT(complaint(resolved({"WATCHBELL_SOCKET_PING_SECONDS=60"})), HasSubstr("socket_timeout_seconds"));
}

TEST(Config, G_1_secrets_are_masked_when_shown) {
  const auto config = resolved({"WATCHBELL_DATABASE_URL=postgresql://wb:hunter2@db.example:5432/w?sslmode=require&sslpassword=hunter3",
                                "WATCHBELL_REDIS_URL=redis://:hunter4@cache.example",
                                "WATCHBELL_MASTER_KEY=" + std::string(kKey),
                                "WATCHBELL_MASTER_KEY_PREVIOUS=" + std::string(kOldKey),
                                "WATCHBELL_SETUP_TOKEN=hunter5-token"});
  ASSERT_TRUE(config) << config.error().message;
  const std::string shown = describe(*config);
  EXPECT_THAT(shown, Not(HasSubstr("hunter")));
  EXPECT_THAT(shown, Not(HasSubstr(std::string(kKey).substr(0, 8))));
  EXPECT_THAT(shown, Not(HasSubstr(std::string(kOldKey).substr(0, 8))));
  EXPECT_THAT(shown, HasSubstr("master_key = \"***\"  # environment\n"));
  EXPECT_THAT(shown, HasSubstr("setup_token = \"***\""));
  EXPECT_THAT(shown, HasSubstr("database_url = \"postgresql://wb:***@db.example:5432/w?sslmode=require&sslpassword=***\""));
  EXPECT_THAT(shown, HasSubstr("redis_url = \"redis://:***@cache.example\""));
  EXPECT_EQ(config->database_url, "postgresql://wb:hunter2@db.example:5432/w?sslmode=require&sslpassword=hunter3");
}

TEST(Config, G_1_bad_secrets_are_not_in_the_message) {
  const std::string bad = "hunter2hunter2hunter2";
  for (const char* name : {"MASTER_KEY", "MASTER_KEY_PREVIOUS", "SETUP_TOKEN", "DATABASE_URL", "REDIS_URL"}) {
    const std::string message = complaint(resolved({"WATCHBELL_" + std::string(name) + "=" + bad + " \x01"}));
    EXPECT_THAT(message, HasSubstr(name));
    EXPECT_THAT(message, Not(HasSubstr("hunter"))) << name;
    EXPECT_THAT(complaint(resolved({}, "master_key = '" + bad + "'")), Not(HasSubstr("hunter")));
  }
  EXPECT_THAT(complaint(resolved({"WATCHBELL_MASTER_KEY=" + std::string(64, 'a')})), HasSubstr("not a random key"));
}

TEST(Config, files_that_are_no_toml_name_the_line) {
  EXPECT_THAT(complaint(resolved({}, "listen = '127.0.0.1:1'\nnonsense\n")), HasSubstr("w.toml, line 2:"));
  EXPECT_THAT(complaint(resolved({}, "data = 'a'\ndata = 'b'\n")), HasSubstr("w.toml, line 2:"));
  EXPECT_THAT(complaint(resolved({}, "\xff\xfe")), HasSubstr("w.toml, line 1:"));
}

TEST(Config, values_of_the_wrong_kind_are_refused_in_a_file) {
  for (const char* text : {"listen = 3000", "listen = ['127.0.0.1:1']", "log_level = true", "max_body_bytes = '65536'", "max_body_bytes = 65536.0",
                           "cache_per_scope_share = '0.5'", "cache_per_scope_share = inf", "trusted_proxies = [1]", "trusted_proxies = ['10.0.0.1,::1']", "data = 2026-01-01", "listen = {host = 'x'}", "[listen]\nhost = 'x'"})
    EXPECT_THAT(complaint(resolved({}, text)), HasSubstr("must be")) << text;
  EXPECT_TRUE(resolved({}, "trusted_proxies = ['10.0.0.1', '::1']\negress_allow = '10.0.0.0/8,::1'\n"));
  EXPECT_TRUE(resolved({}, "trusted_proxies = []\n"));
  EXPECT_THAT(complaint(resolved({}, "data = \"a\\u0000b\"")), HasSubstr("must be"));
}

class ConfigFile : public testing::Test {
 protected:
  ConfigFile() : path_(std::filesystem::temp_directory_path() / ("watchbell-config-" + std::to_string(::getpid()) + ".toml")) {}
  ~ConfigFile() override { std::filesystem::remove(path_); }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  Result<Config> loaded(Environment environment, const Arguments& arguments = {}) {
    std::vector<char*> pointers;
    for (auto& entry : environment) pointers.push_back(entry.data());
    return load(pointers, arguments);
  }
  std::filesystem::path path_;
};

TEST_F(ConfigFile, is_named_by_the_environment_or_the_argument) {
  write("data = '/from-file'\n");
  const auto by_environment = loaded({"WATCHBELL_CONFIG=" + path_.string()});
  ASSERT_TRUE(by_environment) << by_environment.error().message;
  EXPECT_EQ(by_environment->data, "/from-file");
  const auto by_argument = loaded({"WATCHBELL_CONFIG=/does/not/exist"}, {.config = path_});
  ASSERT_TRUE(by_argument) << by_argument.error().message;
  EXPECT_EQ(by_argument->data, "/from-file");
  EXPECT_EQ(by_argument->config, path_);
  const auto none = loaded({"WATCHBELL_CONFIG="});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(none->data, "./data");
}

TEST_F(ConfigFile, that_cannot_be_read_is_named) {
  EXPECT_THAT(complaint(loaded({"WATCHBELL_CONFIG=" + path_.string()})), HasSubstr("does not exist"));
  EXPECT_THAT(complaint(loaded({}, {.config = std::filesystem::temp_directory_path()})), HasSubstr("is a folder"));
  write(std::string((1 << 20) + 1, '#'));
  EXPECT_THAT(complaint(loaded({}, {.config = path_})), HasSubstr("larger than 1 MiB"));
  write(std::string(1 << 20, '#'));
  EXPECT_TRUE(loaded({}, {.config = path_}));
}

TEST(Config, the_reference_has_a_row_a_setting) {
  const std::string text = reference();
  EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(text, '\n')), settings().size() + 2);
  EXPECT_THAT(text, HasSubstr("| `WATCHBELL_LISTEN` | `listen` | `127.0.0.1:3000` |"));
  for (const Setting& setting : settings()) {
    EXPECT_FALSE(setting.allowed.empty()) << setting.name;
    EXPECT_TRUE(setting.help.ends_with('.')) << setting.name;
  }
}

TEST(Config, what_is_shown_is_a_file_that_gives_the_same_settings) {
  const auto first = resolved({"WATCHBELL_BASE_URL=https://w.example", "WATCHBELL_TRUSTED_PROXIES=10.0.0.0/8", "WATCHBELL_DATA=/a \"b\" \\c"});
  ASSERT_TRUE(first) << first.error().message;
  const auto second = resolved({}, describe(*first));
  ASSERT_TRUE(second) << second.error().message;
  for (std::size_t i = 0; i < settings().size(); ++i) EXPECT_EQ(first->shown[i].text, second->shown[i].text) << settings()[i].name;
}

}  // namespace
}  // namespace watchbell::config
