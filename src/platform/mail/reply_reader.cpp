#include "platform/mail/reply_reader.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace watchbell::mail {

std::optional<int> code_of(std::string_view line) noexcept {
  const auto digit = [&](std::size_t i) { return line[i] >= '0' && line[i] <= '9'; };
  if (line.size() < 3 || !digit(0) || !digit(1) || !digit(2) || line[0] < '2' || line[0] > '5') return std::nullopt;
  if (line.size() > 3 && line[3] != ' ' && line[3] != '-') return std::nullopt;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

std::string shown(std::string_view text) {
  std::string out(trim(text.substr(0, 200)));
  std::ranges::replace_if(out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

std::optional<Reply> ReplyReader::take() {
  if (broken_) return std::nullopt;
  std::size_t begin = 0;
  std::optional<int> code;
  while (true) {
    const auto end = bytes_.find('\n', begin);
    if (end == std::string::npos) {
      broken_ = bytes_.size() > kMaxReply;
      return std::nullopt;
    }
    std::string_view line(bytes_.data() + begin, end - begin);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const auto found = code_of(line);
    if (!found || (code && *code != *found) || end > kMaxReply) {
      broken_ = true;
      return std::nullopt;
    }
    code = found;
    if (line.size() == 3 || line[3] == ' ') {
      Reply reply{.code = *code, .text = shown(line.size() > 4 ? line.substr(4) : std::string_view())};
      bytes_.erase(0, end + 1);
      return reply;
    }
    begin = end + 1;
  }
}

}  // namespace watchbell::mail
