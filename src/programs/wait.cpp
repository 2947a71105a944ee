#include "aiperf/base/clock.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/settings/settings.hpp"
#include "commands.hpp"
#include "status_source.hpp"

#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

namespace aiperf::programs {

namespace {

using namespace std::chrono_literals;

constexpr base::Nanoseconds k_look_again = 50ms;
constexpr int k_timed_out = 124;  // as timeout(1)

constexpr const char* k_help =
    "Usage: aiperf-cpp wait DIR|URL [--timeout SECONDS] [--token TOKEN] [--cacert FILE | --insecure]\n\n"
    "Waits for a run to end and exits with its exit code: 0 complete, 1 failed, 130 or 143 cancelled. DIR is the "
    "run's\n"
    "artifact directory (its status.json is read), URL the address of its results server (http, https or "
    "unix:///PATH).\n"
    "Exit code 124: the time was up first. 1 also where the run has died, or its server has gone, without a last "
    "word,\n"
    "and where the server does not let one in.\n\n"
    "  --token TOKEN          What the server wants of its clients; else AIPERF_API_SERVER_TOKEN.\n"
    "  --cacert FILE          Authorities to trust, PEM; else the system's. Also --tls-ca-file.\n"
    "  --insecure             Believe whoever answers; also AIPERF_HTTP_SSL_VERIFY=false.\n";

struct Order {
    std::string what;
    std::optional<double> timeout_s;
    Pass pass;
};

/// What the environment says.
Pass usual_pass() {
    const settings::Settings settings = settings::Settings::from(control::Environment::of_process().variables);
    Pass pass;
    pass.token = settings.api_server.token.value_or("");
    pass.verify_tls = settings.http.ssl_verify;
    return pass;
}

/// The value behind the option at `i`, which moves on.
std::string value_of(Arguments arguments, std::size_t& i) {
    if (i + 1 >= arguments.size()) {
        throw base::ConfigError("wait: " + arguments[i] + " takes a value");
    }
    return arguments[++i];
}

Order parse(Arguments arguments) {
    Order order;
    order.pass = usual_pass();
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i] == "--timeout") {
            const std::string value = i + 1 < arguments.size() ? arguments[++i] : std::string{};
            order.timeout_s = base::parse_number(value);
            if (!order.timeout_s || !(*order.timeout_s >= 0) || *order.timeout_s > 1e9) {
                throw base::ConfigError("--timeout", value, "a number of seconds >= 0 is");
            }
        } else if (arguments[i] == "--token") {
            order.pass.token = value_of(arguments, i);
        } else if (arguments[i] == "--cacert" || arguments[i] == "--tls-ca-file") {
            order.pass.ca_file = value_of(arguments, i);
        } else if (arguments[i] == "--insecure") {
            order.pass.verify_tls = false;
        } else if (arguments[i].starts_with('-') || !order.what.empty()) {
            throw base::ConfigError("wait: unexpected argument '" + arguments[i] + "'");
        } else {
            order.what = arguments[i];
        }
    }
    if (order.what.empty()) {
        throw base::ConfigError("wait takes the artifact directory of a run, or the address of its results server");
    }
    return order;
}

}  // namespace

int wait(Arguments arguments) {
    if (!arguments.empty() && (arguments.front() == "--help" || arguments.front() == "-h")) {
        std::cout << k_help;
        return 0;
    }
    const Order order = parse(arguments);
    const auto source = status_source(order.what, order.pass);
    const base::Instant begin = base::now();
    while (true) {
        if (const std::optional<RunStatus> status = source->look()) {
            if (status->status != "running") {
                std::cout << status->status << (status->error.empty() ? "" : ": " + status->error) << '\n';
                return status->exit_code;
            }
        }
        const double waited = std::chrono::duration<double>(base::now() - begin).count();
        if (order.timeout_s && waited >= *order.timeout_s) {
            std::cerr << "aiperf-cpp: wait: not over after " << base::number_text(*order.timeout_s) << " s\n";
            return k_timed_out;
        }
        std::this_thread::sleep_for(k_look_again);
    }
}

}  // namespace aiperf::programs
