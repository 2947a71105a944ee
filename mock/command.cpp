#include "aiperf/mock/command.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/mock/command_flags.hpp"
#include "aiperf/mock/server.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <ostream>
#include <pthread.h>

namespace aiperf::mock {

namespace {

/// Blocks SIGINT and SIGTERM in this thread and waits for them.
class StopSignals {
public:
    StopSignals() {
        ::sigemptyset(&set_);
        ::sigaddset(&set_, SIGINT);
        ::sigaddset(&set_, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &set_, &before_);
    }

    ~StopSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;

    void wait() const {
        int signal = 0;
        while (::sigwait(&set_, &signal) == EINTR) {
        }
    }

private:
    sigset_t set_{};
    sigset_t before_{};
};

/// Beside, then renamed: a reader sees the whole number or no file.
void write_port_file(const std::string& path, std::uint16_t port) {
    const std::string beside = path + ".new";
    std::ofstream file(beside);
    file << port << '\n';
    file.close();
    if (!file || std::rename(beside.c_str(), path.c_str()) != 0) {
        throw base::SystemError("cannot write the port file '" + path + "'", errno);
    }
}

}  // namespace

int run_command(std::span<const std::string> args, std::ostream& out, std::ostream& err) {
    try {
        CommandLine line = parse_command_line(args);
        if (!line.help.empty()) {
            out << line.help << std::flush;
            return 0;
        }
        const StopSignals signals;
        Server server(std::move(line.options));
        if (!line.port_file.empty()) {
            write_port_file(line.port_file, server.port());
        }
        out << "listening on " << server.url() << std::endl;
        signals.wait();
        server.stop();
        return 0;
    } catch (const base::ConfigError& error) {
        err << "aiperf-cpp mock: " << error.what() << '\n';
        return 2;
    } catch (const std::exception& error) {
        err << "aiperf-cpp mock: " << error.what() << '\n';
        return 1;
    }
}

}  // namespace aiperf::mock
