#include "app/commands.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "app/admin.hpp"
#include "app/backup.hpp"
#include "app/config/config.hpp"
#include "app/config_check.hpp"
#include "app/data_folder.hpp"
#include "app/descriptor.hpp"
#include "app/migrate_to.hpp"
#include "app/notify.hpp"
#include "app/run_alone.hpp"
#include "app/server.hpp"
#include "app/version.hpp"
#include "platform/log/log.hpp"

namespace watchbell::app {
namespace {

int complain(const std::string& message) {
  std::fprintf(stderr, "watchbell: %s\n", message.c_str());
  return 1;
}

int complain_of_key() {
  complain("a key does not belong among the arguments, where everybody on this machine can read it: put it into WATCHBELL_API_KEY or a file named by "
           "--key-file, and make another one with `watchbell apikey rotate`");
  return static_cast<int>(NotifyExit::wrong_use);
}

awaitable<std::string> administrate_offline(Server& server, std::string request) {
  std::string answer;
  if (auto prepared = co_await server.prepare(); !prepared) answer = Server::refusal(prepared.error().message);
  else answer = co_await server.administrate(std::move(request));
  co_await server.stop();
  co_return answer;
}

/// How long a command waits for a server that hangs, starts or stops, and for other commands.
constexpr std::chrono::seconds kPatience(10);

/// Asks the server of the folder, if one listens there.
Result<std::string> ask_server(const config::Config& config, const std::string& request) {
  const Descriptor folder{::open(config.data.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (folder.fd < 0) return fail(ErrorCode::unavailable, "there is no data folder yet");
  return ask_admin(DataFolder::admin_socket_of(folder.fd), request, kPatience);
}

/// Opens the database itself; ErrorCode::conflict when somebody else has the folder.
Result<std::string> do_it_alone(const config::Config& config, const std::string& request) {
  log::configure({.level = log::Level::warn, .format = config.log_format});
  async::Loop loop;
  auto server = Server::open_offline(loop, config);
  if (!server) return std::unexpected(std::move(server.error()));
  return run_alone(loop, administrate_offline(**server, request));
}

/// A locked folder without anybody who listens is one whose server starts or stops, or on which another command works: both ways are tried in turn
/// until one is open. Looking at the lock would not do: it says neither which of these holds it, nor what holds in the next moment.
Result<std::string> carry_out(const config::Config& config, const std::string& request) {
  std::random_device jitter;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    auto asked = ask_server(config, request);
    if (asked || asked.error().code != ErrorCode::unavailable) return asked;
    auto done = do_it_alone(config, request);
    if (done || done.error().code != ErrorCode::conflict) return done;
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorCode::unavailable, "{}, and nobody answers there for {} s", done.error().message, kPatience.count());
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + jitter() % 32));
  }
}

/// What the server, or the database opened without one, answers to a request.
Result<boost::json::object> administrate(const config::Config& config, const boost::json::object& request) {
  auto carried_out = carry_out(config, boost::json::serialize(request));
  if (!carried_out) return std::unexpected(std::move(carried_out.error()));
  const std::string& answer = *carried_out;
  boost::system::error_code error;
  auto parsed = boost::json::parse(answer, error);
  if (error || !parsed.is_object()) return fail(ErrorCode::internal, "the server's answer does not read");
  auto& object = parsed.get_object();
  const auto* ok = object.if_contains("ok");
  if (ok == nullptr || !ok->is_bool() || !ok->get_bool()) {
    const auto* message = object.if_contains("message");
    return fail(ErrorCode::bad_request, "{}", message != nullptr && message->is_string() ? std::string(message->get_string()) : std::string("refused"));
  }
  return object;
}

/// A line a key under a line of headings, parted by tabs; "-" stands for what is not so.
void print_keys(const boost::json::array& keys) {
  const auto field = [](const boost::json::value& value) {
    if (value.is_null()) return std::string("-");
    std::string text;
    if (const auto* list = value.if_array())
      for (const auto& each : *list) text += (text.empty() ? "" : ",") + std::string(each.as_string());
    else text = value.as_string();
    // A name may hold what would break the line or speak to the terminal.
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    return text;
  };
  std::puts("id\tname\trules\tcreated\tlast used\texpires\trevoked");
  for (const auto& each : keys) {
    const auto& key = each.as_object();
    std::string line;
    for (const char* name : {"id", "name", "rules", "createdAt", "lastUsedAt", "expiresAt", "revokedAt"}) line += (line.empty() ? "" : "\t") + field(key.at(name));
    std::puts(line.c_str());
  }
}

/// A line a kind of stored secret. The exit code: 1 when some are left under an older key.
int print_reencryption(const boost::json::object& done) {
  for (const auto& each : done.at("parts").as_array()) {
    const auto& part = each.as_object();
    const auto& failed = part.at("failed").as_array();
    std::printf("%s: %lld scanned, %lld sealed anew, %lld as they were, %zu failed\n", std::string(part.at("name").as_string()).c_str(),
                static_cast<long long>(part.at("scanned").as_int64()), static_cast<long long>(part.at("reencrypted").as_int64()),
                static_cast<long long>(part.at("skipped").as_int64()), failed.size());
    for (const auto& place : failed) std::fprintf(stderr, "watchbell: %s cannot be sealed anew\n", std::string(place.as_string()).c_str());
  }
  return done.at("whole").as_bool() ? 0 : 1;
}

int print_backup(const config::Config& config, const std::string& file) {
  const auto bytes = back_up(config, file);
  if (!bytes) return complain(bytes.error().message);
  std::printf("%s holds the database, %ju bytes; the master key is not in it\n", file.c_str(), static_cast<std::uintmax_t>(*bytes));
  return 0;
}

int print_restore(const config::Config& config, const std::string& file) {
  const auto done = restore(config, file);
  if (!done) return complain(done.error().message);
  std::printf("restored %s, %ju bytes, %lld migrations to run at the next start\n", file.c_str(), static_cast<std::uintmax_t>(done->bytes),
              static_cast<long long>(done->migrations_to_run));
  if (done->kept) std::printf("the database that was there is now %s\n", done->kept->c_str());
  if (!done->key_fits)
    std::fputs("watchbell: careful: the master key in force does not open what this database keeps sealed: put the key that belongs to it back before the start\n", stderr);
  return 0;
}

/// Tells how far a copy is, a line every other second: nothing of one that is quickly done.
class TellsProgress {
 public:
  void operator()(const CopyProgress& progress) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told_ < std::chrono::seconds(2)) return;
    told_ = now;
    const char* doing = progress.phase == CopyProgress::Phase::reading ? "read" : progress.phase == CopyProgress::Phase::copying ? "copied" : "compared";
    const auto of = progress.of > 0 ? fmt::format(" of {}", progress.of) : std::string();
    std::fprintf(stderr, "%s: %lld%s rows %s\n", progress.table.c_str(), static_cast<long long>(progress.rows), of.c_str(), doing);
  }

 private:
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

int print_migration(const config::Config& config, const std::string& url) {
  const auto done = migrate_to(config, url, {.progress = TellsProgress()});
  if (!done) return complain(done.error().message);
  for (const auto& table : done->tables) std::printf("%s: %lld rows, checksum %s\n", table.name.c_str(), static_cast<long long>(table.rows), table.checksum.c_str());
  const char* how = done->was_there ? "had been copied before" : done->went_on ? "copied, going on where an earlier copy ended" : "copied";
  std::printf("%lld rows of %zu tables %s; the number of rows and the checksum of every table are the same on both sides\n", static_cast<long long>(done->rows),
              done->tables.size(), how);
  std::printf("now set WATCHBELL_DATABASE_URL to the URL given here\n");
  if (config.master_key) std::puts("WATCHBELL_MASTER_KEY stays as it is set");
  else
    std::printf("and WATCHBELL_MASTER_KEY to the line in %s: with PostgreSQL the file is not read, and without this key nothing sealed opens\n",
                (config.data / "master.key").c_str());
  std::printf("%s is as it was: keep it until the server runs on PostgreSQL\n", (config.data / "watchbell.db").c_str());
  return 0;
}

volatile std::sig_atomic_t g_interrupted = 0;

/// Switches the echo of the terminal on standard input off while it lives. The signals a person sends from there end wait() meanwhile, and nothing
/// else, so that the terminal is put right before the process ends of them.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    on_ = true;
    struct sigaction interrupt{};
    interrupt.sa_handler = [](int signal) { g_interrupted = signal; };
    sigset_t held;
    ::sigemptyset(&held);
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      ::sigaddset(&held, kSignals[i]);
      ::sigaction(kSignals[i], &interrupt, &actions_[i]);
    }
    // Let through only while waiting: one that came between two reads would not be seen by the next.
    ::sigprocmask(SIG_BLOCK, &held, &mask_);
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;  // the line end typed is the only one shown
    // What was typed ahead of the question was shown: it goes.
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;
  ~Silence() {
    if (!on_) return;
    ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
    for (std::size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &actions_[i], nullptr);
    ::sigprocmask(SIG_SETMASK, &mask_, nullptr);
    if (g_interrupted != 0) std::raise(g_interrupted);
  }
  /// Waits until there is something to read; false when a signal came.
  bool wait() const {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    return ::ppoll(&input, 1, nullptr, &mask_) >= 0;
  }

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP, SIGQUIT};
  termios before_{};
  std::array<struct sigaction, kSignals.size()> actions_{};
  sigset_t mask_{};
  bool on_ = false;
};

/// The first line of standard input without its end, "\n" or "\r\n".
std::string read_password() {
  constexpr std::size_t kMaxPasswordLine = 4096;
  std::optional<Silence> silence;
  if (::isatty(STDIN_FILENO)) {
    silence.emplace();
    std::fputs("password: ", stderr);
  }
  std::string line;
  char c = 0;
  while (line.size() < kMaxPasswordLine && (!silence || silence->wait()) && ::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') line += c;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

}  // namespace

int main(int argc, char** argv, char** environment) {
  std::signal(SIGPIPE, SIG_IGN);  // who stops reading our log or our answers must not end us
  ::umask(077);  // everything the server writes is its own
  CLI::App app("Watchbell watches the systems a team runs and tells the people who care.", "watchbell");
  app.require_subcommand(1);
  config::Arguments arguments;
  std::string config_file, listen, data;
  const auto with_settings = [&](CLI::App* command) {
    command->add_option("--config", config_file, "Settings file (TOML)");
    command->add_option("--listen", listen, "HOST:PORT to listen on; port 0 picks a free one");
    command->add_option("--data", data, "Folder that holds everything the server keeps");
    return command;
  };
  auto* serve_command = with_settings(app.add_subcommand("serve", "Run the server in the foreground"));
  auto* config_command = app.add_subcommand("config", "Look at the settings")->require_subcommand(1);
  auto* config_check = with_settings(config_command->add_subcommand("check", "Check the settings, and whether database, master key, Redis, mail server and clock can be used; changes nothing"));
  auto* config_show = with_settings(config_command->add_subcommand("show", "Print the settings in force and where each comes from; secrets are masked"));
  auto* config_reference = config_command->add_subcommand("reference", "Print every setting with its default, as Markdown");
  auto* admin_command = app.add_subcommand("admin", "Administrators")->require_subcommand(1);
  auto* admin_create = with_settings(admin_command->add_subcommand("create", "Make an administrator; the password is read from standard input"));
  std::string email, name, key_name;
  admin_create->add_option("--email", email, "Mail address")->required();
  admin_create->add_option("--name", name, "Name")->required();
  auto* admin_reset = with_settings(admin_command->add_subcommand(
      "reset", "Give a user another password, read from standard input; all his sessions end"));
  bool drop_second_factor = false;
  admin_reset->add_option("--email", email, "Mail address")->required();
  admin_reset->add_flag("--drop-second-factor", drop_second_factor, "Take his second factor away too");
  auto* keys_command = app.add_subcommand("keys", "Master keys")->require_subcommand(1);
  auto* keys_reencrypt = with_settings(keys_command->add_subcommand(
      "reencrypt", "Seal every stored secret under the present master key; after it, those before are needed no more"));
  auto* apikey_command = app.add_subcommand("apikey", "API keys")->require_subcommand(1);
  auto* apikey_create = with_settings(apikey_command->add_subcommand("create", "Make an API key holding exactly the rules given; prints the key, once"));
  std::vector<std::string> rules;
  std::int64_t days = 0;
  apikey_create->add_option("--name", key_name, "Name")->required();
  apikey_create->add_option("--rule", rules, "Access rule, for example notification.notification.send; may be repeated")->required();
  auto* expires_days = apikey_create->add_option("--expires-days", days, "Days until the key opens nothing any more; for ever when not given")->check(CLI::Range(std::int64_t(1), kMaxKeyDays));
  auto* apikey_list = with_settings(apikey_command->add_subcommand("list", "Print all API keys, a line each, parted by tabs"));
  auto* apikey_revoke = with_settings(apikey_command->add_subcommand("revoke", "Take a key back for good: it opens nothing from the next request on"));
  auto* apikey_rotate = with_settings(apikey_command->add_subcommand("rotate", "Make another secret for a key and print the new key, once; its rules stay"));
  std::string key_id;
  for (auto* command : {apikey_revoke, apikey_rotate})
    command->add_option("ID", key_id, "The key's id, as `apikey list` shows it; the 36 characters after ck_ in the key itself")->required();
  std::int64_t keep_hours = 0;
  apikey_rotate->add_option("--keep-hours", keep_hours, "Hours that the old key works on; 0 ends it at once")->check(CLI::Range(std::int64_t(0), kMaxKeepHours))->capture_default_str();
  auto* notify_command = app.add_subcommand(
      "notify",
      "Send a notification through a running server, with an API key that holds notification.notification.send. The key is read from WATCHBELL_API_KEY or "
      "--key-file. Prints how many are told");
  Notice notice{.server = "http://127.0.0.1:3000", .importance = "info", .timeout_seconds = 30};
  std::string key_argument;
  notify_command->add_option("--server", notice.server, "Address of the server")->capture_default_str();
  notify_command->add_option("--key-file", notice.key_file, "File that holds the key; WATCHBELL_API_KEY when not given");
  notify_command->add_option("--key,--api-key,--token", key_argument)->group("");  // in nobody's help: refused below
  notify_command->add_option("--user", notice.users, "Id of a user to tell; may be repeated");
  notify_command->add_option("--group", notice.groups, "Id of a group whose followers to tell, for example catalog.system.<id>; may be repeated");
  notify_command->add_option("--title", notice.title, "Title, up to 200 characters")->required();
  notify_command->add_option("--body", notice.body, "Text in Markdown, up to 10,000 characters; - reads it from standard input")->required();
  notify_command->add_option("--importance", notice.importance, "info, warning or critical")
      ->check(CLI::IsMember({"info", "warning", "critical"}))
      ->capture_default_str();
  notify_command->add_option("--action-label", notice.action_label, "Text of a button");
  notify_command->add_option("--action-url", notice.action_url, "Where the button leads: an http(s) URL, or a path of the server");
  notify_command->add_option("--subject", notice.subjects, "What it is about: a kind such as ci.build, an id and a name, three words; may be repeated")
      ->type_name("KIND ID NAME");
  notify_command->add_option("--collapse-key", notice.collapse_key, "Messages under one key are shown together, by convention <area>.<kind>.<id>");
  notify_command->add_option("--idempotency-key", notice.idempotency_key, "Within 24 hours, what is sent again under this key is sent once");
  notify_command->add_option("--timeout", notice.timeout_seconds, "Seconds to wait for an answer")
      ->check(CLI::Range(std::int64_t(1), std::int64_t(600)))
      ->capture_default_str();
  notify_command->footer("Exit code: 0 accepted; 2 nothing was sent, because the arguments, the key or the body cannot be used; 3 the server refused; "
                         "4 not reached, no answer, or the server cannot take it now, so that trying again may help.");
  auto* backup_command = with_settings(app.add_subcommand("backup", "Write a copy of the SQLite database to a new file, with or without a server running"));
  auto* restore_command = with_settings(app.add_subcommand("restore", "Put such a copy in the place of the database; no server may run. The database that was there is kept"));
  auto* migrate_command = with_settings(
      app.add_subcommand("migrate-to", "Copy the SQLite database into an empty PostgreSQL database; no server may run. Interrupted, it goes on when it is called again"));
  std::string migrate_url;
  migrate_command->add_option("URL", migrate_url, "postgresql://USER@HOST:PORT/DATABASE; the password may stand in PGPASSWORD or ~/.pgpass instead")->required();
  std::string copy;
  backup_command->add_option("FILE", copy, "The copy; must not exist yet")->required();
  restore_command->add_option("FILE", copy, "The copy; stays as it is")->required();
  auto* contract_command = app.add_subcommand("contract", "The contracts of all procedures")->require_subcommand(1);
  auto* contract_typescript = contract_command->add_subcommand("typescript", "Print them as TypeScript");
  auto* contract_openapi = contract_command->add_subcommand("openapi", "Print them as an OpenAPI 3.1.1 document, as they are called over REST");
  auto* version_command = app.add_subcommand("version", "Print the version");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool notifies = notify_command->parsed();
    // Before anything that names the word: what it says may end in a log.
    if (notifies && error.get_exit_code() != 0 && std::ranges::any_of(std::span(argv, static_cast<std::size_t>(argc)), holds_key)) return complain_of_key();
    // CLI11 says that a command is missing before it says which word it took for none.
    const auto left = app.remaining(true);
    const bool unknown_word = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !left.empty();
    const int code = unknown_word ? complain(left.front() + " is no command or option here; --help lists those there are") : app.exit(error);
    return code == 0 ? 0 : notifies ? static_cast<int>(NotifyExit::wrong_use) : 1;
  }
  if (notify_command->parsed()) {
    if (!key_argument.empty() || std::ranges::any_of(std::span(argv, static_cast<std::size_t>(argc)), holds_key)) return complain_of_key();
    try {
      return notify(std::move(notice), environment);
    } catch (const std::exception& fault) {  // the boundary of a command
      return complain(fault.what());
    }
  }
  if (version_command->parsed()) {
    std::printf("watchbell %s\n", kVersion);
    return 0;
  }
  if (config_reference->parsed()) {
    std::fputs(config::reference().c_str(), stdout);
    return 0;
  }
  if (contract_typescript->parsed() || contract_openapi->parsed()) {
    log::configure({.level = log::Level::off, .format = log::Format::text});
    async::Loop loop;
    auto server = Server::open_in_memory(loop);
    if (!server) return complain(server.error().message);
    std::fputs(contract_openapi->parsed() ? ((*server)->contract_openapi() + "\n").c_str() : (*server)->contract_typescript().c_str(), stdout);
    run_alone(loop, administrate_offline(**server, "{}"));
    return 0;
  }
  if (!config_file.empty()) arguments.config = config_file;
  if (!listen.empty()) arguments.listen = listen;
  if (!data.empty()) arguments.data = data;
  std::size_t count = 0;
  while (environment != nullptr && environment[count] != nullptr) ++count;
  auto config = config::load(std::span<char* const>(environment, count), arguments);
  if (!config) return complain(config.error().message);
  if (config_show->parsed()) {
    std::fputs(config::describe(*config).c_str(), stdout);
    return 0;
  }
  if (auto served = config::servable(*config); !served) return complain(served.error().message);
  try {
    if (config_check->parsed()) return check(*config);
    if (serve_command->parsed()) return serve(*config);
    if (backup_command->parsed()) return print_backup(*config, copy);
    if (restore_command->parsed()) return print_restore(*config, copy);
    if (migrate_command->parsed()) return print_migration(*config, migrate_url);
    if (admin_create->parsed()) {
      auto done = administrate(*config, {{"command", "admin.create"}, {"email", email}, {"name", name}, {"password", read_password()}});
      if (!done) return complain(done.error().message);
      std::printf("administrator %s\n", std::string(done->at("id").as_string()).c_str());
      return 0;
    }
    if (admin_reset->parsed()) {
      auto done = administrate(*config, {{"command", "admin.reset"}, {"email", email}, {"dropSecondFactor", drop_second_factor}, {"password", read_password()}});
      if (!done) return complain(done.error().message);
      std::printf("reset %s\n", std::string(done->at("id").as_string()).c_str());
      return 0;
    }
    if (keys_reencrypt->parsed()) {
      auto done = administrate(*config, {{"command", "keys.reencrypt"}});
      if (!done) return complain(done.error().message);
      return print_reencryption(*done);
    }
    if (apikey_create->parsed()) {
      boost::json::array list(rules.begin(), rules.end());
      boost::json::object request{{"command", "apikey.create"}, {"name", key_name}, {"rules", std::move(list)}};
      if (expires_days->count() > 0) request["expiresDays"] = days;
      auto done = administrate(*config, request);
      if (!done) return complain(done.error().message);
      std::printf("%s\n", std::string(done->at("key").as_string()).c_str());
      return 0;
    }
    if (apikey_list->parsed()) {
      auto done = administrate(*config, {{"command", "apikey.list"}});
      if (!done) return complain(done.error().message);
      print_keys(done->at("keys").as_array());
      return 0;
    }
    if (apikey_revoke->parsed()) {
      auto done = administrate(*config, {{"command", "apikey.revoke"}, {"id", key_id}});
      if (!done) return complain(done.error().message);
      std::printf("revoked %s\n", key_id.c_str());
      return 0;
    }
    if (apikey_rotate->parsed()) {
      auto done = administrate(*config, {{"command", "apikey.rotate"}, {"id", key_id}, {"keepHours", keep_hours}});
      if (!done) return complain(done.error().message);
      std::printf("%s\n", std::string(done->at("key").as_string()).c_str());
      return 0;
    }
  } catch (const std::exception& fault) {  // the boundary of a command
    return complain(fault.what());
  }
  return 1;
}

}  // namespace watchbell::app
