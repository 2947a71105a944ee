#include "aiperf/mock/command.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/mock/command_flags.hpp"
#include "aiperf/mock/server.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <signal.h>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace aiperf;
using aiperf::test::RawHttpClient;
using Args = std::vector<std::string>;

namespace {

struct Outcome {
    int code;
    std::string out;
    std::string err;
};

Outcome run(const Args& args) {
    std::ostringstream out;
    std::ostringstream err;
    const int code = mock::run_command(args, out, err);
    return {code, out.str(), err.str()};
}

mock::Options options_of(const Args& args) {
    return mock::parse_command_line(args).options;
}

void check_refused(const Args& args, const std::string& said) {
    const Outcome outcome = run(args);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Catch::Contains(said));
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
}

/// The command in a child process; its output through a pipe.
class Child {
public:
    explicit Child(const Args& args) {
        std::array<int, 2> ends{};
        REQUIRE(::pipe(ends.data()) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::dup2(ends[1], STDOUT_FILENO);
            ::close(ends[0]);
            ::close(ends[1]);
            std::ofstream out("/proc/self/fd/1");
            std::ostringstream err;
            ::_exit(mock::run_command(args, out, err));
        }
        ::close(ends[1]);
        out_ = ends[0];
    }

    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        ::close(out_);
    }

    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// The first line it prints; blocks until then.
    std::string first_line() const {
        std::string line;
        char byte = 0;
        while (::read(out_, &byte, 1) == 1 && byte != '\n') {
            line += byte;
        }
        return line;
    }

    /// Sends the signal and returns the exit code, or minus the signal that ended it.
    int end_by(int signal) {
        ::kill(pid_, signal);
        int status = 0;
        REQUIRE(::waitpid(pid_, &status, 0) == pid_);
        pid_ = 0;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    }

private:
    pid_t pid_ = 0;
    int out_ = -1;
};

}  // namespace

TEST_CASE("without flags the server listens on loopback port 8000 and keeps nothing") {
    const mock::Options options = options_of({});
    CHECK(options.host == "127.0.0.1");
    CHECK(options.port == 8000);
    CHECK_FALSE(options.keep_requests);
    CHECK(options.ttft.count() == 0);
}

TEST_CASE("every flag reaches its option") {
    const mock::Options o = options_of({"--host",
                                        "::1",
                                        "--port",
                                        "0",
                                        "--workers",
                                        "2",
                                        "--seed",
                                        "18446744073709551615",
                                        "--model",
                                        "a",
                                        "b",
                                        "--output-tokens",
                                        "9",
                                        "--ignore-max-tokens",
                                        "--reasoning-tokens",
                                        "3",
                                        "--tokens-per-chunk",
                                        "2",
                                        "--stream",
                                        "always",
                                        "--usage",
                                        "never",
                                        "--text",
                                        "unicode",
                                        "--split-utf8",
                                        "--ttft-ms",
                                        "1.5",
                                        "--ttft-jitter-ms",
                                        "2",
                                        "--itl-ms",
                                        "0.25",
                                        "--itl-jitter-ms=4",
                                        "--error-rate",
                                        "0.1",
                                        "--error-status",
                                        "503",
                                        "--reset-rate",
                                        "0.2",
                                        "--close-rate",
                                        "0.3",
                                        "--stall-rate",
                                        "0.4",
                                        "--stall-ms",
                                        "5",
                                        "--fault-after-events",
                                        "6",
                                        "--write-bytes",
                                        "7",
                                        "--write-interval-ms",
                                        "8",
                                        "--close",
                                        "stream",
                                        "--announce-close",
                                        "--idle-timeout-ms",
                                        "10",
                                        "--max-head-bytes",
                                        "300",
                                        "--max-body-bytes",
                                        "11",
                                        "--dump",
                                        "d"});
    CHECK(o.host == "::1");
    CHECK(o.port == 0);
    CHECK(o.workers == 2);
    CHECK(o.seed == 18446744073709551615U);
    CHECK(o.models == Args{"a", "b"});
    CHECK(o.output_tokens == 9);
    CHECK(o.ignore_max_tokens);
    CHECK(o.reasoning_tokens == 3);
    CHECK(o.tokens_per_chunk == 2);
    CHECK(o.stream == mock::StreamMode::always);
    CHECK(o.usage == mock::UsageMode::never);
    CHECK(o.text == mock::TextKind::unicode);
    CHECK(o.split_utf8);
    CHECK(o.ttft == std::chrono::microseconds(1500));
    CHECK(o.ttft_jitter == std::chrono::milliseconds(2));
    CHECK(o.itl == std::chrono::microseconds(250));
    CHECK(o.itl_jitter == std::chrono::milliseconds(4));
    CHECK(o.error_rate == 0.1);
    CHECK(o.error_status == 503);
    CHECK(o.reset_rate == 0.2);
    CHECK(o.close_rate == 0.3);
    CHECK(o.stall_rate == 0.4);
    CHECK(o.stall_time == std::chrono::milliseconds(5));
    CHECK(o.fault_after_events == 6);
    CHECK(o.write_bytes == 7);
    CHECK(o.write_interval == std::chrono::milliseconds(8));
    CHECK(o.close == mock::CloseMode::after_stream);
    CHECK(o.announce_close);
    CHECK(o.idle_timeout == std::chrono::milliseconds(10));
    CHECK(o.max_head_bytes == 300);
    CHECK(o.max_body_bytes == 11);
    CHECK(o.dump_path == "d");
}

TEST_CASE("bad flags are refused in one line that names flag, value and what is allowed") {
    check_refused({"--ttft-ms", "fast"}, "--ttft-ms: 'fast' is not allowed; use a number from 0 to 3600000");
    check_refused({"--ttft-ms", "-5"}, "--ttft-ms: '-5'");
    check_refused({"--ttft-ms", "nan"}, "--ttft-ms: 'nan'");
    check_refused({"--port", "65536"}, "use a whole number from 0 to 65535");
    check_refused({"--workers", "1.5"}, "--workers: '1.5'");
    check_refused({"--close", "maybe"}, "use one of never|stream|always");
    check_refused({"--error-rate", "2"}, "--error-rate: '2'");
    check_refused({"--error-rate", "0.7", "--stall-rate", "0.7"}, "together exceed 1");
    check_refused({"--itl-m", "2"}, "--itl-m: unknown flag of mock; the nearest is --itl-ms");
    check_refused({"--itl-ms"}, "--itl-ms");
    check_refused({"--script", "/nonexistent"}, "--script: '/nonexistent'");
    check_refused({"--host", "no address"}, "--host: 'no address'");
}

TEST_CASE("flags about generated answers are refused beside a script") {
    const std::string script = std::string(AIPERF_TEST_DATA) + "/golden/cases/chat_nonstream/case.json";
    check_refused({"--script", script, "--itl-ms", "2"}, "--itl-ms: has no effect beside --script");
    CHECK_FALSE(options_of({"--script", script, "--close", "always"}).script.empty());
}

TEST_CASE("a port that is taken ends the command with exit code 1") {
    mock::Options options;
    mock::Server taken(options);
    const Outcome outcome = run({"--port", std::to_string(taken.port())});
    CHECK(outcome.code == 1);
    CHECK_THAT(outcome.err, Catch::Contains("cannot bind 127.0.0.1 port " + std::to_string(taken.port())));
}

TEST_CASE("help names every flag and its default") {
    const Outcome outcome = run({"--help"});
    CHECK(outcome.code == 0);
    for (const char* flag : {"--ttft-ms MS", "--script FILE", "--dump FILE", "never|stream|always", "(8000)"}) {
        CHECK_THAT(outcome.out, Catch::Contains(flag));
    }
}

TEST_CASE("the command says where it listens and ends with 0 on SIGTERM and SIGINT, its dump written") {
    for (const int signal : {SIGTERM, SIGINT}) {
        std::string dump = "/tmp/aiperf-mock-dump-XXXXXX";
        ::close(::mkstemp(dump.data()));
        const std::string port_file = dump + ".port";
        Child child({"--port", "0", "--port-file", port_file, "--dump", dump});
        const std::string line = child.first_line();
        REQUIRE(line.starts_with("listening on http://127.0.0.1:"));
        const int port = std::stoi(line.substr(line.rfind(':') + 1));
        int written = 0;
        std::ifstream(port_file) >> written;
        CHECK(written == port);
        CHECK(RawHttpClient(static_cast<std::uint16_t>(port)).get("/health").status == 200);
        CHECK(child.end_by(signal) == 0);
        std::string logged;
        std::getline(std::ifstream(dump), logged);
        CHECK_THAT(logged, Catch::Contains("\"target\": \"/health\""));
        ::unlink(dump.c_str());
        ::unlink(port_file.c_str());
    }
}
