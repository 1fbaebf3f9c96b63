#include "domains/command/rules.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace watchbell::command::rules {

const std::vector<Entry>& commands() {
  static const std::vector<Entry> all{
      {.id = "catalog.create",
       .type = EntryType::command,
       .title = "Create System",
       .subtitle = "Add a system to the catalog",
       .icon_name = "Activity",
       .category = "Catalog",
       .route = "/catalog/config?action=create",
       .shortcuts = {},
       .required_access_rules = std::vector<std::string>{"catalog.system.manage"}},
      {.id = "catalog.manage",
       .type = EntryType::command,
       .title = "Manage Systems",
       .subtitle = "Change systems and groups",
       .icon_name = "Activity",
       .category = "Catalog",
       .route = "/catalog/config",
       .shortcuts = std::vector<std::string>{"meta+shift+s", "ctrl+shift+s"},
       .required_access_rules = std::vector<std::string>{"catalog.system.manage"}},
  };
  return all;
}

std::vector<Entry> usable(std::string_view text, const std::function<bool(std::string_view)>& holds) {
  const std::string lower = ascii_lower(text);
  std::vector<Entry> found;
  for (const auto& command : commands())
    if (ascii_lower(command.title).find(lower) != std::string::npos && std::ranges::all_of(*command.required_access_rules, holds)) found.push_back(command);
  return found;
}

}  // namespace watchbell::command::rules
