#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/log/log.hpp"
#include "platform/resolver/address.hpp"

/// The settings of the program. Each stands once, in the table of config.cpp, from which come its names in the environment (WATCHBELL_ and
/// upper case) and in the file (TOML, flat, lower case), its default, its check, `config show` and the reference for people. A later source
/// wins: built-in default, file, environment, argument.
namespace watchbell::config {

/// Where to listen. Immutable value.
struct Endpoint {
  std::string host = "127.0.0.1";  ///< an IP address without brackets, or "localhost"
  std::uint16_t port = 0;          ///< 0 lets the system choose
  bool is_loopback() const noexcept;
  /// HOST:PORT, with brackets around IPv6.
  std::string to_string() const;
  bool operator==(const Endpoint&) const = default;
};

/// A token bucket: `per_second` tokens a second, at most `burst` saved up.
struct Rate {
  std::int64_t per_second = 0;
  std::int64_t burst = 0;
  bool operator==(const Rate&) const = default;
};

/// `count` at once, and `count` in each `window` from then on.
struct Quota {
  std::int64_t count = 0;
  std::chrono::seconds window{};
  bool operator==(const Quota&) const = default;
};

/// Where the value of a setting comes from.
enum class Source { built_in, file, environment, argument };

/// All settings, checked and typed. What each means stands in its row of settings(). Immutable once loaded. The defaults are those of the
/// table: a Config made by hand (in tests) is the same as one loaded from nothing, apart from `shown`.
struct Config {
  std::optional<std::filesystem::path> config;
  Endpoint listen{.host = "127.0.0.1", .port = 3000};
  std::filesystem::path data = "./data";
  std::optional<std::string> base_url;  ///< an origin without a slash at its end; none: the address bound
  std::optional<std::string> database_url;  ///< none: SQLite in the data folder
  std::optional<std::string> redis_url;
  std::optional<std::string> master_key;
  std::string master_key_previous;
  std::optional<std::string> setup_token;
  std::string second_factor_of = "nobody";
  std::optional<Endpoint> metrics_listen;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::text;
  std::string instance_namespace;
  std::vector<net::Cidr> trusted_proxies;
  std::vector<net::Cidr> egress_allow;
  std::chrono::seconds drain{0};
  std::optional<std::string> test_pause;
  std::optional<std::string> test_off;
  std::int64_t test_hurry = 1;

  std::optional<Rate> rate_limit_principal = Rate{100, 400};
  std::optional<Rate> rate_limit_address = Rate{200, 1000};
  std::optional<Quota> rate_limit_sign_in = Quota{3, std::chrono::seconds(10)};

  std::int64_t max_connections = 24'576;
  std::int64_t max_header_bytes = 32 * 1024;
  std::int64_t max_body_bytes = 1024 * 1024;
  std::int64_t notify_max_body_bytes = 8 * 1024 * 1024;
  std::int64_t max_buffered_bytes = 256 * 1024 * 1024;
  std::chrono::seconds header_timeout{10};
  std::chrono::seconds body_timeout{30};
  std::chrono::seconds write_timeout{30};
  std::chrono::seconds idle_timeout{255};

  std::int64_t sockets_per_user = 20;
  std::int64_t sockets_per_address = 50;
  std::int64_t sockets_max = 20'000;
  std::int64_t socket_frame_bytes = 4096;
  std::optional<Rate> socket_frame_rate = Rate{5, 20};
  std::int64_t socket_backlog_frames = 256;
  std::int64_t socket_backlog_bytes = 1024 * 1024;
  std::chrono::seconds socket_ping{25};
  std::chrono::seconds socket_timeout{60};
  std::int64_t signal_max_bytes = 32 * 1024;

  std::int64_t cache_max_bytes = 256 * 1024 * 1024;
  std::int64_t cache_max_entries = 100'000;
  double cache_per_scope_share = 0.5;
  std::int64_t database_readers = 4;
  std::int64_t database_queue = 4096;
  std::chrono::seconds statement_timeout{10};
  std::int64_t password_queue = 64;
  std::int64_t resolver_threads = 8;
  std::int64_t resolver_queue = 256;

  std::int64_t job_concurrency = 10;
  std::int64_t delivery_concurrency = 512;
  std::int64_t delivery_concurrency_per_host = 64;
  std::optional<Rate> delivery_rate_per_channel;
  std::optional<Rate> delivery_rate_per_host;
  std::int64_t probe_concurrency = 256;
  std::int64_t response_max_bytes = 256 * 1024;
  std::int64_t run_retention_days = 7;
  std::chrono::seconds shutdown_request{10};
  std::chrono::seconds shutdown_job{30};
  std::chrono::seconds shutdown_total{60};

  bool uses_postgresql() const noexcept { return database_url.has_value(); }

  /// What `config show` prints of a setting; secrets are masked already.
  struct Shown {
    std::string text;  ///< empty when not set
    Source source = Source::built_in;
  };
  std::vector<Shown> shown;  ///< in the order of settings(); empty when made by hand
};

/// A row of the table.
struct Setting {
  enum class Kind { text, number, fraction, list };
  enum class Secrecy {
    open,
    whole,     ///< never shown
    password,  ///< a URL: shown without the passwords in it
  };
  std::string name;      ///< as in the file
  Kind kind = Kind::text;
  std::string preset;    ///< the built-in default, empty for none
  std::string allowed;   ///< completes "must be ..."
  std::string help;      ///< one sentence
  Secrecy secrecy = Secrecy::open;
  bool in_file = true;   ///< false: in the environment only
  /// "WATCHBELL_LISTEN"
  std::string environment_name() const;
};
/// The whole table, in the order in which people read it. Thread-safe.
std::span<const Setting> settings();

/// Where `watchbell notify` finds its key: no setting, and no mistake beside those of a server.
inline constexpr std::string_view kApiKeyVariable = "WATCHBELL_API_KEY";

/// What the command line says; it wins over everything.
struct Arguments {
  std::optional<std::filesystem::path> config;
  std::optional<std::string> listen;
  std::optional<std::string> data;
};

/// Text of a configuration file.
struct File {
  std::string name;  ///< for messages
  std::string text;
};

/// Loads the settings; reads at most the one file named by --config or WATCHBELL_CONFIG and touches nothing else.
///
/// The error is ErrorCode::bad_request and names everything that is wrong, a sentence a line: the setting as its source spells it, its
/// value (not of a secret) and what is allowed; an unknown name with the nearest known one. WATCHBELL_TEST_* names other than
/// WATCHBELL_TEST_PAUSE belong to the test programs and are ignored.
/// @param environment  NAME=VALUE texts, as in `environ`, without the null at its end
Result<Config> load(std::span<char* const> environment, const Arguments& arguments = {});

/// The same with the file read already; pure.
Result<Config> resolve(std::span<char* const> environment, const std::optional<File>& file, const Arguments& arguments = {});

/// Whether this version can serve these settings: what load() takes and this refuses is for a later one. `config check` and `serve` both ask it.
/// The error is ErrorCode::not_implemented.
Result<void> servable(const Config& config);

/// `config show`: a line a setting, in the file's own form, with its source; secrets masked, what is not set commented out.
std::string describe(const Config& config);

/// The table for people, in Markdown.
std::string reference();

}  // namespace watchbell::config
