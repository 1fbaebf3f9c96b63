#pragma once

#include "domains/auth/events.hpp"
#include "domains/notification/service.hpp"
#include "domains/notification/transactional.hpp"

namespace watchbell::notification {

/// Tells users what happens to their accounts: a link to a new password goes straight out and leaves no inbox row, as whoever reads it can use it; the rest
/// goes to their inboxes as well. Before the queue starts.
Result<void> tell_of_accounts(events::Bus& bus, Service& service, ChannelSettings& channels, Transactional& transactional, const Clock& clock);

}  // namespace watchbell::notification
