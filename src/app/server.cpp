#include "app/server.hpp"

#include <malloc.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>

#include <fmt/ranges.h>

#include <sys/resource.h>

#include "app/api_routes.hpp"
#include "app/assets.hpp"
#include "app/data_folder.hpp"
#include "app/metrics_page.hpp"
#include "app/modules.hpp"
#include "app/rate_of.hpp"
#include "app/stored_key.hpp"
#include "async/blocking_pool.hpp"
#include "async/event.hpp"
#include "async/short_slices.hpp"
#include "async/timeout.hpp"
#include "domains/auth/module.hpp"
#include "domains/notification/module.hpp"
#include "platform/crypto/encoding.hpp"
#include "platform/crypto/password.hpp"
#include "platform/crypto/random.hpp"
#include "platform/http_client/client.hpp"
#include "platform/http_server/server.hpp"
#include "platform/log/log.hpp"
#include "platform/bus/postgres_bus.hpp"
#include "platform/mail/smtp_client.hpp"
#include "platform/resolver/egress.hpp"
#include "platform/resolver/resolver.hpp"
#include "runtime/coherence/cluster.hpp"
#include "runtime/coherence/shared_clock.hpp"
#include "runtime/events/reencrypt.hpp"
#include "runtime/limits/rate_limiter.hpp"
#include "runtime/probes/cache_metrics.hpp"
#include "runtime/probes/metrics.hpp"
#include "runtime/probes/readiness.hpp"
#include "runtime/rpc/openapi.hpp"
#include "runtime/runtime.hpp"
#include "runtime/settings/store.hpp"
#include "runtime/signals/endpoint.hpp"
#include "runtime/workers/workers.hpp"

namespace watchbell::migrations {
const sql::MigrationSet& runtime();
const sql::MigrationSet& settings();
}  // namespace watchbell::migrations

namespace watchbell::app {

using namespace std::chrono_literals;

namespace {

constexpr std::array<std::string_view, 2> kLivenessPaths{"/healthz", "/.checkstack/health"};
constexpr std::array<std::string_view, 2> kReadinessPaths{"/readyz", "/.checkstack/ready"};
bool is_liveness(std::string_view path) { return std::ranges::find(kLivenessPaths, path) != kLivenessPaths.end(); }
bool is_readiness(std::string_view path) { return std::ranges::find(kReadinessPaths, path) != kReadinessPaths.end(); }

awaitable<void> answer_ready(probes::Readiness& readiness, http::Response& response) {
  auto answer = co_await readiness.answer();
  if (answer.retry_after) response.add("Retry-After", std::to_string(answer.retry_after->count()));
  rpc::answer_json(response, answer.status, std::move(answer.body));
}

/// What processes tell each other: there are more jobs than the one who says it has room for.
constexpr std::string_view kMoreJobs = "jobs";
/// What a process that stops waits for until others have its checks: what runs of them is cancelled before.
constexpr std::chrono::seconds kHandOver{7};
constexpr std::string_view kAway = "the database cannot be asked who else uses it";

/// Stands before a handler until that can answer. The address is bound and answers before anything else is opened: meanwhile the probes are answered
/// here, and other requests wait.
class Gate final : public http::Handler {
 public:
  /// @param body_limit  of any request the handler may take; asked again of the handler itself once it stands
  Gate(async::TimerWheel& wheel, probes::Readiness& readiness, std::size_t body_limit)
      : wheel_(wheel), readiness_(readiness), body_limit_(body_limit), changed_(wheel.executor()) {}

  void open(http::Handler& behind) {
    behind_ = &behind;
    changed_.notify_all();
  }
  /// Who waits is sent away, and so is who comes.
  void give_up() {
    given_up_ = true;
    changed_.notify_all();
  }

  std::size_t body_limit(const http::Request& head) override { return behind_ == nullptr ? body_limit_ : behind_->body_limit(head); }
  bool answer_now(const http::Request& request, http::Response& response) override { return behind_ != nullptr && behind_->answer_now(request, response); }
  awaitable<void> handle(const http::Request& request, http::Response& response) override {
    if (behind_ != nullptr) co_return co_await behind_->handle(request, response);
    if (request.method() == "GET" || request.method() == "HEAD") {
      if (is_liveness(request.path())) co_return rpc::answer_json(response, 200, std::string(probes::kAlive));
      if (is_readiness(request.path())) co_return co_await answer_ready(readiness_, response);
    }
    if (!given_up_) co_await async::with_timeout(wheel_, changed_.wait(), kBootWait);
    if (behind_ == nullptr) {
      response.add("Retry-After", "5");
      co_return rpc::answer_json(response, 503, R"({"error":"Backend not ready","message":"The server is still starting"})");
    }
    // Its body was let in before anybody knew what it is for.
    if (request.body().size() > behind_->body_limit(request)) {
      response.close = true;
      co_return rpc::answer_json(response, 413, R"({"error":"Payload Too Large"})");
    }
    if (!behind_->answer_now(request, response)) co_await behind_->handle(request, response);
  }

 private:
  static constexpr std::chrono::seconds kBootWait{30};

  async::TimerWheel& wheel_;
  probes::Readiness& readiness_;
  std::size_t body_limit_;
  http::Handler* behind_ = nullptr;
  bool given_up_ = false;
  async::Event changed_;
};

/// As many open files as the system lets us have. Answers how many there are.
std::size_t raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<std::size_t>::max() : limit.rlim_cur;
}

/// Connections we take: visitors must never have the files that the database, checks and deliveries need.
std::size_t connections_within(std::size_t files, std::size_t wanted) {
  constexpr std::size_t kReserve = 2048;
  const std::size_t ours = std::min(files / 2, kReserve);
  return std::min(wanted, files - ours);
}

auth::SecondFactorOf second_factor_of(std::string_view text) {
  if (text == "everybody") return auth::SecondFactorOf::everybody;
  return text == "administrators" ? auth::SecondFactorOf::administrators : auth::SecondFactorOf::nobody;
}

void report(std::string_view where, std::exception_ptr fault) { log::fault(where, fault); }

limits::RateLimiter::Options limits_of(const config::Config& config) {
  limits::RateLimiter::Options options;
  options.principal = rate_of(config.rate_limit_principal);
  options.address = rate_of(config.rate_limit_address);
  if (const auto& quota = config.rate_limit_sign_in) options.sign_in = limits::Rate::quota(quota->count, quota->window);
  return options;
}

std::uint64_t secret_seed() {
  std::uint64_t seed = 0;
  const std::string bytes = crypto::random_bytes(sizeof seed);
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

std::string json_string(std::string_view text) {
  std::string out;
  rpc::append_json_string(out, text);
  return out;
}

}  // namespace

struct Server::Parts {
  Parts(async::Loop& l, const config::Config& c, ServerOptions o) : loop(l), config(c), options(std::move(o)) {}

  Result<void> open_listener();
  /// Blocks: on the pool while somebody is being served.
  Result<void> open_store(bool in_memory);
  Result<void> build();
  /// All but the listener.
  awaitable<Result<void>> open();
  /// Seals everything that is sealed under the present master key; each part on its own, so that what was cut off is gone on with.
  awaitable<std::string> reencrypt();

  async::Loop& loop;
  config::Config config;
  ServerOptions options;
  SystemClock own_clock;
  coherence::SharedClock clock{own_clock};  // follows that of the database where that has one
  async::TimerWheel wheel{loop.executor(), clock};
  probes::Readiness readiness{wheel};
  Gate gate{wheel, readiness, static_cast<std::size_t>(std::max(config.max_body_bytes, config.notify_max_body_bytes))};
  Gate metrics_gate{wheel, readiness, 0};
  std::unique_ptr<http::Server> listener;
  std::unique_ptr<http::Server> metrics_listener;
  std::string base_url;
  std::size_t connections = 0;  // at most
  bool online = false;

  std::optional<DataFolder> folder;
  std::optional<crypto::Keyring> keyring;
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<sql::Database> coordination;  // the same on PostgreSQL, over connections that no change holds up
  std::vector<coherence::IntentId> migrated;    // by this start

  async::TaskScope scope{loop.executor(), report};
  async::PausePoints pauses{loop.executor()};
  async::BlockingPool pool{{.name = "wb-decode", .threads = 1}};
  probes::Metrics metrics;
  probes::CacheMetrics cache_metrics{metrics};
  std::unique_ptr<coherence::Memory> cache;
  std::unique_ptr<bus::Bus> process_bus;
  std::unique_ptr<coherence::Cluster> cluster;  // on PostgreSQL
  std::unique_ptr<workers::Workers> workers;    // as well
  std::unique_ptr<crypto::PasswordHasher> passwords;
  std::unique_ptr<jobs::Queue> queue;
  std::unique_ptr<events::Bus> bus;
  std::unique_ptr<signals::Hub> hub;
  std::unique_ptr<signals::Relay> relay;  // where there is a cluster
  std::unique_ptr<Changes> changes;
  std::unique_ptr<settings::Store> settings;
  std::optional<limits::RateLimiter> limiter;
  std::unique_ptr<auth::Module> auth;
  std::unique_ptr<rpc::Dispatcher> dispatcher;
  std::unique_ptr<rpc::Front> front;
  std::unique_ptr<net::Egress> egress;
  std::unique_ptr<net::Resolver> resolver;
  std::unique_ptr<http::Client> client;
  std::unique_ptr<mail::SmtpClient> mail;
  std::unique_ptr<Runtime> runtime;
  std::unique_ptr<Modules> modules;
  std::unique_ptr<MetricsPage> metrics_page;
  std::unique_ptr<AdminSocket> admin;

  void say(const std::string& line) const {
    if (options.say) return options.say(line);
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
  }
  void mount_probes();
  void follow_clock(std::chrono::microseconds more);
  /// That of the data folder; of several processes that of their master key, so that each takes what any of them said.
  Result<std::string> setup_token() const;
  /// Waits until this process belongs to the others.
  awaitable<Result<void>> joined();
  static awaitable<probes::ProbeResult> tell(bool ok);
  static awaitable<probes::ProbeResult> reach(sql::Database& database);
};

Result<void> Server::Parts::open_listener() {
  const std::size_t wanted = static_cast<std::size_t>(config.max_connections);
  connections = connections_within(raise_file_limit(), wanted);
  http::Server::Options o;
  o.host = config.listen.host;
  o.port = config.listen.port;
  o.max_header_bytes = static_cast<std::size_t>(config.max_header_bytes);
  o.max_connections = connections;
  o.max_buffered_bytes = static_cast<std::size_t>(config.max_buffered_bytes);
  o.header_timeout = config.header_timeout;
  o.body_timeout = config.body_timeout;
  o.idle_timeout = config.idle_timeout;
  o.write_timeout = config.write_timeout;
  o.websocket.max_message_bytes = static_cast<std::size_t>(config.socket_frame_bytes);
  o.websocket.max_backlog_messages = static_cast<std::size_t>(config.socket_backlog_frames);
  o.websocket.max_backlog_bytes = static_cast<std::size_t>(config.socket_backlog_bytes);
  o.websocket.ping_interval = config.socket_ping;
  o.websocket.pong_timeout = config.socket_timeout;
  o.on_fault = report;
  listener = std::make_unique<http::Server>(loop, wheel, gate, o);
  auto bound = listener->listen();
  if (!bound) return std::unexpected(std::move(bound.error()));
  online = true;
  if (config.metrics_listen) {
    http::Server::Options m;
    m.host = config.metrics_listen->host;
    m.port = config.metrics_listen->port;
    m.on_fault = report;
    metrics_listener = std::make_unique<http::Server>(loop, wheel, metrics_gate, m);
    if (auto metrics_bound = metrics_listener->listen(); !metrics_bound) return std::unexpected(std::move(metrics_bound.error()));
  }
  config::Endpoint at = config.listen;
  at.port = *bound;
  base_url = config.base_url.value_or("http://" + at.to_string());
  return {};
}

Result<void> Server::Parts::open_store(bool in_memory) {
  std::string url = ":memory:";
  const bool postgresql = !in_memory && config.uses_postgresql();
  std::string master_key = config.master_key.value_or(std::string());
  if (!in_memory) {
    auto opened = DataFolder::open(config.data);
    if (!opened) return std::unexpected(std::move(opened.error()));
    folder.emplace(std::move(*opened));
    url = postgresql ? *config.database_url : folder->database();
    // Looked at before anything is written, the key included: a refused start leaves the disk as it was.
    const auto sets = Modules::migrations();
    if (auto looked = sql::Database::inspect(url, sets); !looked) return looked;
    if (auto secured = folder->make_private(); !secured) return secured;
    if (master_key.empty()) {
      std::error_code absent;
      const auto size = std::filesystem::file_size(url, absent);
      auto present = folder->master_key(false);
      if (!present) return std::unexpected(std::move(present.error()));
      // A new key would open none of the secrets stored already.
      if (!*present && !absent && size > 0)
        return fail(ErrorCode::precondition_failed, "{} holds a database but no master.key: put the key back, or set WATCHBELL_MASTER_KEY", folder->path().string());
      auto key = folder->master_key(true);
      if (!key) return std::unexpected(std::move(key.error()));
      master_key = **key;
    }
  } else {
    master_key = crypto::Keyring::generate();
  }
  auto ring = crypto::Keyring::make(master_key, config.master_key_previous);
  if (!ring) return std::unexpected(std::move(ring.error()));
  keyring.emplace(std::move(*ring));
  auto opened = sql::Database::open(loop, wheel,
                                    {.url = url,
                                     .readers = static_cast<std::size_t>(config.database_readers),
                                     .max_waiting = static_cast<std::size_t>(config.database_queue),
                                     .statement_deadline = config.statement_timeout});
  if (!opened) return std::unexpected(std::move(opened.error()));
  database = std::move(*opened);
  if (postgresql) {
    // Renewals of the lease, messages to the others and looks at them.
    auto coordinating = sql::Database::open(loop, wheel, {.url = url, .readers = 1, .writers = 3, .statement_deadline = config.statement_timeout});
    if (!coordinating) return std::unexpected(std::move(coordinating.error()));
    coordination = std::move(*coordinating);
  }
  if (options.before_migrating) options.before_migrating(listener ? listener->port() : std::uint16_t{0});
  if (!postgresql) return database->migrate(Modules::migrations());
  // What others have in memory may be of before: they are told by the transaction of each script, and waited for before anybody is served here.
  return database->migrate(Modules::migrations(), [this](sql::Session& session) {
    if (const auto intent = coherence::store::add_everything(session, clock.now())) migrated.push_back(*intent);
  });
}

Result<void> Server::Parts::build() {
  const bool https = base_url.starts_with("https://");
  cache::CacheOptions cache_options;
  cache_options.max_bytes = static_cast<std::size_t>(config.cache_max_bytes);
  cache_options.max_entries = static_cast<std::size_t>(config.cache_max_entries);
  cache_options.per_scope_share = config.cache_per_scope_share;
  if (config.metrics_listen) cache_options.observer = &cache_metrics;
  cache = std::make_unique<coherence::Memory>(cache_options);
  crypto::PasswordHasher::Options hashing;
  hashing.max_queued = static_cast<std::size_t>(config.password_queue);
  passwords = std::make_unique<crypto::PasswordHasher>(hashing);
  if (coordination) {
    auto made = bus::postgres_bus(wheel, *coordination, {.url = *config.database_url}, report);
    if (!made) return std::unexpected(std::move(made.error()));
    process_bus = std::move(*made);
    coherence::Cluster::Options cluster_options;
    cluster_options.on_ahead = [this](std::chrono::microseconds more) { follow_clock(more); };
    if (config.test_off) cluster_options.off.insert(*config.test_off);
    cluster = std::make_unique<coherence::Cluster>(wheel, *coordination, *process_bus, *cache, report, std::move(cluster_options));
    workers = std::make_unique<workers::Workers>(wheel, *coordination, report);
  }
  const auto seed = static_cast<std::uint64_t>(clock.monotonic().time_since_epoch().count());
  jobs::Queue::Options queue_options{.concurrency = static_cast<std::size_t>(config.job_concurrency), .process = {}};
  if (workers) {
    queue_options.alone = false;
    queue_options.process = [this] {
      const auto worker = workers->ready();
      return worker ? worker->to_string() : std::string();
    };
    workers->on_ready([this] { queue->wake(); });
  }
  queue = std::make_unique<jobs::Queue>(wheel, *database, report, std::move(queue_options), seed);
  if (cluster) {
    queue->on_more([this] { cluster->tell(kMoreJobs, {}); });
    cluster->listen(std::string(kMoreJobs), {.heard = [this](std::string_view) { queue->wake(); }, .lost = [this] { queue->wake(); }});
  }
  bus = std::make_unique<events::Bus>(*queue, *keyring, scope, report);
  signals::Hub::Options hub_options;
  hub_options.sockets_per_user = static_cast<std::size_t>(config.sockets_per_user);
  hub_options.sockets_per_address = static_cast<std::size_t>(config.sockets_per_address);
  hub_options.sockets_max = static_cast<std::size_t>(config.sockets_max);
  hub_options.payload_limit = static_cast<std::size_t>(config.signal_max_bytes);
  if (config.socket_frame_rate) {
    hub_options.inbound_rate = static_cast<double>(config.socket_frame_rate->per_second);
    hub_options.inbound_burst = static_cast<double>(config.socket_frame_rate->burst);
  } else {
    hub_options.inbound_rate = hub_options.inbound_burst = 1e12;
  }
  hub = std::make_unique<signals::Hub>(wheel, scope, hub_options);
  if (cluster) relay = std::make_unique<signals::Relay>(scope, *hub, *cluster);
  changes = std::make_unique<Changes>(*database, clock, *queue, *bus, *hub, cluster.get(), relay.get());

  settings = std::make_unique<settings::Store>(*keyring);
  auth::Service::Options auth_options;
  auth_options.listening_on_loopback = config.listen.is_loopback();
  auth_options.behind_proxy = !config.trusted_proxies.empty();
  auth_options.setup_token = config.setup_token;
  auth_options.second_factor_of = second_factor_of(config.second_factor_of);
  if (folder && !auth_options.setup_token) {
    auto token = setup_token();
    if (!token) return std::unexpected(std::move(token.error()));
    auth_options.setup_token = *token;
  }
  auth = std::make_unique<auth::Module>(*database, *cache, *changes, *settings, *passwords, *keyring, scope, clock, keyring->derive("session", 32), https, auth_options);
  limiter.emplace(limits_of(config), secret_seed());
  dispatcher = std::make_unique<rpc::Dispatcher>(auth->service(), pool, access::ObjectAccess::by_rules(), &*limiter);

  rpc::Front::Options front_options{.base_url = base_url, .trusted_origins = {rpc::origin_of(base_url)}, .trusted_proxies = config.trusted_proxies, .max_body_bytes = static_cast<std::size_t>(config.max_body_bytes), .limiter = &*limiter, .on_request = {}};
  if (online && config.listen.is_loopback())
    for (const char* host : {"localhost", "127.0.0.1", "[::1]"}) front_options.trusted_origins.push_back(rpc::origin_of("http://" + std::string(host) + ":" + std::to_string(listener->port())));
  std::array<probes::Histogram*, 3> seconds{};  // by rpc::Served
  for (std::size_t i = 0; const char* route : {"rpc", "route", "page"}) {
    metrics.registry.declare("route", route);
    seconds[i++] = &metrics.http_request_seconds.at({route});
  }
  front_options.on_request = [seconds](rpc::Served served, std::chrono::nanoseconds took) { seconds[static_cast<std::size_t>(served)]->observe(took); };
  front = std::make_unique<rpc::Front>(*dispatcher, wheel, std::move(front_options));

  egress = std::make_unique<net::Egress>(config.egress_allow);
  resolver = std::make_unique<net::Resolver>(loop.executor(), wheel,
                                             net::Resolver::Options{.threads = static_cast<std::size_t>(config.resolver_threads), .max_queued = static_cast<std::size_t>(config.resolver_queue)});
  client = std::make_unique<http::Client>(loop, wheel, *resolver, *egress, http::Client::Options{});
  mail = std::make_unique<mail::SmtpClient>(loop, wheel, *resolver, mail::SmtpClient::Options{});
  runtime = std::make_unique<Runtime>(Runtime{.loop = loop,
                                              .wheel = wheel,
                                              .clock = clock,
                                              .scope = scope,
                                              .pauses = pauses,
                                              .database = *database,
                                              .cache = *cache,
                                              .queue = *queue,
                                              .bus = *bus,
                                              .hub = *hub,
                                              .changes = *changes,
                                              .cluster = cluster.get(),
                                              .workers = workers.get(),
                                              .dispatcher = *dispatcher,
                                              .front = *front,
                                              .keyring = *keyring,
                                              .passwords = *passwords,
                                              .settings = *settings,
                                              .http = *client,
                                              .mail = *mail,
                                              .base_url = base_url});
  if (auto mounted = dispatcher->mount(core_area()); !mounted) return mounted;
  if (auto mounted = auth->mount(*dispatcher, *front, *queue); !mounted) return mounted;
  modules = std::make_unique<Modules>(*runtime, auth->service(), config);
  if (auto mounted = modules->mount(); !mounted) return mounted;
  if (relay) relay->declare(modules->signals());
  if (options.extra_settings) options.extra_settings(*settings);
  if (options.extra_areas)
    for (auto& area : options.extra_areas())
      if (auto mounted = dispatcher->mount(std::move(area)); !mounted) return mounted;
  if (auto checked = dispatcher->check(); !checked) return checked;
  signals::mount(*front, *hub, auth->service());
  mount_probes();
  mount_api_routes(*front, *dispatcher, auth->service(), base_url);
  mount_assets(*front);
  if (config.test_pause) {
    if (!pauses.arm(*config.test_pause)) return fail(ErrorCode::bad_request, "WATCHBELL_TEST_PAUSE must be NAME or NAME:n");
    pauses.on_paused([this](std::string_view name) { say("paused " + std::string(name)); });
  }
  return {};
}

void Server::Parts::mount_probes() {
  const auto live = [](rpc::RouteRequest, http::Response& response) -> awaitable<void> {
    rpc::answer_json(response, 200, std::string(probes::kAlive));
    co_return;
  };
  const auto ready = [this](rpc::RouteRequest, http::Response& response) { return answer_ready(readiness, response); };
  for (const auto path : kLivenessPaths) front->route("GET", std::string(path), live);
  for (const auto path : kReadinessPaths) front->route("GET", std::string(path), ready);
  const std::string public_config = "{\"baseUrl\":" + json_string(base_url) +
                                    (config.instance_namespace.empty() ? std::string() : ",\"instanceNamespace\":" + json_string(config.instance_namespace)) + "}";
  front->route("GET", "/api/config", [public_config](rpc::RouteRequest, http::Response& response) {
    rpc::answer_json(response, 200, public_config);
    return []() -> awaitable<void> { co_return; }();
  });
  using Weight = probes::Readiness::Weight;
  readiness.add("db.reachable", Weight::critical, [this] { return reach(*database); });
  // The queue is durable: what is accepted while nobody takes jobs would be told late.
  readiness.add("queue.reachable", Weight::critical, [this] { return tell(queue->healthy()); });
  // In this process, so it can always be asked; a shared one may be away.
  readiness.add("cache.reachable", Weight::informative, [] { return tell(true); });
}

void Server::Parts::follow_clock(std::chrono::microseconds more) {
  const auto before = clock.ahead();
  clock.set_ahead(before + more);
  if (std::chrono::abs(clock.ahead()) >= coherence::kApart && std::chrono::abs(before) < coherence::kApart)
    log::warn("the clock of this machine is not that of the database, which is gone by", {{"seconds", std::chrono::duration<double>(clock.ahead()).count()}});
}

awaitable<probes::ProbeResult> Server::Parts::tell(bool ok) { co_return probes::ProbeResult{.ok = ok, .message = {}}; }

awaitable<probes::ProbeResult> Server::Parts::reach(sql::Database& database) {
  const auto one = co_await database.read([](sql::Session& session) { return session.one<std::int64_t>("select 1").value_or(0); });
  co_return probes::ProbeResult{.ok = one && *one == 1};
}

awaitable<Result<void>> Server::Parts::open() {
  // A long migration must not stop the loop, which answers the probes meanwhile. Nothing else uses this pool or the store yet.
  auto opened = co_await pool.run([this] { return open_store(false); });
  if (!opened) co_return opened;
  co_return build();
}

Result<std::string> Server::Parts::setup_token() const {
  if (!cluster) return folder->setup_token();
  return crypto::base64url_encode(keyring->derive("setup token", 24));
}

awaitable<Result<void>> Server::Parts::joined() {
  // Joined first: of two that start together at least one sees the other.
  const auto joined_until = clock.boot() + 10s;
  while (!cluster->serves()) {
    if (clock.boot() >= joined_until) co_return fail(ErrorCode::unavailable, "{}", kAway);
    co_await wheel.sleep(20ms);
  }
  co_return Result<void>();
}

awaitable<std::string> Server::Parts::reencrypt() {
  boost::json::array parts;
  bool whole = true;
  const auto add = [&](std::string_view name, const Result<crypto::Reencryption>& done) {
    if (!done) return false;
    whole = whole && done->failed.empty();
    parts.push_back({{"name", name},
                     {"scanned", done->scanned},
                     {"reencrypted", done->reencrypted},
                     {"skipped", done->skipped},
                     {"failed", boost::json::array(done->failed.begin(), done->failed.end())}});
    return true;
  };
  const auto records = co_await database->write([this](sql::Session& session) { return settings->reencrypt(session); });
  if (!add("settings", records)) co_return refusal(records.error().message);
  const auto factors = co_await auth->service().reencrypt();
  if (!add("second factors", factors)) co_return refusal(factors.error().message);
  const auto waiting = co_await database->write([this](sql::Session& session) { return events::reencrypt(session, *keyring); });
  if (!add("events", waiting)) co_return refusal(waiting.error().message);
  const auto sent = co_await database->write([this](sql::Session& session) { return notification::Transactional::reencrypt(session, *keyring); });
  if (!add("messages", sent)) co_return refusal(sent.error().message);
  log::info("stored secrets were sealed anew", {{"whole", whole}});
  co_return boost::json::serialize(boost::json::object{{"ok", true}, {"whole", whole}, {"parts", std::move(parts)}});
}

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Server::~Server() = default;

awaitable<Result<std::unique_ptr<Server>>> Server::open(async::Loop& loop, config::Config config, ServerOptions options) {
  if (auto served = config::servable(config); !served) co_return std::unexpected(std::move(served.error()));
  auto parts = std::make_unique<Parts>(loop, config, std::move(options));
  if (auto bound = parts->open_listener(); !bound) co_return std::unexpected(std::move(bound.error()));
  parts->listener->start_accepting();
  Result<void> opened;
  try {
    opened = co_await parts->open();
  } catch (const std::exception& fault) {  // a boundary: who was let in is still to be sent away
    opened = fail(ErrorCode::unavailable, "{}", fault.what());
  }
  if (!opened) {
    parts->gate.give_up();
    co_await parts->listener->stop(1s);
    co_return std::unexpected(std::move(opened.error()));
  }
  co_return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Result<std::unique_ptr<Server>> Server::open_offline(async::Loop& loop, const config::Config& config) {
  if (auto served = config::servable(config); !served) return std::unexpected(std::move(served.error()));
  auto parts = std::make_unique<Parts>(loop, config, ServerOptions{});
  parts->base_url = config.base_url.value_or("http://" + config.listen.to_string());
  if (auto opened = parts->open_store(false); !opened) return std::unexpected(std::move(opened.error()));
  if (auto built = parts->build(); !built) return std::unexpected(std::move(built.error()));
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

Result<std::unique_ptr<Server>> Server::open_in_memory(async::Loop& loop) {
  auto parts = std::make_unique<Parts>(loop, config::Config{}, ServerOptions{});
  parts->base_url = "http://127.0.0.1:3000";
  if (auto opened = parts->open_store(true); !opened) return std::unexpected(std::move(opened.error()));
  if (auto built = parts->build(); !built) return std::unexpected(std::move(built.error()));
  return std::unique_ptr<Server>(new Server(std::move(parts)));
}

awaitable<Result<void>> Server::prepare() {
  if (auto& cluster = parts_->cluster) {
    auto judged = co_await parts_->database->write([&ring = *parts_->keyring](sql::Session& session) { return judge_key(session, ring); });
    if (!judged) co_return judged;
    for (const auto& intent : std::exchange(parts_->migrated, {})) co_await cluster->settle(intent, std::string(coherence::kEverything));
    if (!co_await cluster->look()) co_return fail(ErrorCode::unavailable, "{}", kAway);
  }
  // Settings that do not read are a refusal now, not defaults or lost deliveries later.
  auto judged = co_await parts_->database->read([&store = *parts_->settings](sql::Session& session) { return store.judge(session); });
  if (!judged) co_return std::unexpected(std::move(judged.error()));
  if (!judged->refused.empty()) co_return fail(ErrorCode::internal, "settings cannot be read: {}", fmt::join(judged->refused, ", "));
  // Those of another version might not read what this one writes, or declare rules that this one does not: what only makes things tidy waits for a start alone.
  const bool alone = !parts_->cluster || parts_->cluster->others().empty();
  if (!judged->outdated.empty() && alone) {
    auto upgraded = co_await parts_->database->write(
        [&store = *parts_->settings, &outdated = judged->outdated, now = parts_->clock.now()](sql::Session& session) { store.upgrade(session, outdated, now); });
    if (!upgraded) co_return upgraded;
    log::info("settings of earlier versions were upgraded", {{"records", static_cast<std::int64_t>(judged->outdated.size())}});
  }
  co_return co_await parts_->auth->sync(*parts_->dispatcher, alone);
}

awaitable<Result<void>> Server::start() {
  auto& p = *parts_;
  if (p.metrics_listener) {
    std::vector<std::string> signals;
    for (const auto& signal : p.modules->signals()) signals.emplace_back(signal.id);
    p.cache_metrics.follow(*p.cache);
    p.metrics.registry.before_render([&p] {
      using Limit = limits::RateLimiter::Limit;
      for (const auto& [limit, name] : {std::pair(Limit::principal, "principal"), std::pair(Limit::address, "address"), std::pair(Limit::sign_in, "sign_in")})
        p.metrics.http_refused_total.at({name}).follow(p.limiter->refused(limit));
    });
    p.metrics_page = std::make_unique<MetricsPage>(*p.runtime, p.metrics, signals);
    p.scope.spawn("metrics.lag", MetricsPage::watch_lag(p.loop.executor(), p.metrics.runtime_lag_seconds.one()));
    p.metrics_gate.open(*p.metrics_page);
    p.metrics_listener->start_accepting();
  }
  if (p.cluster) {
    p.cluster->start();
    if (auto joined = co_await p.joined(); !joined) co_return joined;
  }
  if (auto prepared = co_await prepare(); !prepared) co_return prepared;
  if (auto started = co_await p.modules->start(); !started) co_return started;
  if (p.workers) p.workers->start();
  co_await p.queue->start();
  p.front->open();
  p.readiness.running();
  p.gate.open(*p.front);
  if (p.folder) {
    p.admin = std::make_unique<AdminSocket>(p.loop, p.wheel, p.scope, p.folder->admin_socket(), [this](std::string request) { return administrate(std::move(request)); });
    if (auto opened = p.admin->open(); !opened) co_return opened;
  }
  p.say("listening on " + address());
  // Not before: a start that is refused says one sentence.
  if (p.listener && p.connections < static_cast<std::size_t>(p.config.max_connections))
    log::warn("fewer connections than set: the limit of open files is low", {{"max_connections", static_cast<std::int64_t>(p.connections)}});
  auto needed = co_await p.auth->service().needs_onboarding();
  if (needed && *needed) {
    log::info("no administrator yet: open the page to make one", {{"url", p.base_url}});
    if (p.auth->service().asks_setup_token(false) && !p.config.setup_token && p.folder) {
      if (const auto token = p.setup_token()) p.say("setup token: " + *token);
    }
  }
  co_return Result<void>();
}

awaitable<void> Server::stop() {
  auto& p = *parts_;
  p.readiness.draining();
  p.gate.give_up();
  if (p.admin) p.admin->close();
  if (p.config.drain.count() > 0 && p.listener) co_await p.wheel.sleep(p.config.drain);
  if (p.listener) co_await p.listener->stop(p.config.shutdown_request);
  if (p.metrics_listener) co_await p.metrics_listener->stop(1s);
  co_await async::with_timeout(p.wheel, p.bus->emit_local({.name = "core.platform.shutdown", .payload = R"({"reason":"signal"})", .secrets = {}}), 5s);
  if (p.workers) co_await p.workers->retire(kHandOver);
  co_await p.modules->stop();
  co_await p.queue->stop(p.config.shutdown_job);
  co_await p.readiness.stop();
  co_await p.scope.stop();
  co_await p.client->close();
  co_await p.mail->close();
  p.resolver->close();
  if (p.workers) co_await p.workers->stop();
  if (p.cluster) co_await p.cluster->stop();
  co_await p.cache->close<Executor>();
  co_await p.database->close();
  if (p.coordination) co_await p.coordination->close();
}

std::string Server::address() const {
  config::Endpoint at = parts_->config.listen;
  at.port = port();
  return "http://" + at.to_string();
}

std::string Server::refusal(std::string_view message) { return "{\"ok\":false,\"message\":" + json_string(message) + "}"; }

std::uint16_t Server::port() const { return parts_->listener ? parts_->listener->port() : 0; }

const std::vector<rpc::Area>& Server::areas() const { return parts_->dispatcher->areas(); }
std::string Server::contract_typescript() const {
  std::vector<rpc::SignalType> signals;
  for (const auto& signal : parts_->modules->signals()) signals.push_back({.id = std::string(signal.id), .payload = signal.payload});
  return rpc::contract_typescript(parts_->dispatcher->areas(), signals);
}

std::string Server::contract_openapi() const { return rpc::openapi(parts_->dispatcher->areas(), parts_->base_url); }

awaitable<std::string> Server::administrate(std::string request) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(request, error);
  const auto* object = error ? nullptr : parsed.if_object();
  const auto text = [&](const char* name) {
    const auto* value = object == nullptr ? nullptr : object->if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
  };
  const auto number = [&](const char* name, std::int64_t low, std::int64_t high) -> std::optional<std::int64_t> {
    const auto* value = object == nullptr ? nullptr : object->if_contains(name);
    if (value == nullptr || !value->is_int64() || value->get_int64() < low || value->get_int64() > high) return std::nullopt;
    return value->get_int64();
  };
  const auto key_answer = [](const auth::NewApplication& made) {
    return "{\"ok\":true,\"id\":" + json_string(made.id.to_string()) + ",\"key\":" + json_string(made.key) + "}";
  };
  const std::string command = text("command");
  if (command == "admin.create") {
    const auto email = Email::make(text("email"));
    const auto name = Text<1, 200>::make(text("name"));
    if (!email) co_return refusal("the email is not a mail address");
    if (!name) co_return refusal("the name must have 1 to 200 characters");
    auto made = co_await parts_->auth->service().create_admin(name->str(), *email, text("password"));
    if (!made) co_return refusal(made.error().message);
    co_return "{\"ok\":true,\"id\":" + json_string(made->to_string()) + "}";
  }
  if (command == "admin.reset") {
    const auto email = Email::make(text("email"));
    if (!email) co_return refusal("the email is not a mail address");
    const auto* drop = object->if_contains("dropSecondFactor");
    auto reset = co_await parts_->auth->service().reset_password_of(*email, text("password"), drop != nullptr && drop->is_bool() && drop->get_bool());
    if (!reset) co_return refusal(reset.error().message);
    co_return "{\"ok\":true,\"id\":" + json_string(reset->to_string()) + "}";
  }
  if (command == "keys.reencrypt") co_return co_await parts_->reencrypt();
  if (command == "apikey.create") {
    const auto name = Text<1, 100>::make(text("name"));
    if (!name) co_return refusal("the name must have 1 to 100 characters");
    std::vector<std::string> rules;
    if (const auto* list = object->if_contains("rules"); list != nullptr && list->is_array())
      for (const auto& rule : list->get_array())
        if (rule.is_string()) rules.emplace_back(rule.get_string());
    if (rules.empty()) co_return refusal("at least one rule is needed");
    auth::ApplicationInput input{.name = name->str(), .rules = std::move(rules)};
    if (object->contains("expiresDays")) {
      const auto days = number("expiresDays", 1, kMaxKeyDays);
      if (!days) co_return refusal(fmt::format("a key lives 1 to {} days", kMaxKeyDays));
      input.life = std::chrono::days(*days);
    }
    auto made = co_await parts_->auth->service().create_application(std::move(input), "console");
    if (!made) co_return refusal(made.error().message);
    co_return key_answer(*made);
  }
  if (command == "apikey.list") {
    const auto list = co_await parts_->auth->service().applications();
    if (!list) co_return refusal(list.error().message);
    const auto instant = [](const std::optional<Timestamp>& at) { return at ? boost::json::value(at->to_iso()) : boost::json::value(); };
    boost::json::array keys;
    for (const auto& [key, rules] : *list)
      keys.push_back({{"id", key.id.to_string()},
                      {"name", key.name},
                      {"rules", boost::json::array(rules.begin(), rules.end())},
                      {"createdAt", key.created_at.to_iso()},
                      {"lastUsedAt", instant(key.last_used_at)},
                      {"expiresAt", instant(key.expires_at)},
                      {"revokedAt", instant(key.revoked_at)}});
    co_return boost::json::serialize(boost::json::object{{"ok", true}, {"keys", std::move(keys)}});
  }
  if (command == "apikey.revoke" || command == "apikey.rotate") {
    const auto id = ApplicationId::parse(text("id"));
    if (!id) co_return refusal(fmt::format("{} is no id of an API key; `apikey list` shows them", json_string(text("id"))));
    if (command == "apikey.revoke") {
      if (auto revoked = co_await parts_->auth->service().revoke_application(*id, "console"); !revoked) co_return refusal(revoked.error().message);
      co_return R"({"ok":true})";
    }
    const auto hours = number("keepHours", 0, kMaxKeepHours);
    if (!hours) co_return refusal(fmt::format("the old key is kept 0 to {} hours", kMaxKeepHours));
    auto made = co_await parts_->auth->service().rotate_application(*id, std::chrono::hours(*hours), "console");
    if (!made) co_return refusal(made.error().message);
    co_return key_answer(*made);
  }
  co_return refusal("unknown command");
}

namespace {

struct Exit {
  int code = 0;
  bool done = false;
};

awaitable<void> run(async::Loop& loop, config::Config config, Exit& exit) {
  auto opened = co_await Server::open(loop, config);
  if (!opened) {
    std::fprintf(stderr, "watchbell: %s\n", opened.error().message.c_str());
    exit.code = 1;
    exit.done = true;
    co_return;
  }
  Server& server = **opened;
  // Until here a signal ends the process on the spot, as it may: there is nothing to hand back, and a migration that was cut is undone.
  asio::signal_set signals(loop.context(), SIGTERM, SIGINT);
  asio::steady_timer timer(loop.context());
  Result<void> started;
  try {
    started = co_await server.start();
  } catch (const Fault& fault) {  // a boundary: what was begun is still to be ended
    report("start", std::current_exception());
    started = fail(ErrorCode::unavailable, "{}", fault.what());
  }
  if (!started) {
    std::fprintf(stderr, "watchbell: %s\n", started.error().message.c_str());
    exit.code = 1;
  } else {
    co_await signals.async_wait(use_awaitable);
    log::info("stopping");
  }
  // From here a second signal, or a stop that takes too long, ends the process at once: everything that must not be lost is on the disk.
  signals.async_wait([](boost::system::error_code error, int) {
    if (!error) std::_Exit(130);
  });
  timer.expires_after(config.shutdown_total);
  timer.async_wait([](boost::system::error_code error) {
    if (!error) std::_Exit(1);
  });
  co_await server.stop();
  exit.done = true;
}

}  // namespace

int serve(const config::Config& config) {
  log::configure({.level = config.log_level, .format = config.log_format});
  async::Loop loop;
  Exit exit;
  asio::co_spawn(loop.executor(), run(loop, config, exit), [&](std::exception_ptr fault) {
    if (fault) {
      report("serve", fault);
      exit.code = 1;
    }
    exit.done = true;
  });
  async::ask_for_short_slices();
  // What is freed is joined with its neighbours at once: else the next large piece that is freed joins a hundred thousand small ones, which takes a millisecond.
  ::mallopt(M_MXFAST, 0);
  loop.run_until([&] { return exit.done; });
  return exit.code;
}

}  // namespace watchbell::app
