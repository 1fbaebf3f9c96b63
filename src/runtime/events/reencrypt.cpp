#include "runtime/events/reencrypt.hpp"

#include "runtime/events/row.hpp"
#include "runtime/jobs/payloads.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell::events {

crypto::Reencryption reencrypt(sql::Session& session, const crypto::Keyring& keyring) {
  crypto::Reencryption report;
  for (const auto& waiting : jobs::store::of_queues(session, kQueues)) {
    ++report.scanned;
    const auto row = rpc::from_json<StoredRow>(waiting.payload);
    if (row && (row->secrets.empty() || keyring.form(row->secrets.str()) == crypto::Keyring::Form::current)) {
      ++report.skipped;
      continue;
    }
    const std::string aad = aad_of(std::string_view(waiting.queue).substr(kQueues.size()));
    const auto clear = row ? keyring.open(row->secrets.str(), aad) : Result<std::string>(fail(ErrorCode::internal, "event row does not read"));
    if (!clear) {  // one row must not keep the others under an old key
      report.failed.push_back("job " + waiting.id.to_string() + " of " + waiting.queue);
      continue;
    }
    jobs::store::put_payload(session, waiting.id, rpc::to_json(Row{.payload = row->payload.str(), .secrets = keyring.seal(*clear, aad)}));
    ++report.reencrypted;
  }
  return report;
}

}  // namespace watchbell::events
