#include "runtime/rpc/etag.hpp"

#include "base/text.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::rpc {

std::string etag_of(std::string_view bytes) { return '"' + crypto::sha256_hex(bytes).substr(0, 32) + '"'; }

bool names_etag(std::string_view if_none_match, std::string_view tag) {
  std::string_view rest = trim(if_none_match);
  if (rest == "*") return true;
  while (!rest.empty()) {
    if (rest.starts_with("W/")) rest.remove_prefix(2);
    // A comma may stand inside a tag, so a tag ends at its quote.
    const auto close = rest.starts_with('"') ? rest.find('"', 1) : std::string_view::npos;
    if (close == std::string_view::npos) return false;
    if (rest.substr(0, close + 1) == tag) return true;
    rest = trim(rest.substr(close + 1));
    if (!rest.empty() && rest.front() != ',') return false;
    while (rest.starts_with(',')) rest = trim(rest.substr(1));
  }
  return false;
}

}  // namespace watchbell::rpc
