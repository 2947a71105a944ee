#include "aiperf/mock/command.hpp"

#include <iostream>
#include <string>
#include <vector>

/// The mock server alone, for tests and benchmarks of it: the same as `aiperf-cpp mock`.
int main(int argc, char** argv) {
    const std::vector<std::string> args(argv + 1, argv + argc);
    return aiperf::mock::run_command(args, std::cout, std::cerr);
}
