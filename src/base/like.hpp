#pragma once

#include <string>
#include <string_view>

namespace watchbell {

/// The pattern of SQL's LIKE (escape '\') for what holds `text`, whose own signs of that language are letters like others. In ASCII lower case: with lower()
/// around the column it finds letters of either case, and what is not ASCII as it is written.
std::string like_containing(std::string_view text);

}  // namespace watchbell
