#pragma once

#include <vector>

#include "domains/notification/channel_settings.hpp"
#include "domains/notification/events.hpp"
#include "runtime/events/bus.hpp"

namespace watchbell::notification {

class Service;

/// Has users told that a channel of theirs is no longer set up, and why.
Result<void> tell_later(Change& change, const channels::Channel& channel, std::vector<UserId> users, Lapse why);

/// Tells them, in their inboxes and over the channels that are left. Before the queue starts.
Result<void> tell_of_lapsed_channels(events::Bus& bus, Service& service, const channels::Registry& registry);

}  // namespace watchbell::notification
