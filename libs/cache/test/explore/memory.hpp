#pragma once

namespace watchbell::cache::explore {

/// While one of these lives, memory that is freed is filled with 0xDD and not given out again, so that its use is
/// noticed. Without effect under the address sanitizer, which does it better.
class Quarantine {
 public:
  Quarantine() noexcept;
  Quarantine(const Quarantine&) = delete;
  Quarantine& operator=(const Quarantine&) = delete;
  ~Quarantine();
};

}  // namespace watchbell::cache::explore
