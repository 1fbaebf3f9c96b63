#pragma once

#include <boost/describe.hpp>

namespace watchbell::theme {

enum class Theme { light, dark, system };
BOOST_DESCRIBE_ENUM(Theme, light, dark, system)

}  // namespace watchbell::theme
