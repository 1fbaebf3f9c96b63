#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace watchbell {

/// What went wrong, as far as a caller decides on it. Each has one HTTP status and one code on the wire.
enum class ErrorCode {
  bad_request,
  unauthorized,
  forbidden,
  not_found,
  method_not_supported,
  not_acceptable,
  timeout,
  conflict,
  precondition_failed,
  payload_too_large,
  unsupported_media_type,
  unprocessable,
  too_many_requests,
  client_closed,
  internal,
  not_implemented,
  bad_gateway,
  unavailable,
  gateway_timeout,
};

/// The HTTP status of a code, 400 to 599.
int http_status(ErrorCode code) noexcept;

/// The code as clients see it, for example "BAD_REQUEST".
std::string_view wire_code(ErrorCode code) noexcept;

/// Extra data of an error, already in wire form; made by the contract layer, opaque elsewhere.
struct ErrorData {
  std::string json;  ///< the value
  std::string meta;  ///< its meta entries without the outer brackets, paths relative to the value; may be empty
};

/// An outcome a caller may decide on. The message is for a person and names no secret.
struct Error {
  ErrorCode code = ErrorCode::internal;
  std::string message;
  std::string field;                              ///< dotted path of the input it concerns, or empty
  std::optional<std::chrono::seconds> retry_after;  ///< for too_many_requests and unavailable
  std::shared_ptr<const ErrorData> data;

  friend bool operator==(const Error& a, const Error& b) noexcept {
    return a.code == b.code && a.message == b.message && a.field == b.field;
  }
};

}  // namespace watchbell
