#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace watchbell::cache::redis::detail {

/// What a key on the server is for.
enum class Kind : char { entry = 'e', lease = 'l', token = 't' };

/// The names of keys on one server. A name is the same for the same kind, scope and path, and differs otherwise,
/// whatever bytes scope and path hold. Immutable.
class KeySpace {
 public:
  /// @param prefix  `cache:` or `<instance>:cache:`
  /// @param run_id  see valid_run_id
  KeySpace(std::string_view prefix, std::string_view run_id);

  std::string name(Kind kind, std::string_view scope, std::string_view path) const;

  /// What an entry must record of its path: nothing, when the name already holds it all.
  std::string_view recorded_path(std::string_view scope, std::string_view path) const noexcept;

  /// How to find all entries of a family.
  struct Scan {
    std::string pattern;  ///< glob that matches their names, and perhaps others
    std::string plain;    ///< a name in lower case is of the family when it begins so
    std::string hashed;   ///< what a name in upper case begins with
    bool hashed_are_members = false;  ///< else only the recorded path can tell
  };
  Scan scan(std::string_view scope, std::string_view family) const;

 private:
  std::string head(char kind, std::string_view scope) const;

  std::string base_;
};

/// Whether a run_id can be part of a key: 1 to 64 letters and digits.
bool valid_run_id(std::string_view run_id) noexcept;

/// The families of a key: encodings of all lists of leading segments, from none to all. Views into `path`.
std::vector<std::string_view> families_of(std::string_view path);

/// `text` as a pattern that matches exactly itself.
std::string escape_glob(std::string_view text);

}  // namespace watchbell::cache::redis::detail
