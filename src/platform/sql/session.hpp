#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "platform/sql/codec.hpp"
#include "platform/sql/connection.hpp"

namespace watchbell::sql {

/// One connection inside a transaction that others begin and end; a store is a set of functions over it. Used by one pool job at a time.
///
/// Parameters are ":1", ":2" ... in the text, each given once after it and used once or more. Rows map by position onto the members of a described
/// struct, onto a std::tuple, or onto one value. Statements are prepared once and kept by their text, so the text is a constant and values are
/// parameters; each is stepped to its end before a call returns. Every call throws sql::Fault. Text that begins or ends transactions is refused.
///
///     const auto name = session.one<std::string>("select name from systems where id = :1", id);
class Session {
 public:
  explicit Session(std::unique_ptr<detail::Connection> connection) : connection_(std::move(connection)) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Dialect dialect() const { return connection_->dialect(); }

  /// All rows, in the statement's order.
  template <class Row, class... Args>
  std::vector<Row> all(std::string_view sql, const Args&... args) {
    std::vector<Row> rows;
    each<Row>(sql, [&](Row&& row) { rows.push_back(std::move(row)); }, args...);
    return rows;
  }

  /// The first row, if there is one. Rows after it are stepped over: limit the statement.
  template <class Row, class... Args>
  std::optional<Row> one(std::string_view sql, const Args&... args) {
    std::optional<Row> first;
    run(sql, [&](const detail::Cursor& cursor) {
      if (!first) first.emplace(detail::decode<Row>(cursor));
    }, args...);
    return first;
  }

  /// Runs a statement for its effect. The number of rows inserted, updated or deleted, cascades and triggers not counted.
  template <class... Args>
  std::int64_t execute(std::string_view sql, const Args&... args) {
    return run(sql, [](const detail::Cursor&) {}, args...);
  }

  /// Calls f(Row) for each row without keeping them. f may use the session for other statements.
  template <class Row, class F, class... Args>
  void each(std::string_view sql, F f, const Args&... args) {
    run(sql, [&](const detail::Cursor& cursor) { f(detail::decode<Row>(cursor)); }, args...);
  }

  /// For Database, migrations and tests.
  detail::Connection& connection() noexcept { return *connection_; }

 private:
  template <class OnRow, class... Args>
  std::int64_t run(std::string_view sql, OnRow on_row, const Args&... args) {
    // Outlives the cursor: bound text is not copied.
    const std::array<detail::Param, sizeof...(Args)> params{detail::to_param(args, dialect())...};
    struct Finish {
      detail::Cursor& cursor;
      ~Finish() { cursor.finish(); }
    } const running{connection_->start(sql, params)};
    while (running.cursor.step()) on_row(std::as_const(running.cursor));
    return running.cursor.affected();
  }

  std::unique_ptr<detail::Connection> connection_;
};

}  // namespace watchbell::sql
