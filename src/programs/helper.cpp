#include "aiperf/control/helper.hpp"

#include "aiperf/control/run.hpp"

#include <cstdio>
#include <exception>

/// A worker or the results server of a run, in its own process. Started by the library, never by a person.
int main(int count, char** words) {
    int code = 1;
    try {
        code = aiperf::control::run_helper({words + 1, words + count},
                                           aiperf::control::Environment::of_process().variables);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    std::fflush(nullptr);
    return code;
}
