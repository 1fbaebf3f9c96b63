#pragma once

#include "domains/auth/events.hpp"
#include "domains/notification/service.hpp"
#include "runtime/settings/store.hpp"

namespace watchbell::notification {

/// Hears what auth tells of users: what a deleted one had here is removed, his sealed settings first; and who gave himself another address is told in
/// his inbox and over his channels. Before the queue starts.
Result<void> follow_users(events::Bus& bus, Changes& changes, const settings::Store& settings, Service& service);

}  // namespace watchbell::notification
