#include "platform/curl/multi.hpp"

#include <sys/epoll.h>

#include <array>
#include <cerrno>
#include <new>
#include <system_error>

#include <boost/asio/post.hpp>

#include "async/loop.hpp"
#include "base/fault.hpp"
#include "platform/curl/api.hpp"

namespace watchbell::curl {
namespace {

/// Sockets served in one turn of the loop, at about 50 us each.
constexpr std::size_t kShare = 64;

int new_epoll() {
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
  return fd;
}

}  // namespace

Multi::Multi(async::TimerWheel& wheel, std::size_t max_kept_connections, OnDone on_done)
    : wheel_(wheel), on_done_(on_done), multi_(api().multi_init()), epoll_(wheel.executor(), new_epoll()), timer_([this] { on_time(); }) {
  if (multi_ == nullptr) throw std::bad_alloc();
  api().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Multi::socket_changed);
  api().multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  api().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Multi::timer_changed);
  api().multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  api().multi_setopt(multi_, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  api().multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(max_kept_connections));
}

Multi::~Multi() {
  api().multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
  api().multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
  api().multi_cleanup(multi_);
}

void Multi::add(void* easy) {
  if (const auto code = api().multi_add_handle(multi_, easy); code != CURLM_OK) throw Fault(api().multi_strerror(code));
}

void Multi::remove(void* easy) { api().multi_remove_handle(multi_, easy); }

int Multi::socket_changed(void*, int fd, int what, void* self, void* known) {
  auto& multi = *static_cast<Multi*>(self);
  const int set = multi.epoll_.native_handle();
  if (what == CURL_POLL_REMOVE) {
    ::epoll_ctl(set, EPOLL_CTL_DEL, fd, nullptr);
    --multi.sockets_;
    return 0;
  }
  ::epoll_event event{};
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  event.data.fd = fd;
  if (known == nullptr) {
    // Any pointer that is not null marks the socket as being in the set.
    api().multi_assign(multi.multi_, fd, self);
    ++multi.sockets_;
  }
  if (::epoll_ctl(set, known == nullptr ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) != 0) return -1;
  multi.watch();
  return 0;
}

int Multi::timer_changed(void*, long timeout_ms, void* self) {
  auto& multi = *static_cast<Multi*>(self);
  // libcurl must not be called back from here, hence the turn through the loop for "at once".
  if (timeout_ms <= 0) multi.timer_.cancel();
  if (timeout_ms == 0) multi.kick_soon();
  if (timeout_ms > 0) multi.wheel_.arm(multi.timer_, std::chrono::milliseconds(timeout_ms));
  return 0;
}

void Multi::kick_soon() {
  if (kicked_) return;
  kicked_ = true;
  asio::post(wheel_.executor(), [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->kicked_ = false;
    self->on_time();
  });
}

void Multi::watch() {
  if (watching_) return;
  watching_ = true;
  epoll_.async_wait(asio::posix::descriptor_base::wait_read, [weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->watching_ = false;
    self->on_ready();
    if (self->sockets_ > 0) self->watch();
  });
}

void Multi::on_ready() {
  std::array<::epoll_event, kShare> events;
  const int count = ::epoll_wait(epoll_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    // An error is told as "ready", so that libcurl meets it in its own read or write: CURL_CSELECT_ERR fails a transfer without asking, and this
    // event may be of a socket that an earlier one of the batch closed, its number given to another since.
    const bool failed = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
    const int flags = (failed || event.events & EPOLLIN ? CURL_CSELECT_IN : 0) | (failed || event.events & EPOLLOUT ? CURL_CSELECT_OUT : 0);
    int running = 0;
    api().multi_socket_action(multi_, event.data.fd, flags, &running);
  }
  collect();
}

void Multi::on_time() {
  WATCHBELL_ASSERT_ON_LOOP();
  int running = 0;
  api().multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  collect();
}

void Multi::collect() {
  int left = 0;
  while (const CURLMsg* message = api().multi_info_read(multi_, &left))
    if (message->msg == CURLMSG_DONE) on_done_(message->easy_handle, message->data.result);
}

bool is_tls_failure(int result) noexcept {
  switch (result) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_USE_SSL_FAILED:
      return true;
    default:
      return false;
  }
}

}  // namespace watchbell::curl
