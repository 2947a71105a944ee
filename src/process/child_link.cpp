#include "aiperf/process/child_link.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/process/message.hpp"
#include "aiperf/process/spawn.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <utility>

namespace aiperf::process {
namespace {

using Variables = std::map<std::string, std::string>;

int number_in(const Variables& variables, const char* name) {
    const auto found = variables.find(name);
    const auto number = found == variables.end() ? std::nullopt : base::parse_integer(found->second);
    if (!number || *number < 0 || *number > INT32_MAX) {
        throw base::RunError(std::string{"this program is started by aiperf itself: "} + name + " is missing or wrong");
    }
    return static_cast<int>(*number);
}

void arm_death_signal(int parent_pid) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        throw base::SystemError("cannot arm the death signal", errno);
    }
    // A parent that ended before the line above sends no signal any more.
    if (::getppid() != parent_pid) {
        ChildLink::end_as_orphan();
    }
}

}  // namespace

ChildLink::ChildLink(std::string name, Channel channel)
    : name_(std::move(name)),
      channel_(std::move(channel)) {}

ChildLink ChildLink::from_environment(const Variables& variables) {
    arm_death_signal(number_in(variables, k_parent_variable));
    const int fd = number_in(variables, k_channel_variable);
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        throw base::SystemError("cannot use the control channel", errno);
    }
    const auto name = variables.find(k_name_variable);
    return {name == variables.end() ? std::string{} : name->second, Channel{Descriptor{fd}}};
}

void ChildLink::ignore_interrupts() noexcept {
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGTERM, SIG_IGN);
}

void ChildLink::end_as_orphan() noexcept {
    ::_exit(k_orphan_exit_code);
}

void ChildLink::claim(ServiceState state) {
    channel_.send(state_message(state));
}

void ChildLink::register_service(std::string_view error) {
    channel_.send(registered_message(error));
}

void ChildLink::leave_by(base::Instant deadline) {
    channel_.send(leave_by_message(deadline));
}

}  // namespace aiperf::process
