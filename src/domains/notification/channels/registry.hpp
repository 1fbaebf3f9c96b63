#pragma once

#include "base/clock.hpp"
#include "domains/notification/channels/channel.hpp"

namespace watchbell::http {
class Client;
}
namespace watchbell::mail {
class SmtpClient;
}

namespace watchbell::notification::channels {

/// Every channel there is; one line each. Clients and clock must outlive them.
/// @param base_url  where this server is reached; may be empty
Registry all(http::Client& client, mail::SmtpClient& mail, const Clock& clock, const std::string& base_url);

}  // namespace watchbell::notification::channels
