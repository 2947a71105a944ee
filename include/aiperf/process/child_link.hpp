#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/channel.hpp"
#include "aiperf/process/service_state.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace aiperf::process {

/// What a child ends with that finds its starter gone.
inline constexpr int k_orphan_exit_code = 71;

/// A child's end of its supervision: made first thing in main().
///
///     auto link = ChildLink::from_environment(variables);
///     link.claim(ServiceState::running);
///     link.register_service();
///     while (auto payload = link.channel().receive_until(deadline)) { … }
///
/// The end of the channel means that the parent is gone, or wants this process gone. *Thread safety*: none.
class ChildLink {
public:
    /// Arms the death signal (SIGKILL when the thread that started this process ends), then compares the parent's pid
    /// with the one passed: if the parent ended in between, the process ends at once with k_orphan_exit_code.
    /// `variables`: the process's environment. Throws base::RunError in a process that was not started by spawn().
    [[nodiscard]] static ChildLink from_environment(const std::map<std::string, std::string>& variables);

    /// Ignores SIGINT and SIGTERM from here on: their parent decides. Call it after everything that installs handlers
    /// of its own (HTTP libraries do).
    static void ignore_interrupts() noexcept;

    /// Ends this process at once, with k_orphan_exit_code: its starter is gone. From any thread.
    [[noreturn]] static void end_as_orphan() noexcept;

    /// What its starter calls it.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Close-on-exec, as all our descriptors.
    [[nodiscard]] Channel& channel() noexcept { return channel_; }

    /// Says in which state this service is.
    void claim(ServiceState state);

    /// Presents this service; with `error`, as one that cannot serve.
    void register_service(std::string_view error = {});

    /// Says until when this service has a reason to stay, once it was asked to stop.
    void leave_by(base::Instant deadline);

private:
    ChildLink(std::string name, Channel channel);

    std::string name_;
    Channel channel_;
};

}  // namespace aiperf::process
