#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace watchbell::rpc {

/// What a type looks like on the wire. Made from C++ types at start (codec.hpp); TypeScript, JSON Schema and secret handling are read off it.
struct Schema {
  enum class Kind {
    none,     ///< no value at all: no input, void output
    any,      ///< any JSON
    boolean,
    number,
    integer,
    text,
    date,
    bigint,
    list,
    set,
    map,      ///< a Map; items[0] is the key, items[1] the value
    record,   ///< an object with free keys; items[0] is the value
    object,
    enumeration,
    either,   ///< one of `items`; `discriminator` names the member that tells which
    nullable, ///< items[0] or null
  };
  struct Member {
    std::string name;
    std::shared_ptr<const Schema> schema;
    bool required = true;                 ///< must be given on input, and is always present on output
    std::optional<std::string> fallback;  ///< JSON text of the default, when absent members get one
    bool secret = false;                  ///< sealed at rest, never given out
    std::string label;                    ///< for forms; empty = made from the name
    std::string help;
    std::vector<std::pair<std::string, std::string>> hints;  ///< extension members: name, JSON text
  };
  Kind kind = Kind::any;
  std::string format;  ///< of text: uuid, email, url
  std::optional<std::int64_t> min;  ///< of numbers the value, of text UTF-16 units, of lists elements, of any JSON the bytes of its text
  std::optional<std::int64_t> max;
  bool object_only = false;  ///< of any: only objects
  bool strict = false;       ///< of objects: no members but these
  std::string discriminator;
  std::vector<std::string> values;                      ///< of enumerations
  std::vector<std::shared_ptr<const Schema>> items;
  std::vector<Member> members;
};

using SchemaPtr = std::shared_ptr<const Schema>;

/// The schema as JSON Schema (2020-12) text, with forms' extension members (x-secret and the hints).
std::string to_json_schema(const Schema& schema);

/// Members with defaults may be absent from an input and are always there in an output; a secret is never there.
enum class Direction { input, output };

/// The schema of one direction as it stands in an OpenAPI document: the bounds of the types, no labels for forms.
std::string to_contract_schema(const Schema& schema, Direction direction);

/// The type as TypeScript.
std::string to_typescript(const Schema& schema, Direction direction);

}  // namespace watchbell::rpc
