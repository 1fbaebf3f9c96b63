#pragma once

#include <string>
#include <utility>

#include "platform/sql/fault.hpp"

namespace watchbell::sql::test {

/// The kind of the fault that f throws, and its text.
template <class F>
std::pair<std::string, std::string> fault_of(F f) {
  try {
    f();
  } catch (const Fault& fault) {
    return {std::string(to_string(fault.kind())), fault.what()};
  }
  return {"none", ""};
}

}  // namespace watchbell::sql::test
