#include "platform/crypto/random.hpp"

#include <sodium.h>

#include "base/assert.hpp"

namespace watchbell::crypto {
namespace {

void start_sodium() {
  static const int started = ::sodium_init();
  WATCHBELL_ASSERT(started >= 0);
}

}  // namespace

std::string random_bytes(std::size_t n) {
  start_sodium();
  std::string bytes(n, '\0');
  ::randombytes_buf(bytes.data(), bytes.size());
  return bytes;
}

std::string random_token(std::size_t n) {
  static constexpr char kLetters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  start_sodium();
  std::string token(n, '\0');
  for (char& c : token) c = kLetters[::randombytes_uniform(sizeof kLetters - 1)];  // rejects, so that no remainder is favoured
  return token;
}

}  // namespace watchbell::crypto
