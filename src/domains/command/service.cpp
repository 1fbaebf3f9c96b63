#include "domains/command/service.hpp"

#include "domains/command/rules.hpp"

namespace watchbell::command {
namespace {

Entry entry_of(const catalog::SystemView& system) {
  const std::string id = system.id.to_string();
  Entry entry{.id = "catalog." + id,
              .type = EntryType::entity,
              .title = system.name,
              .subtitle = {},
              .icon_name = "Activity",
              .category = "Systems",
              .route = "/catalog/system/" + id,
              .shortcuts = {},
              .required_access_rules = {}};
  if (system.description.has_value()) entry.subtitle = *system.description;
  return entry;
}

}  // namespace

awaitable<Result<std::vector<Entry>>> Service::usable(std::string text, access::PrincipalPtr caller) {
  const auto visitors = co_await identity_.anonymous_rules();
  if (!visitors) co_return std::unexpected(visitors.error());
  co_return rules::usable(
      text, [&](std::string_view rule) { return caller->kind == access::Principal::Kind::service || caller->rules->holds(rule) || (*visitors)->holds(rule); });
}

awaitable<Result<std::vector<Entry>>> Service::commands(access::PrincipalPtr caller) { return usable({}, std::move(caller)); }

awaitable<Result<std::vector<Entry>>> Service::search(std::string text, access::Reach systems, access::PrincipalPtr caller) {
  const auto found = co_await catalog_.search(text, std::move(systems), rules::kMost);
  if (!found) co_return std::unexpected(found.error());
  std::vector<Entry> entries;
  for (const auto& system : *found) entries.push_back(entry_of(system));
  auto commands = co_await usable(std::move(text), std::move(caller));
  if (!commands) co_return std::unexpected(std::move(commands.error()));
  for (auto& command : *commands) {
    if (entries.size() == rules::kMost) break;
    entries.push_back(std::move(command));
  }
  co_return entries;
}

}  // namespace watchbell::command
