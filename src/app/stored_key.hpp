#pragma once

#include <optional>
#include <string_view>

#include "app/config/config.hpp"
#include "base/result.hpp"
#include "platform/crypto/keyring.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::app {

/// The master keys in force, read without opening the data folder; nothing when none is set and the folder has none yet.
Result<std::optional<crypto::Keyring>> present_keyring(const config::Config& config);

/// The row of `installation` by which a process is told that its master key is another one.
inline constexpr std::string_view kKeyRow = "master_key";
/// Writes it under the present key, unless there is one.
void keep_key(sql::Session& session, const crypto::Keyring& ring);
/// Whether the keys are those of this database; its first ones are kept. ErrorCode::precondition_failed when they are not.
Result<void> judge_key(sql::Session& session, const crypto::Keyring& ring);

/// Whether the keys open every stored setting, and each can be read. For a database whose migrations were judged.
bool opens_settings(sql::Session& session, const crypto::Keyring& ring);

/// How many scripts of the program this database has not run yet. For one whose migrations were judged.
std::int64_t migrations_to_run(sql::Session& session);

}  // namespace watchbell::app
