#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/intrusive/list.hpp>
#include <boost/system/error_code.hpp>

#include "base/clock.hpp"
#include "platform/redis/reply_reader.hpp"

namespace watchbell::redis {

class Pipeline;

/// Some commands whose replies somebody waits for. Its owner keeps it, and may destroy it at any time: what was not written is not sent then, and
/// replies that still come are read and dropped. Loop-only.
class Call : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  /// @param bytes     the commands as encode() makes them
  /// @param commands  how many they are
  Call(std::string bytes, std::size_t commands, Monotonic deadline) : bytes_(std::move(bytes)), commands_(commands), deadline_(deadline) {}
  virtual ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  std::size_t commands() const noexcept { return commands_; }
  std::size_t bytes() const noexcept { return bytes_.size(); }
  Monotonic deadline() const noexcept { return deadline_; }
  /// Set once, by finish().
  std::optional<Outcome<std::vector<Reply>>> outcome;

  /// Takes the call out of where it waits and ends it. Nothing when it has ended already.
  void finish(Outcome<std::vector<Reply>> with);
  /// Takes it out alone: it will not be finished by its pipeline any more.
  void leave() noexcept;
  /// Those that have come so far.
  const std::vector<Reply>& replies_so_far() const noexcept { return replies_; }

 protected:
  /// The outcome is there. May destroy the call only later.
  virtual void on_finished() noexcept = 0;

 private:
  friend class Pipeline;
  std::string bytes_;
  std::size_t commands_;
  Monotonic deadline_;
  Pipeline* pipeline_ = nullptr;
  void* sent_ = nullptr;  // its Sent, once written
  std::vector<Reply> replies_;
};

/// The protocol of one connection without its socket: commands of many calls go out in batches, replies come back in order and each finds its call.
/// Commands must give one reply each (no SUBSCRIBE, MONITOR, CLIENT REPLY). Loop-only.
class Pipeline {
 public:
  explicit Pipeline(const ReplyLimits& limits) : reader_(limits) {}
  /// Calls that still wait must have been failed.
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  /// REQUIRES at least one command.
  void submit(Call& call);
  bool has_output() const noexcept { return !queued_.empty(); }
  struct Batch {
    std::string bytes;
    std::size_t commands = 0;
  };
  /// Everything submitted since the last time, to be written as it is. From here on replies are expected, whoever still waits for them.
  Batch take_output();
  /// Takes in what came and finishes calls. An error ends the connection; why() says more. Calls that wait then are for fail() to end.
  boost::system::error_code receive(std::string_view bytes);
  const std::string& why() const noexcept { return why_; }
  /// Ends all calls.
  void fail(boost::system::error_code error);

  /// The deadline of the call whose reply is expected next, also when its caller has gone.
  std::optional<Monotonic> oldest_deadline() const noexcept;
  /// Commands not yet written or not yet answered.
  std::size_t outstanding() const noexcept { return outstanding_; }
  std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  /// Replies whose caller had gone.
  std::uint64_t discarded() const noexcept { return discarded_; }
  /// Replies of all.
  std::uint64_t received() const noexcept { return received_; }

 private:
  friend class Call;
  struct Sent {
    Call* call;  // null once the caller has gone
    std::size_t commands;
    std::size_t answered;
    Monotonic deadline;
  };
  void leave(Call& call) noexcept;

  ReplyReader reader_;
  boost::intrusive::list<Call, boost::intrusive::constant_time_size<false>> queued_;
  std::deque<Sent> sent_;  // elements stay where they are while others come at the back and go at the front
  std::size_t outstanding_ = 0;
  std::size_t queued_bytes_ = 0;
  std::uint64_t discarded_ = 0;
  std::uint64_t received_ = 0;
  std::string why_;
};

}  // namespace watchbell::redis
