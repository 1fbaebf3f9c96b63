#pragma once

#include <boost/intrusive/list.hpp>

#include <cstdint>

namespace watchbell::cache::detail {

/// What an eviction policy keeps in an entry. The two bytes mean what the policy says.
struct PolicyHook : boost::intrusive::list_base_hook<boost::intrusive::tag<struct PolicyTag>> {
  std::uint8_t queue = 0;
  std::uint8_t duel = 0;
};
static_assert(sizeof(PolicyHook) <= 24);

/// A list of the policy's entries; ends and size in O(1).
template <class Entry>
using PolicyQueue = boost::intrusive::list<
    Entry, boost::intrusive::base_hook<boost::intrusive::list_base_hook<boost::intrusive::tag<PolicyTag>>>>;

}  // namespace watchbell::cache::detail
