#pragma once

#include "base/clock.hpp"
#include "domains/notification/channels/channel.hpp"

namespace watchbell::http {
class Client;
}

namespace watchbell::notification::channels {

/// Every channel there is; one line each. Client and clock must outlive them.
Registry all(http::Client& client, const Clock& clock);

}  // namespace watchbell::notification::channels
