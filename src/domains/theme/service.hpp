#pragma once

#include "domains/theme/types.hpp"
#include "runtime/change/change.hpp"
#include "runtime/coherence/scope.hpp"

namespace watchbell::theme {

struct ThemeView {
  Theme theme = Theme::system;
};
BOOST_DESCRIBE_STRUCT(ThemeView, (), (theme))

/// The use cases of theme. Loop-only.
class Service {
 public:
  Service(sql::Database& database, coherence::Memory& cache, Changes& changes);

  async::ValueTask<Result<rpc::Encoded<ThemeView>>> theme(UserId user);
  awaitable<Result<void>> set(UserId user, Theme theme);
  /// What a user chose who is gone.
  void forget(Change& change, const UserId& user) const;

 private:
  Changes& changes_;
  coherence::Scope cache_;
};

}  // namespace watchbell::theme
