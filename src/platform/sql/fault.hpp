#pragma once

#include <string>
#include <string_view>

#include "base/fault.hpp"

namespace watchbell::sql {

/// What a database reports when it cannot do a statement, whichever database it is. Most kinds end the request; a store may catch
/// unique_violation, foreign_key and check where its caller has something to decide. Its text names the statement, never a parameter.
class Fault : public watchbell::Fault {
 public:
  enum class Kind {
    unique_violation,  ///< of a unique index or a primary key
    foreign_key,
    check,
    not_null,
    busy,           ///< another process holds the lock for longer than we wait
    serialization,  ///< this transaction and another cannot both be kept; run again, it may be
    disconnected,   ///< the server cannot be reached, or went away: whether it kept a COMMIT that was on its way is not known
    full,           ///< no space left; later statements work again once there is some
    io,             ///< the file cannot be read or written
    corrupt,        ///< the file is damaged or no database
    interrupted,    ///< the statement ran past its deadline
    schema,         ///< the statement does not fit the tables, its parameters or the type its rows are read into
    other,
  };
  Fault(Kind kind, const std::string& text) : watchbell::Fault(text), kind_(kind) {}
  Kind kind() const noexcept { return kind_; }
  /// Input that breaks a constraint is the caller's; a lock, a full disk or a server that is away passes; the text stays in the log.
  ErrorCode code() const noexcept override {
    switch (kind_) {
      case Kind::unique_violation: return ErrorCode::conflict;
      case Kind::foreign_key:
      case Kind::check:
      case Kind::not_null: return ErrorCode::bad_request;
      case Kind::busy:
      case Kind::serialization:
      case Kind::disconnected:
      case Kind::full:
      case Kind::interrupted: return ErrorCode::unavailable;
      case Kind::io:
      case Kind::corrupt:
      case Kind::schema:
      case Kind::other: break;
    }
    return ErrorCode::internal;
  }

 private:
  Kind kind_;
};

/// "unique_violation" and so on, for logs and tests.
std::string_view to_string(Fault::Kind kind) noexcept;

/// The start of a statement, on one line, as faults name it.
std::string brief(std::string_view sql);

}  // namespace watchbell::sql
