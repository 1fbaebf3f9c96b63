#pragma once

#include "platform/crypto/keyring.hpp"
#include "platform/crypto/reencryption.hpp"
#include "platform/sql/session.hpp"

namespace watchbell::events {

/// Seals the secrets of the events that wait under the primary key. Running it again rewrites nothing.
crypto::Reencryption reencrypt(sql::Session& session, const crypto::Keyring& keyring);

}  // namespace watchbell::events
