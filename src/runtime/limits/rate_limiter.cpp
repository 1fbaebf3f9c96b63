#include "runtime/limits/rate_limiter.hpp"

#include <bit>

#include "base/random.hpp"

namespace watchbell::limits {
namespace {

std::uint64_t word_of(std::span<const std::uint8_t> bytes) noexcept {
  std::uint64_t word = 0;
  for (const auto byte : bytes) word = word << 8 | byte;
  return word;
}

}  // namespace

BucketKey client_key(std::string_view address) noexcept {
  // A link-local address comes with the interface it was seen on.
  const auto parsed = net::Address::parse(address.substr(0, address.find('%')));
  if (!parsed) return {.high = 0, .low = 0};
  const auto plain = parsed->unmapped();
  if (plain.is_v4()) return {.high = word_of(plain.bytes()), .low = 4};
  return {.high = word_of(plain.bytes().first(8)), .low = 6};
}

RateLimiter::RateLimiter(Options options, std::uint64_t seed)
    : options_(options),
      principals_(options.buckets, Random(seed)()),
      addresses_(options.address ? options.buckets : 0, Random(seed + 1)()),
      doors_(options.sign_in ? options.buckets : 0, Random(seed + 2)()) {}

Result<void> RateLimiter::address(std::string_view client, Monotonic now) {
  if (!options_.address) return {};
  return judge(Limit::address, addresses_.take(client_key(client), *options_.address, now));
}

Result<void> RateLimiter::principal(const access::Principal& principal, Monotonic now) { return judge(Limit::principal, take(principal, now)); }

bool RateLimiter::takes_principal(const access::Principal& principal, Monotonic now) { return !take(principal, now); }

// How long to wait for a token, when there is none.
std::optional<std::chrono::nanoseconds> RateLimiter::take(const access::Principal& principal, Monotonic now) {
  using Kind = access::Principal::Kind;
  if (principal.kind != Kind::user && principal.kind != Kind::application) return std::nullopt;
  auto rate = options_.principal;
  if (const auto& own = principal.rate_limit; own && own->per_second > 0 && own->burst > 0) rate = Rate::per_second(own->per_second, own->burst);
  if (!rate) return std::nullopt;
  const auto& bytes = principal.id.bytes();
  return principals_.take({.high = word_of(std::span(bytes).first(8)), .low = word_of(std::span(bytes).last(8))}, *rate, now);
}

Result<void> RateLimiter::sign_in(std::string_view client, std::uint64_t door, Monotonic now) {
  if (!options_.sign_in) return {};
  auto key = client_key(client);
  key.low |= door << 3;
  return judge(Limit::sign_in, doors_.take(key, *options_.sign_in, now));
}

Result<void> RateLimiter::judge(Limit limit, std::optional<std::chrono::nanoseconds> wait) {
  if (!wait) return {};
  ++refused_[static_cast<std::size_t>(limit)];
  return std::unexpected(Error{.code = ErrorCode::too_many_requests,
                               .message = "Too many requests. Please try again later.",
                               .retry_after = std::chrono::ceil<std::chrono::seconds>(*wait)});
}

}  // namespace watchbell::limits
