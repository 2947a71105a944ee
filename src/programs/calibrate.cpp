#include "aiperf/base/error.hpp"
#include "aiperf/config/command_line.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/control/calibration.hpp"
#include "aiperf/mock/server.hpp"
#include "aiperf/report/number_text.hpp"
#include "commands.hpp"
#include "signals.hpp"

#include <array>
#include <cstdio>
#include <iomanip>
#include <iostream>
#include <optional>
#include <string>
#include <utility>

namespace aiperf::programs {

namespace {

using namespace std::chrono_literals;

constexpr base::Nanoseconds k_look_around = 50ms;  // how late a signal may be seen
constexpr int k_signal_exit = 128;

constexpr const char* k_help =
    "Usage: aiperf-cpp calibrate [OPTIONS of aiperf-cpp profile]\n\n"
    "Measures what this client alone adds to a load: the same load (rate, arrivals, concurrency, streaming, lengths,\n"
    "sessions, workers) for a few seconds against a server of its own that takes no time. --url is not asked "
    "anything.\n"
    "What was found is kept for this machine, build and load in $AIPERF_CACHE_DIR (else aiperf-cpp in "
    "$XDG_CACHE_HOME,\n"
    "or in ~/.cache); from then on the report of such a run names the client's own share of what was measured.\n";

/// A server that takes as little time as one can: on a thread of this process, so that nothing is left of it; the
/// workers are processes of their own.
mock::Options null_server() {
    mock::Options options;
    options.usage = mock::UsageMode::always;
    options.keep_requests = false;
    return options;
}

/// Waits for the run. Absent: it is over; else the signal that has ended it.
std::optional<int> watch(control::Run& run, SignalQueue& signals) {
    std::optional<int> ended;
    while (!run.wait_for(k_look_around)) {
        while (const auto signal = signals.next()) {
            if (asks_for_end(*signal)) {
                ended ? run.abort() : run.cancel(k_signal_exit + *signal);
                ended = ended.value_or(*signal);
            }
        }
    }
    return ended;
}

/// Three decimals: a microsecond.
std::string fixed3(double ms) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), "%.3f", ms);
    return text.data();
}

void print(const validity::Calibration& found, std::ostream& out) {
    constexpr int k_name = 22;
    constexpr int k_number = 10;
    out << "What this client alone adds to the load (with the loopback and the null server):\n";
    for (std::size_t i = 0; i < validity::k_calibrated.size(); ++i) {
        if (const auto& own = found.durations[i]) {
            out << "  " << std::left << std::setw(k_name) << validity::k_calibrated[i] << std::right << " p50"
                << std::setw(k_number) << fixed3(own->p50_ms) << " ms   p99" << std::setw(k_number)
                << fixed3(own->p99_ms) << " ms\n";
        }
    }
    out << "  " << report::grouped2(found.requests_per_second) << " requests/s, "
        << report::grouped2(found.events_per_second) << " events/s, " << report::grouped2(found.cpu_us_per_request)
        << " us of the workers' processor time per request\n";
}

}  // namespace

int calibrate(Arguments arguments) {
    config::CommandLine line = config::parse_command_line(arguments);
    if (line.help) {
        std::cout << k_help;
        return 0;
    }
    if (!line.config.backend) {
        line.config.backend = config::Backend::process;  // as profile does
    }
    config::validate(line.config);
    SignalQueue signals;
    control::Calibrator calibrator(std::move(line.config), control::Environment::of_process());
    mock::Server server(null_server());
    if (const auto signal = watch(calibrator.start(server.url()), signals)) {
        std::cerr << "aiperf-cpp: the calibration was ended: nothing is kept\n";
        return k_signal_exit + *signal;
    }
    print(calibrator.finish(), std::cout);
    std::cout << "Kept in " << calibrator.file().string() << '\n';
    return 0;
}

}  // namespace aiperf::programs
