#include "aiperf/control/run.hpp"

#include <filesystem>
#include <string>
#include <unistd.h>

extern char** environ;  // NOLINT: POSIX

namespace aiperf::control {

Environment Environment::of_process() {
    Environment environment;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string text = *entry;
        if (const std::size_t equals = text.find('='); equals != std::string::npos) {
            environment.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    environment.working_directory = std::filesystem::current_path();
    return environment;
}

}  // namespace aiperf::control
