#include <watchbell/cache/codec.hpp>

#include <boost/system/result.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace shop {

struct Price {
  std::int64_t cents = 0;
  std::string currency;
  friend bool operator==(const Price&, const Price&) = default;
};
constexpr std::string_view cache_layout(std::type_identity<Price>) { return "price 1"; }
void cache_encode(watchbell::cache::Writer& writer, const Price& price) {
  writer.value(price.cents);
  writer.value(price.currency);
}
std::optional<Price> cache_decode(watchbell::cache::Reader& reader, std::type_identity<Price>) {
  const auto cents = reader.value<std::int64_t>();
  auto currency = reader.value<std::string>();
  if (!cents || !currency || currency->size() != 3) return std::nullopt;
  return Price{*cents, std::move(*currency)};
}

/// Writes nothing at all.
struct Nothing {
  friend bool operator==(const Nothing&, const Nothing&) = default;
};
constexpr std::string_view cache_layout(std::type_identity<Nothing>) { return "nothing 1"; }
void cache_encode(watchbell::cache::Writer&, const Nothing&) {}
std::optional<Nothing> cache_decode(watchbell::cache::Reader&, std::type_identity<Nothing>) { return Nothing(); }

/// A list as long as one likes, each link inside of the one before.
struct Chain {
  std::vector<Chain> next;
};
constexpr std::string_view cache_layout(std::type_identity<Chain>) { return "chain 1"; }
void cache_encode(watchbell::cache::Writer& writer, const Chain& chain);
std::optional<Chain> cache_decode(watchbell::cache::Reader& reader, std::type_identity<Chain>);
void cache_encode(watchbell::cache::Writer& writer, const Chain& chain) { writer.value(chain.next); }
std::optional<Chain> cache_decode(watchbell::cache::Reader& reader, std::type_identity<Chain>) {
  auto next = reader.value<std::vector<Chain>>();
  if (!next) return std::nullopt;
  return Chain{std::move(*next)};
}

struct Unknown {};
struct Base {
  virtual ~Base() = default;
};

}  // namespace shop

namespace watchbell::cache {
namespace {

using namespace std::string_literals;
using std::chrono::system_clock;

enum class Colour : std::uint8_t { red, blue = 200 };

template <class T>
T round(const T& value) {
  const auto bytes = Codec<T>::encode(value);
  EXPECT_TRUE(bytes.has_value());
  auto back = Codec<T>::decode(bytes.value_or(""));
  EXPECT_TRUE(back.has_value());
  return back.value_or(T());
}

template <class T>
void expect_same(std::initializer_list<T> values) {
  for (const T& value : values) EXPECT_EQ(round(value), value);
}

template <class T>
void expect_limits() {
  expect_same<T>({std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), T{0}, T{1}, static_cast<T>(-1)});
}

static_assert(Encodable<std::map<std::string, std::vector<std::optional<std::pair<int, double>>>>>);
static_assert(Encodable<std::unordered_map<int, shop::Price>>);
static_assert(!Encodable<shop::Unknown>);
static_assert(!Encodable<std::vector<shop::Unknown>>);
static_assert(!Encodable<std::string_view>, "nothing would own the text");
static_assert(!Encodable<const char*>);
static_assert(!Encodable<int&>);
static_assert(!Encodable<long double>, "its padding has no meaning");
static_assert(!Encodable<std::chrono::steady_clock::time_point>, "means nothing to another process");
static_assert(!Encodable<std::shared_ptr<shop::Base>>, "would come back as the base alone");

TEST(Codec, C_20_integers_come_back_at_their_limits) {
  expect_limits<std::int8_t>();
  expect_limits<std::uint8_t>();
  expect_limits<std::int16_t>();
  expect_limits<std::uint16_t>();
  expect_limits<std::int32_t>();
  expect_limits<std::uint32_t>();
  expect_limits<std::int64_t>();
  expect_limits<std::uint64_t>();
  expect_limits<long>();
  expect_limits<unsigned long long>();
  expect_limits<char>();
  expect_same<bool>({true, false});
  expect_same<Colour>({Colour::red, Colour::blue});
}

TEST(Codec, C_20_floating_point_comes_back_bit_by_bit) {
  const double odd_nan = std::bit_cast<double>(std::uint64_t{0xFFF8'0000'DEAD'BEEFu});
  for (const double value : {0.0, -0.0, 0.1, std::numeric_limits<double>::max(), std::numeric_limits<double>::denorm_min(),
                             std::numeric_limits<double>::infinity(), odd_nan})
    EXPECT_EQ(std::bit_cast<std::uint64_t>(round(value)), std::bit_cast<std::uint64_t>(value));
  for (const float value : {-0.0f, 0.1f, std::numeric_limits<float>::quiet_NaN()})
    EXPECT_EQ(std::bit_cast<std::uint32_t>(round(value)), std::bit_cast<std::uint32_t>(value));
}

TEST(Codec, C_20_text_of_any_bytes_comes_back) {
  expect_same<std::string>({"", "a", "\0a\0"s, "Grüße, 日本 🔔", "\xFF\xFE\x80"s, std::string(100'000, 'x')});
  EXPECT_TRUE(round(std::u8string(u8"日本")) == u8"日本");  // GoogleTest may be unable to print one
}

TEST(Codec, C_20_time_comes_back_to_the_nanosecond) {
  using Nanos = std::chrono::sys_time<std::chrono::nanoseconds>;
  using Millis = std::chrono::sys_time<std::chrono::milliseconds>;
  expect_same<Nanos>({Nanos(std::chrono::nanoseconds(1'700'000'000'123'456'789)), Nanos::min(), Nanos::max()});
  expect_same<Millis>({Millis(std::chrono::milliseconds(-1)), Millis(std::chrono::milliseconds(1'700'000'000'123))});
  expect_same<std::chrono::nanoseconds>({std::chrono::nanoseconds::min(), std::chrono::nanoseconds::max()});
  expect_same<std::chrono::duration<double>>({std::chrono::duration<double>(0.1)});
}

TEST(Codec, C_20_empty_and_absent_differ) {
  expect_same<std::optional<std::string>>({std::nullopt, "", "a"});
  expect_same<std::optional<std::optional<int>>>({std::nullopt, std::optional<int>(), std::optional<int>(0)});
  expect_same<std::optional<std::vector<int>>>({std::nullopt, std::vector<int>(), std::vector{0}});
  expect_same<std::variant<std::monostate, std::string>>({std::monostate(), "", "a"});
}

TEST(Codec, C_20_containers_come_back_in_order) {
  expect_same<std::vector<int>>({{}, {3, 1, 2}});
  expect_same<std::vector<bool>>({{}, {true, false, true}});
  expect_same<std::deque<std::string>>({{"b", "a"}});
  expect_same<std::array<std::string, 2>>({{"a", ""}});
  expect_same<std::array<int, 0>>({{}});
  expect_same<std::pair<int, std::string>>({{1, "a"}});
  expect_same<std::tuple<>>({{}});
  expect_same<std::tuple<int, std::string, double>>({{-1, "a", 0.5}});
  expect_same<std::map<std::string, std::vector<int>>>({{}, {{"a", {1}}, {"b", {}}}});
  expect_same<std::unordered_map<int, std::string>>({{}, {{1, "a"}, {2, "b"}}});
  expect_same<std::set<std::string>>({{}, {"a", "b"}});
  expect_same<std::multimap<int, int>>({{{1, 1}, {1, 2}}});
  expect_same<std::vector<std::tuple<>>>({{{}, {}, {}}});
  expect_same<std::vector<shop::Nothing>>({{{}, {}}});
}

TEST(Codec, C_20_variants_keep_which_alternative_they_hold) {
  using Either = std::variant<int, std::int64_t, std::string>;
  expect_same<Either>({Either(std::in_place_index<0>, 1), Either(std::in_place_index<1>, 1), Either("1")});
}

TEST(Codec, C_20_owning_pointers_come_back_with_what_they_own) {
  using Shared = std::shared_ptr<const std::string>;
  EXPECT_EQ(*round(Shared(std::make_shared<std::string>("a"))), "a");
  EXPECT_EQ(round(Shared()), nullptr);
  const auto bytes = Codec<std::unique_ptr<int>>::encode(std::make_unique<int>(7));
  ASSERT_TRUE(bytes);
  const auto back = Codec<std::unique_ptr<int>>::decode(*bytes);
  ASSERT_TRUE(back && *back);
  EXPECT_EQ(**back, 7);
}

TEST(Codec, a_type_of_ones_own_comes_back) {
  expect_same<shop::Price>({{std::numeric_limits<std::int64_t>::min(), "EUR"}});
  expect_same<std::vector<shop::Price>>({{{1, "EUR"}, {2, "USD"}}});
  // What the type's own decode refuses is no value, and encoding does not know.
  const auto bytes = Codec<shop::Price>::encode({1, "long"});
  ASSERT_TRUE(bytes);
  EXPECT_FALSE(Codec<shop::Price>::decode(*bytes));
}

TEST(Codec, results_are_kept_only_with_a_value) {
  using Result = boost::system::result<std::string>;
  using Done = boost::system::result<void>;
  const Result failed = make_error_code(boost::system::errc::timed_out);
  EXPECT_EQ(round(Result("a")).value(), "a");
  EXPECT_FALSE(Codec<Result>::encode(failed));
  EXPECT_FALSE(Codec<std::vector<Result>>::encode({Result("a"), failed})) << "nested";
  EXPECT_TRUE(round(Done()).has_value());
  EXPECT_FALSE(Codec<Done>::encode(Done(make_error_code(boost::system::errc::timed_out))));
}

TEST(Codec, bytes_of_a_type_of_other_structure_are_no_value) {
  const auto bytes = Codec<std::vector<std::int32_t>>::encode({1, 2}).value();
  EXPECT_FALSE(Codec<std::vector<std::int64_t>>::decode(bytes));
  EXPECT_FALSE(Codec<std::vector<std::uint32_t>>::decode(bytes));
  EXPECT_FALSE(Codec<std::set<std::int32_t>>::decode(bytes));
  EXPECT_FALSE(Codec<std::string>::decode(bytes));
  EXPECT_FALSE(Codec<std::vector<Colour>>::decode(bytes));
  EXPECT_FALSE((Codec<std::tuple<int, std::pair<int, int>>>::decode(
      Codec<std::tuple<std::pair<int, int>, int>>::encode({{1, 2}, 3}).value())));
  EXPECT_FALSE(Codec<std::chrono::seconds>::decode(
      Codec<std::chrono::milliseconds>::encode(std::chrono::milliseconds(1)).value()));
  EXPECT_TRUE(Codec<std::deque<std::int32_t>>::decode(bytes)) << "the same list, held otherwise";
}

TEST(Codec, every_cut_and_every_changed_bit_is_no_value) {
  using T = std::map<std::string, std::optional<std::vector<std::int64_t>>>;
  const std::string whole = Codec<T>::encode({{"a", std::vector<std::int64_t>{1, -1}}, {"b", std::nullopt}}).value();
  EXPECT_EQ(whole.front(), 1) << "the format version comes first";
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(Codec<T>::decode(whole.substr(0, size)));
  EXPECT_FALSE(Codec<T>::decode(whole + '\0'));
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Codec<T>::decode(changed)) << bit;
  }
}

/// Decodes a payload as though it had been encoded, checksum and all.
template <class T>
std::optional<T> forged(std::string_view payload) {
  return Codec<T>::decode(detail::frame(Codec<T>::fingerprint(), payload));
}

TEST(Codec, sizes_that_the_input_does_not_back_are_no_value) {
  const std::string huge = "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"s;
  EXPECT_FALSE(forged<std::string>(huge + "abc"));
  EXPECT_FALSE(forged<std::vector<std::string>>(huge + "abc"));
  EXPECT_FALSE((forged<std::map<int, int>>(huge + "abc")));
  EXPECT_FALSE(forged<std::vector<std::monostate>>(huge));
  EXPECT_FALSE(forged<std::uint64_t>("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02"s)) << "65 bits";
  EXPECT_FALSE(forged<std::uint64_t>("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01"s));
}

TEST(Codec, payloads_that_nobody_encodes_are_no_value) {
  EXPECT_FALSE(forged<bool>("\x02"));
  EXPECT_FALSE(forged<std::uint8_t>("\x80\x02")) << "256";
  EXPECT_FALSE(forged<std::int8_t>("\x80\x02")) << "128";
  EXPECT_FALSE(forged<std::optional<int>>("\x02\x01"));
  EXPECT_FALSE((forged<std::variant<int, bool>>("\x02\x01")));
  EXPECT_FALSE(forged<std::set<int>>("\x02\x02\x02")) << "one element twice";
  EXPECT_FALSE(forged<int>("\x02\x02")) << "bytes left over";
  EXPECT_FALSE(forged<int>(""));
}

TEST(Codec, nesting_is_bounded_both_ways) {
  shop::Chain chain;
  for (int i = 0; i < 20; ++i) {
    shop::Chain outer;
    outer.next.push_back(std::move(chain));
    chain = std::move(outer);
  }
  EXPECT_TRUE(Codec<shop::Chain>::encode(chain));
  for (int i = 0; i < 20; ++i) {
    shop::Chain outer;
    outer.next.push_back(std::move(chain));
    chain = std::move(outer);
  }
  EXPECT_FALSE(Codec<shop::Chain>::encode(chain));
  EXPECT_FALSE(forged<shop::Chain>(std::string(1'000'000, '\1')));
}

}  // namespace
}  // namespace watchbell::cache
