#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "commands.hpp"
#include "print_report.hpp"
#include "terminal.hpp"

#include <iostream>
#include <unistd.h>

namespace aiperf::programs {

namespace {

constexpr std::size_t k_width = 140;  // where the output is no terminal

constexpr const char* k_help =
    "Usage: aiperf-cpp recover DIR\n\n"
    "Makes the artifacts of an interrupted run from the journal in its artifact directory. Requests that were in\n"
    "flight become errors. Exit code 0: at least one good answer was found.\n";

}  // namespace

int recover(Arguments arguments) {
    if (!arguments.empty() && (arguments.front() == "--help" || arguments.front() == "-h")) {
        std::cout << k_help;
        return 0;
    }
    if (arguments.size() != 1 || arguments.front().starts_with('-')) {
        throw base::ConfigError("recover takes one argument: the artifact directory of the interrupted run");
    }
    const control::Result result = control::recover(arguments.front(), control::Environment::of_process());
    print_report(result, Terminal::width(STDOUT_FILENO, k_width), ::isatty(STDOUT_FILENO) != 0, std::cout);
    return result.summary.valid > 0 ? 0 : 1;
}

}  // namespace aiperf::programs
