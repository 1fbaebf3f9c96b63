#include <watchbell/cache/traits.hpp>

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace elsewhere {

struct Page {
  std::string body;
};
std::size_t size_in_bytes(const Page& page) { return sizeof(Page) + page.body.capacity(); }

struct Draft {
  int version = 0;
};
bool is_cacheable(const Draft& draft) { return draft.version > 0; }

/// In the manner of std::expected.
class Answer {
 public:
  explicit Answer(std::string text) : text_(std::move(text)) {}
  Answer() = default;
  bool has_value() const { return text_.has_value(); }
  const std::string& value() const { return *text_; }
  int error() const { return 1; }

 private:
  std::optional<std::string> text_;
};

}  // namespace elsewhere

namespace watchbell::cache {
namespace {

TEST(SizeInBytes, counts_what_standard_types_own) {
  const std::string small = "x";
  const std::string large(1000, 'x');
  EXPECT_EQ(size_in_bytes(7), sizeof(int));
  EXPECT_EQ(size_in_bytes(small), sizeof(std::string));
  EXPECT_GE(size_in_bytes(large), sizeof(std::string) + 1000);
  EXPECT_GE(size_in_bytes(std::vector<int>(100)), sizeof(std::vector<int>) + 100 * sizeof(int));
  EXPECT_GE(size_in_bytes(std::vector<std::string>(3, large)), 3 * (sizeof(std::string) + 1000));
  EXPECT_EQ(size_in_bytes(std::optional<std::string>()), sizeof(std::optional<std::string>));
  EXPECT_GE(size_in_bytes(std::optional(large)), 1000 + sizeof(std::optional<std::string>));
  EXPECT_GE(size_in_bytes(std::pair(large, large)), 2000u);
  EXPECT_GE(size_in_bytes(std::variant<int, std::string>(large)), 1000u);
  EXPECT_GE(size_in_bytes(std::make_shared<const std::string>(large)), 1000u);
  EXPECT_EQ(size_in_bytes(std::unique_ptr<int>()), sizeof(std::unique_ptr<int>));
  EXPECT_GE(size_in_bytes(std::map<int, std::string>{{1, large}}), 1000u);
  EXPECT_GE(size_in_bytes(std::array<std::string, 2>{large, large}), 2000u);
  EXPECT_GE(size_in_bytes(std::vector<bool>(800)), 100u);
}

TEST(SizeInBytes, asks_a_type_of_the_program) {
  EXPECT_GE(size_in_bytes(elsewhere::Page{std::string(1000, 'x')}), 1000u);
  EXPECT_GE(size_in_bytes(std::vector<elsewhere::Page>(2, {std::string(1000, 'x')})), 2000u);
  EXPECT_GE(size_in_bytes(elsewhere::Answer(std::string(1000, 'x'))), 1000u);
}

TEST(IsCacheable, is_true_except_for_errors_and_what_the_program_says) {
  EXPECT_TRUE(is_cacheable(0));
  EXPECT_TRUE(is_cacheable(std::optional<int>()));  // "there is none" is an answer
  EXPECT_TRUE(is_cacheable(elsewhere::Answer("yes")));
  EXPECT_FALSE(is_cacheable(elsewhere::Answer()));
  EXPECT_FALSE(is_cacheable(elsewhere::Draft{0}));
  EXPECT_TRUE(is_cacheable(elsewhere::Draft{1}));
}

}  // namespace
}  // namespace watchbell::cache
