#include <map>

#include "domains/catalog/service.hpp"
#include "domains/catalog/store.hpp"
#include "platform/log/log.hpp"

/// The use cases of contacts.
namespace watchbell::catalog {

std::size_t size_in_bytes(const Contact& contact) noexcept {
  return sizeof(Contact) + (contact.email ? contact.email->capacity() : 0) + (contact.label ? contact.label->capacity() : 0);
}

namespace {

std::unexpected<Error> unknown_system(std::string_view id) { return fail(ErrorCode::not_found, "System {} not found", id); }

ContactView view_of(const Contact& contact, const auth::UserSummary* user) {
  if (!contact.user)
    return MailboxContactView{
        .id = contact.id, .system_id = contact.system, .label = contact.label, .created_at = contact.created_at, .email = contact.email.value()};
  UserContactView view{.id = contact.id,
                       .system_id = contact.system,
                       .label = contact.label,
                       .created_at = contact.created_at,
                       .user_id = *contact.user,
                       .user_name = {},
                       .user_email = {}};
  if (user != nullptr) {
    view.user_name = user->name;
    view.user_email = user->email;
  }
  return view;
}

}  // namespace

coherence::Target Service::contacts_of(const SystemId& system) const { return cache_.key(cache::Key("contacts", system.to_string())); }

void Service::contacts_changed(Change& change, const SystemId& system) const {
  change.invalidates(contacts_of(system));
  change.announces(signals::broadcast(kChanged, Changed{.entity = ChangedEntity::system, .action = ChangedAction::updated, .id = system.to_string()}));
}

awaitable<Result<std::vector<ContactView>>> Service::contacts(std::string text) {
  std::vector<ContactView> views;
  const auto id = SystemId::parse(text);
  if (!id) co_return views;
  const auto rows = co_await cache_.read<std::vector<Contact>>(cache::Key("contacts", id->to_string()),
                                                               [id = *id](sql::Session& session) { return store::contacts_of(session, id); });
  if (!rows) co_return std::unexpected(rows.error());

  std::vector<UserId> asked;
  for (const auto& contact : **rows)
    if (contact.user) asked.push_back(*contact.user);
  std::map<UserId, auth::UserSummary> users;
  if (!asked.empty()) {
    auto found = co_await users_.find_all(std::move(asked));
    if (!found)
      log::warn("names of contacts could not be looked up", {{"system", id->to_string()}, {"reason", found.error().message}});
    else
      for (auto& user : *found) users.emplace(user.id, std::move(user));
  }
  for (const auto& contact : **rows) {
    const auto user = contact.user ? users.find(*contact.user) : users.end();
    views.push_back(view_of(contact, user == users.end() ? nullptr : &user->second));
  }
  co_return views;
}

awaitable<Result<ContactView>> Service::add_contact(AddContact input) {
  const bool is_user = input.type == ContactType::user;
  if (is_user && !input.user_id) co_return fail_field(ErrorCode::bad_request, "userId", "A user contact needs userId");
  if (!is_user && !input.email) co_return fail_field(ErrorCode::bad_request, "email", "A mailbox contact needs email");
  const auto system = SystemId::parse(input.system_id);
  if (!system) co_return unknown_system(input.system_id);
  const auto user = is_user ? UserId::parse(*input.user_id) : std::nullopt;
  if (is_user && !user) co_return fail(ErrorCode::not_found, "User {} not found", input.user_id->str());
  Contact contact{.id = {}, .system = *system, .user = user, .email = {}, .label = {}, .created_at = {}};
  if (!is_user) contact.email = input.email->str();
  if (input.label) contact.label = std::move(*input.label).str();
  co_return co_await changes_.run([this, contact = std::move(contact)](Change& change) -> Result<ContactView> {
    if (!store::exists(change.sql(), contact.system)) return unknown_system(contact.system.to_string());
    const auto person = contact.user ? users_.find(change.sql(), *contact.user) : std::nullopt;
    if (contact.user && !person) return fail(ErrorCode::not_found, "User {} not found", *contact.user);
    Contact made = contact;
    made.id = ContactId::make(change.now());
    made.created_at = change.now();
    if (!store::insert_contact(change.sql(), made)) {
      const bool named = made.user.has_value();
      return fail_field(ErrorCode::conflict, named ? "userId" : "email", "The system has this {} as a contact already", named ? "user" : "mailbox");
    }
    contacts_changed(change, made.system);
    return view_of(made, person ? &*person : nullptr);
  });
}

awaitable<Result<bool>> Service::remove_contact(ContactRef input) {
  const auto id = ContactId::parse(input.id);
  if (!id) co_return false;
  std::optional<SystemId> system;
  if (input.system_id) {
    system = SystemId::parse(*input.system_id);
    if (!system) co_return false;
  }
  co_return co_await changes_.run([this, id = *id, system](Change& change) -> Result<bool> {
    const auto contact = store::find_contact(change.sql(), id);
    if (!contact || (system && *system != contact->system)) return false;
    store::remove_contact(change.sql(), id);
    contacts_changed(change, contact->system);
    return true;
  });
}

void Service::forget(Change& change, const UserId& user) const {
  for (const auto& system : store::remove_contacts_of_user(change.sql(), user)) contacts_changed(change, system);
}

}  // namespace watchbell::catalog
