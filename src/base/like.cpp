#include "base/like.hpp"

#include "base/text.hpp"

namespace watchbell {

std::string like_containing(std::string_view text) {
  std::string pattern = "%";
  for (const char c : ascii_lower(text)) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern + "%";
}

}  // namespace watchbell
