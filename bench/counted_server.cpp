// The mock server of bench/peers.py. Prints its port; then, for each line it reads, the requests it has answered and
// how many of them with an error. Ends with its input.

#include "aiperf/mock/server.hpp"

#include <iostream>
#include <string>

int main() {
    aiperf::mock::Options options;
    options.port = 0;
    options.keep_requests = false;
    const aiperf::mock::Server server(options);
    std::cout << server.port() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        const aiperf::mock::Counters counters = server.counters();
        std::cout << counters.answered << ' ' << counters.error_answers << std::endl;
    }
    return 0;
}
