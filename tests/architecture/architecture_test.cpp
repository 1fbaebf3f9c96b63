#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "tests/architecture/checker.hpp"

namespace watchbell::architecture {
namespace {

namespace fs = std::filesystem;

std::string list(const std::vector<Violation>& found) {
  std::string text;
  for (const auto& violation : found) text += violation.where + ": " + violation.what + "\n";
  return text;
}

/// A small tree that keeps the rules, to be broken in one place.
class Tree : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "watchbell-architecture-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
    write("src/base/error.hpp", "#pragma once\n");
    write("src/platform/http/server.cpp", "#include <boost/beast/http.hpp>\n#include \"base/error.hpp\"\n");
    write("src/runtime/change/change.cpp", "void f() { hub_.emit(signal); }\n");
    write("src/domains/catalog/CMakeLists.txt", "watchbell_add_domain(NAME catalog DEPENDS notification LINK x)\n");
    write("src/domains/catalog/rules.cpp", "#include \"base/error.hpp\"\n#include <string>\n");
    write("src/domains/catalog/service.cpp", "#include \"domains/notification/service.hpp\"\n");
    write("src/domains/notification/CMakeLists.txt", "watchbell_add_domain(NAME notification DEPENDS auth)\n");
    write("src/domains/notification/store.hpp", "\n");
  }
  void TearDown() override { fs::remove_all(root_); }
  void write(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  fs::path root_;
};

TEST(Architecture, the_tree_keeps_its_rules) { EXPECT_EQ(list(check(WATCHBELL_ROOT)), ""); }

TEST_F(Tree, a_good_tree_passes) { EXPECT_EQ(list(check(root_)), ""); }

TEST_F(Tree, an_upward_include_fails) {
  write("src/base/bad.cpp", "\n#include \"runtime/change/change.hpp\"\n");
  const auto found = check(root_);
  ASSERT_EQ(found.size(), 1u) << list(found);
  EXPECT_EQ(found[0].where, "src/base/bad.cpp:2");
  EXPECT_NE(found[0].what.find("upward"), std::string::npos);
}

TEST_F(Tree, beast_outside_platform_fails) {
  write("src/runtime/rpc/bad.cpp", "#include <boost/beast/core.hpp>\n");
  write("src/platform/http/bad.hpp", "#include <boost/beast/core.hpp>\n");
  EXPECT_EQ(check(root_).size(), 2u) << list(check(root_));
}

TEST_F(Tree, a_domain_that_includes_anothers_store_fails) {
  write("src/domains/catalog/bad.cpp", "#include \"domains/notification/store.hpp\"\n");
  const auto found = check(root_);
  ASSERT_EQ(found.size(), 1u) << list(found);
  EXPECT_NE(found[0].what.find("only types, events and service"), std::string::npos);
}

TEST_F(Tree, a_domain_that_does_not_name_what_it_includes_fails) {
  write("src/domains/catalog/bad.cpp", "#include \"domains/auth/types.hpp\"\n");
  EXPECT_EQ(check(root_).size(), 1u) << list(check(root_));
}

TEST_F(Tree, a_domain_that_depends_upwards_fails) {
  write("src/domains/auth/CMakeLists.txt", "watchbell_add_domain(NAME auth DEPENDS catalog)\n");
  EXPECT_EQ(check(root_).size(), 1u) << list(check(root_));
}

TEST_F(Tree, a_signal_sent_outside_change_fails) {
  write("src/domains/catalog/bad.cpp", "void f() { runtime.hub.emit(signal); }\n// hub.emit( in a comment is none\n");
  const auto found = check(root_);
  ASSERT_EQ(found.size(), 1u) << list(found);
  EXPECT_EQ(found[0].where, "src/domains/catalog/bad.cpp:1");
}

TEST_F(Tree, rules_that_include_the_runtime_or_a_clock_fail) {
  write("src/domains/catalog/rules.hpp", "#include \"runtime/rpc/codec.hpp\"\n#include \"base/clock.hpp\"\n#include <boost/json.hpp>\n");
  EXPECT_EQ(check(root_).size(), 3u) << list(check(root_));
}

TEST_F(Tree, a_library_that_knows_the_server_fails) {
  write("libs/cache/src/bad.cpp", "#include \"base/error.hpp\"\n");
  EXPECT_EQ(check(root_).size(), 1u) << list(check(root_));
}

TEST_F(Tree, a_detached_coroutine_fails) {
  write("src/runtime/rpc/bad.cpp", "co_spawn(e, f(), asio::detached);\n");
  EXPECT_EQ(check(root_).size(), 1u) << list(check(root_));
}

}  // namespace
}  // namespace watchbell::architecture
