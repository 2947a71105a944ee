#include "progress.hpp"

#include "terminal.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace aiperf;
using namespace aiperf::programs;
using namespace std::chrono_literals;

namespace {

control::Snapshot halfway() {
    control::Snapshot s;
    s.phase = "profiling";
    s.sent = 514;
    s.completed = 450;
    s.errors = 3;
    s.in_flight = 64;
    s.requests_asked = 1000;
    s.elapsed_s = 3.0;
    s.requests_per_second = 150.0;
    s.eta_s = 75.0;
    s.time_to_first_token = {12.3, 45.6};
    s.inter_token_latency = {4.0, 9.25};
    return s;
}

base::Instant at(base::Nanoseconds since_start) {
    return base::Instant{} + 1h + since_start;
}

}  // namespace

TEST_CASE("the live display tells phase, share, rate, errors, latencies and the time left") {
    const auto lines = render(halfway(), 100);
    REQUIRE(lines.size() == 3);
    REQUIRE(lines[0] == "profiling [==================                      ]  45 %  450/1000 requests, 3.0 s");
    REQUIRE(lines[1] == "  150.0 req/s, 64 in flight, 3 errors, ETA 1:15");
    REQUIRE(lines[2] == "  TTFT p50 12.30 ms p99 45.60 ms, ITL p50 4.00 ms p99 9.25 ms");
}

TEST_CASE("no line of the display is wider than the terminal") {
    for (std::size_t width = 1; width < 200; ++width) {
        for (const std::string& line : render(halfway(), width)) {
            CAPTURE(width, line);
            REQUIRE(line.size() <= width);
        }
    }
}

TEST_CASE("what is not known is left out") {
    control::Snapshot s;
    s.phase = "warmup";
    REQUIRE(render(s, 80) ==
            std::vector<std::string>{"warmup  0 requests, 0.0 s", "  0.0 req/s, 0 in flight, 0 errors"});
    s.phase = "preparing";
    REQUIRE(render(s, 80) == std::vector<std::string>{"preparing"});
}

TEST_CASE("a run bound by time shows the time's share") {
    control::Snapshot s = halfway();
    s.requests_asked.reset();
    s.duration_asked_s = 4.0;
    REQUIRE(render(s, 100)[0].find(" 75 %  450 requests, 3.0 s of 4.0 s") != std::string::npos);
    s.elapsed_s = 9.0;
    REQUIRE(render(s, 100)[0].find("100 %") != std::string::npos);
}

TEST_CASE("a plain line holds the same on one line") {
    REQUIRE(plain_line(halfway()) ==
            "profiling: 450/1000 requests, 3.0 s, 150.0 req/s, 64 in flight, 3 errors, ETA 1:15, "
            "TTFT p50 12.30 ms p99 45.60 ms, ITL p50 4.00 ms p99 9.25 ms");
}

TEST_CASE("the kind of progress follows from the flag and the terminal") {
    using config::UiType;
    REQUIRE(progress_mode(UiType::automatic, true) == ProgressMode::live);
    REQUIRE(progress_mode(UiType::automatic, false) == ProgressMode::lines);
    REQUIRE(progress_mode(UiType::dashboard, false) == ProgressMode::lines);
    REQUIRE(progress_mode(UiType::simple, true) == ProgressMode::lines);
    REQUIRE(progress_mode(UiType::none, true) == ProgressMode::silent);
}

TEST_CASE("plain lines come every five seconds and when the phase changes") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    Progress progress(ProgressMode::lines, terminal);
    control::Snapshot s = halfway();
    progress.show(s, at(0s), 80);
    progress.show(s, at(4s), 80);
    REQUIRE(written == plain_line(s) + "\n");
    progress.show(s, at(5s), 80);
    REQUIRE(written == plain_line(s) + "\n" + plain_line(s) + "\n");
    written.clear();
    s.phase = "exporting";
    progress.show(s, at(5s), 80);
    REQUIRE(written == "exporting\n");
}

TEST_CASE("the live display is drawn five times a second and gone at the end") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    Progress progress(ProgressMode::live, terminal);
    const control::Snapshot s = halfway();
    progress.show(s, at(0ms), 80);
    written.clear();
    progress.show(s, at(199ms), 80);
    REQUIRE(written.empty());
    progress.show(s, at(200ms), 80);
    REQUIRE(written.starts_with("\r\x1b[3A\x1b[J"));
    written.clear();
    progress.finish(s);
    REQUIRE(written == "\r\x1b[3A\x1b[J" + plain_line(s) + "\n");
}

TEST_CASE("a pause leaves one line in place of the display, which comes back at once") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    Progress progress(ProgressMode::live, terminal);
    const control::Snapshot s = halfway();
    progress.show(s, at(0ms), 80);
    const std::string display = written;
    written.clear();
    progress.pause(s);
    REQUIRE(written == "\r\x1b[3A\x1b[J" + plain_line(s) + "\n");
    written.clear();
    progress.show(s, at(1ms), 80);
    REQUIRE(written.empty());
    progress.resume();
    progress.show(s, at(2ms), 80);
    REQUIRE(written == display);
}

TEST_CASE("a pause adds nothing to plain lines") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    Progress progress(ProgressMode::lines, terminal);
    progress.pause(halfway());
    REQUIRE(written.empty());
}

TEST_CASE("silent progress writes nothing") {
    std::string written;
    Terminal terminal([&](std::string_view text) { written += text; });
    Progress progress(ProgressMode::silent, terminal);
    progress.show(halfway(), at(0s), 80);
    progress.pause(halfway());
    progress.finish(halfway());
    REQUIRE(written.empty());
}
