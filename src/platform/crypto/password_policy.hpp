#pragma once

#include <optional>
#include <string_view>

#include "base/result.hpp"

namespace watchbell::crypto {

/// What is wrong with a new password. Session endpoints answer length with codes of their own.
enum class PasswordProblem { not_text, too_short, too_long, no_upper_case, no_lower_case, no_digit, common };

inline constexpr std::size_t kPasswordMin = 8;    ///< in UTF-16 code units, as browsers count
inline constexpr std::size_t kPasswordMax = 128;

/// The one rule for new passwords, on every path that sets one: 8 to 128 characters; a letter A to Z, one a to z and a digit; and not one of
/// those everybody tries first (a small built-in list), nor one of them dressed up with a digit or a sign at its ends or in place of a letter.
std::optional<PasswordProblem> judge_password(std::string_view password);

/// The same as ErrorCode::bad_request with a sentence for the person, about the field "password".
Result<void> check_password(std::string_view password);

}  // namespace watchbell::crypto
