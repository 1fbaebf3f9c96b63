#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.hpp"

/// Signals as processes tell each other of them. Pure.
///
/// A text is lines of "KIND ID USERS BODY\n": KIND a word below; ID of the signal, or "-"; USERS the 16 bytes of each in base64url, or "-"; BODY the payload, or what
/// it is read by, or nothing.
namespace watchbell::signals {

/// One line of it. Its views are of the text it was taken from.
struct Line {
  enum class Kind {
    all,      ///< a message to the audience of the signal; the payload is empty when it was too long
    users,    ///< a message to users, likewise
    read,     ///< the same, whose payload each process reads by `body`
    rights,   ///< sockets of `users` prove again who they are
    refetch,  ///< something could not be told: every socket is to read everything again
  };
  Kind kind = Kind::all;
  std::string_view id;
  std::vector<UserId> users;
  std::string_view body;
};

/// Users of a line at most: their text is written and read in some 20 us. A longer list takes several lines.
constexpr std::size_t kMostOfLine = 512;
/// A text that is longer is none.
constexpr std::size_t kMostOfText = std::size_t{2} << 20;

/// Appends a line. REQUIRES that `id`, `users` and `body` are as take_line() takes them.
void append_line(std::string& text, Line::Kind kind, std::string_view id, std::span<const UserId> users, std::string_view body);

/// Takes the first line off; nothing, and the text as it was, when it does not read.
std::optional<Line> take_line(std::string_view& text);

/// Whether a payload may go out to browsers as it is: a JSON object, or empty.
bool is_payload(std::string_view body);

}  // namespace watchbell::signals
