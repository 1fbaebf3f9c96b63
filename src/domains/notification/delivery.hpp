#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "async/pause.hpp"
#include "base/random.hpp"
#include "domains/notification/channel_settings.hpp"
#include "domains/notification/delivery_rates.hpp"
#include "domains/notification/host_circuits.hpp"
#include "domains/notification/host_gate.hpp"
#include "domains/notification/oauth_links.hpp"
#include "platform/crypto/keyring.hpp"
#include "runtime/jobs/job.hpp"

namespace watchbell::notification {

/// A user as his account has him, if there is one; from the same domain, inside the caller's transaction.
using FindUser = std::function<std::optional<channels::Recipient>(sql::Session&, const UserId&)>;

/// The queues of this domain.
inline constexpr std::string_view kDispatchQueue = "dispatch";
inline constexpr std::string_view kDeliveryQueue = "delivery";

/// Takes notifications out over channels: one job a delivery, tried until it is delivered, refused or dead, each try recorded. A try that
/// a dying process did not record is repeated under the same key. What is not critical waits while its user wants quiet; for users of a digest the first
/// delivery collects those that come while it waits, and all of them go out as one message, by its job and under its key, and end as it does. Loop-only.
class Deliveries {
 public:
  struct Options {
    std::string base_url;       ///< no trailing slash
    std::size_t per_host = 64;  ///< requests to one host at a time
    DeliveryRates::Options rates{};
    std::uint64_t seed = 1;     ///< of the jitter
    std::int64_t hurry = 1;     ///< for tests: pauses between tries are so many times shorter
    /// A link that switches the channel off for the user; none where it is not set.
    std::function<std::string(const UserId&, std::string_view strategy_id)> leave_url{};
    /// Makes the settings of a linked channel usable (OAuthLinks::renew). Where it is not set, they are used as they are.
    std::function<awaitable<Renewed>(const channels::Channel&, UserId, std::string admin_config, std::string used, bool refused)> renew{};
  };
  Deliveries(sql::Database& database, Changes& changes, async::TimerWheel& wheel, async::PausePoints& pauses, const crypto::Keyring& keyring,
             const ChannelSettings& channels, FindUser find_user, Options options);

  const ChannelSettings& channels() const noexcept { return channels_; }

  /// How many more deliveries a host or a rate takes now, and who is told when it takes one more: for the queue, which keeps the jobs that wait for it.
  std::size_t room(std::string_view held_for) { return DeliveryRates::is_line(held_for) ? rates_.room(held_for) : gate_.room(held_for); }
  void on_room(const std::function<bool(std::string_view held_for)>& told) {
    gate_.on_room([told](std::string_view host) { told(host); });
    rates_.on_call(told);
  }

  /// One try of the delivery that the job names. Outcome::hold while its host is full, or until there is a token for it.
  awaitable<jobs::Outcome> run(jobs::Job job);
  /// Deliveries whose jobs the queue gave up, as they were running whenever the process died: that was one failed try, and they go on by the schedule, or
  /// are dead.
  awaitable<Result<void>> take_up();

  /// Sends a sample to the user over one channel, whatever his own switch says; nothing is stored and nothing repeated. What is to be expected to go
  /// wrong is in the result; which servers are asked is told to who sets them.
  /// @param administrator  whether the user may set servers up
  awaitable<Result<TestResult>> test(UserId user, std::string strategy_id, bool administrator);

  /// A channel that may carry what opens an account, and why a user is not reached over it whatever his own switch says; empty when he is.
  struct Candidate {
    std::string strategy_id;
    std::string missing;
  };
  /// Those that are switched on, in the order of the registry; nothing for an unknown user. Any thread.
  std::optional<std::vector<Candidate>> candidates(sql::Session& session, const UserId& user) const;
  /// Called with the send whose transactional delivery was tried, when that is recorded.
  void on_tried(std::function<void(const DispatchId&)> told) { on_tried_ = std::move(told); }
  /// What a transactional message is sealed with.
  static std::string aad_of(const DispatchId& dispatch);

  /// The job of a delivery that is so important, and its payload.
  static jobs::NewJob job(Importance importance);
  static std::string payload_of(const DeliveryId& id);

 private:
  /// When its user wants to be told over a channel, where that is heeded.
  struct Times {
    std::int64_t digest_minutes = 0;
    std::optional<Timestamp> quiet_until{};
  };
  /// A way out, ready to be taken; or the reason why there is none.
  struct Way {
    const channels::Channel* channel = nullptr;
    std::string admin_config{};
    std::string user_config{};
    channels::Recipient recipient{};
    std::string missing{};
    bool off = false;  ///< the reason is that an administrator has it switched off
    Times times{};
  };
  struct Prepared {
    Delivery delivery;
    Way way;
    std::vector<std::string> reached;
  };
  /// What one read found of the channels so far, which is the same for all that it looks up.
  struct ChannelNow {
    std::optional<bool> enabled{};
    std::optional<std::optional<std::string>> admin_config{};
  };
  using ChannelsNow = std::map<const channels::Channel*, ChannelNow>;
  /// Deliveries that are looked up together.
  struct Look;
  /// Whether it is a delivery's turn.
  struct Turn {
    std::optional<std::chrono::milliseconds> after{};  ///< not before this much later
    bool joined = false;                               ///< another one takes it along
    std::vector<Delivery> with{};                      ///< all that go out as one message, itself among them
  };
  static bool may_have_to_wait(const Delivery& delivery, const Times& times);
  static Turn take_turn(Change& change, const Delivery& delivery, const Times& times);
  Message said(const Delivery& delivery, const std::vector<Delivery>& with) const;
  /// Opens what is sealed; or why it must not go out any more.
  std::optional<std::string> open(Delivery& delivery) const;
  Way find_way(sql::Session& session, ChannelsNow& channels, std::string_view strategy_id, const UserId& user, bool heed_switch) const;
  /// What there is to each of the ids, in their order; nothing where there is no such delivery.
  std::vector<std::optional<Prepared>> look_up(sql::Session& session, std::span<const DeliveryId> ids) const;
  /// The same for one, by a read that it shares with all that ask in the same turn of the loop: what jobs are taken together costs one.
  awaitable<Result<std::optional<Prepared>>> prepare(DeliveryId id);
  Message with_absolute_urls(Message message) const;
  /// Up to half as long again, so that those who wait do not come back together.
  std::chrono::milliseconds spread(std::chrono::milliseconds wait);
  /// Where it stands after a try, its pause shortened for tests.
  rules::Settled settle(const rules::Verdict& verdict, int tried, double unit) const;
  /// Writes down what a try came to and, by the same commit, what becomes of its job.
  /// @param with  all that went out with it, itself among them
  /// @param used  the user's settings that the try went by
  awaitable<Result<rules::Settled>> record(jobs::Job job, Delivery delivery, std::vector<Delivery> with, rules::Verdict verdict, Timestamp at, std::chrono::milliseconds took,
                                           std::string used);

  /// One try over a channel. A linked one's token is renewed before when it has ended, and once more when the provider refuses it.
  awaitable<rules::Verdict> send_over(const channels::Channel& channel, UserId user, channels::Outgoing outgoing, std::string admin_config, std::string user_config);

  /// Forgets what a try that leaves no row found to be no more.
  awaitable<void> forget(UserId user, std::string strategy_id, std::vector<std::string> ended);

  sql::Database& database_;
  Changes& changes_;
  const Clock& clock_;
  async::PausePoints& pauses_;
  const crypto::Keyring& keyring_;
  const ChannelSettings& channels_;
  FindUser find_user_;
  Options options_;
  Random random_;
  HostGate gate_;
  HostCircuits circuits_;
  DeliveryRates rates_;
  std::shared_ptr<Look> next_look_;  ///< takes more
  std::function<void(const DispatchId&)> on_tried_;
};

}  // namespace watchbell::notification
