#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/timer_wheel.hpp"
#include "domains/notification/channels/channel.hpp"
#include "runtime/limits/bucket_table.hpp"

namespace watchbell::notification {

/// How often deliveries go out. Each takes a token of several buckets: those of its channel's provider, which count by a bot, a chat or a webhook, and those an
/// operator set for all hosts and channels. One that finds no token waits in the bucket's line, without a place among those that run and without a try. A line
/// is the jobs that are held for it and one timer: for each token it calls one, the most urgent and of those the oldest, and who was not called takes none
/// before them. So ten thousand that wait cost one number, and come one by one. What buckets count by may be a secret: they are known by a keyed digest of it,
/// under a key that no other process has. Loop-only.
class DeliveryRates {
 public:
  struct Options {
    std::optional<limits::Rate> per_channel{};  ///< of deliveries over one channel; nothing: no such limit
    std::optional<limits::Rate> per_host{};
  };
  struct Bucket {
    limits::BucketKey key;
    limits::Rate rate;
  };
  /// What a delivery waits for that found no token.
  struct Wait {
    std::string line;               ///< what its job is to be held for; empty when there are kMostLines lines already
    std::chrono::nanoseconds time;  ///< until there is a token, at the earliest
  };
  static constexpr std::size_t kMostLines = 10'000;
  /// Whoever was called and has not come by then is not waited for.
  static constexpr std::chrono::seconds kComesWithin{10};

  /// The wheel must outlive it.
  DeliveryRates(async::TimerWheel& wheel, Options options);

  /// Those of one delivery, the narrowest first.
  std::vector<Bucket> buckets(const channels::Channel& channel, std::string_view admin_config, std::string_view user_config,
                              std::span<const std::string> hosts) const;

  /// A delivery, from when its job runs until it goes out or away. One that was called and does not go out leaves its token to the next, a turn later:
  /// what made it go away may be there for all who wait.
  class [[nodiscard]] Visit {
   public:
    Visit(DeliveryRates& rates, std::string line) : rates_(&rates), line_(std::move(line)) {}
    Visit(Visit&& other) noexcept : rates_(std::exchange(other.rates_, nullptr)), line_(std::move(other.line_)) {}
    Visit& operator=(Visit&&) = delete;
    ~Visit() {
      if (rates_ != nullptr) rates_->left(line_, false);
    }
    /// A token of each bucket; or of none. At most once.
    std::expected<void, Wait> take(std::span<const Bucket> buckets) { return std::exchange(rates_, nullptr)->take(buckets, line_); }

   private:
    DeliveryRates* rates_;
    std::string line_;
  };
  /// @param held_for  what the job was held for, a line of this or whatever else
  Visit visit(std::string held_for) { return {*this, std::move(held_for)}; }

  /// A token of each bucket, whoever waits for one; or none, and how long until there are.
  std::chrono::nanoseconds take_at_once(std::span<const Bucket> buckets);

  /// Who lets a job go that is held for a line. False when none is there (yet).
  void on_call(std::function<bool(std::string_view line)> call) { call_ = std::move(call); }
  static bool is_line(std::string_view held_for) noexcept { return held_for.starts_with(kPrefix); }
  /// Jobs that were called before they were held; asked when one is.
  std::size_t room(std::string_view line);

  std::size_t lines() const noexcept { return lines_.size(); }

 private:
  static constexpr std::string_view kPrefix = "rate/";  // no host begins so
  static constexpr std::size_t kBuckets = std::size_t{1} << 15;

  struct Line {
    explicit Line(Bucket b, std::function<void()> turn) : bucket(b), timer(std::move(turn)) {}
    Bucket bucket;
    std::size_t waiting = 0;
    std::size_t called = 0;  ///< of them
    std::size_t missed = 0;  ///< of those, that were not there yet
    Monotonic called_at{};   ///< the last one
    Monotonic next_call{};   ///< not before
    async::Timer timer;
  };
  using Lines = std::map<std::string, Line, std::less<>>;

  limits::BucketKey key_of(std::string_view kind, std::string_view of) const;
  static std::string name_of(limits::BucketKey key);
  std::expected<void, Wait> take(std::span<const Bucket> buckets, const std::string& line);
  /// The line that a delivery is to wait in, with it in it.
  std::string join(const Bucket& bucket);
  /// One that waited in the line is there no more; nothing happens when there is no such line.
  void left(std::string_view line, bool went_out);
  /// Calls as many as there are tokens for, and sets when to look again.
  void look(Lines::iterator at);

  async::TimerWheel& wheel_;
  Options options_;
  std::string secret_;
  limits::BucketTable table_;
  std::function<bool(std::string_view)> call_;
  Lines lines_;
};

}  // namespace watchbell::notification
