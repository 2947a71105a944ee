#include "aiperf/mock/command_flags.hpp"

#include "aiperf/base/error.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string_view>
#include <vector>

namespace aiperf::mock {

namespace {

constexpr double k_max_delay_ms = 3'600'000;
constexpr const char* k_generated = "Generated answers";
constexpr const char* k_timing = "Timing of generated answers";
constexpr const char* k_faults = "Faults of generated answers (shares of requests, at most one fault each)";

template <class Number>
Number parse_number(const std::string& flag, const std::string& text, Number least, Number most) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = std::numeric_limits<Number>::is_integer;
    if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) {
        std::ostringstream allowed;
        allowed << std::fixed << std::setprecision(0) << "use a " << (whole ? "whole " : "") << "number from " << least
                << " to " << most;
        throw base::ConfigError(flag, text, allowed.str());
    }
    return value;
}

/// Adds flags whose values are read by us, so that every refusal reads the same.
class Flags {
public:
    explicit Flags(CLI::App& app)
        : app_(app) {}

    void group(std::string name) { group_ = std::move(name); }

    void delay(const std::string& flag, base::Nanoseconds& target, const std::string& help) {
        add(flag, "MS", help, [flag, &target](const std::string& text) {
            const auto ms = parse_number<double>(flag, text, 0, k_max_delay_ms);
            target = base::Nanoseconds(std::llround(ms * 1e6));
        });
    }

    template <class Whole>
    void whole(
        const std::string& flag, Whole& target, std::uint64_t least, std::uint64_t most, const std::string& help) {
        add(flag, "N", help, [flag, &target, least, most](const std::string& text) {
            target = static_cast<Whole>(parse_number<std::uint64_t>(flag, text, least, most));
        });
    }

    void share(const std::string& flag, double& target, const std::string& help) {
        add(flag, "SHARE", help, [flag, &target](const std::string& text) {
            target = parse_number<double>(flag, text, 0, 1);
        });
    }

    void text(const std::string& flag, std::string& target, const std::string& name, const std::string& help) {
        add(flag, name, help, [flag, &target](const std::string& value) {
            if (value.empty()) {
                throw base::ConfigError(flag, value, "use at least one character");
            }
            target = value;
        });
    }

    template <class Enum>
    void choice(const std::string& flag,
                Enum& target,
                std::vector<std::pair<std::string, Enum>> choices,
                const std::string& help) {
        std::string names;
        for (const auto& [name, value] : choices) {
            names += (names.empty() ? "" : "|") + name;
        }
        add(flag, names, help, [flag, &target, choices, names](const std::string& text) {
            const auto found =
                std::find_if(choices.begin(), choices.end(), [&](const auto& entry) { return entry.first == text; });
            if (found == choices.end()) {
                throw base::ConfigError(flag, text, "use one of " + names);
            }
            target = found->second;
        });
    }

    void models(const std::string& flag, std::vector<std::string>& target, const std::string& help) {
        auto* option = app_.add_option_function<std::vector<std::string>>(
            flag, [&target](const std::vector<std::string>& names) { target = names; }, help);
        option->group(group_)->option_text("NAME ...");
    }

    void toggle(const std::string& flag, bool& target, const std::string& help) {
        app_.add_flag(flag, target, help)->group(group_);
    }

private:
    template <class Read>
    void add(const std::string& flag, const std::string& value_name, const std::string& help, Read read) {
        app_.add_option_function<std::string>(flag, read, help)->group(group_)->option_text(value_name);
    }

    CLI::App& app_;
    std::string group_ = "Options";
};

void add_server_flags(Flags& flags, CommandLine& line) {
    Options& options = line.options;
    flags.group("Server");
    flags.text("--host", options.host, "ADDRESS", "address to listen on (127.0.0.1)");
    flags.whole("--port", options.port, 0, 65535, "port to listen on; 0: any free one (8000)");
    flags.text("--port-file", line.port_file, "FILE", "write the port into FILE once it listens");
    flags.whole("--workers", options.workers, 1, 256, "threads, each with its own event loop (1)");
}

void add_answer_flags(Flags& flags, Options& options) {
    flags.group(k_generated);
    flags.models("--model", options.models, "names listed by /v1/models (mock-model)");
    flags.whole("--output-tokens",
                options.output_tokens,
                1,
                k_max_output_tokens,
                "tokens of an answer where the request sets no limit (64)");
    flags.toggle("--ignore-max-tokens", options.ignore_max_tokens, "always --output-tokens, whatever the request says");
    flags.whole("--reasoning-tokens",
                options.reasoning_tokens,
                0,
                k_max_output_tokens,
                "of a chat answer's tokens, this many come first as reasoning_content (0)");
    flags.whole("--tokens-per-chunk", options.tokens_per_chunk, 1, k_max_output_tokens, "tokens of one event (1)");
    flags.choice<StreamMode>(
        "--stream",
        options.stream,
        {{"request", StreamMode::request}, {"always", StreamMode::always}, {"never", StreamMode::never}},
        "stream as the request says, always or never (request)");
    flags.choice<UsageMode>(
        "--usage",
        options.usage,
        {{"request", UsageMode::request}, {"always", UsageMode::always}, {"never", UsageMode::never}},
        "report usage; request: in streams by stream_options.include_usage, else always (request)");
    flags.choice<TextKind>("--text",
                           options.text,
                           {{"plain", TextKind::plain}, {"unicode", TextKind::unicode}},
                           "words in ASCII only, or with multi-byte characters (plain)");
    flags.toggle("--split-utf8", options.split_utf8, "unicode text, a character of each event cut across two chunks");
}

void add_timing_flags(Flags& flags, Options& options) {
    flags.group(k_timing);
    flags.delay("--ttft-ms", options.ttft, "from the request to the first token (0)");
    flags.delay("--ttft-jitter-ms", options.ttft_jitter, "its standard deviation (0)");
    flags.delay("--itl-ms", options.itl, "from token to token (0)");
    flags.delay("--itl-jitter-ms", options.itl_jitter, "standard deviation of the gap between events (0)");
    flags.whole("--seed", options.seed, 0, std::numeric_limits<std::uint64_t>::max(), "of jitter and faults (0)");
}

void add_fault_flags(Flags& flags, Options& options) {
    flags.group(k_faults);
    flags.share("--error-rate", options.error_rate, "answered with --error-status (0)");
    flags.whole("--error-status", options.error_status, 400, 599, "of such answers (500)");
    flags.share("--reset-rate", options.reset_rate, "connection reset (0)");
    flags.share("--close-rate", options.close_rate, "connection closed before the end of the answer (0)");
    flags.share("--stall-rate", options.stall_rate, "answer stops for --stall-ms (0)");
    flags.delay("--stall-ms", options.stall_time, "length of a stall; 0: for ever (0)");
    flags.whole("--fault-after-events",
                options.fault_after_events,
                0,
                2 * std::uint64_t{k_max_output_tokens},
                "events sent before a reset, close or stall; 0: not even the head (0)");
}

void add_wire_flags(Flags& flags, Options& options) {
    flags.group("Wire");
    flags.whole("--write-bytes",
                options.write_bytes,
                0,
                std::numeric_limits<std::uint32_t>::max(),
                "at most N bytes per write; 0: no limit (0)");
    flags.delay("--write-interval-ms", options.write_interval, "between pieces of --write-bytes or --split-utf8 (0)");
    flags.choice<CloseMode>(
        "--close",
        options.close,
        {{"never", CloseMode::never}, {"stream", CloseMode::after_stream}, {"always", CloseMode::always}},
        "close the connection after no answer, each stream, each answer (never)");
    flags.toggle("--announce-close", options.announce_close, "announce that by 'Connection: close'");
    flags.delay("--idle-timeout-ms", options.idle_timeout, "close a connection idle for that long; 0: never (0)");
    flags.whole("--max-head-bytes", options.max_head_bytes, 256, 16U << 20U, "larger request heads get 431 (65536)");
    flags.whole("--max-body-bytes", options.max_body_bytes, 0, 1U << 30U, "larger bodies get 413 (67108864)");
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    if (!file || !(content << file.rdbuf())) {
        throw base::ConfigError("--script", path, "use a file that can be read and is not empty");
    }
    return content.str();
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        row[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
        }
    }
    return row[b.size()];
}

[[noreturn]] void refuse_unknown(const CLI::App& app, const std::string& arg) {
    const std::string name = arg.substr(0, arg.find('='));
    std::string nearest;
    for (const CLI::Option* option : app.get_options()) {
        const std::string known = option->get_name();
        if (nearest.empty() || edit_distance(name, known) < edit_distance(name, nearest)) {
            nearest = known;
        }
    }
    throw base::ConfigError(name + ": unknown flag of mock; the nearest is " + nearest);
}

/// A script decides what is answered and when, so flags about generated answers would be without effect.
void refuse_flags_beside_script(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        const std::string& group = option->get_group();
        const bool generates = group == k_generated || group == k_timing || group == k_faults;
        if (generates && option->count() > 0) {
            throw base::ConfigError(option->get_name() + ": has no effect beside --script; use one of the two");
        }
    }
}

void parse(CLI::App& app, std::span<const std::string> args) {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    try {
        app.parse(reversed);
    } catch (const CLI::ExtrasError&) {
        refuse_unknown(app, app.remaining().front());
    } catch (const CLI::CallForHelp&) {
        throw;
    } catch (const CLI::ParseError& error) {
        throw base::ConfigError(error.what());
    }
}

}  // namespace

CommandLine parse_command_line(std::span<const std::string> args) {
    CommandLine line;
    line.options.port = 8000;
    line.options.keep_requests = false;
    std::string script_path;
    CLI::App app("A mock inference server: chat and text completions with known delays and faults.", "aiperf-cpp mock");
    app.set_help_flag("-h,--help", "print this and exit");
    Flags flags(app);
    add_server_flags(flags, line);
    flags.text("--script", script_path, "FILE", "answer by a script (JSON) instead of generated answers");
    flags.text("--dump", line.options.dump_path, "FILE", "write one JSON line per request received");
    add_answer_flags(flags, line.options);
    add_timing_flags(flags, line.options);
    add_fault_flags(flags, line.options);
    add_wire_flags(flags, line.options);
    try {
        parse(app, args);
    } catch (const CLI::CallForHelp&) {
        line.help = app.help();
        return line;
    }
    if (!script_path.empty()) {
        refuse_flags_beside_script(app);
        line.options.script = read_file(script_path);
    }
    validate(line.options);
    return line;
}

}  // namespace aiperf::mock
