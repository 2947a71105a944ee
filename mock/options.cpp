#include "aiperf/mock/options.hpp"

#include "aiperf/base/error.hpp"

#include <cmath>
#include <string_view>

namespace aiperf::mock {

namespace {

constexpr base::Nanoseconds k_max_delay = std::chrono::hours(1);

std::string number_text(double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') {
        text.pop_back();
    }
    return text;
}

void check_delay(const char* flag, base::Nanoseconds value) {
    if (value.count() < 0 || value > k_max_delay) {
        throw base::ConfigError(
            flag, number_text(static_cast<double>(value.count()) / 1e6), "use 0 to 3600000 (milliseconds)");
    }
}

void check_whole(const char* flag, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
    if (value < least || value > most) {
        throw base::ConfigError(flag,
                                std::to_string(value),
                                "use whole numbers from " + std::to_string(least) + " to " + std::to_string(most));
    }
}

void check_share(const char* flag, double value) {
    if (!(value >= 0 && value <= 1)) {
        throw base::ConfigError(flag, number_text(value), "use numbers from 0 to 1");
    }
}

void check_faults(const Options& options) {
    check_share("--error-rate", options.error_rate);
    check_share("--reset-rate", options.reset_rate);
    check_share("--close-rate", options.close_rate);
    check_share("--stall-rate", options.stall_rate);
    if (options.error_rate + options.reset_rate + options.close_rate + options.stall_rate > 1 + 1e-9) {
        throw base::ConfigError("--error-rate, --reset-rate, --close-rate and --stall-rate together exceed 1");
    }
    check_whole("--error-status", options.error_status, 400, 599);
    check_whole("--fault-after-events", options.fault_after_events, 0, 2 * std::uint64_t{k_max_output_tokens});
    check_delay("--stall-ms", options.stall_time);
}

void check_models(const Options& options) {
    if (options.models.empty()) {
        throw base::ConfigError("--model", "", "use at least one name");
    }
    for (const std::string& model : options.models) {
        if (model.empty()) {
            throw base::ConfigError("--model", "", "use names of at least one character");
        }
    }
}

}  // namespace

void validate(const Options& options) {
    check_whole("--workers", options.workers, 1, 256);
    check_delay("--ttft-ms", options.ttft);
    check_delay("--ttft-jitter-ms", options.ttft_jitter);
    check_delay("--itl-ms", options.itl);
    check_delay("--itl-jitter-ms", options.itl_jitter);
    check_models(options);
    check_whole("--output-tokens", options.output_tokens, 1, k_max_output_tokens);
    check_whole("--reasoning-tokens", options.reasoning_tokens, 0, k_max_output_tokens);
    check_whole("--tokens-per-chunk", options.tokens_per_chunk, 1, k_max_output_tokens);
    check_faults(options);
    check_delay("--write-interval-ms", options.write_interval);
    check_delay("--idle-timeout-ms", options.idle_timeout);
    check_whole("--max-head-bytes", options.max_head_bytes, 256, 16U << 20U);
    check_whole("--max-body-bytes", options.max_body_bytes, 0, 1U << 30U);
    if (options.announce_close && options.close == CloseMode::never) {
        throw base::ConfigError("--announce-close needs --close stream or --close always");
    }
}

}  // namespace aiperf::mock
