// Replays the corpus of a fuzz target where the library is built alone, so that a crash once found stays found.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

TEST(FuzzReplay, corpus_of_this_target_is_harmless) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(WATCHBELL_CORPUS)) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++files;
  }
  EXPECT_GT(files, 0u) << "no corpus in " << WATCHBELL_CORPUS;
}
