#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "base/result.hpp"
#include "runtime/rpc/schema.hpp"

/// Secrets inside JSON values, found by walking the schema at any depth: objects, lists by their items' `id`, records by key, unions by
/// discriminator. Pure functions over values in the clear; sealing is Sealer's.
///
/// A path names a secret's place by words that stay when things move: members with dots, items and keys in brackets, where `]` and `\` stand
/// behind a `\`: `smtp.password`, `targets[7b1c].token`, `headers[X-Key].value`.
namespace watchbell::settings::secrets {

/// What a member absent from what was given means. A secret that is absent, empty or blank keeps the stored one in either case.
enum class Absent {
  keeps,    ///< the stored one: updates over the wire
  removes,  ///< its absence or its default: whole values
};

struct Secret {
  std::string path;
  boost::json::value value;
};

/// Whether plain JSON can carry the schema and every secret in it has a stable path.
bool well_formed(const rpc::Schema& schema);

/// What is to be stored when `given` arrives over `stored` (both in the clear; `stored` may be null). Members the schema does not know are
/// dropped: a secret under a mistaken name must not stay in the clear. An explicit null clears a secret, and any member that may be absent. Lists
/// and records are replaced as a whole; their items keep secrets, and what `absent` says, by `id` and by key. Nothing is kept across
/// the branches of a union. BAD_REQUEST with issues where items that can hold secrets lack a distinct `id`; otherwise unjudged.
Result<boost::json::value> merge(const rpc::Schema& schema, const boost::json::value& given, const boost::json::value* stored, Absent absent);

/// Takes the secrets out of a value. Throws std::invalid_argument where merge() would have refused it.
std::vector<Secret> split(const rpc::Schema& schema, boost::json::value& value);

/// Puts a secret back to its place; false when there is no such place.
bool join(boost::json::value& value, std::string_view path, boost::json::value secret);

/// Removes what stands at the path, if anything does.
void remove(boost::json::value& value, std::string_view path);

/// Adds the defaults of absent members, for people to see.
void fill_defaults(const rpc::Schema& schema, boost::json::value& value);

/// Plain JSON as our wire writes it. REQUIRES finite numbers.
std::string to_text(const boost::json::value& value);
/// Reads plain JSON of at most `max_depth` levels with finite numbers; nothing otherwise.
std::optional<boost::json::value> from_text(std::string_view text, std::size_t max_depth);

}  // namespace watchbell::settings::secrets
