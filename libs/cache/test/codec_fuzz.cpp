// The codec over outside bytes: nothing may crash or use memory that the input does not back, and whatever is read must
// be written and read again to the same bytes.
#include <watchbell/cache/codec.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

namespace {

using namespace watchbell::cache;

struct Tree {
  std::int64_t number = 0;
  std::vector<Tree> below;
};
constexpr std::string_view cache_layout(std::type_identity<Tree>) { return "tree 1"; }
void cache_encode(Writer& writer, const Tree& tree);
std::optional<Tree> cache_decode(Reader& reader, std::type_identity<Tree>);
void cache_encode(Writer& writer, const Tree& tree) {
  writer.value(tree.number);
  writer.value(static_cast<std::uint64_t>(tree.below.size()));
  for (const Tree& branch : tree.below) writer.value(branch);
}
std::optional<Tree> cache_decode(Reader& reader, std::type_identity<Tree>) {
  Tree tree;
  const auto number = reader.value<std::int64_t>();
  const auto size = reader.value<std::uint64_t>();
  if (!number || !size) return std::nullopt;
  tree.number = *number;
  for (std::uint64_t i = 0; i < *size; ++i) {
    auto branch = reader.value<Tree>();
    if (!branch) return std::nullopt;
    tree.below.push_back(std::move(*branch));
  }
  return tree;
}

template <class T>
void check(std::string_view payload) {
  // As it came, which the checksum mostly refuses, and as though it had been encoded.
  (void)Codec<T>::decode(payload);
  const auto value = Codec<T>::decode(detail::frame(Codec<T>::fingerprint(), payload));
  if (!value) return;
  const auto bytes = Codec<T>::encode(*value);
  if (!bytes) std::abort();
  const auto again = Codec<T>::decode(*bytes);
  if (!again || Codec<T>::encode(*again) != bytes) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view payload(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: check<std::string>(payload); break;
    case 1: check<std::vector<std::optional<std::int64_t>>>(payload); break;
    case 2: check<std::map<std::string, std::vector<double>>>(payload); break;
    case 3: check<std::variant<std::monostate, std::string, std::set<std::uint8_t>, std::vector<bool>>>(payload); break;
    case 4: check<std::tuple<bool, float, std::chrono::system_clock::time_point, std::string>>(payload); break;
    case 5: check<Tree>(payload); break;
    case 6: check<std::vector<std::monostate>>(payload); break;
    default: check<std::shared_ptr<const std::array<std::vector<std::string>, 2>>>(payload); break;
  }
  return 0;
}
