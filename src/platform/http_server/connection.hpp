#pragma once

#include <string>
#include <string_view>

#include <boost/smart_ptr/intrusive_ptr.hpp>
#include <boost/smart_ptr/intrusive_ref_counter.hpp>

#include "platform/http_server/core.hpp"
#include "platform/http_server/request_reader.hpp"

namespace watchbell::http {

/// One client's connection, from accept to close: reads a request, has it answered, writes the answer, and again.
///
/// It is driven by callbacks, because this is the hot path: a request that Handler::answer_now answers costs one epoll event, two recvs and one
/// send, no coroutine frame, no allocation and no timer operation. Only Handler::handle runs as a coroutine.
/// - Reads go through async_read_some, which tries before it waits: Boost 1.81's Asio takes only the end of the stream for a drained socket, so that after an
///   answer one recv fails (0.3 us) before epoll is asked. A try of our own would add another.
/// - Writes are tried at once, and wait for epoll only when the socket is full.
/// - While a request is answered nothing is read, so pipelined requests wait in the kernel and are answered in order. After a few the other connections
///   have their turn.
/// - There is one timer. It may be armed for an earlier time than the deadline: it then looks and sleeps on, so that moving an idle
///   connection's deadline costs nothing a request.
/// - The last answer is followed by a shutdown of our side and a bounded drain of theirs: closing with unread bytes would send a reset,
///   and the client would lose the answer.
///
/// Each operation under way holds a reference, and an answer that is held does; when the last is gone the object goes. Loop-only.
class Connection final : public Core::Member, public boost::intrusive_ref_counter<Connection, boost::thread_unsafe_counter> {
 public:
  using Ptr = boost::intrusive_ptr<Connection>;
  Connection(Core& core, Socket socket, std::string peer_address);
  ~Connection() override;

  void start();
  /// Closes when idle; otherwise the answer at hand is the last.
  void stop() override;
  void cut() override { close(); }

 private:
  enum class Phase { reading, handling, holding, writing, lingering, closed };
  struct OnRead;
  struct OnWritten;

  void read();
  void on_read(boost::system::error_code error, std::size_t bytes);
  void proceed();
  void proceed_later();
  bool answer();
  void send_continue();
  static awaitable<void> run_handler(Ptr self);
  bool send_answer();
  void build_answer(std::string_view body);
  bool write();
  void on_written(boost::system::error_code error, std::size_t bytes);
  bool answered();
  bool within_budget();
  void refuse(int status, std::string_view reason);
  void plain_fault();
  void begin_upgrade();
  void linger();
  void fail();
  void close();
  void set_deadline(std::chrono::milliseconds from_now);
  void set_deadline(Monotonic at);
  void no_deadline() noexcept { deadline_ = Monotonic::max(); }
  void on_timer();

  Socket socket_;
  const std::string peer_;
  RequestReader reader_;
  Response response_;
  Phase phase_ = Phase::reading;
  bool read_pending_ = false;
  bool served_ = false;         // a request was answered: waiting for the next is idling, not a slow head
  bool head_started_ = false;   // the deadline of the head is set
  bool last_ = false;           // this answer ends the connection
  std::string out_;             // head of the answer, and its body when that is short
  std::string_view out_body_;   // the rest of the answer
  std::size_t out_sent_ = 0;    // of both
  std::size_t lingered_ = 0;
  Ptr held_;                    // itself, while its answer is held and no operation is under way
  std::size_t buffered_ = 0;    // this connection's part of core_.buffered
  async::Timer timer_;
  Monotonic timer_at_{};        // when timer_ fires, while armed
  Monotonic deadline_ = Monotonic::max();
  Monotonic now_{};             // when the answer at hand was begun
};

/// Reason phrase of a status; empty for one that has none registered.
std::string_view reason_phrase(int status) noexcept;

}  // namespace watchbell::http
