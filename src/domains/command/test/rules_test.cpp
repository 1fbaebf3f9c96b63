#include "domains/command/rules.hpp"

#include <gtest/gtest.h>

namespace watchbell::command {
namespace {

TEST(CommandRules, a_command_is_for_those_who_may_use_it) {
  const auto titles = [](std::string_view text, bool manages) {
    std::string all;
    for (const auto& entry : rules::usable(text, [&](std::string_view rule) { return manages && rule == "catalog.system.manage"; })) all += entry.title + ";";
    return all;
  };
  EXPECT_EQ(titles("", true), "Create System;Manage Systems;");
  EXPECT_EQ(titles("CREATE", true), "Create System;");
  EXPECT_EQ(titles("nothing", true), "");
  EXPECT_EQ(titles("", false), "");
}

}  // namespace
}  // namespace watchbell::command
