#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/timestamp.hpp"
#include "platform/crypto/reencryption.hpp"
#include "platform/sql/session.hpp"
#include "runtime/settings/sealer.hpp"

namespace watchbell::sql {
struct MigrationSet;
}
namespace watchbell::migrations {
const sql::MigrationSet& settings();
}

namespace watchbell::settings {

/// A record as it was read. `revision` counts its writes, from 1.
template <class T>
struct Stored {
  T value{};
  std::int64_t revision = 0;
  Timestamp updated_at;
};

struct PutOptions {
  /// CONFLICT unless the record is still at this revision; 0 = there must be none.
  std::optional<std::int64_t> expected_revision;
  /// Of put_json.
  Absent absent = Absent::keeps;
  /// Paths of secrets to forget unless the new value sets them.
  std::vector<std::string> clear;
};

/// The records of all areas, as start finds them.
struct Judgement {
  std::vector<std::string> refused;  ///< "area/record (what is wrong)", without what it holds
  std::vector<RecordKey> outdated;   ///< of an earlier version, and fit to be upgraded
};

using crypto::Reencryption;

/// The settings of all areas: versioned records of described structs, with their Secret members sealed at any depth. For settings, not for
/// user content: listing walks the area. Synchronous, on the session of a pool job or a Change. Faults of the database pass through; a record
/// that cannot be read throws Unreadable. Immutable once the areas have declared their records, Thread-safe.
///
///     struct Retention {
///       bool enabled = false;
///       Integer<1, 3650> days = 30;
///     };
///     const auto stored = store.get<Retention>(change.sql(), {"notification", "retention"});
///     const Retention retention = stored ? stored->value : Retention();
class Store {
 public:
  explicit Store(crypto::Keyring keyring) : sealer_(std::move(keyring)) {}

  const Sealer& sealer() const noexcept { return sealer_; }

  /// The type of an area's record; null for one that the area does not know (any more).
  using TypeOf = std::function<const RecordType*(std::string_view record)>;
  /// Says what the records of an area are; before anything is read or judged, once an area. The types outlive the store.
  void declare(std::string area, TypeOf type_of);

  /// The record with its secrets, for the server's own use; nothing when there is none. Records of an earlier version are read as the present one
  /// and stay as they are: upgrade() writes.
  template <class T>
  std::optional<Stored<T>> get(sql::Session& session, const RecordKey& key) const {
    const auto row = find(session, key);
    if (!row) return std::nullopt;
    return Stored<T>{sealer_.open<T>(key, row->value), row->revision, row->updated_at};
  }
  /// The same as plain JSON, of a type known at run time.
  std::optional<Stored<std::string>> get_json(sql::Session& session, const RecordKey& key, const RecordType& type) const;

  /// The record as anybody who may read it sees it.
  std::optional<Stored<Redacted>> redacted(sql::Session& session, const RecordKey& key, const RecordType& type) const;
  template <class T>
  std::optional<Stored<Redacted>> redacted(sql::Session& session, const RecordKey& key) const {
    return redacted(session, key, type_of<T>());
  }

  /// Writes a whole value and answers its revision: what it leaves unset is unset, but an empty or absent secret keeps the stored one. BAD_REQUEST
  /// when it breaks a bound, CONFLICT when somebody else wrote first.
  template <class T>
  Result<std::int64_t> put(sql::Session& session, const RecordKey& key, const T& value, Timestamp now, const PutOptions& options = {}) const {
    PutOptions whole = options;
    whole.absent = Absent::removes;
    return put_json(session, key, type_of<T>(), detail::clear_json(value), now, whole);
  }
  /// Writes what a user sent as plain JSON: absent keeps, null clears (see secrets::merge).
  Result<std::int64_t> put_json(sql::Session& session, const RecordKey& key, const RecordType& type, std::string_view json, Timestamp now,
                                const PutOptions& options = {}) const;

  /// Whether there was such a record; readable or not, it is gone.
  bool erase(sql::Session& session, const RecordKey& key) const;
  /// Erases the records of an area whose names begin with `prefix`; how many there were.
  std::int64_t erase_all(sql::Session& session, std::string_view area, std::string_view prefix) const;
  /// The names of an area's records that begin with `prefix`, ordered.
  std::vector<std::string> list(sql::Session& session, std::string_view area, std::string_view prefix = {}) const;

  /// Writes a record of an earlier version back at the present one; whether it did. Doing it again, or at the same time elsewhere, does nothing.
  bool upgrade(sql::Session& session, const RecordKey& key, const RecordType& type, Timestamp now) const;

  /// Seals every secret of every record under the primary key. Running it again rewrites nothing. A record changed meanwhile counts as failed:
  /// run it again.
  Reencryption reencrypt(sql::Session& session) const;
  /// Opens every record by its declared type, and nothing is ever replaced by defaults: what is damaged, sealed with another key, of a later version
  /// or does not fit its type is refused. Records nobody declared are only asked whether they are whole and their secrets open: a wrong master key shows
  /// in them too. For start.
  Judgement judge(sql::Session& session) const;
  /// Writes those back at the present version, in the caller's transaction.
  void upgrade(sql::Session& session, const std::vector<RecordKey>& outdated, Timestamp now) const;

 private:
  static std::optional<Stored<std::string>> find(sql::Session& session, const RecordKey& key);

  const RecordType* declared(const RecordKey& key) const;

  Sealer sealer_;
  std::map<std::string, TypeOf, std::less<>> types_;
};

}  // namespace watchbell::settings
