#include <gtest/gtest.h>

#include <random>

#include <rapidcheck/gtest.h>

#include "runtime/settings/sealer.hpp"

namespace watchbell::settings {
namespace {
namespace json = boost::json;
using rpc::Schema;
using Kind = Schema::Kind;

/// A random schema with a value that fits it, and the secrets in the value. Made from one seed, which rapidcheck draws and prints.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::shared_ptr<Schema> object(int depth, bool needs_id = false) {
    auto schema = std::make_shared<Schema>();
    schema->kind = Kind::object;
    if (needs_id) schema->members.push_back({.name = "id", .schema = scalar(Kind::text)});
    const int members = 1 + below(3);
    for (int i = 0; i < members; ++i) {
      Schema::Member member{.name = fmt::format("m{}", i), .required = false};
      if (below(3) == 0) {
        member.secret = true;
        member.schema = below(4) == 0 ? std::shared_ptr<const Schema>(plain_object()) : scalar(Kind::text);
      } else {
        member.schema = any(depth - 1);
      }
      schema->members.push_back(std::move(member));
    }
    return schema;
  }

  json::value value(const Schema& schema, bool secret = false) {
    switch (schema.kind) {
      case Kind::object: {
        json::object object;
        for (const auto& member : schema.members) {
          if (member.name == "id") object.emplace("id", fmt::format("i.[{}]\\", ++ids_));
          else if (member.name == "kind") object.emplace("kind", member.schema->values[0]);
          else if (below(5) > 0) object.emplace(member.name, value(*member.schema, secret || member.secret));
        }
        return object;
      }
      case Kind::list: {
        json::array array;
        for (int i = below(4); i > 0; --i) array.push_back(value(*schema.items[0], secret));
        return array;
      }
      case Kind::record: {
        json::object object;
        for (int i = below(4); i > 0; --i) object.emplace(fmt::format("k.[{}]\\", i), value(*schema.items[0], secret));
        return object;
      }
      case Kind::either: return value(*schema.items[static_cast<std::size_t>(below(static_cast<int>(schema.items.size())))], secret);
      case Kind::nullable: return below(3) == 0 ? json::value() : value(*schema.items[0], secret);
      case Kind::integer: return static_cast<std::int64_t>(random_() >> 20);
      case Kind::boolean: return below(2) == 0;
      default:
        if (!secret) return json::value(fmt::format("plain {}", random_()));
        // Holds characters that base64 has not, so that no ciphertext can hold it by chance.
        secrets_.push_back(fmt::format("s3cret!{}", random_()));
        return json::value(secrets_.back());
    }
  }
  const std::vector<std::string>& secrets() const { return secrets_; }

 private:
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  static std::shared_ptr<const Schema> scalar(Kind kind) {
    auto schema = std::make_shared<Schema>();
    schema->kind = kind;
    return schema;
  }
  static std::shared_ptr<const Schema> plain_object() {
    auto schema = std::make_shared<Schema>();
    schema->kind = Kind::object;
    schema->members.push_back({.name = "a", .schema = scalar(Kind::text)});
    schema->members.push_back({.name = "b", .schema = scalar(Kind::text)});
    return schema;
  }
  std::shared_ptr<const Schema> wrap(Kind kind, std::shared_ptr<const Schema> item) {
    auto schema = std::make_shared<Schema>();
    schema->kind = kind;
    schema->items.push_back(std::move(item));
    return schema;
  }
  std::shared_ptr<const Schema> any(int depth) {
    if (depth > 0) {
      switch (below(6)) {
        case 0: return object(depth);
        case 1: return wrap(Kind::list, object(depth, true));
        case 2: return wrap(Kind::record, any(depth - 1));
        case 3: return wrap(Kind::nullable, object(depth));
        case 4: {
          auto schema = std::make_shared<Schema>();
          schema->kind = Kind::either;
          schema->discriminator = "kind";
          for (const char* tag : {"x", "y"}) {
            auto branch = object(depth);
            auto kind = std::make_shared<Schema>();
            kind->kind = Kind::enumeration;
            kind->values = {tag};
            branch->members.push_back({.name = "kind", .schema = kind});
            schema->items.push_back(branch);
          }
          return schema;
        }
        default: break;
      }
    }
    return scalar(std::array{Kind::text, Kind::integer, Kind::boolean}[static_cast<std::size_t>(below(3))]);
  }

  std::mt19937_64 random_;
  int ids_ = 0;
  std::vector<std::string> secrets_;
};

/// The value without its secrets, as a form sends it back.
json::value without(const Schema& schema, json::value value) {
  secrets::split(schema, value);
  return value;
}

RC_GTEST_PROP(SettingsProperty, G_1_any_value_with_secrets_at_any_depth_is_sealed_redacted_and_given_back, (std::uint64_t seed)) {
  static const Sealer sealer(*crypto::Keyring::make("9f2c6d1e8b7a40536172839405b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d1"));
  const RecordKey key{"area", "record"};
  Maker maker(seed);
  const rpc::SchemaPtr schema = maker.object(5);
  const RecordType type(schema, [](std::string_view) { return Result<void>(); });
  const json::value value = maker.value(*schema);

  const auto stored = sealer.update(type, key, secrets::to_text(value), std::nullopt);
  RC_ASSERT(stored.has_value());
  const Redacted shown = sealer.redact(type, key, *stored);
  for (const auto& secret : maker.secrets()) {
    RC_ASSERT(stored->find(secret) == std::string::npos);
    RC_ASSERT(shown.json.find(secret) == std::string::npos);
  }
  RC_ASSERT(shown.json.find("v2:") == std::string::npos);
  RC_ASSERT(maker.secrets().empty() || !shown.secrets_set.empty());
  RC_ASSERT(json::parse(sealer.open(type, key, *stored)) == value);

  // A form that sends back what it was shown loses nothing, whatever absent means; nor does one without its secrets.
  for (const auto absent : {Absent::keeps, Absent::removes}) {
    const auto again = sealer.update(type, key, shown.json, *stored, absent);
    RC_ASSERT(again.has_value());
    RC_ASSERT(json::parse(sealer.open(type, key, *again)) == value);
    const auto bare = sealer.update(type, key, secrets::to_text(without(*schema, value)), *again, absent);
    RC_ASSERT(json::parse(sealer.open(type, key, *bare)) == value);
  }
}

}  // namespace
}  // namespace watchbell::settings
