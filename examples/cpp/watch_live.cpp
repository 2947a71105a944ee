// Watches a run while it lasts: a line for each moment, and each slow request as soon as it is over. The run is
// cancelled once it has seen five errors.
//
//   watch_live ADDRESS MODEL [SLOW_MILLISECONDS]

#include <aiperf/aiperf.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

constexpr int k_most_errors = 5;

void print(const aiperf::Snapshot& now) {
    std::printf("%s: %llu done, %llu in flight, %.0f requests/s\n",
                now.phase.c_str(),
                static_cast<unsigned long long>(now.completed),
                static_cast<unsigned long long>(now.in_flight),
                now.requests_per_second);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: watch_live ADDRESS MODEL [SLOW_MILLISECONDS]\n", stderr);
        return 2;
    }
    const double slow_ms = argc > 3 ? std::atof(argv[3]) : 1000.0;
    aiperf::RunConfig config;
    config.urls = {argv[1]};
    config.model_names = {argv[2]};
    config.tokenizer = "builtin";
    config.streaming = true;
    config.concurrency = 8;
    config.request_count = 80;
    config.osl_mean = 16;

    std::atomic<int> errors{0};
    std::atomic<int> seen{0};
    auto environment = aiperf::Environment::of_process();
    // On a thread of the run's own, behind the requests: none of them waits for it.
    environment.on_record = [&](const aiperf::FinishedRequest& request) {
        ++seen;
        errors += request.error ? 1 : 0;
        const auto latency = request.measured.latency_ns();
        if (latency && static_cast<double>(*latency) > slow_ms * 1e6) {
            std::printf("request %llu took %.1f ms\n",
                        static_cast<unsigned long long>(request.slot),
                        static_cast<double>(*latency) * 1e-6);
        }
    };
    try {
        aiperf::Run run(config, environment);
        run.start();
        while (!run.wait_for(std::chrono::milliseconds(100))) {
            print(run.snapshot());
            if (errors >= k_most_errors) {
                run.cancel();
            }
        }
        std::printf("%s: %d requests seen, %d errors\n", to_string(run.result().status), seen.load(), errors.load());
        return run.result().exit_code();
    } catch (const aiperf::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
