// Whatever bytes come as a request body: the codec answers a value or issues, never stops the program, and a value it took reads back the same from what
// it writes.
#include <cstdint>
#include <cstdlib>

#include "runtime/rpc/area.hpp"
#include "runtime/signals/hub.hpp"

namespace watchbell::rpc {

enum class FuzzColour { red, dark_blue };
BOOST_DESCRIBE_ENUM(FuzzColour, red, dark_blue)

struct FuzzInner {
  Text<1, 20> first_name;
  std::optional<Integer<-5, 1000>> age;
  std::optional<Email> mail;
};
BOOST_DESCRIBE_STRUCT(FuzzInner, (), (first_name, age, mail))

struct FuzzOne {
  static constexpr std::string_view kTagName = "mode", kTag = "one";
  Number<-10, 10> factor = 1.0;
};
BOOST_DESCRIBE_STRUCT(FuzzOne, (), (factor))
struct FuzzTwo {
  static constexpr std::string_view kTagName = "mode", kTag = "two";
  std::optional<Timestamp> at;
};
BOOST_DESCRIBE_STRUCT(FuzzTwo, (), (at))

struct FuzzInput {
  bool flag = false;
  FuzzColour colour = FuzzColour::red;
  std::optional<Url> url;
  std::optional<Uuid> id;
  std::optional<List<FuzzInner, 0, 8>> list;
  std::optional<Set<Timestamp, 8>> dates;
  std::optional<Map<Text<0, 10>, BigInt, 8>> numbers;
  std::optional<Json<400, 8>> free;
  std::optional<std::variant<FuzzOne, FuzzTwo>> either;
  std::optional<Nullable<Text<0, 10>>> note;
};
BOOST_DESCRIBE_STRUCT(FuzzInput, (), (flag, colour, url, id, list, dates, numbers, free, either, note))

}  // namespace watchbell::rpc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace watchbell;
  using namespace watchbell::rpc;
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  static_cast<void>(signals::judge_frame(body));
  // The same bytes as plain JSON: the body of a REST call.
  rpc::detail::Decoded<FuzzInput> plain;
  rpc::detail::decode<FuzzInput>(body, plain, true);
  if (plain.parsed && plain.issues.empty()) {
    const std::string text = to_json(plain.value);
    const auto again = from_json<FuzzInput>(text);
    if (!again || to_json(*again) != text) std::abort();
  }
  rpc::detail::Decoded<FuzzInput> first;
  rpc::detail::decode<FuzzInput>(body, first);
  if (!first.parsed) return 0;
  if (!first.issues.empty()) {
    // What is answered must itself be JSON.
    if (!Envelope().parse("{\"json\":" + first.issues.error().data->json + "}")) std::abort();
    return 0;
  }
  const std::string written = to_envelope(first.value);
  rpc::detail::Decoded<FuzzInput> second;
  rpc::detail::decode<FuzzInput>(written, second);
  if (!second.parsed || !second.issues.empty() || to_envelope(second.value) != written) std::abort();
  return 0;
}
