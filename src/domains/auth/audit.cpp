#include "domains/auth/service.hpp"

/// Reading what was written down. Rows are written where things happen, in their transactions.
namespace watchbell::auth {

awaitable<Result<AuditPage>> Service::audit_log(GetAuditLog input) {
  const auto text = [](const auto& member) { return member ? std::optional(member->str()) : std::nullopt; };
  AuditFilter filter{.actor = text(input.actor), .action = text(input.action), .target = text(input.target), .from = input.from, .to = input.to};
  if (input.outcome) filter.outcome = std::string(rpc::enum_text(*input.outcome));
  co_return co_await database_.read([filter = std::move(filter), limit = input.limit.value(), offset = input.offset.value()](sql::Session& session) {
    AuditPage page{.items = {}, .total = store::count_audit(session, filter)};
    auto rows = store::audit_page(session, filter, limit, offset);
    std::vector<std::string> references;
    for (const auto& row : rows) references.insert(references.end(), {row.entry.actor, row.entry.target});
    const auto names = store::names_of(session, references);
    const auto name_of = [&names](const std::string& reference) -> Nullable<std::string> {
      const auto found = names.find(reference);
      return found == names.end() ? Nullable<std::string>() : Nullable<std::string>(found->second);
    };
    for (auto& [id, at, entry] : rows) {
      AuditView view{.id = id,
                     .at = at,
                     .actor = {},
                     .actor_name = name_of(entry.actor),
                     .action = std::move(entry.action),
                     .target = {},
                     .target_name = name_of(entry.target),
                     .address = std::move(entry.address),
                     .outcome = std::move(entry.outcome)};
      view.actor = std::move(entry.actor);
      view.target = std::move(entry.target);
      page.items.push_back(std::move(view));
    }
    return page;
  });
}

}  // namespace watchbell::auth
