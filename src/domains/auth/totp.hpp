#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/timestamp.hpp"

/// Codes that a secret and the time give (RFC 6238, with SHA-1, as every app for them reads it), and codes to recover with. Thread-safe.
namespace watchbell::auth::totp {

inline constexpr int kDigits = 6;
inline constexpr std::int64_t kStepSeconds = 30;

/// The step of time an instant lies in.
std::int64_t step_of(Timestamp at) noexcept;
/// The code of a step (RFC 4226 5.3).
std::string code_of(std::string_view secret, std::int64_t step, int digits = kDigits);
/// The step whose code this is: that of `now`, the one before or the one after, for clocks that differ; nothing for any other code, and for steps up to
/// `last_step`, which are used up. Compares in constant time.
std::optional<std::int64_t> accepted_step(std::string_view secret, std::string_view code, Timestamp now, std::int64_t last_step);

/// 20 random bytes, as long as the hash (RFC 4226 R6).
std::string make_secret();
/// What an app reads, mostly off a picture: otpauth://totp/Watchbell:<email>?secret=...&issuer=Watchbell&digits=6&period=30
std::string uri_of(std::string_view secret, std::string_view email);

/// A code to recover with: 80 random bits as "abcd-efgh-ijkl-mnop", of a to z and 2 to 7.
std::string make_recovery_code();
/// The code as it was made, whatever of blanks, dashes and capitals somebody typed.
std::string clean_recovery_code(std::string_view typed);

}  // namespace watchbell::auth::totp
