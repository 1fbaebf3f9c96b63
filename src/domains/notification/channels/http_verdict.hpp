#pragma once

#include "domains/notification/rules.hpp"
#include "platform/http_client/client.hpp"

namespace watchbell::notification::channels {

/// What an HTTP exchange means to a delivery: the rules' judgement of an answer; without one, trying again helps unless the URL or its address was
/// refused.
rules::Verdict judge(const http::ClientResult& result, Timestamp now);
rules::Verdict judge(const http::ClientResponse& answer, Timestamp now);

}  // namespace watchbell::notification::channels
