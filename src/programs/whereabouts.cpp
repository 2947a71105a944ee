#include "whereabouts.hpp"

#include "aiperf/process/thread_report.hpp"
#include "terminal.hpp"

#include <cstdlib>
#include <exception>
#include <future>
#include <thread>

namespace aiperf::programs {

std::string whereabouts(const std::string& headline,
                        const std::vector<std::string>& run_lines,
                        const std::vector<pid_t>& processes) {
    std::string text = headline;
    for (const std::string& line : run_lines) {
        text += "\n  " + line;
    }
    for (const pid_t pid : processes) {
        text += "\n  process " + std::to_string(pid) + ":";
        const std::vector<std::string> threads = process::thread_report(pid);
        for (const std::string& line : threads) {
            text += "\n    " + line;
        }
        text += threads.empty() ? " has ended" : "";
    }
    return text;
}

void end_stuck(Terminal& terminal,
               const std::string& sentence,
               const std::function<std::string()>& details,
               base::Nanoseconds patience) {
    std::promise<void> told;
    std::thread([&] {
        try {
            terminal.print("aiperf-cpp: " + sentence);
            terminal.print(details());
        } catch (const std::exception& error) {
            terminal.print(error.what());
        }
        told.set_value();
    }).detach();  // what it refers to outlives it: this function does not return
    told.get_future().wait_for(patience);
    std::_Exit(1);
}

}  // namespace aiperf::programs
