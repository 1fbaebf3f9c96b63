#pragma once

#include "platform/sql/test/backend.hpp"
#include "tests/support/postgres_server.hpp"

namespace watchbell::sql::test {

/// The one server of this program.
watchbell::test::PostgresServer& server();

/// A schema of that server.
std::unique_ptr<detail::Connection> connect_to(const std::string& url, std::chrono::milliseconds statement_deadline = std::chrono::seconds(10),
                                               std::chrono::milliseconds grace = std::chrono::seconds(3));

/// The server's process behind a session.
std::int64_t pid_of(Session& session);
/// Ends a connection from the server's side, and waits until it is gone.
void terminate(std::int64_t pid);

}  // namespace watchbell::sql::test
