#include "aiperf/base/clock.hpp"
#include "aiperf/config/command_line.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/process/thread_report.hpp"
#include "aiperf/settings/settings.hpp"
#include "commands.hpp"
#include "panel.hpp"
#include "print_report.hpp"
#include "progress.hpp"
#include "run_log.hpp"
#include "service_manager.hpp"
#include "signals.hpp"
#include "terminal.hpp"
#include "whereabouts.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace aiperf::programs {

namespace {

using namespace std::chrono_literals;

constexpr base::Nanoseconds k_look_around = 50ms;  // how late a signal may be seen
constexpr base::Nanoseconds k_stop_patience = 1s;  // for the processes of the run to stop on Ctrl-Z
constexpr base::Nanoseconds k_quit_patience = 2s;
constexpr std::size_t k_help_width = 100;
constexpr int k_signal_exit = 128;
constexpr const char* k_asked = "SIGUSR1: where the run is";

/// One run from the command line: starts it, shows it, obeys signals, reports.
class Session {
public:
    explicit Session(config::RunConfig config)
        : terminal_(Terminal::write_to_stderr),
          log_(config.log_level, terminal_),
          progress_(progress_mode(config.ui, Terminal::is_live()), terminal_),
          environment_(environment()),
          width_(settings::Settings::from(environment_.variables).ui.console_export_width),
          run_(prepare(std::move(config))),
          manager_(place_of_manager(environment_)) {
        known_run_ = run_.get();
    }

    ~Session() { known_run_ = nullptr; }

    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    int go() {
        log_.open_file(run_->artifact_directory() / control::k_log_file);
        run_->start();
        while (!run_->wait_for(k_look_around)) {
            obey_signals();
            tell_others();
            progress_.show(run_->snapshot(), base::now(), Terminal::width(STDERR_FILENO, k_help_width) - 1);
        }
        progress_.finish(run_->snapshot());
        const control::Result& result = run_->result();
        tell_others();
        manager_.status(std::string("the run is over: ") + control::to_string(result.status));
        print_report(result, Terminal::width(STDOUT_FILENO, width_), ::isatty(STDOUT_FILENO) != 0, std::cout);
        while (!run_->wait_closed_for(k_look_around)) {  // the results server's grace
            obey_signals();
        }
        manager_.stopping();
        return result.exit_code();
    }

private:
    static std::string place_of_manager(const control::Environment& environment) {
        const auto found = environment.variables.find("NOTIFY_SOCKET");
        return found == environment.variables.end() ? std::string{} : found->second;
    }

    control::Environment environment() {
        control::Environment environment = control::Environment::of_process();
        environment.logger = log_.logger();
        environment.on_stuck = [this](const std::string& sentence) {
            end_stuck(terminal_, sentence, [this] { return whereabouts_of(known_run_, "Where everything is:"); });
        };
        return environment;
    }

    /// Until the run is made there is nothing to stop in good order.
    std::unique_ptr<control::Run> prepare(config::RunConfig config) {
        const ExitOnSignal guard(signals_, [this](int signal) {
            if (signal == SIGUSR1) {
                terminal_.print(whereabouts_of(nullptr, k_asked));
            } else if (signal == SIGTSTP) {
                stop_program();
            }
        });
        return std::make_unique<control::Run>(std::move(config), environment_);
    }

    /// Whoever started the program hears that it is up; whoever is to ask the results server, by which token. One that
    /// was made is written here and nowhere else: the log of the run is a file among those that are passed on.
    void tell_others() {
        const std::string url = run_->api_url();
        const std::string phase = run_->snapshot().phase;
        if (!run_->done()) {
            manager_.status(phase);
        }
        if (!url.empty() || phase != "preparing") {
            manager_.ready();
        }
        if (url.empty() || token_told_) {
            return;
        }
        token_told_ = true;
        const std::string token = run_->api_token();
        if (!token.empty() && !environment_.variables.contains("AIPERF_API_SERVER_TOKEN")) {
            terminal_.print("results server: its token is " + token + " (Authorization: Bearer " + token + ")");
        }
    }

    void obey_signals() {
        while (const auto signal = signals_.next()) {
            switch (*signal) {
                case SIGUSR1: terminal_.print(whereabouts_of(run_.get(), k_asked)); break;
                case SIGTSTP: stop(); break;
                case SIGCONT: go_on(); break;
                default: end(*signal);
            }
        }
    }

    /// Ctrl-Z. The processes of the run are in groups of their own, out of the terminal's reach.
    void stop() {
        progress_.pause(run_->snapshot());
        run_->pass_signal(SIGSTOP);
        wait_stopped(run_->children());
        stop_program();
        go_on();
    }

    /// Another thread passes the signal on: it must have done so before this process stops.
    static void wait_stopped(const std::vector<pid_t>& children) {
        const base::Instant limit = base::now() + k_stop_patience;
        while (!std::all_of(children.begin(), children.end(), process::is_stopped) && base::now() < limit) {
            std::this_thread::sleep_for(1ms);
        }
    }

    void go_on() {
        run_->pass_signal(SIGCONT);
        progress_.resume();
    }

    void end(int signal) {
        if (run_->done()) {
            return run_->end_hold();
        }
        if (signal_ != 0) {
            if (signal == SIGINT) {
                terminal_.print(panel(
                    "Force Quit",
                    {"The run ends without results.", "Its journal stays: aiperf-cpp recover makes results of it."}));
            }
            quit();
        }
        signal_ = signal;
        terminal_.print(signal == SIGINT ? panel("Cancellation in Progress",
                                                 {"Requests in flight are closed, and what is known is written.",
                                                  "A second Ctrl-C quits at once, without results."})
                                         : "Stopping; a second signal quits at once, without results.");
        run_->cancel(k_signal_exit + signal);
    }

    /// Out at once: nothing is exported, the journal stays as it is. What is waited for, shortly, is that status.json
    /// says so and that no process is left; those that are end with this one. A run that has come to its end meanwhile
    /// has its own exit code, which is in status.json too.
    [[noreturn]] void quit() {
        run_->abort();
        run_->end_hold();
        terminal_.clear();
        static_cast<void>(run_->wait_closed_for(k_quit_patience));
        // Its end may have been on its way: then status.json and the exit code are of that one.
        std::_Exit(run_->done() ? run_->result().exit_code() : k_signal_exit + signal_);
    }

    /// Null: the run is being prepared.
    static std::string whereabouts_of(const control::Run* run, const char* headline) {
        std::vector<pid_t> processes{::getpid()};
        if (run == nullptr) {
            return whereabouts(headline, {"it is being prepared"}, processes);
        }
        const std::vector<pid_t> children = run->children();
        processes.insert(processes.end(), children.begin(), children.end());
        return whereabouts(headline, run->where(), processes);
    }

    SignalQueue signals_;  // first: before any thread starts
    Terminal terminal_;
    RunLog log_;
    Progress progress_;
    control::Environment environment_;
    std::size_t width_;
    std::atomic<const control::Run*> known_run_{nullptr};  // for the watchdog's thread: run_, while it is whole
    std::unique_ptr<control::Run> run_;
    ServiceManager manager_;
    bool token_told_ = false;
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
