#pragma once

#include <functional>
#include <memory>
#include <string>

#include "platform/http_server/core.hpp"

namespace watchbell::http {

/// Accepts the websocket that `request` asks for on `socket` and runs `use` on it, as a task of the core's scope. Everything needed of the
/// request is copied before this returns. Loop-only.
/// @param received  bytes the client sent after the request
/// @param extra_headers  lines for the 101 answer
void run_websocket(Core& core, Socket socket, const Request& request, std::string received, std::string extra_headers,
                   std::function<awaitable<void>(std::shared_ptr<WebSocket>)> use);

}  // namespace watchbell::http
