#pragma once

#include <string>

namespace watchbell::cache::redis::detail {

/// 16 bytes that no call in any process has given before or will give again: the SHA-256, cut, of a secret drawn when
/// the process first needs one and a counter. The counter rules out repeats within a process, 128 random bits between
/// processes and restarts (C-8). Thread-safe.
std::string fresh_token();

}  // namespace watchbell::cache::redis::detail
