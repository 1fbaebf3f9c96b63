#pragma once

#include <cstdint>
#include <limits>

namespace watchbell {

/// A small seeded generator (SplitMix64, Steele et al. 2014) for jitter and tests; never for secrets. A uniform random bit
/// generator of the standard library's shape. Not thread-safe.
class Random {
 public:
  using result_type = std::uint64_t;
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  constexpr result_type operator()() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  /// Uniform in [0, 1).
  constexpr double unit() noexcept { return static_cast<double>(operator()() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace watchbell
