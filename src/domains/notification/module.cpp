#include "domains/notification/module.hpp"

#include "domains/notification/channels/registry.hpp"
#include "domains/notification/contract.hpp"
#include "domains/notification/jobs.hpp"

namespace watchbell::notification {

namespace {

ExistingUsers existing_users(const auth::Service& auth) {
  return [&auth](sql::Session& session, std::span<const UserId> users) { return auth.existing(session, users); };
}

}  // namespace

Module::Module(Runtime& runtime, const auth::Service& auth, Options options)
    : runtime_(runtime),
      options_(options),
      registry_(channels::all(runtime.http, runtime.clock)),
      channels_(runtime.database, runtime.changes, runtime.settings, registry_),
      service_(runtime.database, runtime.cache, runtime.changes, runtime.scope, channels_, existing_users(auth),
               [&hub = runtime.hub](const UserId& user) { return hub.online(user); }),
      deliveries_(runtime.database, runtime.changes, runtime.clock, runtime.pauses, channels_, existing_users(auth), runtime.loop.executor(),
                  {.base_url = runtime.base_url, .per_host = options.deliveries_per_host, .seed = static_cast<std::uint64_t>(runtime.clock.now().micros())}) {}

Result<void> Module::mount() {
  runtime_.settings.declare("notification", [this](std::string_view record) { return channels_.type_of(record); });
  if (auto mounted = runtime_.dispatcher.mount(contract(service_, channels_, deliveries_, options_.notify_body_bytes)); !mounted) return mounted;
  return consume(runtime_.queue, service_, deliveries_, options_.deliveries_at_once);
}

awaitable<void> Module::start() {
  runtime_.scope.spawn("notification.keep_house", keep_house(runtime_.database, runtime_.wheel));
  co_return;
}

std::vector<rpc::SignalType> Module::signals() {
  const auto type = [](const auto& definition, rpc::SchemaPtr payload) { return rpc::SignalType{.id = std::string(definition.id), .payload = std::move(payload)}; };
  return {type(kReceived, rpc::schema_of<Received>()), type(kRead, rpc::schema_of<Read>()), type(kCountChanged, rpc::schema_of<CountChanged>())};
}

}  // namespace watchbell::notification
