#pragma once

#include <stdexcept>
#include <string>

#include "base/error.hpp"

namespace watchbell {

/// A fault no domain code can mend: disk full, database gone, a secret that does not open. Caught only at a boundary: an HTTP
/// request, a websocket session, a job run, a task of a TaskScope. The text may be logged; clients never see it.
class Fault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  /// What clients are told: internal, unless the fault passes by itself (unavailable) or their input caused it.
  virtual ErrorCode code() const noexcept { return ErrorCode::internal; }
};

}  // namespace watchbell
