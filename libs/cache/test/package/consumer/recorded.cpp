#include <watchbell/cache/testing/checker.hpp>

namespace testing = watchbell::cache::testing;

// Leaves the history of one stale read in the file it is given.
int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path file = argv[1];
  {
    testing::Recorder recorder(file, {.clock = testing::counting_clock()});
    auto change = recorder.begin_change("row");
    change.wrote(1);
    change.returned();
    auto read = recorder.begin_read("key");
    read.saw("row", 0);
    read.returned();
  }
  const auto history = testing::read_history({&file, 1});
  return testing::check(history).kind == testing::Verdict::Kind::stale ? 0 : 1;
}
