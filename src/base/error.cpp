#include "base/error.hpp"

namespace watchbell {
namespace {

struct Row {
  int status;
  std::string_view code;
};

// One table maps a code to its HTTP status and to what clients see.
constexpr Row row(ErrorCode code) {
  switch (code) {
    case ErrorCode::bad_request: return {400, "BAD_REQUEST"};
    case ErrorCode::unauthorized: return {401, "UNAUTHORIZED"};
    case ErrorCode::forbidden: return {403, "FORBIDDEN"};
    case ErrorCode::not_found: return {404, "NOT_FOUND"};
    case ErrorCode::method_not_supported: return {405, "METHOD_NOT_SUPPORTED"};
    case ErrorCode::not_acceptable: return {406, "NOT_ACCEPTABLE"};
    case ErrorCode::timeout: return {408, "TIMEOUT"};
    case ErrorCode::conflict: return {409, "CONFLICT"};
    case ErrorCode::precondition_failed: return {412, "PRECONDITION_FAILED"};
    case ErrorCode::payload_too_large: return {413, "PAYLOAD_TOO_LARGE"};
    case ErrorCode::unsupported_media_type: return {415, "UNSUPPORTED_MEDIA_TYPE"};
    case ErrorCode::unprocessable: return {422, "UNPROCESSABLE_CONTENT"};
    case ErrorCode::too_many_requests: return {429, "TOO_MANY_REQUESTS"};
    case ErrorCode::client_closed: return {499, "CLIENT_CLOSED_REQUEST"};
    case ErrorCode::internal: return {500, "INTERNAL_SERVER_ERROR"};
    case ErrorCode::not_implemented: return {501, "NOT_IMPLEMENTED"};
    case ErrorCode::bad_gateway: return {502, "BAD_GATEWAY"};
    case ErrorCode::unavailable: return {503, "SERVICE_UNAVAILABLE"};
    case ErrorCode::gateway_timeout: return {504, "GATEWAY_TIMEOUT"};
  }
  return {500, "INTERNAL_SERVER_ERROR"};
}

}  // namespace

int http_status(ErrorCode code) noexcept { return row(code).status; }

std::string_view wire_code(ErrorCode code) noexcept { return row(code).code; }

}  // namespace watchbell
