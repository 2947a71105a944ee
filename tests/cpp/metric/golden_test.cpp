#include "aiperf/metric/definitions.hpp"
#include "aiperf/metric/record_metrics.hpp"
#include "aiperf/metric/summary.hpp"
#include "golden_case.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <set>

using namespace aiperf;
using test::GoldenCase;
using test::Json;

namespace {

const std::vector<std::string> k_raw_cases{
    "chat_stream_usage",
    "chat_nonstream",
    "chat_stream_no_usage",
    "completions_stream",
    "completions_nonstream",
    "rate_poisson",
    "extra_inputs_headers",
    "server_token_count",
    "errors_mixed",
    "sigint_once",
    "chat_stream_reasoning",
};

/// AIPerf takes these two from wall times in float64, good to 256 ns each; ours are exact.
bool rounded_by_aiperf(std::string_view tag) {
    return tag == "credit_to_start_latency" || tag == "effective_latency";
}

void check_number(const std::string& tag, const std::string& statistic, double ours, double golden) {
    INFO(tag << "." << statistic << ": ours " << ours << ", golden " << golden);
    if (rounded_by_aiperf(tag)) {
        CHECK(std::abs(ours - golden) <= (statistic == "sum" ? 512e-6 * 24 : 512e-6));
    } else {
        CHECK(test::same_number(ours, golden));
    }
}

void check_values(const Json& golden, const metric::RecordMetric& ours) {
    const std::string tag(ours.definition->tag);
    CHECK(golden.at("unit") == std::string(ours.definition->unit.display));
    const Json& value = golden.at("value");
    if (!value.is_array()) {
        check_number(tag, "value", ours.value, value.get<double>());
        const bool whole = ours.definition->value_type == metric::ValueType::integer;
        CHECK(value.is_number_integer() == (whole && ours.definition->unit.factor == 1.0));
        return;
    }
    REQUIRE(value.size() == ours.values.size());
    for (std::size_t i = 0; i < value.size(); ++i) {
        check_number(tag, "[]", ours.values[i], value[i].get<double>());
    }
}

void check_statistics(const Json& golden, const metric::Metric& ours) {
    const std::string tag(ours.definition->tag);
    const metric::Statistics& s = ours.statistics;
    CHECK(golden.at("unit") == std::string(ours.definition->unit.display));
    check_number(tag, "avg", s.avg, golden.at("avg").get<double>());
    REQUIRE(s.scalar == !golden.contains("p50"));
    if (s.scalar) {
        CHECK(golden.size() == 2);
        return;
    }
    const std::vector<std::pair<const char*, double>> values{
        {"p1", s.p1},
        {"p5", s.p5},
        {"p10", s.p10},
        {"p25", s.p25},
        {"p50", s.p50},
        {"p75", s.p75},
        {"p90", s.p90},
        {"p95", s.p95},
        {"p99", s.p99},
        {"min", s.min},
        {"max", s.max},
        {"std", s.std},
        {"sum", s.sum},
    };
    for (const auto& [name, value] : values) {
        check_number(tag, name, value, golden.at(name).get<double>());
    }
    CHECK(s.count == golden.at("count").get<std::uint64_t>());
}

}  // namespace

TEST_CASE("per-request metrics are AIPerf's to the last digit") {
    const std::string name = GENERATE(from_range(k_raw_cases));
    INFO(name);
    const GoldenCase golden = test::load_golden_case(name);
    const auto set = golden.records();
    for (std::size_t i = 0; i < golden.rows.size(); ++i) {
        const Json& expected = golden.rows[i].at("metrics");
        std::set<std::string> seen;
        for (const auto& metric : metric::record_metrics(set, set.records()[golden.slots[i]], golden.context)) {
            const std::string tag(metric.definition->tag);
            INFO("request " << golden.slots[i] << " " << tag);
            REQUIRE(expected.contains(tag));
            check_values(expected.at(tag), metric);
            seen.insert(tag);
        }
        for (const auto& [tag, value] : expected.items()) {
            INFO("request " << golden.slots[i] << " " << tag);
            CHECK((metric::find_definition(tag) == nullptr || seen.count(tag) == 1));
        }
    }
}

TEST_CASE("every statistic of a run is AIPerf's to the last digit") {
    const std::string name = GENERATE(from_range(k_raw_cases));
    INFO(name);
    const GoldenCase golden = test::load_golden_case(name);
    const metric::Summary summary = metric::summarise(golden.records(), golden.context);
    std::set<std::string> seen;
    for (const metric::Metric& metric : summary.metrics) {
        if (metric.definition->has(metric::metric_flag::hidden)) {
            continue;
        }
        const std::string tag(metric.definition->tag);
        INFO(tag);
        REQUIRE(golden.summary.contains(tag));
        check_statistics(golden.summary.at(tag), metric);
        seen.insert(tag);
    }
    for (const auto& [tag, value] : golden.summary.items()) {
        INFO(tag);
        CHECK((metric::find_definition(tag) == nullptr || seen.count(tag) == 1));
    }
}

TEST_CASE("errors are counted by code, type and message") {
    const GoldenCase golden = test::load_golden_case("errors_mixed");
    const metric::Summary summary = metric::summarise(golden.records(), golden.context);
    CHECK(summary.valid == 6);
    CHECK(summary.failed == 18);
    const Json& expected = golden.summary.at("error_summary");
    REQUIRE(summary.errors.size() == expected.size());
    for (const metric::ErrorCount& error : summary.errors) {
        const auto same = [&](const Json& item) {
            const Json& details = item.at("error_details");
            return details.value("code", 0) == error.details.code && details.at("type") == error.details.type &&
                   details.at("message") == error.details.message && item.at("count") == error.count;
        };
        INFO(error.details.type);
        CHECK(std::count_if(expected.begin(), expected.end(), same) == 1);
    }
    CHECK(summary.errors.front().details.type == "InvalidInferenceResultError");
}

TEST_CASE("a run in which every request failed has no request count, rate or duration") {
    const GoldenCase golden = test::load_golden_case("errors_all");
    const metric::Summary summary = metric::summarise(golden.records(), golden.context);
    CHECK(summary.failed == 5);
    for (const char* tag : {"request_count",
                            "completed_request_count",
                            "request_error_rate",
                            "request_throughput",
                            "benchmark_duration",
                            "request_latency",
                            "time_to_first_token"}) {
        INFO(tag);
        CHECK(summary.find(tag) == nullptr);
    }
    REQUIRE(summary.find("error_request_count") != nullptr);
    CHECK(summary.find("error_request_count")->statistics.avg == 5.0);
    CHECK(summary.find("total_error_isl")->statistics.avg == 60.0);
}
