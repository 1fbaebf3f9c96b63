// The binary form of an array (array_send in PostgreSQL's source): dimensions, whether there are NULLs, the type of the elements; of each dimension its
// length and its first index; then each element behind its length. All of it in network order.
#include <bit>
#include <cstring>

#include "base/assert.hpp"
#include "platform/sql/connection.hpp"

namespace watchbell::sql::detail {
namespace {

constexpr std::uint32_t kTextOid = 25;
constexpr std::uint32_t kInt8Oid = 20;

template <class T>
void append(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof value];
  const T turned = std::byteswap(value);
  std::memcpy(bytes, &turned, sizeof value);
  out.append(bytes, sizeof value);
}

}  // namespace

Array::Array(Of of, std::size_t count) : of_(of) {
  WATCHBELL_ASSERT(count <= 0x7fffffff);
  bytes_.reserve(20 + count * (of == Of::integer ? 12 : 40));
  append<std::uint32_t>(bytes_, count == 0 ? 0 : 1);
  append<std::uint32_t>(bytes_, 0);
  append(bytes_, of == Of::integer ? kInt8Oid : kTextOid);
  if (count == 0) return;
  append(bytes_, static_cast<std::uint32_t>(count));
  append<std::uint32_t>(bytes_, 1);
}

void Array::add(std::string_view text) {
  append(bytes_, static_cast<std::uint32_t>(text.size()));
  bytes_ += text;
}

void Array::add(std::int64_t value) {
  append<std::uint32_t>(bytes_, sizeof value);
  append(bytes_, static_cast<std::uint64_t>(value));
}

}  // namespace watchbell::sql::detail
