#include "aiperf/mock/command.hpp"
#include "commands.hpp"

#include <iostream>

namespace aiperf::programs {

int mock(Arguments arguments) {
    return aiperf::mock::run_command(arguments, std::cout, std::cerr);
}

}  // namespace aiperf::programs
