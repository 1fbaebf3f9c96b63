#include "app/config/config.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <system_error>

#include <boost/url.hpp>
#include <toml++/toml.h>

#include "base/text.hpp"
#include "platform/crypto/keyring.hpp"

namespace watchbell::config {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kPrefix = "WATCHBELL_";
constexpr std::string_view kTestPrefix = "WATCHBELL_TEST_";
constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::size_t kMaxShown = 200;
constexpr std::int64_t kKiB = 1024;
constexpr std::int64_t kMiB = 1024 * kKiB;
constexpr std::int64_t kGiB = 1024 * kMiB;

/// What is wrong with a value: nothing, or a reason, which is empty when the row's own "must be ..." says it.
using Verdict = std::optional<std::string>;
const Verdict kFine = std::nullopt;
const Verdict kRefused = std::string();

struct Row {
  Setting setting;
  std::function<Verdict(Config&, std::string_view)> read;
};

std::optional<std::int64_t> read_number(std::string_view text, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < low || number > high) return std::nullopt;
  return number;
}

std::optional<double> read_share(std::string_view text) {
  double share = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), share);
  // Said this way round, it refuses what is no number as well.
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || !(share >= 0 && share <= 1)) return std::nullopt;
  return share;
}

std::optional<Endpoint> read_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto port = read_number(text.substr(colon + 1), 0, 65535);
  if (!port) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host == "localhost") return Endpoint{"localhost", static_cast<std::uint16_t>(*port)};
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const auto address = net::Address::parse(host);
  if (!address || address->is_v6() != brackets) return std::nullopt;
  return Endpoint{address->to_string(), static_cast<std::uint16_t>(*port)};
}

/// scheme://host[:port] and nothing behind it; the slash at its end goes.
std::optional<std::string> read_origin(std::string_view text) {
  const auto url = urls::parse_uri(text);
  if (!url || url->has_userinfo() || url->has_query() || url->has_fragment() || url->encoded_host().empty()) return std::nullopt;
  if (url->scheme_id() != urls::scheme::http && url->scheme_id() != urls::scheme::https) return std::nullopt;
  if (const std::string_view path = url->encoded_path(); !path.empty() && path != "/") return std::nullopt;
  if (url->has_port() && !read_number(std::string_view(url->port()), 1, 65535)) return std::nullopt;
  // Browsers send the origin in lower case and without the default port; that is what it is compared with.
  std::string origin = ascii_lower(std::string_view(url->scheme())) + "://" + ascii_lower(std::string_view(url->encoded_host()));
  const bool usual = url->port_number() == (url->scheme_id() == urls::scheme::https ? 443 : 80);
  if (url->has_port() && !usual) origin += ":" + std::to_string(url->port_number());
  return origin;
}

bool is_url_of(std::string_view text, std::initializer_list<std::string_view> schemes) {
  const auto url = urls::parse_uri(text);
  if (!url || !url->has_authority()) return false;
  return std::ranges::find(schemes, std::string_view(url->scheme())) != schemes.end();
}

std::optional<Rate> read_rate(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto per_second = read_number(text.substr(0, slash), 1, 1'000'000);
  const auto burst = read_number(text.substr(slash + 1), 1, 1'000'000);
  if (!per_second || !burst) return std::nullopt;
  return Rate{*per_second, *burst};
}

std::optional<Quota> read_quota(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || !text.ends_with('s')) return std::nullopt;
  const auto count = read_number(text.substr(0, slash), 1, 1'000'000);
  const auto window = read_number(text.substr(slash + 1, text.size() - slash - 2), 1, 86'400);
  if (!count || !window) return std::nullopt;
  return Quota{*count, std::chrono::seconds(*window)};
}

bool is_namespace(std::string_view text) {
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 32 && word(text.front()) && std::ranges::all_of(text, [&](char c) { return word(c) || c == '-'; });
}

bool is_pause(std::string_view text) {
  const auto colon = std::min(text.find(':'), text.size());
  const auto name = text.substr(0, colon);
  const auto word = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
  return !name.empty() && std::ranges::all_of(name, word) &&
         (colon == text.size() || read_number(text.substr(colon + 1), 1, 1'000'000'000));
}

Row number(std::string name, std::int64_t Config::*member, std::int64_t low, std::int64_t high, std::string help) {
  const std::string preset = std::to_string(Config().*member);
  return {{.name = std::move(name),
           .kind = Setting::Kind::number,
           .preset = preset,
           .allowed = fmt::format("a whole number from {} to {}", low, high),
           .help = std::move(help)},
          [=](Config& config, std::string_view text) {
            const auto value = read_number(text, low, high);
            if (!value) return kRefused;
            config.*member = *value;
            return kFine;
          }};
}

Row share(std::string name, double Config::*member, std::string help) {
  const std::string preset = fmt::format("{}", Config().*member);
  return {{.name = std::move(name), .kind = Setting::Kind::fraction, .preset = preset, .allowed = "a number from 0 to 1, such as 0.5", .help = std::move(help)},
          [=](Config& config, std::string_view text) {
            const auto value = read_share(text);
            if (!value) return kRefused;
            config.*member = *value;
            return kFine;
          }};
}

/// Names of such settings end in _seconds.
Row seconds(std::string name, std::chrono::seconds Config::*member, std::int64_t low, std::int64_t high, std::string help) {
  const std::string preset = std::to_string((Config().*member).count());
  return {{.name = std::move(name),
           .kind = Setting::Kind::number,
           .preset = preset,
           .allowed = fmt::format("a whole number from {} to {}", low, high),
           .help = std::move(help)},
          [=](Config& config, std::string_view text) {
            const auto value = read_number(text, low, high);
            if (!value) return kRefused;
            config.*member = std::chrono::seconds(*value);
            return kFine;
          }};
}

/// A text that may be left out; `read` says what is stored, or nothing to refuse.
Row optional_text(Setting setting, std::optional<std::string> Config::*member, std::function<std::optional<std::string>(std::string_view)> read) {
  return {std::move(setting), [=](Config& config, std::string_view text) {
            if (text.empty()) {
              config.*member = std::nullopt;
              return kFine;
            }
            auto value = read(text);
            if (!value) return kRefused;
            config.*member = std::move(*value);
            return kFine;
          }};
}

std::function<std::optional<std::string>(std::string_view)> as_it_is(std::function<bool(std::string_view)> allowed) {
  return [=](std::string_view text) { return allowed(text) ? std::optional<std::string>(text) : std::nullopt; };
}

Row rate(std::string name, std::optional<Rate> Config::*member, std::string help) {
  const auto preset = Config().*member;
  return {{.name = std::move(name),
           .preset = preset ? fmt::format("{}/{}", preset->per_second, preset->burst) : "off",
           .allowed = "PER_SECOND/BURST, such as 100/400, or off",
           .help = std::move(help)},
          [=](Config& config, std::string_view text) {
            const auto value = read_rate(text);
            if (!value && text != "off") return kRefused;
            config.*member = value;
            return kFine;
          }};
}

Row networks(std::string name, std::vector<net::Cidr> Config::*member, std::string help) {
  return {{.name = std::move(name),
           .kind = Setting::Kind::list,
           .allowed = "addresses or blocks such as 10.0.0.0/8 and fd00::/8, parted by commas",
           .help = std::move(help)},
          [=](Config& config, std::string_view text) -> Verdict {
            auto list = net::Cidr::parse_list(text);
            if (!list) return kRefused;
            config.*member = std::move(*list);
            return kFine;
          }};
}

std::vector<Row> make_rows() {
  using Secrecy = Setting::Secrecy;
  std::vector<Row> rows;
  const auto add = [&](Row row) { rows.push_back(std::move(row)); };

  add({{.name = "config", .allowed = "the path of a file", .help = "The TOML file with settings; the argument --config goes before it.", .in_file = false},
       [](Config& config, std::string_view text) {
         config.config = text.empty() ? std::nullopt : std::optional<std::filesystem::path>(text);
         return kFine;
       }});
  add({{.name = "listen",
        .preset = Config().listen.to_string(),
        .allowed = "HOST:PORT with an IP address (IPv6 in brackets) or localhost and a port from 0 to 65535",
        .help = "Where the server listens; port 0 picks a free one. The argument --listen goes before it."},
       [](Config& config, std::string_view text) {
         const auto endpoint = read_endpoint(text);
         if (!endpoint) return kRefused;
         config.listen = *endpoint;
         return kFine;
       }});
  add({{.name = "data",
        .preset = Config().data.string(),
        .allowed = "the path of a folder",
        .help = "The folder that holds everything kept. The argument --data goes before it."},
       [](Config& config, std::string_view text) {
         if (text.empty()) return kRefused;
         config.data = std::filesystem::path(text);
         return kFine;
       }});
  add(optional_text({.name = "base_url",
                     .allowed = "http:// or https:// with a host and nothing behind it, such as https://watchbell.example.com",
                     .help = "The address people reach the server at; the address bound when it is a loopback one, required otherwise."},
                    &Config::base_url, read_origin));
  add(optional_text({.name = "database_url",
                     .allowed = "a postgresql:// address",
                     .help = "The PostgreSQL database; SQLite in the data folder when not set.",
                     .secrecy = Secrecy::password},
                    &Config::database_url, as_it_is([](std::string_view text) { return is_url_of(text, {"postgresql"}); })));
  add(optional_text({.name = "redis_url",
                     .allowed = "a redis:// or rediss:// address",
                     .help = "A Redis shared by several processes over PostgreSQL.",
                     .secrecy = Secrecy::password},
                    &Config::redis_url, as_it_is([](std::string_view text) { return is_url_of(text, {"redis", "rediss"}); })));
  add({{.name = "master_key",
        .allowed = "64 hexadecimal digits",
        .help = "The key that seals stored secrets; made once in DATA/master.key when not set (SQLite only).",
        .secrecy = Secrecy::whole},
       [](Config& config, std::string_view text) -> Verdict {
         config.master_key = std::nullopt;
         if (text.empty()) return kFine;
         if (const auto ring = crypto::Keyring::make(text); !ring) return ring.error().message;
         config.master_key = std::string(text);
         return kFine;
       }});
  add({{.name = "master_key_previous",
        .kind = Setting::Kind::list,
        .allowed = "keys of 64 hexadecimal digits, parted by commas",
        .help = "Master keys used before, newest first; they open what they sealed until `keys reencrypt` has run.",
        .secrecy = Secrecy::whole},
       [](Config& config, std::string_view text) -> Verdict {
         // The primary key is judged in its own row; here any will do.
         if (const auto ring = crypto::Keyring::make(crypto::Keyring::generate(), text); !ring) return ring.error().message;
         config.master_key_previous = text;
         return kFine;
       }});
  add(optional_text({.name = "setup_token",
                     .allowed = "8 to 256 visible ASCII characters",
                     .help = "What the first visitor must give to set the server up; made and printed at the first start off loopback.",
                     .secrecy = Secrecy::whole},
                    &Config::setup_token, as_it_is([](std::string_view text) {
                      return text.size() >= 8 && text.size() <= 256 && std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
                    })));
  add({{.name = "second_factor_of",
        .preset = Config().second_factor_of,
        .allowed = "nobody, administrators or everybody",
        .help = "Of whom a second factor is demanded; until they have set one up, their sessions open nothing else."},
       [](Config& config, std::string_view text) {
         if (text != "nobody" && text != "administrators" && text != "everybody") return kRefused;
         config.second_factor_of = text;
         return kFine;
       }});
  add({{.name = "metrics_listen",
        .allowed = "HOST:PORT with an IP address (IPv6 in brackets) or localhost and a port from 0 to 65535",
        .help = "Where metrics are served, to anybody who reaches it; nowhere when not set."},
       [](Config& config, std::string_view text) {
         config.metrics_listen = std::nullopt;
         if (text.empty()) return kFine;
         config.metrics_listen = read_endpoint(text);
         return config.metrics_listen ? kFine : kRefused;
       }});
  add({{.name = "log_level", .preset = "info", .allowed = "trace, debug, info, warn, error or off", .help = "The least level that is logged."},
       [](Config& config, std::string_view text) {
         const auto level = log::parse_level(text);
         if (!level) return kRefused;
         config.log_level = *level;
         return kFine;
       }});
  add({{.name = "log_format", .preset = "text", .allowed = "text or json", .help = "How a line of the log is written, on standard error."},
       [](Config& config, std::string_view text) {
         const auto format = log::parse_format(text);
         if (!format) return kRefused;
         config.log_format = *format;
         return kFine;
       }});
  add({{.name = "namespace",
        .allowed = "1 to 32 of a-z, 0-9 and -, not beginning with -",
        .help = "Parts the shared keys of this installation from those of others on the same servers."},
       [](Config& config, std::string_view text) {
         if (!text.empty() && !is_namespace(text)) return kRefused;
         config.instance_namespace = text;
         return kFine;
       }});
  add(networks("trusted_proxies", &Config::trusted_proxies, "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."));
  add(networks("egress_allow", &Config::egress_allow, "Addresses that may be reached although they are guarded."));
  add({{.name = "drain_seconds",
        .kind = Setting::Kind::number,
        .allowed = "a whole number from 0 to 300",
        .help = "How long requests are still served after the signal to stop; 0 on SQLite and 3 on PostgreSQL when not set."},
       [](Config& config, std::string_view text) {
         const auto value = read_number(text, 0, 300);
         if (!value) return kRefused;
         config.drain = std::chrono::seconds(*value);
         return kFine;
       }});
  add(optional_text({.name = "test_pause",
                     .allowed = "NAME or NAME:n, n from 1",
                     .help = "For tests, on a loopback listener only: the pause point that holds its nth passage.",
                     .in_file = false},
                    &Config::test_pause, as_it_is(is_pause)));
  add(optional_text({.name = "test_off",
                     .allowed = "wait, lease, scan or empty",
                     .help = "For tests, on a loopback listener only: a guard of what several processes keep in memory that is switched off.",
                     .in_file = false},
                    &Config::test_off, as_it_is([](std::string_view text) { return text == "wait" || text == "lease" || text == "scan" || text == "empty"; })));
  auto hurry = number("test_hurry", &Config::test_hurry, 1, 1'000'000,
                      "For tests, on a loopback listener only: the pauses between the tries of a delivery are so many times shorter; Retry-After counts in full.");
  hurry.setting.in_file = false;
  add(std::move(hurry));

  add(rate("rate_limit_principal", &Config::rate_limit_principal, "Requests of one signed-in user or application."));
  add(rate("rate_limit_address", &Config::rate_limit_address, "Requests of one client address (IPv6: its /64)."));
  add({{.name = "rate_limit_sign_in",
        .preset = "3/10s",
        .allowed = "COUNT/SECONDSs, such as 3/10s, or off",
        .help = "Attempts to sign in, for one address and path: so many at once, and as many in each such time."},
       [](Config& config, std::string_view text) {
         const auto quota = read_quota(text);
         if (!quota && text != "off") return kRefused;
         config.rate_limit_sign_in = quota;
         return kFine;
       }});

  add(number("max_connections", &Config::max_connections, 16, 1'000'000, "Connections open at once, websockets included."));
  add(number("max_header_bytes", &Config::max_header_bytes, kKiB, kMiB, "The head of a request."));
  add(number("max_body_bytes", &Config::max_body_bytes, kKiB, 64 * kMiB, "The body of a request."));
  add(number("notify_max_body_bytes", &Config::notify_max_body_bytes, kKiB, 64 * kMiB, "The body of a request that notifies many users."));
  add(number("max_buffered_bytes", &Config::max_buffered_bytes, kMiB, 64 * kGiB, "Memory of all request bodies that are being read or worked on; more are turned away."));
  add(seconds("header_timeout_seconds", &Config::header_timeout, 1, 300, "Time to read the head of a request."));
  add(seconds("body_timeout_seconds", &Config::body_timeout, 1, 3600, "Time to read the body of a request."));
  add(seconds("write_timeout_seconds", &Config::write_timeout, 1, 3600, "Time without progress in writing an answer."));
  add(seconds("idle_timeout_seconds", &Config::idle_timeout, 1, 3600, "Time a connection is kept between requests."));

  add(number("sockets_per_user", &Config::sockets_per_user, 1, 10'000, "Websockets of one user."));
  add(number("sockets_per_address", &Config::sockets_per_address, 1, 100'000, "Websockets of one address that is not signed in."));
  add(number("sockets_max", &Config::sockets_max, 1, 1'000'000, "Websockets of the process."));
  add(number("socket_frame_bytes", &Config::socket_frame_bytes, 256, kMiB, "A frame a websocket client sends."));
  add(rate("socket_frame_rate", &Config::socket_frame_rate, "Frames a websocket client sends."));
  add(number("socket_backlog_frames", &Config::socket_backlog_frames, 1, 100'000, "Frames waiting for a slow websocket before it is closed."));
  add(number("socket_backlog_bytes", &Config::socket_backlog_bytes, 64 * kKiB, kGiB, "Bytes waiting for a slow websocket before it is closed."));
  add(seconds("socket_ping_seconds", &Config::socket_ping, 1, 3600, "Time between pings to a websocket."));
  add(seconds("socket_timeout_seconds", &Config::socket_timeout, 2, 7200, "Time after which a silent websocket is closed."));
  add(number("signal_max_bytes", &Config::signal_max_bytes, kKiB, kMiB, "The payload of a signal; a larger one is sent empty."));

  add(number("cache_max_bytes", &Config::cache_max_bytes, kMiB, 1024 * kGiB, "Memory of the cache, keys included."));
  add(number("cache_max_entries", &Config::cache_max_entries, 1, 1'000'000'000, "Entries of the cache."));
  add(share("cache_per_scope_share", &Config::cache_per_scope_share, "The largest share of either bound that one part of the server may hold while others wait for room."));
  add(number("database_readers", &Config::database_readers, 1, 64, "Database sessions that read at once."));
  add(number("database_queue", &Config::database_queue, 1, 1'000'000, "Calls waiting for the database before others are turned away."));
  add(seconds("statement_timeout_seconds", &Config::statement_timeout, 1, 3600, "Time a database statement may take."));
  add(number("password_queue", &Config::password_queue, 1, 100'000, "Password hashes waiting before others are turned away."));
  add(number("resolver_threads", &Config::resolver_threads, 1, 256, "Names looked up at once."));
  add(number("resolver_queue", &Config::resolver_queue, 1, 100'000, "Names waiting to be looked up."));

  add(number("job_concurrency", &Config::job_concurrency, 1, 100, "Jobs of one kind running at once, deliveries apart."));
  add(number("delivery_concurrency", &Config::delivery_concurrency, 1, 10'000, "Deliveries under way at once."));
  add(number("delivery_concurrency_per_host", &Config::delivery_concurrency_per_host, 1, 10'000, "Deliveries under way at once to one host."));
  add(rate("delivery_rate_per_channel", &Config::delivery_rate_per_channel, "Deliveries over one channel, beside what its provider allows."));
  add(rate("delivery_rate_per_host", &Config::delivery_rate_per_host, "Deliveries to one host, beside what its provider allows."));
  add(number("probe_concurrency", &Config::probe_concurrency, 1, 10'000, "Health checks under way at once."));
  add(number("response_max_bytes", &Config::response_max_bytes, kKiB, 64 * kMiB, "What a health check reads of an answer; the rest is cut."));
  add(number("run_retention_days", &Config::run_retention_days, 1, 3650, "Days that single runs of health checks are kept."));
  add(seconds("shutdown_request_seconds", &Config::shutdown_request, 1, 300, "Time for requests to end when stopping."));
  add(seconds("shutdown_job_seconds", &Config::shutdown_job, 1, 300, "Time for jobs to end when stopping."));
  add(seconds("shutdown_total_seconds", &Config::shutdown_total, 1, 600, "Time after which stopping is cut short."));
  return rows;
}

const std::vector<Row>& rows() {
  static const std::vector<Row> made = make_rows();
  return made;
}

const Setting& nearest(std::string_view name, bool in_file) {
  const std::string lower = ascii_lower(utf8_prefix(name, 64));
  const Setting* best = nullptr;
  std::size_t least = std::numeric_limits<std::size_t>::max();
  for (const Row& row : rows()) {
    if (in_file && !row.setting.in_file) continue;
    const std::size_t d = edit_distance(lower, row.setting.name);
    if (d < least) least = d, best = &row.setting;
  }
  return *best;
}

/// What somebody wrote as a TOML text, fit for one line.
std::string in_quotes(std::string_view text, std::size_t most = kMaxShown) {
  std::string out = "\"";
  const auto kept = utf8_prefix(text, most);
  for (const char c : kept) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else (c == '"' || c == '\\' ? out += '\\' : out) += c;
  }
  return out + (kept.size() < text.size() ? "...\"" : "\"");
}

std::string masked(const Setting& setting, std::string_view text) {
  if (text.empty() || setting.secrecy == Setting::Secrecy::open) return std::string(text);
  if (setting.secrecy == Setting::Secrecy::whole) return "***";
  const auto parsed = urls::parse_uri(text);
  if (!parsed) return "***";
  urls::url url(*parsed);
  if (url.has_password()) url.set_password("***");
  // libpq takes passwords as parameters too.
  auto parameters = url.params();
  for (auto it = parameters.begin(); it != parameters.end(); ++it)
    if (ascii_lower((*it).key).find("pass") != std::string::npos) it = parameters.set(it, "***");
  return std::string(url.buffer());
}

struct Given {
  std::string text;
  Source source = Source::built_in;
  std::string spelled;  ///< the setting as its source names it
};

class Resolver {
 public:
  void from_file(const File& file);
  void from_environment(std::span<char* const> environment);
  void from_arguments(const Arguments& arguments);
  Result<Config> finish() &&;

 private:
  void complain(std::string line) { errors_.push_back(std::move(line)); }
  void give(std::string_view name, Given given) { given_.insert_or_assign(std::string(name), std::move(given)); }
  bool has(std::string_view name) const { return given_.contains(name); }
  void check_together(const Config& config);

  std::map<std::string, Given, std::less<>> given_;
  std::vector<std::string> errors_;
};

const Row* find(std::string_view name) {
  const auto it = std::ranges::find(rows(), name, [](const Row& row) -> std::string_view { return row.setting.name; });
  return it == rows().end() ? nullptr : &*it;
}

bool is_number(Setting::Kind kind) { return kind == Setting::Kind::number || kind == Setting::Kind::fraction; }

/// The value of a TOML node as the text the table's checks read; nothing when the kind does not fit.
std::optional<std::string> text_of(const toml::node& node, Setting::Kind kind) {
  if (is_number(kind)) {
    if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
    const auto* number = kind == Setting::Kind::fraction ? node.as_floating_point() : nullptr;
    return number ? std::optional<std::string>(fmt::format("{}", number->get())) : std::nullopt;
  }
  if (const auto* text = node.as_string()) return text->get();
  const auto* list = node.as_array();
  if (kind != Setting::Kind::list || !list) return std::nullopt;
  std::string joined;
  for (const toml::node& element : *list) {
    const auto* text = element.as_string();
    if (!text || text->get().find(',') != std::string::npos) return std::nullopt;
    if (!joined.empty()) joined += ',';
    joined += text->get();
  }
  return joined;
}

void Resolver::from_file(const File& file) {
  toml::table table;
  try {
    table = toml::parse(file.text, file.name);
  } catch (const toml::parse_error& error) {  // the only way toml++ reports
    complain(fmt::format("{}, line {}: {}", file.name, error.source().begin.line, error.description()));
    return;
  }
  for (const auto& [key, node] : table) {
    const std::string_view name = key.str();
    const auto line = node.source().begin.line;
    const Row* row = find(name);
    if (!row || !row->setting.in_file) {
      complain(fmt::format("{}, line {}: unknown setting {}; the nearest known one is {}", file.name, line, in_quotes(name), nearest(name, true).name));
      continue;
    }
    auto text = text_of(node, row->setting.kind);
    if (!text) {
      const auto kind = is_number(row->setting.kind) ? "a number" : row->setting.kind == Setting::Kind::list ? "a text or a list of texts" : "a text in quotes";
      complain(fmt::format("{}, line {}: {} must be {}: {}", file.name, line, name, kind, row->setting.allowed));
      continue;
    }
    give(name, {std::move(*text), Source::file, fmt::format("{}, line {}: {}", file.name, line, name)});
  }
}

void Resolver::from_environment(std::span<char* const> environment) {
  std::vector<std::string_view> seen;
  for (const char* entry : environment) {
    const std::string_view text = entry;
    const auto equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    const std::string_view name = text.substr(0, equals);
    if (std::ranges::find(seen, name) != seen.end()) continue;  // as getenv does: the first counts
    seen.push_back(name);
    const std::string_view rest = name.substr(kPrefix.size());
    const Row* row = find(ascii_lower(rest));
    const bool upper = std::ranges::none_of(rest, [](char c) { return c >= 'a' && c <= 'z'; });
    if (row && upper) {
      give(row->setting.name, {std::string(text.substr(equals + 1)), Source::environment, std::string(name)});
    } else if (!name.starts_with(kTestPrefix) && name != kApiKeyVariable) {
      complain(fmt::format("unknown setting {} in the environment; the nearest known one is {}", in_quotes(name), nearest(rest, false).environment_name()));
    }
  }
}

void Resolver::from_arguments(const Arguments& arguments) {
  if (arguments.config) give("config", {arguments.config->string(), Source::argument, "--config"});
  if (arguments.listen) give("listen", {*arguments.listen, Source::argument, "--listen"});
  if (arguments.data) give("data", {*arguments.data, Source::argument, "--data"});
}

void Resolver::check_together(const Config& config) {
  if (!config.listen.is_loopback() && !config.base_url)
    complain(fmt::format("WATCHBELL_BASE_URL must be set, because {} is not a loopback address: it is the address people reach the server at",
                         config.listen.to_string()));
  if (config.redis_url && !config.uses_postgresql())
    complain("WATCHBELL_REDIS_URL needs WATCHBELL_DATABASE_URL with a postgresql:// address: Redis does not serve a single process on SQLite");
  if (config.uses_postgresql() && !config.master_key)
    complain("WATCHBELL_MASTER_KEY must be set with PostgreSQL: all processes of a database share it");
  if (config.test_pause && !config.listen.is_loopback()) complain("WATCHBELL_TEST_PAUSE works only while listening on a loopback address");
  if (config.test_off && !config.listen.is_loopback()) complain("WATCHBELL_TEST_OFF works only while listening on a loopback address");
  if (config.test_hurry != 1 && !config.listen.is_loopback()) complain("WATCHBELL_TEST_HURRY works only while listening on a loopback address");
  if (config.socket_timeout <= config.socket_ping) complain("socket_timeout_seconds must be longer than socket_ping_seconds");
}

Result<Config> Resolver::finish() && {
  Config config;
  for (const Row& row : rows()) {
    const Setting& setting = row.setting;
    const auto it = given_.find(setting.name);
    Config::Shown shown{.text = setting.preset};
    if (it != given_.end()) {
      const Given& given = it->second;
      const std::string_view text = trim(given.text);
      const Verdict verdict = text.find('\0') == std::string_view::npos && is_utf8(text) ? row.read(config, text) : kRefused;
      if (verdict) {
        const bool open = setting.secrecy == Setting::Secrecy::open;
        complain(fmt::format("{} {}{}{}", given.spelled, open ? fmt::format("is {}, it ", in_quotes(given.text)) : "",
                             "must be " + setting.allowed, verdict->empty() ? "" : ": " + *verdict));
      }
      shown = {masked(setting, text), given.source};
    }
    config.shown.push_back(std::move(shown));
  }
  if (!has("drain_seconds")) {
    config.drain = std::chrono::seconds(config.uses_postgresql() ? 3 : 0);
    const auto index = static_cast<std::size_t>(find("drain_seconds") - rows().data());
    config.shown[index].text = std::to_string(config.drain.count());
  }
  // What depends on a value that is wrong itself would only repeat it.
  if (errors_.empty()) check_together(config);
  if (errors_.empty()) return config;
  return fail(ErrorCode::bad_request, "{}", fmt::join(errors_, "\n"));
}

std::string_view word_of(Source source) {
  switch (source) {
    case Source::built_in: return "built-in";
    case Source::file: return "file";
    case Source::environment: return "environment";
    case Source::argument: return "argument";
  }
  return "built-in";
}

/// The path of the file to read, before anything else is judged.
std::optional<std::filesystem::path> file_path(std::span<char* const> environment, const Arguments& arguments) {
  if (arguments.config) return arguments.config;
  constexpr std::string_view kName = "WATCHBELL_CONFIG=";
  for (const char* entry : environment)
    if (const std::string_view text = entry; text.starts_with(kName)) {
      const auto path = trim(text.substr(kName.size()));
      return path.empty() ? std::nullopt : std::optional<std::filesystem::path>(path);
    }
  return std::nullopt;
}

Result<File> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return fail(ErrorCode::bad_request, "the settings file {} does not exist", in_quotes(path.string()));
  if (std::filesystem::is_directory(status)) return fail(ErrorCode::bad_request, "the settings file {} is a folder", in_quotes(path.string()));
  std::ifstream in(path, std::ios::binary);
  std::string text(kMaxFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || !in.eof()) {
    if (in) return fail(ErrorCode::bad_request, "the settings file {} is larger than 1 MiB", in_quotes(path.string()));
    return fail(ErrorCode::bad_request, "the settings file {} cannot be read", in_quotes(path.string()));
  }
  text.resize(static_cast<std::size_t>(in.gcount()));
  return File{path.string(), std::move(text)};
}

}  // namespace

bool Endpoint::is_loopback() const noexcept {
  if (host == "localhost") return true;
  const auto address = net::Address::parse(host);
  if (!address) return false;
  if (address->is_v4()) return address->bytes()[0] == 127;
  return address == net::Address::parse("::1");
}

std::string Endpoint::to_string() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

std::string Setting::environment_name() const {
  std::string upper(kPrefix);
  std::ranges::transform(name, std::back_inserter(upper), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  return upper;
}

std::span<const Setting> settings() {
  static const std::vector<Setting> all = [] {
    std::vector<Setting> made;
    for (const Row& row : rows()) made.push_back(row.setting);
    return made;
  }();
  return all;
}

Result<Config> load(std::span<char* const> environment, const Arguments& arguments) {
  std::optional<File> file;
  if (const auto path = file_path(environment, arguments)) {
    auto read = read_file(*path);
    if (!read) return std::unexpected(std::move(read.error()));
    file = std::move(*read);
  }
  return resolve(environment, file, arguments);
}

Result<Config> resolve(std::span<char* const> environment, const std::optional<File>& file, const Arguments& arguments) {
  Resolver resolver;
  if (file) resolver.from_file(*file);
  resolver.from_environment(environment);
  resolver.from_arguments(arguments);
  return std::move(resolver).finish();
}

Result<void> servable(const Config& config) {
  if (config.redis_url) return fail(ErrorCode::not_implemented, "redis_url: Redis is not used by this version yet; leave it unset");
  return {};
}

std::string describe(const Config& config) {
  std::string out;
  for (std::size_t i = 0; i < config.shown.size(); ++i) {
    const Setting& setting = settings()[i];
    const auto& [text, source] = config.shown[i];
    if (text.empty()) {
      out += fmt::format("# {} is not set\n", setting.name);
      continue;
    }
    const std::string value = is_number(setting.kind) ? text : in_quotes(text, text.size());
    out += fmt::format("{}{} = {}  # {}\n", setting.in_file ? "" : "# ", setting.name, value, word_of(source));
  }
  return out;
}

std::string reference() {
  std::string out = "| environment | file | default | must be | meaning |\n|---|---|---|---|---|\n";
  for (const Setting& setting : settings())
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", setting.environment_name(), setting.in_file ? "`" + setting.name + "`" : "",
                       setting.preset.empty() ? "none" : "`" + setting.preset + "`", setting.allowed, setting.help);
  return out;
}

}  // namespace watchbell::config
