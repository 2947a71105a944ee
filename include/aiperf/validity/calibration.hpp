#pragma once

#include "aiperf/metric/summary.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace aiperf::validity {

/// A duration at two percentiles.
struct Typical {
    double p50_ms = 0.0;  ///< median
    double p99_ms = 0.0;  ///< 99th percentile

    friend bool operator==(const Typical&, const Typical&) = default;
};

/// Tags of the metrics that a calibration has.
inline constexpr std::array<std::string_view, 4> k_calibrated{
    "request_latency", "time_to_first_token", "inter_token_latency", "send_lateness"};

/// What a load costs where the server takes no time: the client's own share, with that of the loopback and of the null
/// server. An upper bound of what the client alone adds.
struct Calibration {
    std::array<std::optional<Typical>, k_calibrated.size()>
        durations{};                   ///< of k_calibrated; absent: the load has none
    double requests_per_second = 0.0;  ///< achieved
    double events_per_second = 0.0;    ///< messages of answers, parsed and recorded
    double cpu_us_per_request = 0.0;   ///< processor time of the workers' threads; 0 = not known

    friend bool operator==(const Calibration&, const Calibration&) = default;
};

/// What the workers did meanwhile, which no metric tells.
struct Effort {
    std::uint64_t requests = 0;  ///< sent
    std::uint64_t events = 0;    ///< messages of answers
    double cpu_s = 0.0;          ///< processor time of the workers
};

/// From the numbers of a run against a null server.
[[nodiscard]] Calibration calibration_from(const metric::Summary& summary, const Effort& effort);

/// The client's own share of a metric. Ratios are own over measured; absent where 0 was measured.
struct OwnShare {
    std::string_view metric;          ///< its tag
    Typical own;                      ///< as calibrated
    Typical measured;                 ///< by the run
    std::optional<double> p50_ratio;  ///< of the medians
    std::optional<double> p99_ratio;  ///< of the 99th percentiles
};

/// Of each metric that both have, in the order of k_calibrated.
[[nodiscard]] std::vector<OwnShare> own_shares(const Calibration& calibration, const metric::Summary& summary);

}  // namespace aiperf::validity
