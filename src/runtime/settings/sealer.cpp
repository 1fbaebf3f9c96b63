#include "runtime/settings/sealer.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace watchbell::settings {
namespace json = boost::json;

namespace {

// A stored document is a level deeper than what was given.
constexpr std::size_t kStoredDepth = rpc::kMaxDepth + 2;

}  // namespace

struct Sealer::Document {
  std::int64_t version = 0;
  json::value value;
  json::object secrets;  // path -> sealed text

  std::string text() const {
    return fmt::format(R"({{"version":{},"value":{},"secrets":{}}})", version, secrets::to_text(value), secrets::to_text(secrets));
  }
};

Sealer::Document Sealer::parse(const RecordKey& key, std::string_view stored) const {
  const auto damaged = [&] { return Unreadable(Unreadable::Why::damaged, key, "is not in the form records are stored in"); };
  auto root = secrets::from_text(stored, kStoredDepth);
  auto* object = root ? root->if_object() : nullptr;
  if (object == nullptr) throw damaged();
  auto* version = object->if_contains("version");
  auto* value = object->if_contains("value");
  auto* sealed = object->if_contains("secrets");
  if (version == nullptr || !version->is_int64() || version->get_int64() < 1 || value == nullptr || sealed == nullptr || !sealed->is_object()) throw damaged();
  for (const auto& entry : sealed->get_object())
    if (!entry.value().is_string()) throw damaged();
  return Document{.version = version->get_int64(), .value = std::move(*value), .secrets = std::move(sealed->get_object())};
}

json::value Sealer::open_secret(const RecordKey& key, std::string_view path, std::string_view sealed) const {
  auto plain = keyring_.open(sealed, crypto::seal_aad(key.area, key.record, path));
  if (!plain) throw Unreadable(Unreadable::Why::sealed, key, fmt::format("the secret {}: {}", path, plain.error().message));
  // The older form holds bare text, ours JSON.
  if (keyring_.form(sealed) == crypto::Keyring::Form::old) return json::value(*plain);
  auto value = secrets::from_text(*plain, kStoredDepth);
  if (!value) throw Unreadable(Unreadable::Why::damaged, key, fmt::format("the secret {} holds no JSON", path));
  return std::move(*value);
}

json::value Sealer::unseal(const RecordKey& key, const Document& document) const {
  json::value clear = document.value;
  for (const auto& [path, sealed] : document.secrets)
    if (!secrets::join(clear, path, open_secret(key, path, sealed.get_string())))
      throw Unreadable(Unreadable::Why::damaged, key, fmt::format("the secret {} has no place in it", std::string_view(path)));
  return clear;
}

json::value Sealer::open_value(const RecordType& type, const RecordKey& key, std::string_view stored) const {
  const Document document = parse(key, stored);
  // Judged before anything is opened: of a later version not even the paths need make sense.
  if (document.version > type.version()) {
    json::value none;
    type.migrate(key, static_cast<int>(std::min<std::int64_t>(document.version, std::numeric_limits<int>::max())), none);
  }
  json::value clear = unseal(key, document);
  type.migrate(key, static_cast<int>(document.version), clear);
  return clear;
}

std::string Sealer::open_unjudged(const RecordType& type, const RecordKey& key, std::string_view stored) const {
  return secrets::to_text(open_value(type, key, stored));
}

std::string Sealer::open(const RecordType& type, const RecordKey& key, std::string_view stored) const {
  std::string clear = open_unjudged(type, key, stored);
  if (const auto judged = type.validate(clear); !judged) refuse(key, judged.error());
  return clear;
}

void Sealer::refuse(const RecordKey& key, const Error& error) {
  // Issues name paths and what was expected there, never what was found.
  throw Unreadable(Unreadable::Why::invalid, key, fmt::format("does not fit its type: {}", error.data ? error.data->json : error.message));
}

std::string Sealer::seal(const RecordType& type, const RecordKey& key, json::value clear) const {
  Document document{.version = type.version(), .value = std::move(clear)};
  std::vector<secrets::Secret> found;
  try {
    found = secrets::split(type.schema(), document.value);
  } catch (const std::invalid_argument& error) {
    // merge() refuses users' input that would lead here; a step of ours made this.
    throw Unreadable(Unreadable::Why::invalid, key, error.what());
  }
  for (const auto& [path, value] : found)
    document.secrets.insert_or_assign(path, keyring_.seal(secrets::to_text(value), crypto::seal_aad(key.area, key.record, path)));
  return document.text();
}

Result<std::string> Sealer::update(const RecordType& type, const RecordKey& key, std::string_view given, std::optional<std::string_view> stored, Absent absent,
                                   const std::vector<std::string>& clear) const {
  const auto input = secrets::from_text(given, rpc::kMaxDepth);
  if (!input) return fail(ErrorCode::bad_request, "{}", rpc::kMalformed);
  std::optional<json::value> before;
  if (stored) before = open_value(type, key, *stored);
  if (before)
    for (const auto& path : clear) secrets::remove(*before, path);
  auto merged = secrets::merge(type.schema(), *input, before ? &*before : nullptr, absent);
  if (!merged) return std::unexpected(std::move(merged.error()));
  if (auto judged = type.validate(secrets::to_text(*merged)); !judged) return std::unexpected(std::move(judged.error()));
  return seal(type, key, std::move(*merged));
}

Redacted Sealer::redact(const RecordType& type, const RecordKey& key, std::string_view stored) const {
  Document document = parse(key, stored);
  Redacted redacted;
  if (document.version == type.version()) {
    for (const auto& entry : document.secrets) redacted.secrets_set.emplace_back(entry.key());
  } else {
    document.value = open_value(type, key, stored);
  }
  // Also drops members that were no secrets yet when they were stored; merging over nothing drops those unknown by now.
  try {
    for (auto& secret : secrets::split(type.schema(), document.value)) redacted.secrets_set.push_back(std::move(secret.path));
  } catch (const std::invalid_argument& error) {
    throw Unreadable(Unreadable::Why::invalid, key, error.what());
  }
  auto known = secrets::merge(type.schema(), document.value, nullptr, Absent::removes);
  if (!known) refuse(key, known.error());
  secrets::fill_defaults(type.schema(), *known);
  redacted.json = secrets::to_text(*known);
  return redacted;
}

std::optional<std::string> Sealer::upgrade(const RecordType& type, const RecordKey& key, std::string_view stored) const {
  if (parse(key, stored).version == type.version()) return std::nullopt;
  json::value clear = open_value(type, key, stored);
  if (const auto judged = type.validate(secrets::to_text(clear)); !judged) refuse(key, judged.error());
  auto known = secrets::merge(type.schema(), clear, nullptr, Absent::removes);
  if (!known) refuse(key, known.error());
  return seal(type, key, std::move(*known));
}

std::optional<std::string> Sealer::reseal(const RecordKey& key, std::string_view stored) const {
  Document document = parse(key, stored);
  bool changed = false;
  for (auto&& entry : document.secrets) {
    const std::string_view sealed = entry.value().get_string();
    if (keyring_.form(sealed) == crypto::Keyring::Form::current) continue;
    const std::string_view path = entry.key();
    entry.value() = keyring_.seal(secrets::to_text(open_secret(key, path, sealed)), crypto::seal_aad(key.area, key.record, path));
    changed = true;
  }
  if (!changed) return std::nullopt;
  return document.text();
}

void Sealer::check(const RecordKey& key, std::string_view stored) const { unseal(key, parse(key, stored)); }

}  // namespace watchbell::settings
