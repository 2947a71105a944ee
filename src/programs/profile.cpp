#include "aiperf/base/clock.hpp"
#include "aiperf/config/command_line.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/settings/settings.hpp"
#include "commands.hpp"
#include "print_report.hpp"
#include "progress.hpp"
#include "run_log.hpp"
#include "signals.hpp"
#include "terminal.hpp"

#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <unistd.h>
#include <utility>

namespace aiperf::programs {

namespace {

using namespace std::chrono_literals;

constexpr base::Nanoseconds k_look_around = 50ms;  // how late a signal may be seen
constexpr std::size_t k_help_width = 100;
constexpr int k_signal_exit = 128;

/// One run from the command line: starts it, shows it, obeys signals, reports.
class Session {
public:
    explicit Session(config::RunConfig config)
        : terminal_(Terminal::write_to_stderr),
          log_(config.log_level, terminal_),
          progress_(progress_mode(config.ui, Terminal::is_live()), terminal_),
          environment_(environment()),
          width_(settings::Settings::from(environment_.variables).ui.console_export_width),
          run_(prepare(std::move(config))) {}

    int go() {
        log_.open_file(run_->artifact_directory() / control::k_log_file);
        run_->start();
        while (!run_->wait_for(k_look_around)) {
            while (const auto signal = signals_.next()) {
                obey(*signal);
            }
            progress_.show(run_->snapshot(), base::now(), Terminal::width(STDERR_FILENO, k_help_width) - 1);
        }
        progress_.finish(run_->snapshot());
        const control::Result& result = run_->result();
        print_report(result, Terminal::width(STDOUT_FILENO, width_), ::isatty(STDOUT_FILENO) != 0, std::cout);
        while (!run_->wait_closed_for(k_look_around)) {  // the results server's grace
            if (signals_.next()) {
                run_->end_hold();
            }
        }
        return result.exit_code();
    }

private:
    control::Environment environment() {
        control::Environment environment = control::Environment::of_process();
        environment.logger = log_.logger();
        return environment;
    }

    /// Until the run is made there is nothing to stop in good order.
    std::unique_ptr<control::Run> prepare(config::RunConfig config) {
        const ExitOnSignal guard(signals_);
        return std::make_unique<control::Run>(std::move(config), environment_);
    }

    void obey(int signal) {
        if (run_->done()) {
            return run_->end_hold();
        }
        if (signal_ != 0) {
            quit();
        }
        signal_ = signal;
        terminal_.print(signal == SIGINT ? "Stopping; a second Ctrl-C quits at once, without results."
                                         : "Stopping; a second signal quits at once, without results.");
        run_->cancel(k_signal_exit + signal);
    }

    /// Out at once: nothing is waited for, the journal stays as it is.
    [[noreturn]] void quit() {
        run_->abort();
        terminal_.clear();
        std::_Exit(k_signal_exit + signal_);
    }

    SignalQueue signals_;  // first: before any thread starts
    Terminal terminal_;
    RunLog log_;
    Progress progress_;
    control::Environment environment_;
    std::size_t width_;
    std::unique_ptr<control::Run> run_;
    int signal_ = 0;
};

}  // namespace

int profile(Arguments arguments) {
    config::CommandLine line = config::parse_command_line(arguments);
    if (line.help) {
        std::cout << config::profile_help(Terminal::width(STDOUT_FILENO, k_help_width));
        return 0;
    }
    if (!line.config.backend) {
        line.config.backend = config::Backend::process;  // a part that crashes loses nothing, and is reported
    }
    config::validate(line.config);
    return Session(std::move(line.config)).go();
}

}  // namespace aiperf::programs
