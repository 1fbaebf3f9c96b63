#pragma once

namespace watchbell::async {

/// Asks the kernel to let the calling thread run soon and for little at a time: a slice of 100 us (sched_setattr(2), of Linux 6.12 on), so that on a machine
/// whose cores are all busy a request does not wait for the end of another thread's slice. The thread's share of the processor stays the same. Where the
/// kernel knows no slices of a thread, or refuses, nothing changes.
void ask_for_short_slices() noexcept;

}  // namespace watchbell::async
