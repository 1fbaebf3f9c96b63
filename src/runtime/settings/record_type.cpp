#include "runtime/settings/record_type.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "runtime/settings/secrets.hpp"

namespace watchbell::settings {

Unreadable::Unreadable(Why why, const RecordKey& key, std::string_view what)
    : Fault(fmt::format("settings record {}/{}: {}", key.area, key.record, what)), why_(why) {}

void rename_member(boost::json::object& object, std::string_view from, std::string_view to) {
  auto* member = object.if_contains(from);
  if (member == nullptr || from == to) return;
  boost::json::value moved = std::move(*member);
  object.erase(from);
  object.insert_or_assign(to, std::move(moved));
}

RecordType::RecordType(rpc::SchemaPtr schema, Validate validate, int version, std::vector<Step> steps)
    : schema_(std::move(schema)), validate_(std::move(validate)), version_(version), steps_(std::move(steps)) {
  WATCHBELL_ASSERT(schema_ != nullptr && validate_ != nullptr && version_ >= 1);
  WATCHBELL_ASSERT(secrets::well_formed(*schema_));
  if (steps_.empty()) return;
  int expected = steps_.front().from;
  for (const Step& step : steps_) {
    if (step.from != expected) throw Fault(fmt::format("settings steps: none leads from version {}", expected));
    ++expected;
  }
  if (expected < version_) throw Fault(fmt::format("settings steps: none leads from version {}", expected));
  if (expected > version_) throw Fault(fmt::format("settings steps lead to version {}, past the present {}", expected, version_));
}

void RecordType::migrate(const RecordKey& key, int from, boost::json::value& clear) const {
  if (from > version_)
    throw Unreadable(Unreadable::Why::too_new, key, fmt::format("is of version {}, this program knows {} and earlier", from, version_));
  if (from == version_) return;
  if (steps_.empty() || from < steps_.front().from)
    throw Unreadable(Unreadable::Why::no_step, key, fmt::format("is of version {}, and no step leads from there", from));
  auto* object = clear.if_object();
  if (object == nullptr) throw Unreadable(Unreadable::Why::damaged, key, "does not hold an object");
  for (auto step = steps_.begin() + (from - steps_.front().from); step != steps_.end(); ++step) step->apply(*object);
}

}  // namespace watchbell::settings
