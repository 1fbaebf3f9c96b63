#pragma once

#include <watchbell/cache/cache.hpp>

#include "runtime/coherence/lease.hpp"

namespace watchbell::coherence {

/// What this process keeps in memory, and until when it may serve it.
class Memory final : public cache::Cache {
 public:
  using Cache::Cache;
  Lease lease;
};

}  // namespace watchbell::coherence
