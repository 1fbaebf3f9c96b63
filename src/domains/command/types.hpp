#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

namespace watchbell::command {

enum class EntryType { entity, command };
BOOST_DESCRIBE_ENUM(EntryType, entity, command)

/// A line of the search box.
struct Entry {
  std::string id;
  EntryType type = EntryType::entity;
  std::string title;
  std::optional<std::string> subtitle;
  std::optional<std::string> icon_name;
  std::string category;
  std::optional<std::string> route;
  std::optional<std::vector<std::string>> shortcuts;
  std::optional<std::vector<std::string>> required_access_rules;  ///< qualified; all of them
};
BOOST_DESCRIBE_STRUCT(Entry, (), (id, type, title, subtitle, icon_name, category, route, shortcuts, required_access_rules))

}  // namespace watchbell::command
