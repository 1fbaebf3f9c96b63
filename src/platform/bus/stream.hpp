#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Messages of any length over a Bus, in one ordered stream a sender whose gaps are seen. Pure.
///
/// A frame is "SENDER NUMBER PART PARTS\n" and a piece of the message. SENDER is [A-Za-z0-9-]{1,64} and never used again by another process; NUMBER counts
/// the frames of a sender from 1.
namespace watchbell::bus {

/// Cuts what one process sends.
class Outgoing {
 public:
  /// REQUIRES a name as above; a frame has room for at least 160 bytes.
  Outgoing(std::string sender, std::size_t most_bytes);
  /// The frames of one message, cut between characters.
  std::vector<std::string> frames(std::string_view message);

 private:
  std::string sender_;
  std::size_t most_bytes_;
  std::uint64_t number_ = 0;
};

/// Puts together what all of them send.
class Incoming {
 public:
  struct Heard {
    std::string sender;                  ///< empty for what is no frame
    std::optional<std::string> message;  ///< a whole one
    bool gap = false;                    ///< something that this sender sent before was never heard
  };
  /// One frame. What came already is passed over; a sender is known from its first frame on, whatever number that has.
  Heard take(std::string_view frame);
  /// Forgets everybody: what was sent meanwhile was not heard, and whoever relied on it has been told.
  void reset() { senders_.clear(); }

 private:
  static constexpr std::size_t kMostSenders = 1024;
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of one message
  struct Sender {
    std::uint64_t last = 0;
    std::uint64_t next_part = 1;
    std::string begun;
  };
  std::map<std::string, Sender, std::less<>> senders_;
};

}  // namespace watchbell::bus
