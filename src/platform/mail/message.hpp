#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/timestamp.hpp"

/// Mails as bytes: Internet Message Format (RFC 5322) and MIME. Pure functions, Thread-safe.
namespace watchbell::mail {

/// Somebody with a mailbox. The address is plain ASCII (RFC 5321 without SMTPUTF8), the name any text or empty.
struct Mailbox {
  std::string address;
  std::string name;
};

/// A mail that a program writes.
struct Message {
  Mailbox from;
  Mailbox to;
  std::string subject;
  Timestamp date;
  std::string id;      ///< of Message-ID, without angle brackets
  std::string thread;  ///< the id that all mails of a thread refer to, never itself a mail; empty: it stands alone
  bool urgent = false;
  std::string unsubscribe_url;  ///< RFC 2369, and RFC 8058 when it is https: a POST there is enough. Empty: none
  std::string text;  ///< UTF-8
  std::string html;  ///< UTF-8
};

/// Whether it may stand in a command and in a header as it is: one "@", printable ASCII without blanks and without `<>()[],;:\"`, at most 254 bytes.
bool is_address(std::string_view text) noexcept;

/// The host part of an address. REQUIRES is_address.
std::string_view domain_of(std::string_view address) noexcept;

/// Text as the value of a header: as it is when it is short printable ASCII, else encoded words (RFC 2047) on lines of at most 76 bytes. Control characters
/// become blanks, so that no text makes a header of its own. REQUIRES valid UTF-8.
std::string header_text(std::string_view text);

/// The whole mail, lines ended by CRLF and none over 998 bytes: multipart/alternative of the text and the HTML, both base64; marked as written by a program
/// (RFC 3834), so that nothing answers it by itself. ErrorCode::bad_request for an address or id that may not stand in a header.
Result<std::string> compose(const Message& message);

}  // namespace watchbell::mail
