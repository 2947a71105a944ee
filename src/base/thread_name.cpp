#include "aiperf/base/thread_name.hpp"

#include <array>
#include <pthread.h>
#include <string_view>

namespace aiperf::base {

void name_this_thread(const char* name) noexcept {
    std::array<char, 16> kept{};  // with the closing zero: what the system takes, and refuses to cut itself
    std::string_view(name).substr(0, kept.size() - 1).copy(kept.data(), kept.size() - 1);
    pthread_setname_np(pthread_self(), kept.data());
}

}  // namespace aiperf::base
