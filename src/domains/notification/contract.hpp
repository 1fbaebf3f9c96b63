#pragma once

#include "domains/notification/channel_settings.hpp"
#include "domains/notification/delivery.hpp"
#include "domains/notification/service.hpp"
#include "runtime/rpc/area.hpp"

namespace watchbell::notification {

/// The procedures of area `notification`.
rpc::Area contract(Service& service, ChannelSettings& channels, Deliveries& deliveries);

}  // namespace watchbell::notification
