#include "domains/notification/channels/http_verdict.hpp"

namespace watchbell::notification::channels {

rules::Verdict judge(const http::ClientResponse& answer, Timestamp now) { return rules::judge_status(answer.status, answer.header("retry-after"), now); }

rules::Verdict judge(const http::ClientResult& result, Timestamp now) {
  if (result) return judge(*result, now);
  using enum http::ClientFailure;
  switch (result.error().kind) {
    case bad_url:
    case bad_request:
    case blocked_address: return rules::Verdict::refused(result.error().message);
    case unresolvable:
    case connect_failed:
    case tls_failed:
    case timed_out: return rules::Verdict::nobody_there(result.error().message);
    case too_large:
    case protocol_error:
    case cancelled:
    case busy: break;
  }
  return rules::Verdict::retry(result.error().message);
}

}  // namespace watchbell::notification::channels
