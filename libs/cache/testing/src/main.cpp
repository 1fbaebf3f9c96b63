// watchbell-cache-check: judges histories written by watchbell::cache::testing::Recorder.
#include <watchbell/cache/testing/checker.hpp>

#include <cstring>
#include <exception>
#include <iostream>

namespace testing = watchbell::cache::testing;

namespace {

constexpr const char* kUsage =
    "usage: watchbell-cache-check FILE...\n"
    "Reads the histories of all processes of one run and names the first stale read.\n"
    "Exit code: 0 no stale read, 1 a stale read or one from nowhere, 2 a history that cannot be read or trusted.\n";

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) {
    std::cout << kUsage;
    return 0;
  }
  if (argc < 2) {
    std::cerr << kUsage;
    return 2;
  }
  try {
    const std::vector<std::filesystem::path> files(argv + 1, argv + argc);
    const auto history = testing::read_history(files);
    const auto verdict = testing::check(history);
    const auto words = testing::describe(history, verdict);
    switch (verdict.kind) {
      case testing::Verdict::Kind::ok:
        std::cout << words << '\n';
        return 0;
      case testing::Verdict::Kind::stale:
      case testing::Verdict::Kind::made_up:
        std::cout << words << '\n';
        return 1;
      case testing::Verdict::Kind::duplicate_version:
      case testing::Verdict::Kind::unordered_versions:
        std::cerr << words << '\n';
        return 2;
    }
  } catch (const std::exception& error) {
    std::cerr << "watchbell-cache-check: " << error.what() << '\n';
  }
  return 2;
}
