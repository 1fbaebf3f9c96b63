#include "tests/architecture/checker.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>

namespace watchbell::architecture {
namespace fs = std::filesystem;
namespace {

const std::vector<std::string> kDomainOrder{"auth", "theme", "caching", "notification", "catalog", "command", "healthcheck", "incident", "maintenance", "announcement", "slo", "anomaly"};

// Floors from the bottom; main.cpp stands on top of all.
int floor_of(const std::string& top) {
  static const std::map<std::string, int> floors{{"base", 0}, {"async", 1}, {"platform", 2}, {"runtime", 3}, {"domains", 4}, {"app", 5}, {"main.cpp", 6}};
  const auto it = floors.find(top);
  return it == floors.end() ? -1 : it->second;
}

struct Include {
  std::size_t line;
  std::string path;
  bool system;
};

std::vector<std::string> lines_of(const fs::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::vector<std::string> split(const std::string& path) {
  std::vector<std::string> parts;
  std::stringstream in(path);
  for (std::string part; std::getline(in, part, '/');) parts.push_back(part);
  return parts;
}

bool is_test(const std::string& path) { return path.find("/test/") != std::string::npos || path.find("_fuzz.cpp") != std::string::npos || path.find("_bench.cpp") != std::string::npos || path.find("/testing.hpp") != std::string::npos; }

/// Each stands for a library that is loaded and not linked: a header that brings what it declares.
constexpr const char* kLibcurl = "platform/curl/api.hpp";
constexpr const char* kLibpq = "platform/sql/pq.hpp";

bool touches_outside(const std::string& include) {
  static const std::array prefixes{"boost/beast", "openssl/", "soci/", "libpq", "postgresql/", "curl/", "hiredis", "sqlite3.h", "argon2.h", "sodium", "spdlog/", "cmark", kLibcurl, kLibpq};
  return std::ranges::any_of(prefixes, [&](const char* prefix) { return include.starts_with(prefix); });
}

/// DEPENDS of watchbell_add_domain in a domain's CMakeLists.txt.
std::set<std::string> depends_of(const fs::path& cmake) {
  std::ifstream in(cmake);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  std::set<std::string> depends;
  std::smatch match;
  static const std::regex pattern(R"(watchbell_add_domain\(([^)]*)\))");
  if (!std::regex_search(text, match, pattern)) return depends;
  std::stringstream words(match[1].str());
  bool inside = false;
  for (std::string word; words >> word;) {
    if (word == "DEPENDS") inside = true;
    else if (std::ranges::all_of(word, [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; })) inside = false;
    else if (inside) depends.insert(word);
  }
  return depends;
}

class Checker {
 public:
  explicit Checker(fs::path root) : root_(std::move(root)) {}

  std::vector<Violation> run() {
    for (const auto& entry : fs::recursive_directory_iterator(root_ / "src")) {
      const auto extension = entry.path().extension();
      if (!entry.is_regular_file() || (extension != ".cpp" && extension != ".hpp")) continue;
      file(entry.path());
    }
    if (fs::exists(root_ / "libs"))
      for (const auto& entry : fs::recursive_directory_iterator(root_ / "libs"))
        if (entry.is_regular_file() && (entry.path().extension() == ".cpp" || entry.path().extension() == ".hpp")) library(entry.path());
    if (fs::exists(root_ / "src/domains"))
      for (const auto& entry : fs::directory_iterator(root_ / "src/domains"))
        if (entry.is_directory()) depends(entry.path());
    std::ranges::sort(found_, {}, &Violation::where);
    return std::move(found_);
  }

 private:
  void add(const fs::path& path, std::size_t line, std::string what) {
    found_.push_back({fs::relative(path, root_).string() + ":" + std::to_string(line), std::move(what)});
  }

  void file(const fs::path& path) {
    const std::string relative = fs::relative(path, root_ / "src").string();
    const auto parts = split(relative);
    const int floor = floor_of(parts[0]);
    const bool test = is_test("/" + relative);
    const auto lines = lines_of(path);
    static const std::regex include(R"re(^\s*#\s*include\s*([<"])([^>"]+)[>"])re");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::smatch match;
      if (std::regex_search(lines[i], match, include)) includes(path, parts, floor, test, i + 1, match[2].str());
      statements(path, relative, test, i + 1, lines[i]);
    }
  }

  void includes(const fs::path& path, const std::vector<std::string>& parts, int floor, bool test, std::size_t line, const std::string& include) {
    const bool stands_for_it = (include.starts_with("curl/") && path == root_ / "src" / kLibcurl) || (include.starts_with("libpq") && path == root_ / "src" / kLibpq);
    if (touches_outside(include) && !stands_for_it && !(parts[0] == "platform" && (path.extension() == ".cpp" || test)) && !(test && !include.starts_with("boost/beast")))
      add(path, line, include + " may be included in platform/**/*.cpp only");
    const bool pure = !test && parts[0] == "domains" && parts.size() == 3 && (parts[2].starts_with("rules.") || parts[2].starts_with("types."));
    if (pure && (include.starts_with("boost/asio") || include.starts_with("boost/json") || include.starts_with("platform/") || include.starts_with("runtime/") || include.starts_with("async/") || include == "base/clock.hpp"))
      add(path, line, "rules and types include only base, other types and the standard library, not " + include);
    const auto target = split(include);
    const bool of_library = target[0] == "watchbell" || target[0] == "libs";
    // What a library tests its own providers with, tests of other providers may use.
    const bool test_support = test && target.size() == 4 && target[0] == "libs" && target[2] == "test";
    if (of_library && !test_support && (target[0] == "libs" || std::ranges::find(target, "detail") != target.end())) add(path, line, "of a library only its public headers may be included, not " + include);
    if (std::ranges::find(target, "..") != target.end()) add(path, line, "includes are named from src on, not by ..: " + include);
    const int target_floor = floor_of(target[0]);
    if (target_floor < 0) return;
    if (target_floor > floor) add(path, line, "an upward include: " + parts[0] + " may not include " + include);
    if (parts[0] == "domains" && target[0] == "domains" && target.size() >= 3 && parts.size() >= 2 && target[1] != parts[1]) domain(path, parts[1], line, target, test);
    if (parts[0] == "app" && target[0] == "domains" && target.size() >= 3 && !test && target[2] != "module.hpp" && target[2] != "service.hpp" && target[2] != "types.hpp" && target[2] != "signals.hpp")
      add(path, line, "app includes of a domain its module, service, types and signals, not " + include);
  }

  void domain(const fs::path& path, const std::string& own, std::size_t line, const std::vector<std::string>& target, bool test) {
    static const std::set<std::string> open{"types.hpp", "events.hpp", "service.hpp"};
    const std::string& other = target[1];
    if (!open.contains(target[2]) && !(test && (target[2] == "module.hpp" || target[2] == "test"))) add(path, line, "of another domain only types, events and service may be included, not domains/" + other + "/" + target[2]);
    if (!depends_of(root_ / "src/domains" / own / "CMakeLists.txt").contains(other)) add(path, line, "domain " + own + " does not list " + other + " in DEPENDS");
  }

  void depends(const fs::path& folder) {
    const std::string own = folder.filename().string();
    const auto place = [](const std::string& name) { return std::ranges::find(kDomainOrder, name) - kDomainOrder.begin(); };
    for (const auto& other : depends_of(folder / "CMakeLists.txt"))
      if (place(other) >= place(own) && place(own) < static_cast<std::ptrdiff_t>(kDomainOrder.size())) add(folder / "CMakeLists.txt", 1, "domain " + own + " depends upwards on " + other);
  }

  void statements(const fs::path& path, const std::string& relative, bool test, std::size_t line, const std::string& text) {
    if (test) return;
    const auto code = text.substr(0, text.find("//"));
    static const std::regex emit(R"(\bhub_?(\(\))?(\.|->)emit\s*\()");
    if (std::regex_search(code, emit) && !relative.starts_with("runtime/change/") && !relative.starts_with("runtime/signals/")) add(path, line, "signals are sent by a Change alone: announce instead of emit");
    if (code.find("asio::detached") != std::string::npos && !relative.starts_with("async/")) add(path, line, "asio::detached drops faults: spawn in a TaskScope");
  }

  void library(const fs::path& path) {
    const auto lines = lines_of(path);
    static const std::regex include(R"re(^\s*#\s*include\s*"([^"]+)")re");
    for (std::size_t i = 0; i < lines.size(); ++i) {
      std::smatch match;
      if (std::regex_search(lines[i], match, include) && floor_of(split(match[1].str())[0]) >= 0) add(path, i + 1, "libs know nothing of the server: " + match[1].str());
    }
  }

  fs::path root_;
  std::vector<Violation> found_;
};

}  // namespace

std::vector<Violation> check(const fs::path& root) { return Checker(root).run(); }

}  // namespace watchbell::architecture
