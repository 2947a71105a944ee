#include "aiperf/control/helper.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <string>
#include <unistd.h>

/// A worker or the results server of a run, in its own process. Started by the library, never by a person.
int main(int count, char** words) {
    int code = 1;
    try {
        std::map<std::string, std::string> variables;
        for (char** entry = environ; *entry != nullptr; ++entry) {
            const std::string text = *entry;
            if (const std::size_t equals = text.find('='); equals != std::string::npos) {
                variables.emplace(text.substr(0, equals), text.substr(equals + 1));
            }
        }
        code = aiperf::control::run_helper({words + 1, words + count}, variables);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    std::fflush(nullptr);
    return code;
}
