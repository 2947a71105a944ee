#pragma once

#include "aiperf/process/descriptor.hpp"

#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>

namespace aiperf::programs {

/// Tells systemd (Type=notify), or whoever else made the socket that NOTIFY_SOCKET names, how the program is. Where
/// there is none, or nobody takes it, nothing happens. *Thread safety*: none.
class ServiceManager {
public:
    /// `place`: a path, or a name in the abstract space behind an '@'; empty: nobody is told.
    explicit ServiceManager(std::string_view place);

    /// It does what it was started for. The first call counts.
    void ready() noexcept;

    /// A line for people; the same again is not sent.
    void status(const std::string& text) noexcept;

    /// It is about to end.
    void stopping() noexcept;

private:
    void tell(std::string_view text) const noexcept;

    process::Descriptor socket_;
    sockaddr_un address_{};
    socklen_t length_ = 0;
    bool ready_ = false;
    std::string status_;
};

}  // namespace aiperf::programs
