#pragma once

#include <optional>
#include <string>

#include "domains/notification/types.hpp"
#include "runtime/signals/signal.hpp"

namespace watchbell::notification {

/// A notification arrived; to its user.
struct Received {
  NotificationId id;
  std::string title;
  std::string body;
  Importance importance = Importance::info;
};
BOOST_DESCRIBE_STRUCT(Received, (), (id, title, body, importance))
inline constexpr signals::Definition<Received> kReceived{"notification.received"};

/// One notification was read, or all of them; to their user.
struct Read {
  std::optional<NotificationId> notification_id;
};
BOOST_DESCRIBE_STRUCT(Read, (), (notification_id))
inline constexpr signals::Definition<Read> kRead{"notification.read"};

/// The inbox changed and now holds so many unread; to its user.
struct CountChanged {
  std::int64_t unread_count = 0;
};
BOOST_DESCRIBE_STRUCT(CountChanged, (), (unread_count))
inline constexpr signals::Definition<CountChanged> kCountChanged{"notification.countChanged"};

}  // namespace watchbell::notification
