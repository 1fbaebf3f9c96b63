#include "tokens.hpp"

#include "digest.hpp"
#include "entry.hpp"

#include <atomic>
#include <cstdint>
#include <random>

namespace watchbell::cache::redis::detail {
namespace {

std::string draw_secret() {
  std::random_device device;
  std::string secret;
  for (int word = 0; word < 8; ++word) {
    const std::uint32_t bits = device();
    for (unsigned i = 0; i < 4; ++i) secret.push_back(static_cast<char>(bits >> (8 * i)));
  }
  return secret;
}

}  // namespace

std::string fresh_token() {
  static const std::string secret = draw_secret();
  static std::atomic<std::uint64_t> count{0};
  std::string message = secret;
  const std::uint64_t number = count.fetch_add(1, std::memory_order_relaxed);
  for (unsigned i = 0; i < 8; ++i) message.push_back(static_cast<char>(number >> (8 * i)));
  const auto sum = sha256(message);
  return std::string(reinterpret_cast<const char*>(sum.data()), kTokenBytes);
}

}  // namespace watchbell::cache::redis::detail
