#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.hpp"

/// Signatures as "Standard Webhooks" 1.0.0 has them, so that receivers can verify with any library of it.
namespace watchbell::notification::channels::standard_webhooks {

/// What a secret signs with: 24 to 64 bytes in base64 behind `whsec_`; any other text is the key itself. Nothing for `whsec_` and something else.
std::optional<std::string> key_of(std::string_view secret);

/// `v1,` and the base64 of HMAC-SHA256 over `<id>.<seconds>.<body>`, the value of webhook-signature; several stand in it with a blank between.
/// @param id  without a full stop
std::string signature(std::string_view key, std::string_view id, Timestamp at, std::string_view body);

}  // namespace watchbell::notification::channels::standard_webhooks
