#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/result.hpp"
#include "platform/resolver/address.hpp"
#include "runtime/access/principal.hpp"
#include "runtime/limits/bucket_table.hpp"

namespace watchbell::limits {

/// The limits on how often somebody may ask, one stage each of a request's way: by address before anything is known of it, by principal when he is known,
/// and by address and door where secrets are tried. No allocation unless a request is refused. Loop-only.
class RateLimiter {
 public:
  struct Options {
    std::optional<Rate> principal;  ///< nothing: no such limit
    std::optional<Rate> address;
    std::optional<Rate> sign_in;
    std::size_t buckets = std::size_t{1} << 14;  ///< of each limit that are kept at a time; 16 bytes each
  };
  enum class Limit { principal, address, sign_in };

  /// @param seed  a secret, for the tables
  RateLimiter(Options options, std::uint64_t seed);

  /// Each counts a request that began at `now`. ErrorCode::too_many_requests, with the time to wait, when there was no token.
  Result<void> address(std::string_view client, Monotonic now);
  /// A user or an application, the latter by its own limit where it has one, whatever holds for others. Visitors and services pass.
  Result<void> principal(const access::Principal& principal, Monotonic now);
  /// The same where a refusal is not the last word: false, and nothing counted as refused, when there was no token. No allocation.
  bool takes_principal(const access::Principal& principal, Monotonic now);
  /// @param door  tells the places apart at which one may try; an address has a bucket at each
  Result<void> sign_in(std::string_view client, std::uint64_t door, Monotonic now);

  /// Requests refused by a limit.
  std::uint64_t refused(Limit limit) const noexcept { return refused_[static_cast<std::size_t>(limit)]; }

 private:
  std::optional<std::chrono::nanoseconds> take(const access::Principal& principal, Monotonic now);
  Result<void> judge(Limit limit, std::optional<std::chrono::nanoseconds> wait);

  Options options_;
  BucketTable principals_;
  BucketTable addresses_;
  BucketTable doors_;
  std::array<std::uint64_t, 3> refused_{};
};

/// Who counts as one client: an IPv4 address, or the /64 of an IPv6 one, since whoever has one address of that has all. An IPv4 address mapped into IPv6 is
/// the IPv4 one. A text that is no address counts as one client with all others of its kind.
BucketKey client_key(std::string_view address) noexcept;

}  // namespace watchbell::limits
