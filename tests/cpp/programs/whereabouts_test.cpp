#include "whereabouts.hpp"

#include "terminal.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

using namespace aiperf;
using namespace std::chrono_literals;
using programs::end_stuck;
using programs::Terminal;
using programs::whereabouts;

namespace {

struct Ended {
    int exit_code = -1;
    std::string text;
};

/// What a child writes, by a terminal of its own, that ends because something is stuck.
template <typename Details>
Ended end_stuck_in_child(Details details) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    const pid_t child = fork();
    if (child == 0) {
        Terminal terminal([&](std::string_view text) {
            if (::write(ends[1], text.data(), text.size()) < 0) {
                _exit(99);
            }
        });
        end_stuck(terminal, "stuck in exporting", details, 50ms);
    }
    ::close(ends[1]);
    Ended ended;
    std::array<char, 4096> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
        ended.text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    ended.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return ended;
}

}  // namespace

TEST_CASE("whereabouts tell the run's own lines and every thread of its processes") {
    const std::string pid = std::to_string(getpid());
    const std::string text = whereabouts("Where:", {"profiling for 1.0 s", "worker_1: running"}, {getpid()});
    REQUIRE(text.starts_with("Where:\n  profiling for 1.0 s\n  worker_1: running\n  process " + pid + ":\n    "));
    REQUIRE(text.find(" (tid " + pid + "): running, ") != std::string::npos);
    REQUIRE(text.back() != '\n');
}

TEST_CASE("a process that has ended is told as such") {
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    REQUIRE(waitpid(child, nullptr, 0) == child);
    REQUIRE(whereabouts("Where:", {}, {child}) == "Where:\n  process " + std::to_string(child) + ": has ended");
}

TEST_CASE("a stuck program says in what and where, and ends with code 1") {
    const Ended ended = end_stuck_in_child([] { return std::string("details"); });
    REQUIRE(ended.exit_code == 1);
    REQUIRE(ended.text == "aiperf-cpp: stuck in exporting\ndetails\n");
}

TEST_CASE("a stuck program ends even where nobody can say any more where it is") {
    const Ended hanging = end_stuck_in_child([]() -> std::string {
        for (;;) {
            ::pause();
        }
    });
    REQUIRE(hanging.exit_code == 1);
    REQUIRE(hanging.text == "aiperf-cpp: stuck in exporting\n");
    const Ended failing = end_stuck_in_child([]() -> std::string { throw std::runtime_error("no /proc"); });
    REQUIRE(failing.exit_code == 1);
    REQUIRE(failing.text == "aiperf-cpp: stuck in exporting\nno /proc\n");
}
