#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/base/version.hpp"
#include "commands.hpp"

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace {

using aiperf::programs::Arguments;

struct Command {
    std::string_view name;
    std::string_view help;
    int (*run)(Arguments);
};

constexpr Command k_commands[] = {
    {"profile", "Measure an inference server.", aiperf::programs::profile},
    {"calibrate", "Measure what this client alone adds to a load.", aiperf::programs::calibrate},
    {"mock", "Run a mock inference server.", aiperf::programs::mock},
    {"recover", "Make the artifacts of an interrupted run from its journal.", aiperf::programs::recover},
    {"wait", "Wait for a run to end; exit with its exit code.", aiperf::programs::wait},
    {"settings", "Show the AIPERF_* environment variables and their values.", aiperf::programs::settings},
};

constexpr int k_failed = 1;
constexpr int k_refused = 2;

void show_help() {
    std::string text = "Usage: aiperf-cpp COMMAND [OPTIONS]\n\nCommands:\n";
    for (const Command& command : k_commands) {
        text.append("  ").append(command.name).append(12 - command.name.size(), ' ').append(command.help) += '\n';
    }
    text +=
        "\n  --help, -h  Show this help; behind a command, the command's.\n"
        "  --version   Show the version.\n";
    std::fputs(text.c_str(), stdout);
}

[[noreturn]] void refuse_command(const std::string& name) {
    std::vector<std::string_view> names;
    for (const Command& command : k_commands) {
        names.push_back(command.name);
    }
    const auto near = aiperf::base::nearest(name, names);
    throw aiperf::base::ConfigError(
        "unknown command '" + name + "'" +
        (near ? "; did you mean " + std::string(*near) + "?" : std::string("; see aiperf-cpp --help")));
}

int dispatch(Arguments arguments) {
    if (arguments.empty()) {
        show_help();
        return k_refused;
    }
    const std::string& name = arguments.front();
    if (name == "--help" || name == "-h" || name == "help") {
        show_help();
        return 0;
    }
    if (name == "--version") {
        std::puts((std::string("aiperf-cpp ") + aiperf::base::version()).c_str());
        return 0;
    }
    for (const Command& command : k_commands) {
        if (command.name == name) {
            return command.run(arguments.subspan(1));
        }
    }
    refuse_command(name);
}

int answer(const std::exception& error, int code) {
    std::fprintf(stderr, "aiperf-cpp: %s\n", error.what());
    return code;
}

}  // namespace

int main(int argc, char** argv) {
    // A reader that goes away (| head) must not end a run.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        const std::vector<std::string> arguments(argv + 1, argv + argc);
        return dispatch(arguments);
    } catch (const aiperf::base::ConfigError& error) {
        return answer(error, k_refused);
    } catch (const std::exception& error) {
        return answer(error, k_failed);
    }
}
