#include "domains/notification/delivery_rates.hpp"

#include <algorithm>
#include <bit>

#include <fmt/format.h>

#include "async/loop.hpp"
#include "base/random.hpp"
#include "platform/crypto/hash.hpp"
#include "platform/crypto/random.hpp"

namespace watchbell::notification {

using namespace std::chrono_literals;

namespace {

std::uint64_t word_at(std::string_view bytes, std::size_t from) noexcept {
  std::uint64_t word = 0;
  for (const char byte : bytes.substr(from, 8)) word = word << 8 | static_cast<unsigned char>(byte);
  return word;
}

}  // namespace

DeliveryRates::DeliveryRates(async::TimerWheel& wheel, Options options)
    : wheel_(wheel), options_(options), secret_(crypto::random_bytes(32)), table_(kBuckets, word_at(secret_, 0)) {}

limits::BucketKey DeliveryRates::key_of(std::string_view kind, std::string_view of) const {
  const auto digest = crypto::hmac_sha256(secret_, std::string(kind).append(1, '\0').append(of));
  return {.high = word_at(digest, 0), .low = word_at(digest, 8)};
}

std::string DeliveryRates::name_of(limits::BucketKey key) { return fmt::format("{}{:016x}{:016x}", kPrefix, key.high, key.low); }

std::vector<DeliveryRates::Bucket> DeliveryRates::buckets(const channels::Channel& channel, std::string_view admin_config, std::string_view user_config,
                                                          std::span<const std::string> hosts) const {
  std::vector<Bucket> found;
  for (const auto& allowance : channel.allowances(admin_config, user_config))
    found.push_back({.key = key_of(channel.id(), allowance.of), .rate = allowance.rate});
  if (options_.per_host)
    for (const auto& host : hosts) found.push_back({.key = key_of("host", host), .rate = *options_.per_host});
  if (options_.per_channel) found.push_back({.key = key_of("channel", channel.id()), .rate = *options_.per_channel});
  return found;
}

// Who was called for one bucket still stands behind those who wait for a wider one, or urgent ones would starve behind it there; but not behind those who
// wait for a narrower one, or two lines would send it to and fro. The narrower one may have given its token away meanwhile: then it waits there again.
std::expected<void, DeliveryRates::Wait> DeliveryRates::take(std::span<const Bucket> buckets, const std::string& line) {
  WATCHBELL_ASSERT_ON_LOOP();
  const auto now = wheel_.clock().monotonic();
  const bool waited = lines_.contains(line);
  const auto mine = waited ? std::ranges::find_if(buckets, [&](const Bucket& bucket) { return name_of(bucket.key) == line; }) : buckets.end();
  for (auto bucket = buckets.begin(); bucket != buckets.end(); ++bucket) {
    const bool behind = !lines_.empty() && (mine == buckets.end() || bucket > mine) && lines_.contains(name_of(bucket->key));
    const auto wait = table_.until(bucket->key, bucket->rate, 1, now);
    if (!behind && wait == 0ns) continue;
    Wait refused{.line = join(*bucket), .time = wait};
    left(line, false);
    return std::unexpected(std::move(refused));
  }
  for (const auto& bucket : buckets) table_.take(bucket.key, bucket.rate, now);
  left(line, mine != buckets.end());
  return {};
}

std::chrono::nanoseconds DeliveryRates::take_at_once(std::span<const Bucket> buckets) {
  const auto now = wheel_.clock().monotonic();
  std::chrono::nanoseconds wait = 0ns;
  for (const auto& bucket : buckets) wait = std::max(wait, table_.until(bucket.key, bucket.rate, 1, now));
  if (wait > 0ns) return wait;
  for (const auto& bucket : buckets) table_.take(bucket.key, bucket.rate, now);
  return wait;
}

std::string DeliveryRates::join(const Bucket& bucket) {
  std::string name = name_of(bucket.key);
  auto at = lines_.find(name);
  if (at == lines_.end()) {
    if (lines_.size() >= kMostLines) return {};
    at = lines_.try_emplace(name, bucket, [this, name] { look(lines_.find(name)); }).first;
  }
  ++at->second.waiting;
  look(at);
  return name;
}

void DeliveryRates::left(std::string_view name, bool went_out) {
  const auto at = lines_.find(name);
  if (at == lines_.end()) return;
  auto& line = at->second;
  if (line.called > 0) --line.called;
  line.missed = std::min(line.missed, line.called);
  if (--line.waiting == 0) {
    lines_.erase(at);
    return;
  }
  if (!went_out) line.next_call = wheel_.clock().monotonic() + line.bucket.rate.every;
  look(at);
}

void DeliveryRates::look(Lines::iterator at) {
  auto& [name, line] = *at;
  const auto now = wheel_.clock().monotonic();
  if (line.called > 0 && now - line.called_at >= kComesWithin) line.called = line.missed = 0;
  std::chrono::nanoseconds next = kComesWithin;
  while (line.called < line.waiting) {
    const auto token = table_.until(line.bucket.key, line.bucket.rate, static_cast<std::int64_t>(line.called) + 1, now);
    const auto turn = std::max<std::chrono::nanoseconds>(token, line.next_call - now);
    if (turn > 0ns) {
      next = line.called > 0 ? std::min<std::chrono::nanoseconds>(turn, kComesWithin) : turn;
      break;
    }
    ++line.called;
    line.called_at = now;
    if (!call_ || !call_(name)) ++line.missed;
  }
  wheel_.arm(line.timer, next);
}

std::size_t DeliveryRates::room(std::string_view name) {
  const auto at = lines_.find(name);
  if (at == lines_.end() || at->second.missed == 0) return 0;
  --at->second.missed;
  return 1;
}

}  // namespace watchbell::notification
