#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>

namespace watchbell::test {

/// Throws what errno says.
[[noreturn]] inline void fail_with(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

/// A file descriptor, closed with the object.
class Owned {
 public:
  explicit Owned(int fd) : fd_(fd) {}
  ~Owned() { reset(); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

}  // namespace watchbell::test
