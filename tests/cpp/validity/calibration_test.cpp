#include "aiperf/validity/calibration.hpp"

#include "aiperf/metric/definitions.hpp"
#include "aiperf/report/calibration_json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace aiperf;
using namespace aiperf::validity;

namespace {

void put(metric::Summary& summary, std::string_view tag, double p50, double p99) {
    metric::Metric& metric = summary.metrics.emplace_back();
    metric.definition = metric::find_definition(tag);
    REQUIRE(metric.definition != nullptr);
    metric.statistics.scalar = false;
    metric.statistics.p50 = p50;
    metric.statistics.p99 = p99;
}

void put_scalar(metric::Summary& summary, std::string_view tag, double value) {
    metric::Metric& metric = summary.metrics.emplace_back();
    metric.definition = metric::find_definition(tag);
    REQUIRE(metric.definition != nullptr);
    metric.statistics.avg = value;
}

Calibration of_latency(double p50, double p99) {
    Calibration calibration;
    calibration.durations[0] = Typical{p50, p99};
    return calibration;
}

}  // namespace

TEST_CASE("a calibration has the durations of the run, its rates and the processor time of a request") {
    metric::Summary summary;
    put(summary, "request_latency", 0.2, 0.9);
    put(summary, "time_to_first_token", 0.1, 0.5);
    put_scalar(summary, "request_throughput", 1000);
    put_scalar(summary, "benchmark_duration", 2);
    const Calibration found = calibration_from(summary, {.requests = 2000, .events = 40'000, .cpu_s = 0.1});
    CHECK(found.durations[0] == Typical{0.2, 0.9});
    CHECK(found.durations[1] == Typical{0.1, 0.5});
    CHECK_FALSE(found.durations[2].has_value());
    CHECK_FALSE(found.durations[3].has_value());
    CHECK(found.requests_per_second == 1000);
    CHECK(found.events_per_second == 20'000);
    CHECK(found.cpu_us_per_request == Approx(50));
    CHECK(calibration_from({}, {}) == Calibration{});
}

TEST_CASE("every metric of a calibration is one of the table's, in milliseconds") {
    for (const std::string_view tag : k_calibrated) {
        const metric::Definition* definition = metric::find_definition(tag);
        REQUIRE(definition != nullptr);
        CHECK(definition->unit.display == "ms");
    }
}

TEST_CASE("the client's own share is its time over what was measured, at both percentiles") {
    metric::Summary summary;
    put(summary, "request_latency", 40, 90);
    put(summary, "send_lateness", 1, 1);  // not calibrated
    Calibration calibration = of_latency(0.2, 0.9);
    calibration.durations[1] = Typical{0.1, 0.5};  // not measured
    const std::vector<OwnShare> shares = own_shares(calibration, summary);
    REQUIRE(shares.size() == 1);
    CHECK(shares[0].metric == "request_latency");
    CHECK(*shares[0].p50_ratio == Approx(0.005));
    CHECK(*shares[0].p99_ratio == Approx(0.01));
}

TEST_CASE("there is no ratio to nothing, and one above 1 is told as it is") {
    metric::Summary summary;
    put(summary, "request_latency", 0, 0.3);
    const std::vector<OwnShare> shares = own_shares(of_latency(0.2, 0.9), summary);
    REQUIRE(shares.size() == 1);
    CHECK_FALSE(shares[0].p50_ratio.has_value());
    CHECK(*shares[0].p99_ratio == Approx(3));
}

TEST_CASE("a calibration reads back from its JSON, kept or reported") {
    metric::Summary summary;
    put(summary, "request_latency", 40, 90);
    Calibration calibration = of_latency(0.2, 0.9);
    calibration.requests_per_second = 10.5;
    calibration.events_per_second = 99;
    calibration.cpu_us_per_request = 12.25;
    CHECK(report::read_calibration(nlohmann::json::parse(report::calibration_json(calibration).dump())) == calibration);
    const auto reported = nlohmann::json::parse(report::calibration_text(calibration, summary));
    CHECK(report::read_calibration(reported) == calibration);
    CHECK(reported["metrics"]["request_latency"]["ratio"]["p99"].get<double>() == Approx(0.01));
    CHECK(reported["metrics"]["request_latency"]["measured"]["p50"] == 40);
}

TEST_CASE("what is no calibration is none") {
    const char* text = GENERATE("null",
                                "[]",
                                "{}",
                                R"({"requests_per_second": 1, "events_per_second": 1, "cpu_us_per_request": 1})",
                                R"({"requests_per_second": "1", "events_per_second": 1, "cpu_us_per_request": 1,
                                    "metrics": {}})",
                                R"({"requests_per_second": -1, "events_per_second": 1, "cpu_us_per_request": 1,
                                    "metrics": {}})",
                                R"({"requests_per_second": 1, "events_per_second": 1, "cpu_us_per_request": 1,
                                    "metrics": {"request_latency": 3}})",
                                R"({"requests_per_second": 1, "events_per_second": 1, "cpu_us_per_request": 1,
                                    "metrics": {"request_latency": {"own": {"p50": 1, "p99": null}}}})");
    INFO(text);
    CHECK_FALSE(report::read_calibration(nlohmann::json::parse(text)).has_value());
}
