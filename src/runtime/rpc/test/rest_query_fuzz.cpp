// Whatever bytes come as the query string of a REST call: what is read off it is JSON that the codec judges, or a refusal; it never grows much, and a value
// that was taken goes out as the value that stands in its envelope.
#include <cstdint>
#include <cstdlib>

#include "runtime/rpc/area.hpp"
#include "runtime/rpc/json_text.hpp"
#include "runtime/rpc/rest.hpp"

namespace watchbell::rpc {

enum class FuzzOrder { newest, oldest };
BOOST_DESCRIBE_ENUM(FuzzOrder, newest, oldest)

struct FuzzFilter {
  std::optional<Text<1, 20>> name;
  std::optional<List<Integer<0, 9>, 0, 5>> levels;
};
BOOST_DESCRIBE_STRUCT(FuzzFilter, (), (name, levels))

struct FuzzExact {
  static constexpr std::string_view kTagName = "mode", kTag = "exact";
  Number<-10, 10> factor = 1.0;
};
BOOST_DESCRIBE_STRUCT(FuzzExact, (), (factor))
struct FuzzRough {
  static constexpr std::string_view kTagName = "mode", kTag = "rough";
  std::optional<Timestamp> at;
};
BOOST_DESCRIBE_STRUCT(FuzzRough, (), (at))

struct FuzzQuery {
  Integer<-5, 1000> limit = 20;
  bool unread = false;
  FuzzOrder order = FuzzOrder::newest;
  std::optional<List<Text<1, 10>, 1, 3>> ids;
  std::optional<Set<Integer<0, 9>, 5>> marks;
  std::optional<Map<Text<0, 10>, BigInt, 8>> numbers;
  std::optional<FuzzFilter> filter;
  std::optional<List<FuzzFilter, 0, 3>> filters;
  std::optional<std::variant<FuzzExact, FuzzRough>> either;
  std::optional<Nullable<Integer<0, 9>>> level;
  std::optional<Json<200, 4>> free;
};
BOOST_DESCRIBE_STRUCT(FuzzQuery, (), (limit, unread, order, ids, marks, numbers, filter, filters, either, level, free))

}  // namespace watchbell::rpc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace watchbell;
  using namespace watchbell::rpc;
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  static_cast<void>(accepts_problem(query));
  const auto text = query_to_json(query, *schema_of<FuzzQuery>());
  if (!text) return 0;
  // A byte becomes at most six (an escape), a name without a value a pair of quotes and a colon.
  if (text->size() > 12 * size + 2) std::abort();
  if (!text->empty() && is_utf8(*text) && !parse_json(*text, 64)) std::abort();
  rpc::detail::Decoded<FuzzQuery> input;
  rpc::detail::decode<FuzzQuery>(*text, input, true);
  if (!input.parsed || !input.issues.empty()) return 0;
  if (value_of_envelope(to_envelope(input.value)) != to_json(input.value)) std::abort();
  return 0;
}
