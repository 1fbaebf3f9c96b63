#pragma once

#include <span>

#include "domains/notification/types.hpp"

namespace watchbell::notification {

/// Messages that are listed one by one, fewer when they are long; of more only the number is told.
inline constexpr std::size_t kDigestListed = 50;
/// How much of a body is shown, in UTF-16 units.
inline constexpr std::size_t kDigestBody = 240;

/// One message that tells of several, in their order: the title of each, the beginning of what it says without markup, and its button as a link. As urgent
/// as the most urgent of them; its button leads to `inbox_url`. Pure, Thread-safe. REQUIRES at least one message, and absolute URLs in them.
Message digest_of(std::span<const Message> messages, std::string_view inbox_url);

}  // namespace watchbell::notification
