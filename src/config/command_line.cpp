#include "aiperf/config/command_line.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/config/redact.hpp"
#include "known_flags.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <utility>

namespace aiperf::config {

namespace {

constexpr int k_many = 100000;

using Words = std::vector<std::string_view>;

/// Every flag this program takes.
Words own_flags() {
    Words flags;
    for (const Option& option : options()) {
        const Words names = option.flags.empty() ? Words{} : base::split(option.flags, ' ');
        flags.insert(flags.end(), names.begin(), names.end());
    }
    for (const CommandFlag& flag : command_flags()) {
        const Words names = base::split(flag.flags, ' ');
        flags.insert(flags.end(), names.begin(), names.end());
    }
    return flags;
}

bool contains(const Words& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

/// Answers a token that no option takes: a flag of AIPerf's, an unknown one, or a stray word.
[[noreturn]] void refuse_stranger(const std::string& token) {
    if (!token.starts_with('-') || token.size() == 1) {
        throw base::ConfigError("unexpected argument '" + token + "'");
    }
    const std::string name = token.substr(0, token.find('='));
    Words known = base::split(known_flags(), ' ');
    if (contains(known, name)) {
        throw base::ConfigError(name + ": not supported yet");
    }
    const Words own = own_flags();
    known.insert(known.begin(), own.begin(), own.end());
    const auto near = base::nearest(name, known);
    throw base::ConfigError(name + ": unknown flag" +
                            (near ? "; did you mean " + std::string(*near) + "?" : std::string{}));
}

/// "--name -n" as CLI11 wants it: "--name,-n".
std::string cli11_names(std::string_view flags) {
    std::string names(flags);
    std::replace(names.begin(), names.end(), ' ', ',');
    return names;
}

/// The parser and what it keeps for each row of our tables that a person has named.
class Parser {
public:
    explicit Parser(std::span<const std::string> arguments)
        : words_(with_empty_values(arguments)) {
        app_.set_help_flag();
        app_.allow_extras();
        for (const Option& option : options()) {
            if (may_be_named(option.flags)) {
                options_.emplace_back(&option, add(option));
            }
        }
        for (const CommandFlag& flag : command_flags()) {
            if (may_be_named(flag.flags)) {
                flags_.emplace_back(&flag, add(flag));
            }
        }
    }

    CommandLine parse() {
        CommandLine line;
        if (asks_for_help()) {
            line.help = true;
            return line;
        }
        run();
        for (const auto& [option, parsed] : options_) {
            take(line.config, *option, *parsed);
        }
        for (const auto& [flag, parsed] : flags_) {
            take(line.config, *flag, *parsed);
        }
        return line;
    }

private:
    /// False for what no word can mean: the parser compares each of its options with all others, which takes as long
    /// as all else that is done before a tokenizer is opened. A short flag may stand behind another one ("-sv").
    [[nodiscard]] bool may_be_named(std::string_view flags) const {
        const Words names = flags.empty() ? Words{} : base::split(flags, ' ');
        return std::any_of(names.begin(), names.end(), [this](std::string_view name) {
            return !name.starts_with("--") ||
                   std::any_of(words_.begin(), words_.end(), [name](const std::string& word) {
                       return word.starts_with(name);
                   });
        });
    }

    CLI::Option* add(const Option& option) {
        if (option.is_switch()) {
            return app_.add_flag(cli11_names(option.flags));
        }
        CLI::Option* const added = app_.add_option(cli11_names(option.flags));
        return added->expected(1, option.several ? k_many : 1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    CLI::Option* add(const CommandFlag& flag) {
        // "-vv" is "-v" twice for the parser.
        const std::string_view names = flag.flags.substr(0, flag.flags.find(" -vv"));
        if (flag.meaning != CommandFlag::Meaning::only_value) {
            return app_.add_flag(cli11_names(names));
        }
        return app_.add_option(cli11_names(names))
            ->expected(1)
            ->allow_extra_args(false)
            ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }

    /// "--flag=" becomes "--flag" and an empty value, which the parser would else look for in the next word.
    [[nodiscard]] std::vector<std::string> with_empty_values(std::span<const std::string> arguments) const {
        std::vector<std::string> words;
        for (const std::string& argument : arguments) {
            const bool empty_value = argument.starts_with("--") && argument.ends_with('=');
            if (empty_value && contains(own_, std::string_view(argument).substr(0, argument.size() - 1))) {
                words.push_back(argument.substr(0, argument.size() - 1));
                words.emplace_back();
            } else {
                words.push_back(argument);
            }
        }
        return words;
    }

    [[nodiscard]] bool asks_for_help() const {
        return std::any_of(
            words_.begin(), words_.end(), [](const std::string& word) { return word == "--help" || word == "-h"; });
    }

    void run() {
        std::vector<std::string> reversed(words_.rbegin(), words_.rend());
        try {
            app_.parse(std::move(reversed));
        } catch (const CLI::ArgumentMismatch&) {
            throw base::ConfigError(words_.back() + ": a value is missing");
        } catch (const CLI::ParseError& error) {
            throw base::ConfigError(error.what());
        }
        if (const auto strangers = app_.remaining(); !strangers.empty()) {
            refuse_stranger(strangers.front());
        }
    }

    /// The name under which a person gave a flag.
    [[nodiscard]] std::string typed_name(std::string_view flags) const {
        const Words names = base::split(flags, ' ');
        for (const std::string& word : words_) {
            for (const std::string_view name : names) {
                const bool glued = !name.starts_with("--") && word.starts_with(name) && !word.starts_with("--");
                if (word.substr(0, word.find('=')) == name || glued) {
                    return std::string(name);
                }
            }
        }
        return std::string(names.front());
    }

    void take(RunConfig& config, const Option& option, const CLI::Option& parsed) const {
        if (parsed.count() == 0) {
            return;
        }
        const std::string name = typed_name(option.flags);
        const auto& values = parsed.results();
        for (const std::string& value : values) {
            if (contains(own_, value)) {
                throw base::ConfigError(name + ": a value is missing before " + value);
            }
        }
        set_from_text(config, option, values, name);
    }

    void take(RunConfig& config, const CommandFlag& flag, const CLI::Option& parsed) const {
        const auto raise_detail = [&](LogLevel level) { config.log_level = std::min(config.log_level, level); };
        if (parsed.count() == 0) {
            return;
        }
        switch (flag.meaning) {
            case CommandFlag::Meaning::verbose:
                raise_detail(parsed.count() > 1 ? LogLevel::trace : LogLevel::debug);
                break;
            case CommandFlag::Meaning::extra_verbose: raise_detail(LogLevel::trace); break;
            case CommandFlag::Meaning::only_value: check_only_value(flag, parsed); break;
            case CommandFlag::Meaning::already_so: check_already_so(flag, parsed); break;
            case CommandFlag::Meaning::help: break;
        }
    }

    void check_only_value(const CommandFlag& flag, const CLI::Option& parsed) const {
        for (std::string value : parsed.results()) {
            std::replace(value.begin(), value.end(), '-', '_');
            if (base::lower(value) != flag.value) {
                throw base::ConfigError(typed_name(flag.flags) + ": '" + value + "' is not supported yet; only " +
                                        std::string(flag.value));
            }
        }
    }

    void check_already_so(const CommandFlag& flag, const CLI::Option& parsed) const {
        for (const std::string& value : parsed.results()) {
            if (base::parse_boolean(value) != true) {
                throw base::ConfigError(
                    typed_name(flag.flags), value, "true; what it switches off is not supported yet");
            }
        }
    }

    CLI::App app_;
    const Words own_ = own_flags();  // in front of the words, which are made with it
    std::vector<std::string> words_;
    std::vector<std::pair<const Option*, CLI::Option*>> options_;
    std::vector<std::pair<const CommandFlag*, CLI::Option*>> flags_;
};

}  // namespace

CommandLine parse_command_line(std::span<const std::string> arguments) {
    CommandLine line = Parser(arguments).parse();
    std::vector<std::string> all{"profile"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    line.config.cli_command = redacted_command(all);
    return line;
}

}  // namespace aiperf::config
