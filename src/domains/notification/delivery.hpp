#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "async/pause.hpp"
#include "base/random.hpp"
#include "domains/notification/channel_settings.hpp"
#include "domains/notification/host_gate.hpp"
#include "runtime/jobs/job.hpp"

namespace watchbell::notification {

/// Which of these users there are; from the domain that keeps them, inside the caller's transaction.
using ExistingUsers = std::function<std::vector<UserId>(sql::Session&, std::span<const UserId>)>;

/// The queues of this domain.
inline constexpr std::string_view kDispatchQueue = "dispatch";
inline constexpr std::string_view kDeliveryQueue = "delivery";

/// Takes notifications out over channels: one job a delivery, tried until it is delivered, refused or dead, each try recorded. A try that
/// a dying process did not record is repeated under the same key. Loop-only.
class Deliveries {
 public:
  struct Options {
    std::string base_url;             ///< no trailing slash
    std::size_t per_host = 64;        ///< requests to one host at a time
    std::uint64_t seed = 1;           ///< of the jitter
  };
  Deliveries(sql::Database& database, Changes& changes, const Clock& clock, async::PausePoints& pauses, const ChannelSettings& channels,
             ExistingUsers existing_users, Executor executor, Options options);

  /// How many more deliveries a host takes now, and who is told when it takes one more: for the queue, which keeps the jobs that wait for a host.
  std::size_t room(std::string_view host) const noexcept { return gate_.room(host); }
  void on_room(std::function<void(std::string_view host)> told) { gate_.on_room(std::move(told)); }

  /// One try of the delivery that the job names. Outcome::hold while its host is full.
  awaitable<jobs::Outcome> run(jobs::Job job);

  /// Sends a sample to the user over one channel, whatever his own switch says; nothing is stored and nothing repeated. What is to be expected to go
  /// wrong is in the result.
  awaitable<Result<TestResult>> test(UserId user, std::string strategy_id);

  /// The payload of a delivery's job, and back.
  static std::string payload_of(const DeliveryId& id);

 private:
  /// A way out, ready to be taken; or the reason why there is none.
  struct Way {
    const channels::Channel* channel = nullptr;
    std::string admin_config;
    std::string user_config;
    std::string missing;
  };
  struct Prepared {
    Delivery delivery;
    Way way;
  };
  Way find_way(sql::Session& session, std::string_view strategy_id, const UserId& user, bool heed_switch) const;
  Message with_absolute_urls(Message message) const;
  awaitable<Result<rules::Settled>> record(Delivery delivery, rules::Verdict verdict, Timestamp at, std::chrono::milliseconds took);

  sql::Database& database_;
  Changes& changes_;
  const Clock& clock_;
  async::PausePoints& pauses_;
  const ChannelSettings& channels_;
  ExistingUsers existing_users_;
  Options options_;
  Random random_;
  HostGate gate_;
};

}  // namespace watchbell::notification
