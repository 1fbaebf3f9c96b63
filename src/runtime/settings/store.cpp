#include "runtime/settings/store.hpp"

#include <tuple>

#include "base/assert.hpp"

namespace watchbell::settings {
namespace {

using Name = std::tuple<std::string, std::string>;

std::vector<Name> all_names(sql::Session& session) {
  return session.all<Name>("select area, record from settings_records order by area, record");
}

std::string shown(const RecordKey& key) { return key.area + '/' + key.record; }

std::string_view words(Unreadable::Why why) {
  switch (why) {
    case Unreadable::Why::damaged: return "damaged";
    case Unreadable::Why::sealed: return "sealed with another master key, or moved here";
    case Unreadable::Why::too_new: return "written by a later version of this program";
    case Unreadable::Why::no_step: return "of a version this program does not know any more";
    case Unreadable::Why::invalid: return "does not fit its type";
  }
  return "damaged";
}

}  // namespace

std::optional<Stored<std::string>> Store::find(sql::Session& session, const RecordKey& key) {
  const auto row = session.one<std::tuple<std::string, std::int64_t, Timestamp>>(
      "select data, revision, updated_at from settings_records where area = :1 and record = :2", key.area, key.record);
  if (!row) return std::nullopt;
  return Stored<std::string>{std::get<0>(*row), std::get<1>(*row), std::get<2>(*row)};
}

std::optional<Stored<std::string>> Store::get_json(sql::Session& session, const RecordKey& key, const RecordType& type) const {
  auto row = find(session, key);
  if (row) row->value = sealer_.open(type, key, row->value);
  return row;
}

std::optional<Stored<Redacted>> Store::redacted(sql::Session& session, const RecordKey& key, const RecordType& type) const {
  const auto row = find(session, key);
  if (!row) return std::nullopt;
  return Stored<Redacted>{sealer_.redact(type, key, row->value), row->revision, row->updated_at};
}

Result<std::int64_t> Store::put_json(sql::Session& session, const RecordKey& key, const RecordType& type, std::string_view json, Timestamp now,
                                     const PutOptions& options) const {
  const auto conflict = [] { return fail(ErrorCode::conflict, "somebody else has changed these settings meanwhile; load them again"); };
  const auto before = find(session, key);
  const std::int64_t revision = before ? before->revision : 0;
  if (options.expected_revision && *options.expected_revision != revision) return conflict();
  auto data = sealer_.update(type, key, json, before ? std::optional<std::string_view>(before->value) : std::nullopt, options.absent, options.clear);
  if (!data) return std::unexpected(std::move(data.error()));
  // The revision guards both: what was merged is what was read above, or secrets get lost between two writers.
  const std::int64_t written =
      before ? session.execute("update settings_records set data = :1, revision = revision + 1, updated_at = :2 where area = :3 and record = :4 and revision = :5",
                               *data, now, key.area, key.record, revision)
             : session.execute("insert into settings_records (area, record, revision, data, updated_at) values (:1, :2, 1, :3, :4) on conflict do nothing",
                               key.area, key.record, *data, now);
  if (written == 0) return conflict();
  return revision + 1;
}

bool Store::erase(sql::Session& session, const RecordKey& key) const {
  return session.execute("delete from settings_records where area = :1 and record = :2", key.area, key.record) > 0;
}

std::int64_t Store::erase_all(sql::Session& session, std::string_view area, std::string_view prefix) const {
  return session.execute("delete from settings_records where area = :1 and substr(record, 1, length(:2)) = :2", area, prefix);
}

std::vector<std::string> Store::list(sql::Session& session, std::string_view area, std::string_view prefix) const {
  return session.all<std::string>("select record from settings_records where area = :1 and substr(record, 1, length(:2)) = :2 order by record", area, prefix);
}

bool Store::upgrade(sql::Session& session, const RecordKey& key, const RecordType& type, Timestamp now) const {
  const auto before = find(session, key);
  if (!before) return false;
  const auto data = sealer_.upgrade(type, key, before->value);
  if (!data) return false;
  // Lost to another writer, it is at the present version already.
  return session.execute("update settings_records set data = :1, revision = revision + 1, updated_at = :2 where area = :3 and record = :4 and revision = :5",
                         *data, now, key.area, key.record, before->revision) > 0;
}

Reencryption Store::reencrypt(sql::Session& session) const {
  Reencryption report;
  for (auto& [area, record] : all_names(session)) {
    const RecordKey key{std::move(area), std::move(record)};
    const auto before = find(session, key);
    if (!before) continue;  // erased meanwhile
    ++report.scanned;
    try {
      const auto data = sealer_.reseal(key, before->value);
      // The value stays what it is, so its revision does too: nobody's form is outdated by this.
      if (!data) ++report.skipped;
      else if (session.execute("update settings_records set data = :1 where area = :2 and record = :3 and revision = :4", *data, key.area, key.record,
                               before->revision) > 0) ++report.reencrypted;
      else report.failed.push_back(shown(key));
    } catch (const Unreadable&) {  // one record must not keep the others under an old key
      report.failed.push_back(shown(key));
    }
  }
  return report;
}

void Store::declare(std::string area, TypeOf type_of) {
  const bool first = types_.try_emplace(std::move(area), std::move(type_of)).second;
  WATCHBELL_ASSERT(first);
}

const RecordType* Store::declared(const RecordKey& key) const {
  const auto area = types_.find(key.area);
  return area == types_.end() ? nullptr : area->second(key.record);
}

Judgement Store::judge(sql::Session& session) const {
  Judgement judgement;
  for (auto& [area, record] : all_names(session)) {
    const RecordKey key{std::move(area), std::move(record)};
    const auto row = find(session, key);
    if (!row) continue;
    const RecordType* type = declared(key);
    try {
      if (type == nullptr) {
        sealer_.check(key, row->value);
      } else {
        sealer_.open(*type, key, row->value);
        if (sealer_.upgrade(*type, key, row->value)) judgement.outdated.push_back(key);
      }
    } catch (const Unreadable& fault) {  // reported all together
      judgement.refused.push_back(fmt::format("{} ({})", shown(key), words(fault.why())));
    }
  }
  return judgement;
}

void Store::upgrade(sql::Session& session, const std::vector<RecordKey>& outdated, Timestamp now) const {
  for (const auto& key : outdated)
    if (const RecordType* type = declared(key)) upgrade(session, key, *type, now);
}

}  // namespace watchbell::settings
