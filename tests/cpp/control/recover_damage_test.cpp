#include "interrupted_run.hpp"

#include <catch2/catch.hpp>

#include <string>

using aiperf::record::Record;
using aiperf::test::InterruptedRun;

namespace {

/// A run.json with these values, as text of JSON.
std::string description(const std::string& id, const std::string& entries, const std::string& config) {
    return R"({"version":"0.1.0","benchmark_id":)" + id + R"(,"entries":)" + entries + R"(,"config":)" + config + "}";
}

const std::string k_config = R"({"model_names":["m"],"use_server_token_count":true})";

}  // namespace

TEST_CASE("A run is recovered by its description") {
    const InterruptedRun run;
    CHECK(run.recovers_by(description("\"0123456789ab\"", "100", k_config)));
}

TEST_CASE("A description with a part of another type, or without it, is refused") {
    const InterruptedRun run;
    for (const std::string& damaged : {std::string{},
                                       std::string{"null"},
                                       std::string{"{}"},
                                       R"({"config":)" + k_config + "}",
                                       description("7", "100", k_config),
                                       description("null", "100", k_config),
                                       description("\"x\"", "-1", k_config),
                                       description("\"x\"", "\"many\"", k_config),
                                       description("\"x\"", "1.5", k_config),
                                       description("\"x\"", "100", "\"no\""),
                                       description("\"x\"", "100", "[]"),
                                       description("\"x\"", "100", R"({"model_names":7})")}) {
        CAPTURE(damaged);
        CHECK_FALSE(run.recovers_by(damaged));
    }
}

TEST_CASE("A number of entries past all memory does not keep a run from being recovered") {
    const InterruptedRun run;
    CHECK(run.recovers_by(description("\"0123456789ab\"", "18446744073709551615", k_config)));
}
