#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>
#include <boost/intrusive/list.hpp>

#include "async/event.hpp"
#include "async/task_scope.hpp"
#include "async/timer_wheel.hpp"
#include "platform/http_server/server.hpp"

namespace watchbell::http {

/// A socket that names the loop's executor, which spares Asio's type-erased one.
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;

/// What a server's connections and websockets share. Outlives them all. Loop-only.
struct Core {
  using Hook = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

  /// Something that keeps the server from ending; in its list from construction to destruction.
  class Member : public Hook {
   public:
    explicit Member(Core& core) : core_(core) { ++core.members; }
    virtual ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    /// Ends soon, after what is running now.
    virtual void stop() = 0;
    /// Ends at once.
    virtual void cut() = 0;

   protected:
    Core& core_;
  };
  using Members = boost::intrusive::list<Member, boost::intrusive::constant_time_size<false>>;

  Core(Executor executor, async::TimerWheel& timer_wheel, Handler& request_handler, Server::Options server_options);

  /// Hands a fault to Options::on_fault.
  void report(std::string_view what, std::exception_ptr fault) const;
  Monotonic now() const noexcept { return wheel.clock().monotonic(); }
  /// "Date: ...\r\n" of RFC 9110, 6.6.1; made once a second.
  std::string_view date_line(Monotonic at);

  async::TimerWheel& wheel;
  Handler& handler;
  Server::Options options;
  async::TaskScope tasks;   // handlers and websockets
  Members connections;
  Members sockets;          // websockets
  std::size_t members = 0;  // in both lists
  std::size_t websockets = 0;
  std::size_t buffered = 0; // bytes held for bodies that stand apart from their heads
  async::Event ended;       // notified when a member has ended
  bool stopping = false;    // answers are the last of their connections
  bool cutting = false;     // the grace is over
  std::function<void()> on_room;  // called when a member has ended
  std::array<char, 16 * 1024> scratch{};  // for bytes that nobody wants

 private:
  std::string date_;
  Monotonic date_until_{};
};

}  // namespace watchbell::http
