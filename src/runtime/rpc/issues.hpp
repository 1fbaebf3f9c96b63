#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace watchbell::rpc {

/// Where in the input a value stands: a chain of steps on the stack.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;  ///< null data = an index
  std::size_t index = 0;
};

/// What is wrong with an input, in the words and order that clients of the wire know (the issue list of Zod 4). Collected while decoding; never
/// more than 100. Loop-only, but for a long body, which is decoded by one thread of the pool.
class Issues {
 public:
  bool empty() const noexcept { return count_ == 0; }
  std::size_t count() const noexcept { return count_; }

  void wrong_type(const Path* path, std::string_view expected, std::string_view received);
  void not_a_number(const Path* path);
  void not_an_integer(const Path* path);
  void too_small(const Path* path, std::string_view origin, std::int64_t minimum, std::string_view unit);
  void too_big(const Path* path, std::string_view origin, std::int64_t maximum, std::string_view unit);
  void bad_format(const Path* path, std::string_view format, std::string_view what);
  void not_one_of(const Path* path, const std::vector<std::string>& values);
  void no_union_branch(const Path* path, std::string_view discriminator, const std::vector<std::string>& options);
  void strangers(const Path* path, const std::vector<std::string>& names);
  void custom(const Path* path, std::string_view message);

  /// `[{...},...]`
  std::string json() const { return "[" + text_ + "]"; }
  /// The error that answers them: BAD_REQUEST with data.issues.
  Error error() const;

 private:
  static constexpr std::size_t kMax = 100;
  bool begin();
  void end(const Path* path, std::string_view message);
  std::string text_;
  std::size_t count_ = 0;
};

}  // namespace watchbell::rpc
