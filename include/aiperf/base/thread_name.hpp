#pragma once

namespace aiperf::base {

/// Names the calling thread, for whoever looks at it from outside (a debugger, top, process::thread_report). The system
/// keeps the first 15 bytes. A thread that is not named has its starter's name.
void name_this_thread(const char* name) noexcept;

}  // namespace aiperf::base
