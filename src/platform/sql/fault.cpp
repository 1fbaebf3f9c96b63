#include "platform/sql/fault.hpp"

namespace watchbell::sql {

std::string_view to_string(Fault::Kind kind) noexcept {
  switch (kind) {
    case Fault::Kind::unique_violation: return "unique_violation";
    case Fault::Kind::foreign_key: return "foreign_key";
    case Fault::Kind::check: return "check";
    case Fault::Kind::not_null: return "not_null";
    case Fault::Kind::busy: return "busy";
    case Fault::Kind::serialization: return "serialization";
    case Fault::Kind::disconnected: return "disconnected";
    case Fault::Kind::full: return "full";
    case Fault::Kind::io: return "io";
    case Fault::Kind::corrupt: return "corrupt";
    case Fault::Kind::interrupted: return "interrupted";
    case Fault::Kind::schema: return "schema";
    case Fault::Kind::other: return "other";
  }
  return "other";
}

std::string brief(std::string_view sql) {
  std::string out;
  for (const char c : sql) {
    const bool blank = c == ' ' || c == '\n' || c == '\t';
    if (blank && (out.empty() || out.back() == ' ')) continue;
    if (out.size() == 160) return out + "...";
    out += blank ? ' ' : c;
  }
  return out;
}

}  // namespace watchbell::sql
