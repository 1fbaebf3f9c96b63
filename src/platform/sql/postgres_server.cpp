#include "platform/sql/postgres_server.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>

#include "platform/sql/pq.hpp"

namespace watchbell::sql::detail {
namespace {

constexpr std::chrono::milliseconds kFirstRetry{50};
constexpr std::chrono::milliseconds kLastRetry{2000};
constexpr int kOldestServer = 130000;

/// Also shown where the password or the user name would otherwise tear the URL apart in an unlucky place.
constexpr std::string_view kNoUrl =
    "the address of the database is not of the form postgresql://USER:PASSWORD@HOST:PORT/DATABASE; signs other than letters and digits in user name and "
    "password are written as %XX";

}  // namespace

void CloseConnection::operator()(pg_conn* connection) const noexcept { pq().finish(connection); }
void FreeResult::operator()(pg_result* result) const noexcept { pq().clear(result); }

Fault::Kind kind_of_sqlstate(std::string_view state) noexcept {
  struct Known {
    std::string_view state;
    Fault::Kind kind;
  };
  using Kind = Fault::Kind;
  static constexpr std::array known{Known{"23505", Kind::unique_violation},
                                    Known{"23503", Kind::foreign_key},
                                    Known{"23001", Kind::foreign_key},
                                    Known{"23514", Kind::check},
                                    Known{"23502", Kind::not_null},
                                    Known{"P0001", Kind::check},  // raised by a trigger of ours
                                    Known{"40001", Kind::serialization},
                                    Known{"40P01", Kind::serialization},
                                    Known{"40003", Kind::disconnected},  // whether a statement was completed is unknown
                                    Known{"53100", Kind::full},
                                    Known{"53300", Kind::disconnected} /* too many connections */,
                                    Known{"55P03", Kind::busy},
                                    Known{"55006", Kind::busy},
                                    Known{"57014", Kind::interrupted},
                                    Known{"25006", Kind::schema} /* a read that writes */,
                                    Known{"25P03", Kind::disconnected},
                                    Known{"42501", Kind::other} /* a right is missing */};
  if (state.empty()) return Kind::disconnected;
  if (const auto it = std::ranges::find(known, state, &Known::state); it != known.end()) return it->kind;
  const auto of_class = [&](std::string_view letters) { return state.starts_with(letters); };
  if (of_class("08") || of_class("57P")) return Kind::disconnected;  // the administrator ends it, it crashed, it starts
  if (of_class("53")) return Kind::busy;                             // out of memory and the like
  if (of_class("58")) return Kind::io;
  if (of_class("XX")) return state == "XX000" ? Kind::other : Kind::corrupt;
  if (of_class("42") || of_class("26") || of_class("3D") || of_class("3F") || of_class("0A")) return Kind::schema;
  return Kind::other;
}

std::string words_of(const pg_result* result) {
  const char* state = pq().resultErrorField(result, PG_DIAG_SQLSTATE);
  const char* words = pq().resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  if (!state || !words) return "the server closed the connection";
  // What a value should have been is said together with the value, and the details of a constraint name the key.
  if (std::string_view(state).starts_with("22")) return "a value does not fit";
  return words;
}

std::string PostgresAddress::cleaned(std::string_view words) const {
  std::string out;
  for (const char c : words) {
    const bool blank = c == '\n' || c == '\t' || c == ' ';
    if (!blank || (!out.empty() && out.back() != ' ')) out += blank ? ' ' : c;
  }
  while (out.ends_with(' ')) out.pop_back();
  for (const auto& [name, value] : settings_) {
    if ((name != "password" && name != "sslpassword") || value.empty()) continue;
    for (auto at = out.find(value); at != std::string::npos; at = out.find(value, at + 3)) out.replace(at, value.size(), "***");
  }
  return out;
}

PgConnection PostgresAddress::connect(std::chrono::milliseconds deadline, const std::string& session) const {
  auto settings = settings_;
  const auto options = std::ranges::find(settings, "options", &std::pair<std::string, std::string>::first);
  if (options != settings.end())
    options->second += ' ' + session;
  else
    settings.emplace_back("options", session);
  settings.emplace_back("connect_timeout", std::to_string(std::max<std::int64_t>(2, (deadline.count() + 999) / 1000)));  // libpq takes no less
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : settings) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);

  PgConnection made(pq().connectdbParams(names.data(), values.data(), 0));
  if (!made) throw std::bad_alloc();
  const auto unreachable = [&](std::string_view words) {
    return Fault(Fault::Kind::disconnected, fmt::format("the database server {} cannot be reached: {}", shown_, cleaned(words)));
  };
  if (pq().status(made.get()) != CONNECTION_OK) throw unreachable(pq().errorMessage(made.get()));
  pq().setNoticeProcessor(made.get(), [](void*, const char*) {}, nullptr);  // standard error is for our own log
  if (pq().serverVersion(made.get()) < kOldestServer)
    throw Fault(Fault::Kind::other, fmt::format("the database server {} is older than PostgreSQL {}", shown_, kOldestServer / 10000));
  const char* encoding = pq().parameterStatus(made.get(), "server_encoding");
  if (!encoding || std::strcmp(encoding, "UTF8") != 0)
    throw Fault(Fault::Kind::other, fmt::format("the database {} is not encoded in UTF8 but in {}", shown_, encoding ? encoding : "something unknown"));
  if (pq().setnonblocking(made.get(), 1) != 0) throw unreachable(pq().errorMessage(made.get()));
  return made;
}

PgConnection PostgresAddress::connect_when_due(std::chrono::milliseconds deadline, const std::string& settings) {
  {
    const std::lock_guard lock(mutex_);
    if (last_) {
      const auto now = clock_.monotonic();
      if (now < not_before_) throw *last_;
      not_before_ = now + deadline;  // one tries, the others need not wait for it as well
    }
  }
  try {
    auto made = connect(deadline, settings);
    const std::lock_guard lock(mutex_);
    last_.reset();
    backoff_.reset();
    return made;
  } catch (const Fault& fault) {
    const std::lock_guard lock(mutex_);
    const auto now = clock_.monotonic();
    if (!backoff_) {
      backoff_.emplace(kFirstRetry, kLastRetry);
      random_ = Random(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    }
    last_ = fault;
    not_before_ = now + backoff_->next(random_);
    throw;
  }
}

Result<std::shared_ptr<PostgresServer>> postgres_server(const std::string& url, const Clock& clock) {
  const auto no_url = [] { return fail(ErrorCode::bad_request, "{}", kNoUrl); };
  if (!url.starts_with("postgresql://") && !url.starts_with("postgres://")) return no_url();
  const std::unique_ptr<PQconninfoOption, decltype([](PQconninfoOption* list) { pq().conninfoFree(list); })> parsed(pq().conninfoParse(url.c_str(), nullptr));
  if (!parsed) return no_url();  // libpq's own words would repeat it
  std::vector<std::pair<std::string, std::string>> settings;
  const auto value_of = [&](std::string_view name) -> std::string {
    const auto it = std::ranges::find(settings, name, &std::pair<std::string, std::string>::first);
    return it == settings.end() ? std::string() : it->second;
  };
  for (const PQconninfoOption* option = parsed.get(); option->keyword; ++option)
    if (option->val && std::strcmp(option->keyword, "connect_timeout") != 0) settings.emplace_back(option->keyword, option->val);
  // A password that is not written as it should be ends up in what comes after it.
  for (const char* name : {"host", "hostaddr", "port", "dbname"})
    if (value_of(name).find('@') != std::string::npos) return no_url();
  const auto port = value_of("port");
  if (port.find_first_not_of("0123456789,") != std::string::npos) return no_url();

  using Default = std::pair<const char*, const char*>;
  for (const auto& [name, value] :
       {Default{"client_encoding", "UTF8"}, Default{"fallback_application_name", "watchbell"},
        // Not ~/.pgpass: a password stands in the address, or nowhere.
        Default{"passfile", "/nonexistent/pgpass"},
        // A replica lags: what was just written is not there yet.
        Default{"target_session_attrs", "read-write"},
        // A peer that is gone without a word is found within half a minute.
        Default{"keepalives_idle", "10"}, Default{"keepalives_interval", "5"}, Default{"keepalives_count", "3"}, Default{"tcp_user_timeout", "25000"}})
    if (value_of(name).empty()) settings.emplace_back(name, value);
  const auto host = value_of("host");
  auto shown = fmt::format("postgresql://{}{}{}/{}", host, port.empty() ? "" : ":", port, value_of("dbname"));
  return std::make_shared<PostgresAddress>(std::move(settings), std::move(shown), clock);
}

}  // namespace watchbell::sql::detail
