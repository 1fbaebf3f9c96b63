#pragma once

#include <map>
#include <memory>

#include "async/timer_wheel.hpp"
#include "domains/notification/delivery.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/crypto/reencryption.hpp"
#include "runtime/access/principal.hpp"

namespace watchbell::notification {

/// Messages for one user that must reach him whatever his switches say, such as a way back into his account: straight out over his channels, without a row
/// in his inbox. What is accepted is a send with a delivery for each channel, as all are: it outlives a kill, is tried by the schedule, and its tries are
/// recorded. What it says is sealed while it is on its way and erased once its last delivery has ended. Loop-only, but for reencrypt().
class Transactional {
 public:
  /// How long a sender is kept waiting for the first try of each channel.
  static constexpr std::chrono::seconds kPatience{30};

  /// Hears of every try that `deliveries` records.
  Transactional(sql::Database& database, Changes& changes, async::TimerWheel& wheel, const crypto::Keyring& keyring, Deliveries& deliveries);

  /// Waits for the first try of every channel; the answer says what each came to. One that has not been tried by then, or is to be tried again, is no
  /// success yet. An unknown user is no error but a result. ErrorCode::bad_request when the button leads nowhere; within 24 hours a key sends once and
  /// answers the same, ErrorCode::conflict for another body under it; ErrorCode::unavailable when too much waits.
  awaitable<Result<TransactionalSent>> send(access::PrincipalPtr sender, SendTransactional input);
  /// The same for other domains, which do not wait. Nothing happens when there is no such user.
  /// @param expires_at  from when on it is of no use
  awaitable<Result<void>> accept(std::string sender, UserId user, TransactionalMessage message, std::string key, Timestamp expires_at);

  /// Seals what is on its way under the primary key.
  static crypto::Reencryption reencrypt(sql::Session& session, const crypto::Keyring& keyring);

 private:
  struct Order;
  /// Who waits for a send.
  struct Waiting {
    explicit Waiting(Executor executor) : tried(executor) {}
    std::size_t tries = 0;
    bool late = false;
    async::Event tried;
  };
  Result<std::optional<DispatchId>> put(Change& change, const Order& order) const;
  awaitable<Result<TransactionalSent>> wait(DispatchId dispatch);
  std::string hash_of(const Order& order) const;

  sql::Database& database_;
  Changes& changes_;
  async::TimerWheel& wheel_;
  const crypto::Keyring& keyring_;
  Deliveries& deliveries_;
  std::string hash_key_;
  std::multimap<DispatchId, Waiting*> waiting_;
};

}  // namespace watchbell::notification
