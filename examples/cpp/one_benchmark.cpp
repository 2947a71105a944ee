// Runs one benchmark in this process and prints two of its numbers.
//
//   one_benchmark ADDRESS MODEL [TOKENIZER]

#include <aiperf/aiperf.hpp>
#include <cstdio>
#include <exception>

namespace {

void print_p99(const aiperf::metric::Summary& summary, const char* tag) {
    if (const auto* metric = summary.find(tag)) {
        std::printf("%s p99: %.2f\n", tag, metric->statistics.p99);
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: one_benchmark ADDRESS MODEL [TOKENIZER]\n", stderr);
        return 2;
    }
    aiperf::RunConfig config;
    config.urls = {argv[1]};
    config.model_names = {argv[2]};
    config.tokenizer = argc > 3 ? argv[3] : "builtin";
    config.streaming = true;
    config.concurrency = 8;
    config.request_count = 40;
    config.osl_mean = 16;
    try {
        const auto result = aiperf::run(config, aiperf::Environment::of_process());
        std::printf(
            "%s: %llu good answers\n", to_string(result.status), static_cast<unsigned long long>(result.summary.valid));
        print_p99(result.summary, "time_to_first_token");
        print_p99(result.summary, "request_latency");
        return result.exit_code();
    } catch (const aiperf::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
