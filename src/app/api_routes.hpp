#pragma once

#include <string>

#include "runtime/rpc/dispatcher.hpp"
#include "runtime/rpc/front.hpp"

namespace watchbell::app {

/// The area of what belongs to no domain: the rule that opens the description of the API.
rpc::Area core_area();

/// Routes that say what this server is: `/api/openapi.json` for users and applications that hold `core.api-docs.read`, with `?scope=me` only what they may
/// call; `/api/about` for whoever is signed in; `/api/plugins`, always empty, since nothing is loaded into the page at run time.
///
/// @param dispatcher, identity  must outlive the front; all areas are mounted before the first request
void mount_api_routes(rpc::Front& front, const rpc::Dispatcher& dispatcher, access::Identity& identity, std::string base_url);

}  // namespace watchbell::app
