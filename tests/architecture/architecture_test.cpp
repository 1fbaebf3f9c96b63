#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "tests/architecture/checker.hpp"

namespace watchbell::architecture {
namespace {

namespace fs = std::filesystem;

std::string list(const std::vector<Violation>& found) {
  std::string text;
  for (const auto& violation : found) text += violation.where + ": " + violation.what + "\n";
  return text;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
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

/// Every setting but those an open issue brings is read by somebody: one that is taken, shown and heeded nowhere is a lie.
TEST(Architecture, every_setting_has_a_reader) {
  const fs::path root = WATCHBELL_ROOT;
  std::string code;
  for (const auto& entry : fs::directory_iterator(root / "src/app"))
    if (entry.path().extension() == ".cpp") code += text_of(entry.path());
  const std::string header = text_of(root / "src/app/config/config.hpp");
  const auto begin = header.find("struct Config {");
  const std::string table = header.substr(begin, header.find("bool uses_postgresql", begin) - begin);
  static const std::regex member(R"(\n  std::[^;\n]*?([a-z_0-9]+)(?: = [^;\n]*|\{[^;\n]*\})?;|\n  (?:double|Endpoint|log::Level|log::Format) ([a-z_]+))");
  const std::set<std::string> later{"config", "database_url", "redis_url"};
  int members = 0;
  for (std::sregex_iterator it(table.begin(), table.end(), member), end; it != end; ++it) {
    const std::string name = (*it)[1].matched ? (*it)[1].str() : (*it)[2].str();
    ++members;
    if (!later.contains(name)) EXPECT_TRUE(std::regex_search(code, std::regex(R"(config(\.|->))" + name + R"(\b)"))) << name;
  }
  EXPECT_GT(members, 40);
}

TEST(Architecture, the_tree_keeps_its_rules) { EXPECT_EQ(list(check(WATCHBELL_ROOT)), ""); }

TEST_F(Tree, a_good_tree_passes) { EXPECT_EQ(list(check(root_)), ""); }

TEST_F(Tree, an_upward_include_fails) {
  write("src/base/bad.cpp", "\n#include \"runtime/change/change.hpp\"\n");
  const auto found = check(root_);
  ASSERT_EQ(found.size(), 1u) << list(found);
  EXPECT_EQ(found[0].where, "src/base/bad.cpp:2");
  EXPECT_NE(found[0].what.find("upward"), std::string::npos);
}

TEST_F(Tree, an_include_cannot_hide_in_angles_or_behind_dots) {
  write("src/base/bad.cpp", "#include <runtime/change/change.hpp>\n");
  write("src/domains/catalog/bad.cpp", "#include <domains/notification/store.hpp>\n");
  write("src/domains/catalog/worse.cpp", "#include \"../notification/store.hpp\"\n");
  const auto found = check(root_);
  ASSERT_EQ(found.size(), 3u) << list(found);
  EXPECT_NE(found[0].what.find("upward"), std::string::npos);
  EXPECT_NE(found[1].what.find("only types, events and service"), std::string::npos);
  EXPECT_NE(found[2].what.find("not by .."), std::string::npos);
}

TEST_F(Tree, beast_outside_platform_fails) {
  write("src/runtime/rpc/bad.cpp", "#include <boost/beast/core.hpp>\n");
  write("src/platform/http/bad.hpp", "#include <boost/beast/core.hpp>\n");
  write("src/domains/catalog/bad.cpp", "#include <cmark.h>\n");
  EXPECT_EQ(check(root_).size(), 3u) << list(check(root_));
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

TEST_F(Tree, the_inside_of_a_library_is_not_for_the_server) {
  write("src/runtime/coherence/good.hpp", "#include <watchbell/cache/scope.hpp>\n");
  write("src/domains/catalog/test/bad_test.cpp", "#include <watchbell/cache/detail/core.hpp>\n");
  write("src/platform/redis/test/good_redistest.cpp", "#include \"libs/cache/test/provider_suite.hpp\"\n");
  write("src/platform/redis/test/bad_redistest.cpp", "#include \"libs/cache/src/engine.hpp\"\n");
  write("src/platform/redis/bad.cpp", "#include \"libs/cache/test/provider_suite.hpp\"\n");
  write("src/runtime/coherence/bad.cpp", "#include \"watchbell/cache/detail/load.hpp\"\n");
  write("src/runtime/coherence/worse.cpp", "#include \"libs/cache/src/engine.hpp\"\n");
  const auto found = check(root_);
  ASSERT_EQ(found.size(), 5u) << list(found);
  for (const auto& violation : found) EXPECT_NE(violation.what.find("public headers"), std::string::npos) << violation.what;
}

TEST_F(Tree, a_detached_coroutine_fails) {
  write("src/runtime/rpc/bad.cpp", "co_spawn(e, f(), asio::detached);\n");
  EXPECT_EQ(check(root_).size(), 1u) << list(check(root_));
}

}  // namespace
}  // namespace watchbell::architecture
