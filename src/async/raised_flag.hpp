#pragma once

#include <utility>

namespace watchbell::async {

/// Holds a flag up for as long as it lives. A task that takes one by value says so that it runs, also when it is cancelled, or dropped unstarted because its scope
/// stops. The flag must outlive it.
class RaisedFlag {
 public:
  explicit RaisedFlag(bool& flag) noexcept : flag_(&flag) { flag = true; }
  RaisedFlag(RaisedFlag&& other) noexcept : flag_(std::exchange(other.flag_, nullptr)) {}
  RaisedFlag& operator=(RaisedFlag&&) = delete;
  ~RaisedFlag() {
    if (flag_ != nullptr) *flag_ = false;
  }

 private:
  bool* flag_;
};

}  // namespace watchbell::async
