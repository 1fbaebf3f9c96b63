#include "domains/theme/store.hpp"

namespace watchbell::theme::store {

std::optional<Theme> find(sql::Session& session, const UserId& user) { return session.one<Theme>("select theme from user_themes where user_id = :1", user); }

void put(sql::Session& session, const UserId& user, Theme theme, Timestamp now) {
  session.execute(
      "insert into user_themes (user_id, theme, updated_at) values (:1, :2, :3) on conflict (user_id) do update set theme = excluded.theme, updated_at = "
      "excluded.updated_at",
      user, theme, now);
}

void remove(sql::Session& session, const UserId& user) { session.execute("delete from user_themes where user_id = :1", user); }

}  // namespace watchbell::theme::store
