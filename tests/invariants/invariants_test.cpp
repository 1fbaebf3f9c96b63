// docs/invariants.md is the list of what is promised and which tests show it; this test fails when the list and the tests part.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// Promise ids as they stand in names of tests: C_2_, R_04_, AUTHCHECK_07_; written C-2, R-04, AUTHCHECK-07 in the list.
std::map<std::string, std::set<std::string>> tests_by_id() {
  std::map<std::string, std::set<std::string>> found;
  static const std::regex test(R"((?:CO_TEST|TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+)\s*,\s*((C|F|S|Q|H|G|L|N|HC|R|AUTHCHECK)_(\d+)_\w+))");
  static const std::regex web(R"re((?:test|it)\(\s*["'`]((C|F|S|Q|H|G|L|N|HC|R|AUTHCHECK)_(\d+)_\w+))re");
  for (const char* top : {"src", "libs", "tests", "web/src", "web/test"}) {
    const fs::path folder = fs::path(WATCHBELL_ROOT) / top;
    if (!fs::exists(folder)) continue;
    for (auto it = fs::recursive_directory_iterator(folder); it != fs::recursive_directory_iterator(); ++it) {
      if (it->is_directory() && it->path().filename() == "node_modules") it.disable_recursion_pending();
      const auto extension = it->path().extension();
      if (!it->is_regular_file() || (extension != ".cpp" && extension != ".hpp" && extension != ".ts" && extension != ".tsx" && extension != ".mjs")) continue;
      const std::string text = read(it->path());
      for (auto match = std::sregex_iterator(text.begin(), text.end(), test); match != std::sregex_iterator(); ++match)
        found[(*match)[3].str() + "-" + (*match)[4].str()].insert((*match)[1].str() + "." + (*match)[2].str());
      for (auto match = std::sregex_iterator(text.begin(), text.end(), web); match != std::sregex_iterator(); ++match)
        found[(*match)[2].str() + "-" + (*match)[3].str()].insert((*match)[1].str());
    }
  }
  return found;
}

/// Rows "| C-2 | promise | Suite.C_2_name, ... |" of the list.
std::map<std::string, std::set<std::string>> listed() {
  std::map<std::string, std::set<std::string>> rows;
  std::stringstream in(read(fs::path(WATCHBELL_ROOT) / "docs/invariants.md"));
  static const std::regex row(R"(^\|\s*([A-Z]+-\d+)\s*\|([^|]+)\|([^|]*)\|\s*$)");
  static const std::regex name(R"(`([^`]+)`)");
  for (std::string line; std::getline(in, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    auto& tests = rows[match[1].str()];
    const std::string cell = match[3].str();
    for (auto it = std::sregex_iterator(cell.begin(), cell.end(), name); it != std::sregex_iterator(); ++it) tests.insert((*it)[1].str());
  }
  return rows;
}

TEST(Invariants, every_promise_listed_has_the_tests_it_names_and_every_such_test_is_listed) {
  const auto tests = tests_by_id();
  const auto rows = listed();
  ASSERT_FALSE(rows.empty());
  for (const auto& [id, names] : rows) {
    EXPECT_FALSE(names.empty()) << id << " is promised and shown by no test";
    const auto it = tests.find(id);
    for (const auto& name : names) EXPECT_TRUE(it != tests.end() && it->second.contains(name)) << id << " lists " << name << ", which is no test";
  }
  for (const auto& [id, names] : tests) {
    const auto it = rows.find(id);
    EXPECT_NE(it, rows.end()) << id << " has tests but no row in docs/invariants.md";
    if (it == rows.end()) continue;
    for (const auto& name : names) EXPECT_TRUE(it->second.contains(name)) << name << " is not listed at " << id;
  }
}

}  // namespace
