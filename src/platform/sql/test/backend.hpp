#pragma once

#include <memory>
#include <string>

#include "platform/sql/migration.hpp"

namespace watchbell::sql::test {

/// The database that the suites of promises (*_suite.cpp) run over: fresh, empty, and gone with the object. Each program of tests that holds them links
/// one kind.
class Backend {
 public:
  virtual ~Backend() = default;
  /// As Database::open takes it.
  virtual std::string url() const = 0;
  /// Another connection to it.
  virtual std::unique_ptr<detail::Connection> connect(std::chrono::milliseconds statement_deadline = std::chrono::seconds(10)) = 0;
};

std::unique_ptr<Backend> fresh_backend();

/// A session on a database of its own, as migrations leave it.
struct Fresh {
  Fresh() {
    if (const auto migrated = migrate(session, {}, Timestamp()); !migrated) throw std::runtime_error(migrated.error().message);
  }
  std::unique_ptr<Backend> backend = fresh_backend();
  Session session{backend->connect()};
};

}  // namespace watchbell::sql::test
