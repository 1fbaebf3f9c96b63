#pragma once

#include <unistd.h>

namespace watchbell::app {

/// Closes a file descriptor when it goes; a negative one is none. Not shared between threads.
struct Descriptor {
  int fd;
  explicit Descriptor(int opened) : fd(opened) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace watchbell::app
