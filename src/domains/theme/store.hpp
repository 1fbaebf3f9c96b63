#pragma once

#include <optional>

#include "base/id.hpp"
#include "base/timestamp.hpp"
#include "domains/theme/types.hpp"
#include "platform/sql/session.hpp"

/// The rows of theme, as plain functions over a session.
namespace watchbell::theme::store {

/// What the user chose, or nothing.
std::optional<Theme> find(sql::Session& session, const UserId& user);
void put(sql::Session& session, const UserId& user, Theme theme, Timestamp now);
void remove(sql::Session& session, const UserId& user);

}  // namespace watchbell::theme::store
