#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json.hpp>

#include "base/fault.hpp"
#include "base/result.hpp"
#include "runtime/rpc/codec.hpp"

namespace watchbell::settings {

/// The place of a record. Areas never share records, and both names are part of what a sealed secret is bound to.
struct RecordKey {
  std::string area;    ///< of the domain that owns it: "notification"
  std::string record;  ///< within the area: "strategy.notification-webhook.webhook.config"
};

/// A stored record that cannot be handed out as what it should be. It is never replaced by defaults.
class Unreadable final : public Fault {
 public:
  enum class Why {
    damaged,    ///< not the form records are stored in
    sealed,     ///< a secret opens with no known key, or was moved here from another place
    too_new,    ///< written by a later version of the program
    no_step,    ///< older than the oldest step known
    invalid,    ///< does not fit its type
  };
  Unreadable(Why why, const RecordKey& key, std::string_view what);
  Why why() const noexcept { return why_; }

 private:
  Why why_;
};

/// Brings a record from one version to the next. Secrets stand in the clear at their places.
struct Step {
  int from = 1;
  std::string description;
  std::function<void(boost::json::object&)> apply;
};

/// For steps: moves a member to another name; nothing when there is none. (`o["b"] = o.at("a")` reads freed memory: adding "b" moves "a".)
void rename_member(boost::json::object& object, std::string_view from, std::string_view to);

namespace detail {

template <class T>
inline constexpr bool kSecretsWellPlaced = true;
template <class T>
inline constexpr bool kIsSecret = false;
template <class T>
inline constexpr bool kIsSecret<Secret<T>> = true;
template <class T>
inline constexpr bool kSecretsWellPlaced<Secret<T>> = false;
template <class T>
inline constexpr bool kSecretsWellPlaced<std::optional<T>> = kSecretsWellPlaced<T>;
template <class T>
inline constexpr bool kSecretsWellPlaced<Nullable<T>> = kSecretsWellPlaced<T>;
template <class T>
inline constexpr bool kSecretsWellPlaced<Required<T>> = kSecretsWellPlaced<T>;
template <class T>
inline constexpr bool kSecretsWellPlaced<Patch<T>> = kSecretsWellPlaced<T>;
template <class T>
inline constexpr bool kSecretsWellPlaced<std::vector<T>> = kSecretsWellPlaced<T>;
template <class T, std::size_t Min, std::size_t Max>
inline constexpr bool kSecretsWellPlaced<List<T, Min, Max>> = kSecretsWellPlaced<T>;
template <class T>
inline constexpr bool kSecretsWellPlaced<std::map<std::string, T>> = kSecretsWellPlaced<T>;
template <class... T>
inline constexpr bool kSecretsWellPlaced<std::variant<T...>> = (kSecretsWellPlaced<T> && ...);

template <class Member>
struct Unwrapped {
  using type = Member;
};
template <class Member>
struct Unwrapped<std::optional<Member>> {
  using type = Member;
};

template <class T, template <class...> class L, class... D>
constexpr bool members_well_placed(L<D...>) {
  return ((kIsSecret<typename Unwrapped<std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>>::type> ||
           kSecretsWellPlaced<std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>>) && ...);
}
template <rpc::detail::Described T>
inline constexpr bool kSecretsWellPlaced<T> = members_well_placed<T>(rpc::detail::MembersOf<T>());

}  // namespace detail

/// What one kind of record holds, known at run time: its schema, how it is judged, its version and the way there from earlier ones. Immutable.
///
/// Secrets are members of objects, anywhere: nested, in lists whose items have a text member `id`, in records with free keys, in unions told apart
/// by a member. A schema that plain JSON cannot carry (sets, maps, bigints) or whose secrets have no stable place is our bug and asserted.
class RecordType {
 public:
  /// Judges plain JSON text; BAD_REQUEST with issues.
  using Validate = std::function<Result<void>(std::string_view json)>;

  /// @param steps  in order, each from the version at which the one before ended, the last one ending at `version`. Anything else throws a
  ///               Fault that names the missing version: a program like that does not start.
  RecordType(rpc::SchemaPtr schema, Validate validate, int version = 1, std::vector<Step> steps = {});

  template <class T>
  static RecordType of(int version = 1, std::vector<Step> steps = {}) {
    static_assert(detail::kSecretsWellPlaced<T>, "a Secret is a member of a described struct, itself or in an optional: elsewhere it would be stored in clear");
    return RecordType(rpc::schema_of<T>(), [](std::string_view json) -> Result<void> {
      auto value = rpc::from_json<T>(json);
      if (!value) return std::unexpected(std::move(value.error()));
      return {};
    }, version, std::move(steps));
  }

  const rpc::Schema& schema() const noexcept { return *schema_; }
  const rpc::SchemaPtr& schema_ptr() const noexcept { return schema_; }
  int version() const noexcept { return version_; }
  Result<void> validate(std::string_view json) const { return validate_(json); }
  /// Brings a clear value from `from` to version(). Throws Unreadable.
  void migrate(const RecordKey& key, int from, boost::json::value& clear) const;

 private:
  rpc::SchemaPtr schema_;
  Validate validate_;
  int version_;
  std::vector<Step> steps_;
};

/// The record type of a described struct. It says its version as `static constexpr int kVersion = 2;` and the way there as
/// `static std::vector<settings::Step> steps();`; without them it is version 1.
template <class T>
const RecordType& type_of() {
  static const RecordType type = [] {
    int version = 1;
    std::vector<Step> steps;
    if constexpr (requires { T::kVersion; }) version = T::kVersion;
    if constexpr (requires { T::steps(); }) steps = T::steps();
    return RecordType::of<T>(version, std::move(steps));
  }();
  return type;
}

}  // namespace watchbell::settings
