#pragma once

#include "domains/healthcheck/probes/strategy.hpp"

namespace watchbell::http {
class Client;
}

namespace watchbell::healthcheck::probes {

/// How much of an answer is read and can be asserted on.
inline constexpr std::size_t kMaxBody = 256 * 1024;

/// `healthcheck-http.http` with the collector `healthcheck-http.request`: each request is its own connection. Any answer received is a good
/// collection; without an assertion on statusCode it must be 200 to 399. Redirects are not followed, so that what is measured is what was asked for.
std::unique_ptr<Strategy> make_http(http::Client& client, std::size_t max_body = kMaxBody);

}  // namespace watchbell::healthcheck::probes
