#pragma once

#include <cstddef>
#include <memory>

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include "async/timer_wheel.hpp"

namespace watchbell::curl {

/// A libcurl multi handle driven by the loop, for the clients of platform/. libcurl's types stay in .cpp files: its handles are void pointers
/// and its codes ints here, as libcurl itself declares them for its users. Loop-only.
///
/// libcurl's sockets stand in an epoll set of our own, and the loop waits for that one descriptor: libcurl changes its mind about a socket
/// several times a request, which costs one system call here and a registration with its own state in Asio; and one wake-up hands over
/// all sockets that are ready. Level-triggered, so that nothing is lost when a turn stops at its share.
class Multi : public std::enable_shared_from_this<Multi> {
 public:
  using OnDone = void (*)(void* easy, int result);

  /// @param on_done  called when a transfer ended, from a turn of the loop and outside of libcurl; the handle is still in the set
  Multi(async::TimerWheel& wheel, std::size_t max_kept_connections, OnDone on_done);
  ~Multi();
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;

  void add(void* easy);
  void remove(void* easy);

 private:
  static int socket_changed(void* easy, int fd, int what, void* self, void* known);
  static int timer_changed(void* multi, long timeout_ms, void* self);
  void kick_soon();
  void watch();
  void on_ready();
  void on_time();
  void collect();

  async::TimerWheel& wheel_;
  OnDone on_done_;
  void* multi_;
  asio::posix::basic_stream_descriptor<Executor> epoll_;
  async::Timer timer_;
  std::size_t sockets_ = 0;
  bool watching_ = false;
  bool kicked_ = false;
};

/// Whether a transfer's result says that no secure connection came about. Pure.
bool is_tls_failure(int result) noexcept;

}  // namespace watchbell::curl
