#pragma once

#include <span>
#include <string_view>

#include "runtime/rpc/front.hpp"

namespace watchbell::app {

/// A file of the built web app, embedded in the program. Static storage.
struct Asset {
  std::string_view path;  ///< "/assets/index-abc.js"
  std::string_view type;  ///< content type
  std::string_view etag;  ///< with its quotes
  std::string_view plain;
  std::string_view brotli;  ///< empty when there is none
  std::string_view gzip;
};

/// All assets, sorted by path; empty in a program built without the web app.
std::span<const Asset> assets();

/// Serves the web app: its files by their path, and the page for every other path a person may open. Files with a hash in their name may be kept for
/// ever, the page is asked for anew.
void mount_assets(rpc::Front& front);

}  // namespace watchbell::app
