#include <gtest/gtest.h>

#include "domains/catalog/rules.hpp"

namespace watchbell::catalog {
namespace {

TEST(CatalogRules, R_09_names_are_trimmed_and_never_blank) {
  EXPECT_EQ(rules::clean_name("  Payments ").value(), "Payments");
  const auto blank = rules::clean_name(" \t ");
  ASSERT_FALSE(blank);
  EXPECT_EQ(blank.error().code, ErrorCode::bad_request);
  EXPECT_EQ(blank.error().field, "name");
}

TEST(CatalogRules, a_systems_group_is_named_for_it) {
  const auto id = *SystemId::parse("0190a7c8-1111-7111-8111-111111111111");
  EXPECT_EQ(rules::notification_group(id), "catalog.system.0190a7c8-1111-7111-8111-111111111111");
  EXPECT_EQ(rules::notification_group_name("Payments"), "Payments Notifications");
}

}  // namespace
}  // namespace watchbell::catalog
