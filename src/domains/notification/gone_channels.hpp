#pragma once

#include "domains/notification/channel_settings.hpp"
#include "runtime/events/bus.hpp"

namespace watchbell::notification {

class Service;

/// Switches the delivery's channel off for its user, whose receiver answered that it is no more, and has him told of it. Nothing happens when he has
/// switched it off already, or changed its settings since the try that went by `used`.
Result<void> turn_off(Change& change, const ChannelSettings& settings, const Delivery& delivery, std::string_view used);

/// Tells users whose channel was switched off, in their inboxes and over the channels that are left. Before the queue starts.
Result<void> tell_of_gone_channels(events::Bus& bus, Service& service, const channels::Registry& registry);

}  // namespace watchbell::notification
