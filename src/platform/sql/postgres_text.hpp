#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace watchbell::sql::detail {

/// A statement as PostgreSQL takes it: parameters are $1, $2 ... instead of :1, :2 ...
struct PostgresText {
  std::string sql;
  std::size_t parameters = 0;
};

/// Reads one statement. What stands in quotation marks, $tags$ and comments is left alone, and so is the :: of a cast. Throws Fault (schema) when the
/// parameters are not :1 to the last without a gap, when there is no statement or more than one, and on transaction control.
PostgresText postgres_text(std::string_view sql);

/// Throws Fault (schema) when one of the statements of a script would begin or end a transaction, or move bytes past the protocol (COPY).
void require_postgres_script(std::string_view sql);

}  // namespace watchbell::sql::detail
