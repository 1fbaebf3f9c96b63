#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace watchbell::mail {

/// What an SMTP server answered to a command.
struct Reply {
  int code = 0;      ///< 200 to 599
  std::string text;  ///< of its last line, fit to be shown: printable, at most 200 bytes
};

/// Takes a server's bytes and gives its replies (RFC 5321, 4.2), which may have several lines. Loop-only.
class ReplyReader {
 public:
  static constexpr std::size_t kMaxReply = 16 * 1024;

  void feed(std::string_view bytes) { bytes_.append(bytes); }
  /// The next reply, once it is there as a whole.
  std::optional<Reply> take();
  /// What came is no reply, or longer than one may be; nothing is given any more.
  bool broken() const noexcept { return broken_; }
  /// Whether nothing stands before the next reply.
  bool idle() const noexcept { return bytes_.empty(); }

 private:
  std::string bytes_;
  bool broken_ = false;
};

/// The code at the head of a line of a reply, or nothing when it is none.
std::optional<int> code_of(std::string_view line) noexcept;
/// Text of a server's, fit to be shown.
std::string shown(std::string_view text);

}  // namespace watchbell::mail
