#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace watchbell::crypto {

/// What became of stored values that were to be sealed under the primary key.
struct Reencryption {
  std::int64_t scanned = 0;
  std::int64_t reencrypted = 0;
  std::int64_t skipped = 0;         ///< nothing in them to seal anew
  std::vector<std::string> failed;  ///< where they stand, without what they hold; left as they were

  Reencryption& operator+=(const Reencryption& more) {
    scanned += more.scanned;
    reencrypted += more.reencrypted;
    skipped += more.skipped;
    failed.insert(failed.end(), more.failed.begin(), more.failed.end());
    return *this;
  }
};

}  // namespace watchbell::crypto
