#include "tests/integration/echo_area.hpp"

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>

#include "base/fault.hpp"

namespace watchbell::test {

/// Any value of the wire with the types its meta gives it: what an echo needs and no contract of ours allows.
struct Anything {
  using Members = std::vector<std::pair<std::string, Anything>>;
  std::variant<std::nullptr_t, bool, double, std::string, std::vector<Anything>, Members> value = nullptr;
  std::optional<rpc::Tag> tag;
};

struct Typed {
  Timestamp d;
  Set<Integer<0, 100>, 10> s;
  Map<Text<1, 10>, BigInt, 10> m;
  std::optional<Text<1, 10>> u;
};
BOOST_DESCRIBE_STRUCT(Typed, (), (d, s, m, u))

struct Person {
  Text<1, 100> name;
  Email email;
};
BOOST_DESCRIBE_STRUCT(Person, (), (name, email))

struct Denial {
  std::string reason;
  Timestamp when;
};
BOOST_DESCRIBE_STRUCT(Denial, (), (reason, when))

struct Ok {
  bool ok = true;
};
BOOST_DESCRIBE_STRUCT(Ok, (), (ok))

struct Me {
  UserId id;
  std::string email;
};
BOOST_DESCRIBE_STRUCT(Me, (), (id, email))

struct Listing {
  Text<1, 100> q;
  std::optional<Timestamp> d;
};
BOOST_DESCRIBE_STRUCT(Listing, (), (q, d))

struct Listed {
  Listing got;
};
BOOST_DESCRIBE_STRUCT(Listed, (), (got))

}  // namespace watchbell::test

namespace watchbell::rpc {

template <>
struct Codec<test::Anything> {
  static constexpr bool kDefaults = true;
  static SchemaPtr schema() { return detail::simple_schema(Schema::Kind::any); }

  static void encode(Writer& out, const test::Anything& any) {
    std::visit([&](const auto& value) { write(out, value); }, any.value);
    if (any.tag) out.tag(*any.tag);
  }

  static bool decode(const Input& in, test::Anything& any) {
    any.tag = in.tag();
    if (in.value == nullptr) any.tag = Tag::undefined;
    else read(in, *in.value, any);
    return true;
  }

 private:
  static void write(Writer& out, std::nullptr_t) { out.null(); }
  static void write(Writer& out, bool value) { out.boolean(value); }
  static void write(Writer& out, double value) {
    if (std::isfinite(value)) out.number(value);
    else out.null();
  }
  static void write(Writer& out, const std::string& value) { out.text(value); }
  static void write(Writer& out, const std::vector<test::Anything>& items) {
    out.raw("[");
    for (std::size_t i = 0; i < items.size(); ++i) {
      out.begin_element(i);
      encode(out, items[i]);
      out.end_element();
    }
    out.raw("]");
  }
  static void write(Writer& out, const test::Anything::Members& members) {
    out.begin_object();
    bool first = true;
    for (const auto& [name, value] : members) {
      out.begin_free_member(first, name);
      encode(out, value);
      out.end_member();
    }
    out.end_object();
  }

  static void read(const Input& in, const boost::json::value& value, test::Anything& any) {
    if (value.is_bool()) {
      any.value = value.get_bool();
    } else if (value.is_number()) {
      any.value = value.to_number<double>();
    } else if (value.is_string()) {
      any.value = std::string(value.get_string());
    } else if (value.is_array()) {
      auto& items = any.value.emplace<std::vector<test::Anything>>();
      for (std::size_t i = 0; i < value.get_array().size(); ++i) {
        const Path step{in.path, {}, i};
        decode(in.at(&value.get_array()[i], step), items.emplace_back());
      }
    } else if (value.is_object()) {
      auto& members = any.value.emplace<test::Anything::Members>();
      for (const auto& member : value.get_object()) {
        const Path step{in.path, member.key()};
        decode(in.at(&member.value(), step), members.emplace_back(std::string(member.key()), test::Anything{}).second);
      }
    }
  }
};

}  // namespace watchbell::rpc

namespace watchbell::test {
namespace {

using rpc::Caller;
using rpc::Tag;

Anything tagged(Tag tag, std::string text) { return {.value = std::move(text), .tag = tag}; }
Anything tagged_null(Tag tag) { return {.value = nullptr, .tag = tag}; }
Anything date(std::string text) { return tagged(Tag::date, std::move(text)); }
Anything list(std::vector<Anything> items, std::optional<Tag> tag = {}) { return {.value = std::move(items), .tag = tag}; }
Anything text(std::string value) { return {.value = std::move(value), .tag = {}}; }
Anything number(double value) { return {.value = value, .tag = {}}; }

/// A value of every type the wire knows.
Anything everything() {
  const std::string epoch = "1970-01-01T00:00:00.000Z";
  return {.value = Anything::Members{
              {"createdAt", date("2026-01-02T03:04:05.678Z")},
              {"list", list({date("2026-01-01T00:00:00.000Z")})},
              {"n", {}},
              {"nan", tagged_null(Tag::nan)},
              {"inf", number(std::numeric_limits<double>::infinity())},
              {"big", tagged(Tag::bigint, "12345678901234567890")},
              {"url", tagged(Tag::url, "https://a.example/x?y=1")},
              {"re", tagged(Tag::regexp, "/ab+c/gi")},
              {"set", list({number(1), date(epoch)}, Tag::set)},
              {"map", list({list({text("k"), date(epoch)}), list({text("u"), tagged_null(Tag::undefined)})}, Tag::map)},
              {"inv", tagged_null(Tag::date)},
          },
          .tag = {}};
}

Result<void> deny() {
  Error error{.code = ErrorCode::forbidden, .message = "m"};
  error.data = rpc::error_data(Denial{.reason = "resource_scope_denied", .when = Timestamp()});
  return std::unexpected(std::move(error));
}

}  // namespace

std::vector<rpc::Area> echo_areas() {
  rpc::Area echo("echo");
  echo.rule({.id = std::string(kEchoRule), .description = "Read a thing of the echo"})
      .mutation("ping", access::anonymous(), [](const Caller&) -> Result<Ok> { return Ok{}; })
      .mutation("strIn", access::anonymous(), [](const Caller&, Text<1, 100> in) -> Result<Text<1, 100>> { return in; })
      .mutation("echo", access::anonymous(), [](const Caller&, Anything in) -> Result<Anything> { return in; })
      .mutation("typed", access::anonymous(), [](const Caller&, Typed in) -> Result<Typed> { return in; })
      .query("everything", access::anonymous(), [](const Caller&) -> Result<Anything> { return everything(); })
      .query("rootDate", access::anonymous(), [](const Caller&) -> Result<Timestamp> { return Timestamp(); })
      .query("nothing", access::anonymous(), [](const Caller&) -> Result<void> { return {}; })
      .query("nil", access::anonymous(), [](const Caller&) -> Result<Nullable<std::string>> { return Nullable<std::string>(); })
      .query("holes", access::anonymous(), [](const Caller&) -> Result<Anything> { return list({number(1), tagged_null(Tag::undefined), number(3)}); })
      .mutation("validate", access::anonymous(), [](const Caller&, Person in) -> Result<Person> { return in; })
      .query("me", access::user(), [](const Caller& caller) -> Result<Me> { return Me{.id = caller.user_id(), .email = caller.principal->email}; })
      .mutation("guarded", access::authenticated().needs(std::string(kEchoRule)), [](const Caller&, Person in) -> Result<Person> { return in; })
      .mutation("denied", access::anonymous(), [](const Caller&) { return deny(); })
      .mutation("missing", access::anonymous(), [](const Caller&) -> Result<void> { return fail(ErrorCode::not_found, "Role {} not found", "x"); })
      .mutation("clash", access::anonymous(), [](const Caller&) -> Result<void> { return fail(ErrorCode::conflict, "Conflict"); })
      .mutation("fault", access::anonymous(), [](const Caller&) -> Result<void> { throw Fault("table secrets is broken"); })
      .mutation("crash", access::anonymous(), [](const Caller&) -> Result<void> { throw std::logic_error("table secrets is broken"); });
  rpc::Area cat("cat");
  cat.query("list", access::anonymous(), [](const Caller&, Listing in) -> Result<Listed> { return Listed{.got = std::move(in)}; });
  std::vector<rpc::Area> areas;
  areas.push_back(std::move(echo));
  areas.push_back(std::move(cat));
  return areas;
}

}  // namespace watchbell::test
