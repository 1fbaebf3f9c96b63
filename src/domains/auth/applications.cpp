#include <algorithm>

#include "domains/auth/rules.hpp"
#include "domains/auth/service.hpp"

/// API keys: how they are made, rotated and revoked, and who presents one.
namespace watchbell::auth {

using namespace std::chrono_literals;

namespace {

std::unexpected<Error> no_application(const auto& id) { return fail(ErrorCode::not_found, "there is no API key {}", id); }
std::unexpected<Error> bad_credentials() { return fail(ErrorCode::unauthorized, "Invalid credentials"); }
std::string reference(const ApplicationId& id) { return "application:" + id.to_string(); }

Nullable<std::string> described(const Application& row) { return row.description.empty() ? Nullable<std::string>() : Nullable<std::string>(row.description); }

ApplicationView view_of(const Application& row, std::vector<std::string> roles) {
  ApplicationView view{.id = row.id,
                       .name = row.name,
                       .description = described(row),
                       .roles = std::move(roles),
                       .created_by_id = row.created_by,
                       .created_at = row.created_at,
                       .last_used_at = row.last_used_at,
                       .expires_at = row.expires_at,
                       .revoked_at = row.revoked_at,
                       .rate_limit = {}};
  if (row.rate_per_second && row.rate_burst) view.rate_limit = RateView{.per_second = *row.rate_per_second, .burst = *row.rate_burst};
  return view;
}

void set_limit(Application& row, const std::optional<RateView>& limit) {
  row.rate_per_second = limit ? std::optional(limit->per_second.value()) : std::nullopt;
  row.rate_burst = limit ? std::optional(limit->burst.value()) : std::nullopt;
}

}  // namespace

coherence::Target Service::application_key(const ApplicationId& id) const { return cache_.key(cache::Key("application", id.to_string())); }

Service::KnownApplication Service::application_of(sql::Session& session, const ApplicationId& id) {
  const auto application = store::find_application(session, id);
  if (!application) return {};
  access::Principal principal;
  principal.kind = access::Principal::Kind::application;
  principal.id = id.uuid();
  principal.name = application->name;
  principal.rules = std::make_shared<const access::RuleSet>(store::rules_of_application(session, id));
  if (application->rate_per_second && application->rate_burst)
    principal.rate_limit = {.per_second = static_cast<std::uint32_t>(*application->rate_per_second),
                            .burst = static_cast<std::uint32_t>(*application->rate_burst)};
  return {.principal = std::make_shared<const access::Principal>(std::move(principal)),
          .expires_at = application->expires_at,
          .secrets = store::secrets_of(session, id)};
}

awaitable<Result<access::PrincipalPtr>> Service::identify_bearer(std::string text) {
  const auto key = rules::parse_api_key(text);
  if (!key) co_return bad_credentials();
  const ApplicationId id = key->application;
  // Asked first: made-up ids cost neither a look into the database nor room in the cache.
  const auto ids =
      co_await cache_.read<std::vector<ApplicationId>>(cache::Key("applications"), [](sql::Session& session) { return store::application_ids(session); });
  if (!ids) co_return std::unexpected(ids.error());
  if (!std::ranges::binary_search(**ids, id)) co_return bad_credentials();
  const cache::Key cached_under("application", id.to_string());
  const auto known = co_await cache_.read<KnownApplication>(cached_under, [id](sql::Session& session) { return application_of(session, id); });
  if (!known) co_return std::unexpected(known.error());
  const auto now = clock_.now();
  std::string secret_hash = hash_of(key->secret);
  if (!opens(**known, secret_hash, now)) co_return bad_credentials();
  if (keys_.find(text) == nullptr) keys_.put(text, {.application = id, .cached_under = cached_under, .secret_hash = std::move(secret_hash)});
  auto& last = last_touched_[id];
  if (now - last >= 1min) {
    last = now;
    scope_.spawn("auth.touch", touch(id, now));
  }
  co_return (*known)->principal;
}

bool Service::opens(const KnownApplication& known, std::string_view secret_hash, Timestamp now) {
  if (known.principal == nullptr || !rules::is_live(known.expires_at, now)) return false;
  return std::ranges::any_of(known.secrets, [&](const Secret& secret) { return constant_time_equal(secret.hash, secret_hash) && rules::is_live(secret.expires_at, now); });
}

awaitable<void> Service::touch(ApplicationId application, Timestamp now) {
  co_await database_.write([application, now](sql::Session& session) { store::touch_application(session, application, now); });
}

awaitable<Result<NewApplication>> Service::create_application(ApplicationInput input, std::string actor) {
  auto clean = rules::clean_name(input.name);
  if (!clean) co_return std::unexpected(std::move(clean.error()));
  input.name = std::move(*clean);
  const std::string secret = make_api_secret();
  co_return co_await changes_.run([this, input = std::move(input), actor = std::move(actor), secret](Change& change) -> Result<NewApplication> {
    if (auto known = judge_rules(change.sql(), input.rules, "rules"); !known) return std::unexpected(std::move(known.error()));
    Application row{.id = ApplicationId::make(change.now()), .name = input.name, .created_at = change.now()};
    if (input.life) row.expires_at = change.now() + *input.life;
    store::insert_application(change.sql(), row);
    const Role role{.id = Uuid::make_v7(change.now().millis()).to_string(),
                    .name = "key: " + row.name,
                    .description = "Rules of the API key " + row.name,
                    .application_id = row.id};
    store::insert_role(change.sql(), role, input.rules);
    store::set_roles_of_application(change.sql(), row.id, {role.id});
    store::insert_secret(change.sql(), row.id, hash_of(secret), change.now());
    store::audit(change.sql(), {.actor = actor, .action = "application.create", .target = "application:" + row.id.to_string(), .address = {}}, change.now());
    change.invalidates(cache_.key(cache::Key("applications")));
    return NewApplication{.id = row.id, .key = api_key_text(row.id, secret)};
  });
}

awaitable<Result<std::vector<ApplicationSummary>>> Service::applications() {
  co_return co_await database_.read([](sql::Session& session) {
    auto rules = store::rules_of_applications(session);
    std::vector<ApplicationSummary> list;
    for (auto& application : store::applications_page(session, store::count_applications(session), 0)) {
      const ApplicationId id = application.id;
      list.push_back({.application = std::move(application), .rules = std::move(rules[id])});
    }
    return list;
  });
}

Result<void> Service::revoke(Change& change, const ApplicationId& id) const {
  const auto application = store::find_application(change.sql(), id);
  if (!application) return no_application(id);
  if (application->revoked_at) return {};
  store::revoke_application(change.sql(), id, change.now());
  change.invalidates(application_key(id));
  return {};
}

Result<void> Service::rotate(Change& change, const ApplicationId& id, std::chrono::hours keep, const std::string& secret) const {
  const auto application = store::find_application(change.sql(), id);
  if (!application) return no_application(id);
  // A new secret would open nothing either.
  if (application->revoked_at) return fail(ErrorCode::conflict, "the API key {} is revoked: make another", id);
  if (!rules::is_live(application->expires_at, change.now())) return fail(ErrorCode::conflict, "the API key {} has expired: make another", id);
  store::retire_secrets(change.sql(), id, change.now() + keep, change.now());
  store::insert_secret(change.sql(), id, hash_of(secret), change.now());
  change.invalidates(application_key(id));
  return {};
}

awaitable<Result<void>> Service::revoke_application(ApplicationId id, std::string actor) {
  co_return co_await audited({.actor = std::move(actor), .action = "application.revoke", .target = reference(id), .address = {}},
                             [this, id](Change& change) { return revoke(change, id); });
}

awaitable<Result<NewApplication>> Service::rotate_application(ApplicationId id, std::chrono::hours keep, std::string actor) {
  const std::string secret = make_api_secret();
  auto done = co_await audited({.actor = std::move(actor), .action = "application.rotate", .target = reference(id), .address = {}},
                               [this, id, keep, secret](Change& change) { return rotate(change, id, keep, secret); });
  if (!done) co_return std::unexpected(std::move(done.error()));
  co_return NewApplication{.id = id, .key = api_key_text(id, secret)};
}

awaitable<Result<Listing<ApplicationView>>> Service::list_applications(PageInput page) {
  co_return co_await database_.read([page](sql::Session& session) {
    Listing<ApplicationView> listing;
    if (page.limit || page.offset) listing.total = store::count_applications(session);
    auto rows = store::applications_page(session, listing.total ? page.limit.value_or(20).value() : kListed, page.offset.value_or(0).value());
    std::vector<ApplicationId> ids;
    for (const auto& row : rows) ids.push_back(row.id);
    auto roles = store::roles_of_applications(session, ids);
    for (auto& row : rows) listing.items.push_back(view_of(row, std::move(roles[row.id])));
    return listing;
  });
}

awaitable<Result<CreatedApplication>> Service::create_application(Actor actor, CreateApplication input) {
  auto name = rules::clean_name(input.name.str());
  if (!name) co_return std::unexpected(std::move(name.error()));
  const auto now = clock_.now();
  if (input.expires_at && *input.expires_at <= now) co_return fail_field(ErrorCode::bad_request, "expiresAt", "The end lies in the past");
  Application row{.id = ApplicationId::make(now), .name = std::move(*name), .created_by = actor.user, .expires_at = input.expires_at, .created_at = now};
  if (input.description) row.description = input.description->str();
  set_limit(row, input.rate_limit);
  const std::string secret = make_api_secret();
  AuditEntry entry{.actor = actor.text(), .action = "application.create", .target = reference(row.id), .address = actor.address};
  co_return co_await audited(std::move(entry), [this, actor = std::move(actor), row = std::move(row), secret](Change& change) -> Result<CreatedApplication> {
    const std::vector<std::string> roles{std::string(kApplicationsRole)};
    // Whoever gets the key can do what it opens.
    if (auto own = within(held_by(change.sql(), actor), store::rules_of_roles(change.sql(), roles)); !own) return std::unexpected(std::move(own.error()));
    store::insert_application(change.sql(), row);
    store::set_roles_of_application(change.sql(), row.id, roles);
    store::insert_secret(change.sql(), row.id, hash_of(secret), change.now());
    change.invalidates(cache_.key(cache::Key("applications")));
    return CreatedApplication{.application = view_of(row, roles), .secret = api_key_text(row.id, secret)};
  });
}

awaitable<Result<void>> Service::update_application(Actor actor, UpdateApplication input) {
  const auto id = ApplicationId::parse(input.id);
  if (!id) co_return no_application(input.id);
  std::optional<std::string> name;
  if (input.name) {
    auto clean = rules::clean_name(input.name->str());
    if (!clean) co_return std::unexpected(std::move(clean.error()));
    name = std::move(*clean);
  }
  if (input.expires_at.sets() && input.expires_at.value() <= clock_.now())
    co_return fail_field(ErrorCode::bad_request, "expiresAt", "The end lies in the past");
  AuditEntry entry{.actor = actor.text(), .action = "application.update", .target = reference(*id), .address = actor.address};
  co_return co_await audited(
      std::move(entry), [this, id = *id, actor = std::move(actor), name = std::move(name), input = std::move(input)](Change& change) -> Result<void> {
        auto row = store::find_application(change.sql(), id);
        if (!row) return no_application(id);
        if (name) row->name = *name;
        if (input.description.clears()) row->description.clear();
        if (input.description.sets()) row->description = input.description.value().str();
        const auto held = held_by(change.sql(), actor);
        // A longer life and a wider limit are more of what the key opens.
        const bool widens = !input.expires_at.keeps() || !input.rate_limit.keeps();
        input.expires_at.apply(row->expires_at);
        if (input.rate_limit.clears()) set_limit(*row, {});
        if (input.rate_limit.sets()) set_limit(*row, input.rate_limit.value());
        if (widens)
          if (auto own = within(held, store::rules_of_application(change.sql(), id)); !own) return own;
        if (input.roles) {
          std::vector<std::string> roles;
          for (const auto& role : *input.roles) roles.push_back(role.str());
          if (auto known = judge_roles(change.sql(), roles, id); !known) return known;
          const auto before = std::move(store::roles_of_applications(change.sql(), {id})[id]);
          if (auto judged = rules::judge_admin(rules::among(before, kAdminRole), rules::among(roles, kAdminRole), held.holds_everything()); !judged)
            return judged;
          if (auto own = within(held, store::rules_of_roles(change.sql(), roles)); !own) return own;
          store::set_roles_of_application(change.sql(), id, roles);
        }
        store::update_application(change.sql(), *row);
        change.invalidates(application_key(id));
        return {};
      });
}

awaitable<Result<void>> Service::delete_application(Actor actor, std::string text) {
  const auto id = ApplicationId::parse(text);
  if (!id) co_return no_application(text);
  AuditEntry entry{.actor = actor.text(), .action = "application.delete", .target = reference(*id), .address = actor.address};
  auto done = co_await audited(std::move(entry), [this, id = *id](Change& change) -> Result<void> {
    if (!store::find_application(change.sql(), id)) return no_application(id);
    store::delete_application(change.sql(), id);
    change.invalidates(application_key(id));
    change.invalidates(cache_.key(cache::Key("applications")));
    return {};
  });
  if (done) last_touched_.erase(*id);
  co_return done;
}

awaitable<Result<NewSecret>> Service::renew_secret(Actor actor, std::string text, std::chrono::hours keep) {
  const auto id = ApplicationId::parse(text);
  if (!id) co_return no_application(text);
  const std::string secret = make_api_secret();
  AuditEntry entry{.actor = actor.text(), .action = "application.rotate", .target = reference(*id), .address = actor.address};
  co_return co_await audited(std::move(entry), [this, id = *id, keep, actor = std::move(actor), secret](Change& change) -> Result<NewSecret> {
    if (auto own = within(held_by(change.sql(), actor), store::rules_of_application(change.sql(), id)); !own) return std::unexpected(std::move(own.error()));
    if (auto rotated = rotate(change, id, keep, secret); !rotated) return std::unexpected(std::move(rotated.error()));
    return NewSecret{.secret = api_key_text(id, secret)};
  });
}

awaitable<Result<void>> Service::revoke_application(Actor actor, std::string text) {
  const auto id = ApplicationId::parse(text);
  if (!id) co_return no_application(text);
  AuditEntry entry{.actor = actor.text(), .action = "application.revoke", .target = reference(*id), .address = actor.address};
  co_return co_await audited(std::move(entry), [this, id = *id](Change& change) { return revoke(change, id); });
}

awaitable<Result<std::vector<BindableApplication>>> Service::bindable_applications(UserId user, bool with_rules) {
  co_return co_await database_.read([user, with_rules, now = clock_.now()](sql::Session& session) {
    const access::RuleSet held(store::rules_of_user(session, user));
    auto rules = store::rules_of_applications(session);
    std::vector<BindableApplication> list;
    for (auto& row : store::applications_page(session, kListed, 0)) {
      auto& own = rules[row.id];
      if (row.revoked_at || !rules::is_live(row.expires_at, now) || !within(held, own)) continue;
      BindableApplication view{.id = row.id, .name = std::move(row.name), .description = described(row), .access_rules = {}};
      if (with_rules) view.access_rules = std::move(own);
      list.push_back(std::move(view));
    }
    return list;
  });
}

}  // namespace watchbell::auth
