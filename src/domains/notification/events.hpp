#pragma once

#include "base/bounded.hpp"
#include "base/id.hpp"
#include "runtime/events/bus.hpp"

/// What notification tells, so far only itself: what must happen after a change although nobody waits for it.
namespace watchbell::notification {

/// A user's channel was switched off because its receiver is no more.
struct ChannelGone {
  UserId user_id;
  Text<1, 200> strategy_id;
  Uuid change;  ///< the same whenever this is told again
};
BOOST_DESCRIBE_STRUCT(ChannelGone, (), (user_id, strategy_id, change))
inline constexpr events::Definition<ChannelGone> kChannelGone{"notification.channel_gone"};

/// Why what users had set of a channel was forgotten.
enum class Lapse {
  link_ended,  ///< the provider no longer lets us act for them
  moved,       ///< an administrator changed where it sends
};
BOOST_DESCRIBE_ENUM(Lapse, link_ended, moved)

inline constexpr std::size_t kLapsedAtOnce = 500;
/// Users' settings of a channel were forgotten, and they have to give them again.
struct ChannelLapsed {
  Text<1, 200> strategy_id;
  List<UserId, 1, kLapsedAtOnce> users;
  Lapse why = Lapse::link_ended;
  Uuid change;  ///< the same whenever this is told again
};
BOOST_DESCRIBE_STRUCT(ChannelLapsed, (), (strategy_id, users, why, change))
inline constexpr events::Definition<ChannelLapsed> kChannelLapsed{"notification.channel_lapsed"};

}  // namespace watchbell::notification
