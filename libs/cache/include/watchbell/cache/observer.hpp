#pragma once

#include <watchbell/cache/clock.hpp>

#include <cstdint>
#include <string_view>

namespace watchbell::cache {

enum class LoadEnding : std::uint8_t { loaded, failed, timed_out };
enum class Invalidated : std::uint8_t { key, family };
enum class ProviderCall : std::uint8_t { fetch, fill, invalidate };

/// Told what happens off the path of hits, as it happens; what hits do is in the statistics of a scope. Names are those
/// the program gave its scopes, never a key.
///
/// Called from whatever thread does the thing, outside of the cache's locks. Must not throw and must not take long.
/// Every function does nothing by default.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// A loader has ended. A batch is one load, whatever number of keys it has.
  virtual void load_ended(std::string_view /*scope*/, LoadEnding /*how*/, Duration /*took*/) {}
  /// An invalidation of this process has been applied: here, and by the provider if the scope has one. `queued` when
  /// the provider could not be reached and will be asked again.
  virtual void invalidated(std::string_view /*scope*/, Invalidated /*what*/, bool /*queued*/) {}
  /// A provider has answered, or failed to.
  virtual void provider_called(ProviderCall /*call*/, bool /*ok*/, Duration /*took*/) {}
};

}  // namespace watchbell::cache
