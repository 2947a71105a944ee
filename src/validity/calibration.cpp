#include "aiperf/validity/calibration.hpp"

namespace aiperf::validity {
namespace {

std::optional<Typical> typical_of(const metric::Summary& summary, std::string_view tag) {
    const metric::Metric* metric = summary.find(tag);
    if (metric == nullptr || metric->statistics.scalar) {
        return std::nullopt;
    }
    return Typical{metric->statistics.p50, metric->statistics.p99};  // all of k_calibrated are shown in ms
}

std::optional<double> ratio(double own, double measured) {
    return measured > 0 ? std::optional(own / measured) : std::nullopt;
}

}  // namespace

Calibration calibration_from(const metric::Summary& summary, const Effort& effort) {
    Calibration calibration;
    for (std::size_t i = 0; i < k_calibrated.size(); ++i) {
        calibration.durations[i] = typical_of(summary, k_calibrated[i]);
    }
    if (const metric::Metric* rate = summary.find("request_throughput")) {
        calibration.requests_per_second = rate->statistics.avg;
    }
    const metric::Metric* seconds = summary.find("benchmark_duration");
    if (seconds != nullptr && seconds->statistics.avg > 0) {
        calibration.events_per_second = static_cast<double>(effort.events) / seconds->statistics.avg;
    }
    if (effort.requests > 0) {
        calibration.cpu_us_per_request = effort.cpu_s * 1e6 / static_cast<double>(effort.requests);
    }
    return calibration;
}

std::vector<OwnShare> own_shares(const Calibration& calibration, const metric::Summary& summary) {
    std::vector<OwnShare> shares;
    for (std::size_t i = 0; i < k_calibrated.size(); ++i) {
        const std::optional<Typical>& own = calibration.durations[i];
        const std::optional<Typical> measured = typical_of(summary, k_calibrated[i]);
        if (own && measured) {
            shares.push_back({k_calibrated[i],
                              *own,
                              *measured,
                              ratio(own->p50_ms, measured->p50_ms),
                              ratio(own->p99_ms, measured->p99_ms)});
        }
    }
    return shares;
}

}  // namespace aiperf::validity
