#include "aiperf/settings/settings.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/settings/table.hpp"
#include "commands.hpp"

#include <cstdio>
#include <map>
#include <string_view>
#include <unistd.h>
#include <vector>

namespace aiperf::programs {

namespace {

constexpr std::string_view k_help =
    "Usage: aiperf-cpp settings [--json | --markdown]\n\n"
    "Shows the environment variables this program reads: value, default, what is allowed, where the value is from.\n\n"
    "  --json      The same as a JSON array.\n"
    "  --markdown  The table of the documentation.\n";

std::map<std::string, std::string> process_environment() {
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        if (const auto equals = text.find('='); equals != std::string_view::npos) {
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return variables;
}

void write(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

int settings(Arguments arguments) {
    const std::string form = arguments.empty() ? "" : arguments.front();
    if (form == "--help" || form == "-h") {
        write(k_help);
        return 0;
    }
    if (arguments.size() > 1 || (!form.empty() && form != "--json" && form != "--markdown")) {
        throw base::ConfigError("settings", std::string(arguments.back()), "--json or --markdown");
    }
    if (form == "--markdown") {
        write(settings::to_markdown());
        return 0;
    }
    const auto environment = process_environment();
    std::vector<std::string> warnings;
    (void)settings::Settings::from(environment, &warnings);
    const auto rows = settings::rows(environment);
    write(form == "--json" ? settings::to_json(rows) : settings::to_text(rows));
    for (const std::string& warning : warnings) {
        std::fprintf(stderr, "aiperf-cpp: warning: %s\n", warning.c_str());
    }
    return 0;
}

}  // namespace aiperf::programs
