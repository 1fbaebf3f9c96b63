#include "domains/notification/transactional.hpp"

#include <algorithm>

#include "domains/notification/service.hpp"
#include "domains/notification/store.hpp"
#include "platform/crypto/hash.hpp"

namespace watchbell::notification {

namespace {

/// Before what is sent to many: somebody waits for it.
constexpr int kPriority = 10;

TransactionalSent to_nobody() {
  TransactionalSent answer;
  answer.results.push_back({.strategy_id = "none", .success = false, .error = "There is no such user"});
  return answer;
}

/// What the first try of a channel came to, for a sender, who knows nothing of the servers behind it.
ChannelResult result_of(const store::FirstTry& first) {
  ChannelResult result{.strategy_id = first.strategy_id, .success = first.status == AttemptStatus::success, .error = {}};
  if (result.success) return result;
  const auto& reason = first.status ? first.error_message : first.reason;
  if (!reason)
    result.error = "It is on its way: the first try has not ended yet";
  else
    result.error = rules::reason_for_reader(*reason);
  return result;
}

}  // namespace

struct Transactional::Order {
  DispatchId id;
  std::string sender;
  std::optional<std::string> key;
  UserId user;
  TransactionalMessage message;
  std::optional<Timestamp> expires_at;
};

Transactional::Transactional(sql::Database& database, Changes& changes, async::TimerWheel& wheel, const crypto::Keyring& keyring, Deliveries& deliveries)
    : database_(database),
      changes_(changes),
      wheel_(wheel),
      keyring_(keyring),
      deliveries_(deliveries),
      hash_key_(keyring.derive("notification.transactional", 32)) {
  deliveries_.on_tried([this](const DispatchId& dispatch) {
    const auto [first, last] = waiting_.equal_range(dispatch);
    for (auto it = first; it != last; ++it) {
      ++it->second->tries;
      it->second->tried.notify_all();
    }
  });
}

/// Keyed, so that nobody who reads the row can try out what it said.
std::string Transactional::hash_of(const Order& order) const {
  return crypto::hmac_sha256_hex(hash_key_, order.user.to_string() + rpc::to_json(order.message));
}

Result<std::optional<DispatchId>> Transactional::put(Change& change, const Order& order) const {
  auto& session = change.sql();
  const std::string hash = hash_of(order);
  if (order.key) {
    store::release_key(session, order.sender, *order.key, change.now() - store::kKeyLifetime);
    if (const auto earlier = store::find_key(session, order.sender, *order.key)) {
      if (earlier->body_hash != hash) return fail(ErrorCode::conflict, "This idempotency key was used with another body");
      return earlier->id;
    }
  }
  const auto ways = deliveries_.candidates(session, order.user);
  if (!ways) return std::nullopt;
  const bool sends = std::ranges::any_of(*ways, [](const auto& way) { return way.missing.empty(); });
  store::insert_transactional(session,
                              {.id = order.id,
                               .sender = order.sender,
                               .idempotency_key = order.key,
                               .body_hash = hash,
                               .importance = order.message.importance,
                               .sealed = sends ? std::optional(keyring_.seal(rpc::to_json(order.message), Deliveries::aad_of(order.id))) : std::nullopt,
                               .expires_at = order.expires_at,
                               .created_at = change.now()});
  const auto notification = NotificationId::make(change.now());
  for (const auto& way : *ways) {
    const store::NewDelivery row{.id = DeliveryId::make(change.now()), .notification_id = notification, .user_id = order.user};
    store::insert_deliveries(session, order.id, way.strategy_id, std::span(&row, 1), change.now());
    if (!way.missing.empty()) {
      store::refuse_delivery(session, row.id, way.missing, change.now());
      continue;
    }
    auto job = Deliveries::job(order.message.importance);
    job.payload = Deliveries::payload_of(row.id);
    job.priority = kPriority;
    if (auto enqueued = change.enqueues(job); !enqueued) return std::unexpected(std::move(enqueued.error()));
  }
  return order.id;
}

awaitable<Result<TransactionalSent>> Transactional::send(access::PrincipalPtr sender, SendTransactional input) {
  if (auto judged = message_of(input.notification.value); !judged) co_return std::unexpected(std::move(judged.error()));
  const auto user = UserId::parse(input.user_id.str());
  if (!user) co_return to_nobody();
  Order order{.id = DispatchId::make(wheel_.clock().now()),
              .sender = name_of(*sender),
              .key = input.idempotency_key ? std::optional(std::move(*input.idempotency_key).str()) : std::nullopt,
              .user = *user,
              .message = std::move(input.notification.value),
              .expires_at = {}};
  const auto stored = co_await changes_.run([this, order = std::move(order)](Change& change) { return put(change, order); });
  if (!stored) co_return std::unexpected(stored.error());
  if (!*stored) co_return to_nobody();
  co_return co_await wait(**stored);
}

awaitable<Result<void>> Transactional::accept(std::string sender, UserId user, TransactionalMessage message, std::string key, Timestamp expires_at) {
  Order order{.id = DispatchId::make(wheel_.clock().now()),
              .sender = std::move(sender),
              .key = std::move(key),
              .user = user,
              .message = std::move(message),
              .expires_at = expires_at};
  const auto stored = co_await changes_.run([this, order = std::move(order)](Change& change) { return put(change, order); });
  if (!stored) co_return std::unexpected(stored.error());
  co_return Result<void>();
}

awaitable<Result<TransactionalSent>> Transactional::wait(DispatchId dispatch) {
  Waiting waiting(wheel_.executor());
  struct Listed {
    std::multimap<DispatchId, Waiting*>& all;
    std::multimap<DispatchId, Waiting*>::iterator at;
    ~Listed() { all.erase(at); }
  } const listed{waiting_, waiting_.emplace(dispatch, &waiting)};
  async::Timer deadline([&] {
    waiting.late = true;
    waiting.tried.notify_all();
  });
  wheel_.arm(deadline, kPatience);
  while (true) {
    // A try that ends while this is read is read the next time.
    const auto seen = waiting.tries;
    const auto rows = co_await database_.read([dispatch](sql::Session& session) { return store::first_tries(session, dispatch); });
    if (!rows) co_return std::unexpected(rows.error());
    const bool all = std::ranges::all_of(*rows, [](const auto& row) { return row.status || row.state != DeliveryState::pending; });
    if (all || waiting.late) {
      TransactionalSent answer;
      for (const auto& channel : deliveries_.channels().registry())
        for (const auto& row : *rows)
          if (row.strategy_id == channel->id()) answer.results.push_back(result_of(row));
      answer.delivered_count = std::ranges::count_if(answer.results, &ChannelResult::success);
      co_return answer;
    }
    while (waiting.tries == seen && !waiting.late) co_await waiting.tried.wait();
  }
}

crypto::Reencryption Transactional::reencrypt(sql::Session& session, const crypto::Keyring& keyring) {
  crypto::Reencryption report;
  for (const auto& [id, sealed] : store::sealed_dispatches(session)) {
    ++report.scanned;
    if (keyring.form(sealed) == crypto::Keyring::Form::current) {
      ++report.skipped;
      continue;
    }
    const auto clear = keyring.open(sealed, Deliveries::aad_of(id));
    if (!clear) {
      report.failed.push_back("dispatch " + id.to_string());
      continue;
    }
    store::put_sealed(session, id, keyring.seal(*clear, Deliveries::aad_of(id)));
    ++report.reencrypted;
  }
  return report;
}

}  // namespace watchbell::notification
