#pragma once

#include <stdexcept>

namespace watchbell::cache {

/// Base of what the cache itself throws from `wrap`. Whatever a loader throws passes through unchanged. Messages name
/// the scope, never the key.
class CacheError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The loader did not end within its deadline; its slot is free, and its late value will be dropped.
class LoadTimedOut : public CacheError {
 public:
  using CacheError::CacheError;
};

/// A loader asked for the very key it is loading; waiting would never end.
class SelfRead : public CacheError {
 public:
  using CacheError::CacheError;
};

/// A batch loader gave another number of values than it was asked for; nothing of it was stored.
class WrongLength : public CacheError {
 public:
  using CacheError::CacheError;
};

/// The cache is closed or closing: no load is started any more.
class CacheClosed : public CacheError {
 public:
  using CacheError::CacheError;
};

/// The execution context that ran the load was destroyed under it.
class LoadAbandoned : public CacheError {
 public:
  using CacheError::CacheError;
};

}  // namespace watchbell::cache
