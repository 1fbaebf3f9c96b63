#include "domains/notification/dead_letters.hpp"

#include "domains/notification/store.hpp"

namespace watchbell::notification {

std::optional<std::string> DeadLetters::for_administrators(std::string_view strategy_id, std::optional<std::string> reason) const {
  const auto* channel = channels::find(registry_, strategy_id);
  if (!reason || (channel != nullptr && !channel->traits().user_sets_server)) return reason;
  return rules::reason_for_reader(*reason);
}

awaitable<Result<AttemptPage>> DeadLetters::attempts(GetDeliveryAttempts input) {
  co_return co_await database_.read([this, input](sql::Session& session) {
    AttemptPage page{
        .items = {}, .total = store::count_attempts(session, input.delivery_id, input.notification_id), .limit = input.limit, .offset = input.offset};
    for (auto& row : store::attempts(session, input.delivery_id, input.notification_id, input.limit, input.offset))
      page.items.push_back({.id = row.id,
                            .delivery_id = row.delivery_id,
                            .notification_id = row.notification_id,
                            .strategy_qualified_id = row.strategy_id,
                            .attempted_at = row.attempted_at,
                            .status = row.status,
                            .error_message = for_administrators(row.strategy_id, std::move(row.error_message)),
                            .duration_ms = row.duration_ms});
    return page;
  });
}

awaitable<Result<DeadLetterPage>> DeadLetters::list(GetDeadLetters input) {
  co_return co_await database_.read([this, input](sql::Session& session) {
    DeadLetterPage page{.items = {}, .total = store::count_dead_letters(session), .limit = input.limit, .offset = input.offset};
    auto rows = store::dead_letters(session, input.limit, input.offset);
    std::vector<UserId> users;
    for (const auto& row : rows) users.push_back(row.user_id);
    const auto names = user_names_(session, users);
    for (auto& row : rows) {
      const auto name = names.find(row.user_id);
      page.items.push_back({.delivery_id = row.id,
                            .notification_id = row.notification_id,
                            .user_id = row.user_id,
                            .user_name = name == names.end() ? std::nullopt : std::optional(name->second),
                            .strategy_qualified_id = row.strategy_id,
                            .attempts = row.attempts,
                            .reason = for_administrators(row.strategy_id, std::move(row.reason)),
                            .created_at = row.created_at,
                            .died_at = row.died_at});
    }
    return page;
  });
}

awaitable<Result<void>> DeadLetters::replay(DeliveryId id, Note note) {
  co_return co_await changes_.run([id, note = std::move(note)](Change& change) -> Result<void> {
    // By the row itself: of two who press the button together one is late.
    const auto revived = store::revive_delivery(change.sql(), id, change.now());
    if (!revived) {
      const auto delivery = store::find_delivery(change.sql(), id);
      if (!delivery) return fail(ErrorCode::not_found, "There is no delivery {}", id.to_string());
      return rules::judge_replay(*delivery);
    }
    auto job = Deliveries::job(store::find_delivery(change.sql(), *revived).value().message.importance);
    job.payload = Deliveries::payload_of(*revived);
    if (auto enqueued = change.enqueues(job); !enqueued) return std::unexpected(std::move(enqueued.error()));
    if (note) note(change);
    return {};
  });
}

}  // namespace watchbell::notification
