#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/crypto/keyring.hpp"
#include "runtime/settings/encode.hpp"
#include "runtime/settings/record_type.hpp"
#include "runtime/settings/secrets.hpp"

namespace watchbell::settings {

using secrets::Absent;

/// A record as anybody may see it.
struct Redacted {
  std::string json;                      ///< plain JSON with defaults filled in; neither a secret nor its ciphertext
  std::vector<std::string> secrets_set;  ///< paths of the secrets that are stored (see secrets.hpp), for forms to show "stored"
};

/// Turns values of a record type into text for a column, and back: `{"version":1,"value":{...},"secrets":{"smtp.password":"v2:..."}}`. The value
/// never holds a secret, so whatever is read from it cannot leak one, and the secrets can be sealed anew without knowing their type.
/// A secret is bound to area, record and path. Store keeps such texts for settings; a domain with a table of its own (configurations with
/// secrets) uses this directly, with a RecordKey that stays the same for the life of the row. Immutable, Thread-safe; copies share the keys.
class Sealer {
 public:
  explicit Sealer(crypto::Keyring keyring) : keyring_(std::move(keyring)) {}

  /// The text to store when `given` arrives over `stored` (see secrets::merge). What results is judged as a whole; BAD_REQUEST with issues.
  /// Text that looks sealed is a secret like any other. Throws Unreadable when `stored` is.
  /// @param given   plain JSON from a user
  /// @param stored  nothing when there is no record yet
  /// @param clear   paths of secrets to forget unless `given` sets them; for callers without an explicit null
  Result<std::string> update(const RecordType& type, const RecordKey& key, std::string_view given, std::optional<std::string_view> stored,
                             Absent absent = Absent::keeps, const std::vector<std::string>& clear = {}) const;
  /// The same for a whole value: what it leaves unset is unset, save its secrets, which are kept where they are empty.
  template <class T>
  Result<std::string> update(const RecordKey& key, const T& value, std::optional<std::string_view> stored, const std::vector<std::string>& clear = {}) const {
    return update(type_of<T>(), key, detail::clear_json(value), stored, Absent::removes, clear);
  }

  /// The value with its secrets, at the type's version, valid. For the server's own use. Throws Unreadable.
  std::string open(const RecordType& type, const RecordKey& key, std::string_view stored) const;
  template <class T>
  T open(const RecordKey& key, std::string_view stored) const {
    auto value = rpc::from_json<T>(open_unjudged(type_of<T>(), key, stored));
    if (!value) refuse(key, value.error());
    return std::move(*value);
  }

  /// Needs the keys only for a record of an earlier version. Throws Unreadable.
  Redacted redact(const RecordType& type, const RecordKey& key, std::string_view stored) const;

  /// The text at the type's version, or nothing when it is at it already. Throws Unreadable.
  std::optional<std::string> upgrade(const RecordType& type, const RecordKey& key, std::string_view stored) const;
  /// The text with each secret sealed under the primary key, or nothing when all are. Throws Unreadable.
  std::optional<std::string> reseal(const RecordKey& key, std::string_view stored) const;
  /// Throws Unreadable unless every secret opens.
  void check(const RecordKey& key, std::string_view stored) const;

 private:
  struct Document;
  Document parse(const RecordKey& key, std::string_view stored) const;
  boost::json::value unseal(const RecordKey& key, const Document& document) const;
  boost::json::value open_secret(const RecordKey& key, std::string_view path, std::string_view sealed) const;
  boost::json::value open_value(const RecordType& type, const RecordKey& key, std::string_view stored) const;
  std::string open_unjudged(const RecordType& type, const RecordKey& key, std::string_view stored) const;
  std::string seal(const RecordType& type, const RecordKey& key, boost::json::value clear) const;
  [[noreturn]] static void refuse(const RecordKey& key, const Error& error);

  crypto::Keyring keyring_;
};

}  // namespace watchbell::settings
