#include "domains/notification/channels/http_channel.hpp"

#include <algorithm>
#include <cmath>

#include "base/text.hpp"

namespace watchbell::notification::channels {

http::ClientRequest post(std::string url, const boost::json::value& body) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = boost::json::serialize(body);
  // No answer worth reading is longer, and a longer one is no reason to try again.
  request.max_response_bytes = std::size_t{16} * 1024;
  request.truncate_large = true;
  request.policy = net::EgressPolicy::channel;
  return request;
}

void authorize(http::ClientRequest& request, std::string_view bearer) { request.headers.emplace_back("Authorization", "Bearer " + std::string(bearer)); }

std::string joined(std::string_view base, std::string_view path) {
  if (base.ends_with('/')) base.remove_suffix(1);
  return std::string(base).append(path);
}

std::optional<boost::json::value> member_of(std::string_view json, std::string_view pointer) {
  boost::system::error_code error;
  const auto value = boost::json::parse(json, error);
  if (error) return std::nullopt;
  const auto* found = value.find_pointer(pointer, error);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

rules::Verdict explained(rules::Verdict verdict, const http::ClientResponse& answer, std::string_view pointer) {
  if (verdict.kind == rules::Verdict::Kind::delivered) return verdict;
  const auto said = member_of(answer.body, pointer);
  if (!said || !said->is_string()) return verdict;
  std::string text(utf8_prefix(std::string_view(said->get_string()), 200));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  if (!trim(text).empty()) verdict.reason += ": " + text;
  return verdict;
}

rules::Verdict timed(rules::Verdict verdict, const http::ClientResponse& answer, std::string_view pointer) {
  if (verdict.kind != rules::Verdict::Kind::retry || verdict.retry_after) return verdict;
  const auto said = member_of(answer.body, pointer);
  if (!said || !said->is_number()) return verdict;
  const double seconds = said->to_number<double>();
  constexpr auto longest = std::chrono::seconds(rules::kRetryAfterMax);
  if (seconds > 0)
    verdict.retry_after = seconds < static_cast<double>(longest.count()) ? std::chrono::seconds(static_cast<std::int64_t>(std::ceil(seconds))) : longest;
  return verdict;
}

}  // namespace watchbell::notification::channels
