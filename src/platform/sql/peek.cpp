#include "platform/sql/peek.hpp"

#include <filesystem>
#include <system_error>

#include "base/clock.hpp"

namespace watchbell::sql {
namespace {

Result<std::unique_ptr<detail::Connection>> connect(const std::string& url, std::chrono::milliseconds limit) {
  if (url.starts_with("postgresql:") || url.starts_with("postgres:")) {
    static const SystemClock clock;
    auto server = detail::postgres_server(url, clock);
    if (!server) return std::unexpected(std::move(server.error()));
    detail::PostgresOptions options{.server = std::move(*server), .statement_deadline = limit};
    if (limit.count() > 0) options.connect_deadline = options.grace = limit;
    return detail::open_postgres(options);
  }
  std::error_code unknown;
  const auto file = std::filesystem::absolute(url, unknown).string();
  if (std::filesystem::file_size(file, unknown) == 0 || unknown) return fail(ErrorCode::not_found, "there is no database {}", file);
  if (auto sound = detail::check_sqlite_file(file); !sound) return std::unexpected(std::move(sound.error()));
  return detail::open_sqlite({.file = file, .role = detail::SqliteOptions::Role::inspector, .statement_deadline = limit});
}

}  // namespace

Result<void> peek(const std::string& url, std::chrono::milliseconds limit, const std::function<void(Session&)>& f) {
  try {
    auto connection = connect(url, limit);
    if (!connection) return std::unexpected(std::move(connection.error()));
    (*connection)->set_access(detail::Connection::Access::read);
    Session session(std::move(*connection));
    f(session);
    return {};
  } catch (const Fault& fault) {
    return fail(fault.kind() == Fault::Kind::disconnected ? ErrorCode::unavailable : ErrorCode::precondition_failed, "{}", fault.what());
  }
}

}  // namespace watchbell::sql
