#include "app/assets.hpp"

namespace watchbell::app {

std::span<const Asset> assets() { return {}; }

}  // namespace watchbell::app
