#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace watchbell::app {

/// What `watchbell notify` was told to send.
struct Notice {
  std::string server;    ///< "https://bell.example", where the server answers
  std::string key_file;  ///< empty: the key is in WATCHBELL_API_KEY
  std::vector<std::string> users;
  std::vector<std::string> groups;  ///< exactly one of the two lists holds something
  std::string title;
  std::string body;  ///< "-" is standard input
  std::string importance;
  std::string action_label;  ///< empty with action_url: no button
  std::string action_url;
  std::vector<std::tuple<std::string, std::string, std::string>> subjects;  ///< kind, id and name of what it is about
  std::string collapse_key;                                                   ///< empty: none
  std::string idempotency_key;                                                ///< empty: none
  std::int64_t timeout_seconds = 0;
};

/// How `watchbell notify` ends. Scripts rely on the numbers.
enum class NotifyExit {
  accepted = 0,
  wrong_use = 2,  ///< nothing was sent: the arguments, the key or the body cannot be used
  refused = 3,    ///< the server will not take it, and not the next time either
  not_now = 4,    ///< not reached, no answer, or the server cannot take it now: trying again may help
};

/// Whether an argument holds an API key, which everybody on the machine could read in the list of processes.
bool holds_key(std::string_view argument) noexcept;

/// Sends through a running server, and says on standard output how many were told, or one sentence on standard error. The exit code.
/// @param environment  null-terminated, "NAME=value"
int notify(Notice notice, char* const* environment);

}  // namespace watchbell::app
