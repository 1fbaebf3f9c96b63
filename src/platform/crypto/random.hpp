#pragma once

#include <cstddef>
#include <string>

/// Randomness for secrets, from the operating system's generator. Thread-safe.
namespace watchbell::crypto {

std::string random_bytes(std::size_t n);

/// `n` characters of [A-Za-z0-9], each equally likely: 5.95 bits a character, so 22 carry 128 bits.
std::string random_token(std::size_t n);

}  // namespace watchbell::crypto
