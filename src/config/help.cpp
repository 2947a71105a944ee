#include "aiperf/base/text.hpp"
#include "aiperf/config/command_line.hpp"
#include "aiperf/config/options.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace aiperf::config {

namespace {

constexpr std::size_t k_indent = 10;

constexpr CommandFlag k_flags[] = {
    {"--verbose -v", CommandFlag::Meaning::verbose, "", "Same as --log-level debug."},
    {"--extra-verbose -vv", CommandFlag::Meaning::extra_verbose, "", "Same as --log-level trace."},
    {"--no-gpu-telemetry", CommandFlag::Meaning::already_so, "", "Accepted; GPU telemetry is never collected."},
    {"--no-server-metrics", CommandFlag::Meaning::already_so, "", "Accepted; server metrics are never collected."},
    {"--transport --transport-type", CommandFlag::Meaning::only_value, "http", "Accepted with the value http."},
    {"--help -h", CommandFlag::Meaning::help, "", "Show this help."},
};

/// "-m, --model-names, --model": short names first.
std::string names(std::string_view flags) {
    std::string shorts;
    std::string longs;
    for (const std::string_view flag : base::split(flags, ' ')) {
        std::string& list = flag.starts_with("--") ? longs : shorts;
        list.append(flag).append(", ");
    }
    std::string all = shorts + longs;
    all.resize(all.size() - 2);
    return all;
}

std::string placeholder(const Option& option) {
    if (option.is_switch()) {
        return "";
    }
    const std::string allowed = option.allowed();
    const std::string word = allowed.starts_with("an integer") ? "N" : allowed.starts_with("a number") ? "X" : "TEXT";
    return " " + (allowed.starts_with("one of ") ? "WORD" : word) + (option.several ? "..." : "");
}

std::string default_of(const Option& option) {
    if (!option.fallback.empty()) {
        return std::string(option.fallback);
    }
    std::string text = get_as_json_text(RunConfig{}, option);
    std::erase_if(text, [](char c) { return c == '"' || c == '[' || c == ']'; });
    if (text.ends_with(".0")) {
        text.resize(text.size() - 2);
    }
    return text == "false" ? "off" : text;
}

std::string description(const Option& option) {
    std::string text(option.help);
    const std::string allowed = option.allowed();
    if (allowed.starts_with("one of ") || allowed.find(" >") != std::string::npos ||
        allowed.find(" from ") != std::string::npos) {
        text += " " + allowed + ".";
        const std::size_t at = option.help.size() + 1;
        text[at] = static_cast<char>(text[at] - 'a' + 'A');
    }
    return text + (option.fallback == "required" ? " [required]" : " [default: " + default_of(option) + "]");
}

void append_entry(std::string& text, const std::string& head, const std::string& body, std::size_t width) {
    text += "  " + head + "\n";
    for (const std::string& line : base::wrap(body, width - k_indent)) {
        text += std::string(k_indent, ' ') + line + "\n";
    }
}

}  // namespace

std::span<const CommandFlag> command_flags() noexcept {
    return k_flags;
}

std::string profile_help(std::size_t width) {
    width = std::max<std::size_t>(width, k_indent + 30);
    std::string text =
        "Usage: aiperf-cpp profile --model-names NAME [OPTIONS]\n\n"
        "Measures an inference server. Flags are those of aiperf profile; what is missing is refused by name.\n";
    std::string_view group;
    for (const Option& option : options()) {
        if (option.flags.empty()) {
            continue;
        }
        if (option.group != group) {
            group = option.group;
            text.append("\n").append(group).append(":\n");
        }
        append_entry(text, names(option.flags) + placeholder(option), description(option), width);
    }
    text += "\nOther:\n";
    for (const CommandFlag& flag : command_flags()) {
        append_entry(text, names(flag.flags), std::string(flag.help), width);
    }
    return text;
}

}  // namespace aiperf::config
