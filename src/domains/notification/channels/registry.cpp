#include "domains/notification/channels/registry.hpp"

#include "domains/notification/channels/webhook.hpp"

namespace watchbell::notification::channels {

Registry all(http::Client& client, const Clock& clock) {
  Registry registry;
  registry.push_back(std::make_unique<Webhook>(client, clock));
  return registry;
}

}  // namespace watchbell::notification::channels
