// Any bytes are a history or a clean error; and on a small history the checker agrees with the definition of its rule.
#include <watchbell/cache/testing/checker.hpp>

#include <cstdlib>
#include <sstream>

#include "naive.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace watchbell::cache::testing;
  std::istringstream in(std::string(reinterpret_cast<const char*>(data), size));
  History history;
  try {
    read_history(in, "fuzz", history);
  } catch (const HistoryError&) {
    return 0;
  }
  const Verdict verdict = check(history);
  if (describe(history, verdict).empty()) std::abort();
  if (history.operations().size() > 100) return 0;
  const bool contradiction = verdict.kind == Verdict::Kind::duplicate_version || verdict.kind == Verdict::Kind::unordered_versions;
  if (contradiction != naive_contradiction(history)) std::abort();
  if (contradiction) return 0;
  const Verdict expected = naive_check(history);
  if (expected.kind != verdict.kind || expected.read != verdict.read || expected.change != verdict.change) std::abort();
  return 0;
}
