#include "aiperf/validity/verdict.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <set>

using namespace aiperf::validity;
using Catch::Contains;

namespace {

constexpr double k_never = std::numeric_limits<double>::infinity();

Judgement judged(Check check, double value) {
    Evidence evidence;
    evidence[check] = value;
    return judge(evidence, default_thresholds());
}

}  // namespace

TEST_CASE("a run of which nothing was measured is valid, without reasons") {
    const Judgement judgement = judge({}, default_thresholds());
    CHECK(judgement.verdict == Verdict::valid);
    CHECK(judgement.reasons.empty());
}

TEST_CASE("each check has a name of its own and thresholds in order") {
    std::set<std::string_view> names;
    for (const CheckInfo& info : checks()) {
        INFO(std::string(info.name));
        names.insert(info.name);
        CHECK(info.fallback.suspect <= info.fallback.invalid);
        CHECK(info.fallback.suspect >= 0.0);
        CHECK_FALSE(info.statement.empty());
        CHECK((info.unit == "ms" || info.unit == "ratio"));
    }
    CHECK(names.size() == k_checks);
}

TEST_CASE("each check alone makes a run suspect above its first threshold and invalid above its second") {
    for (const CheckInfo& info : checks()) {
        INFO(std::string(info.name));
        const Threshold threshold = info.fallback;
        CHECK(judged(info.check, threshold.suspect).verdict == Verdict::valid);
        const double between = std::nextafter(threshold.suspect, k_never);
        const Judgement suspect = judged(info.check, between);
        CHECK(suspect.verdict == Verdict::suspect);
        REQUIRE(suspect.reasons.size() == 1);
        CHECK(suspect.reasons[0].check == info.check);
        CHECK(suspect.reasons[0].value == between);
        CHECK(suspect.reasons[0].threshold == threshold.suspect);
        CHECK_THAT(suspect.reasons[0].sentence, Contains(std::string(info.name)));
        if (std::isinf(threshold.invalid)) {
            CHECK(judged(info.check, 1e300).verdict == Verdict::suspect);
            continue;
        }
        CHECK(judged(info.check, threshold.invalid).verdict == Verdict::suspect);
        const Judgement invalid = judged(info.check, std::nextafter(threshold.invalid, k_never));
        CHECK(invalid.verdict == Verdict::invalid);
        REQUIRE(invalid.reasons.size() == 1);
        CHECK(invalid.reasons[0].level == Verdict::invalid);
        CHECK(invalid.reasons[0].threshold == threshold.invalid);
    }
}

TEST_CASE("of any two checks the graver decides, and it is told first") {
    constexpr double k_much = 1e9;
    for (const CheckInfo& first : checks()) {
        for (const CheckInfo& second : checks()) {
            if (first.check >= second.check) {
                continue;
            }
            Evidence evidence;
            evidence[first.check] = std::nextafter(first.fallback.suspect, k_never);
            evidence[second.check] = k_much;
            const Judgement judgement = judge(evidence, default_thresholds());
            const Verdict gravest = std::isinf(second.fallback.invalid) ? Verdict::suspect : Verdict::invalid;
            CHECK(judgement.verdict == gravest);
            REQUIRE(judgement.reasons.size() == 2);
            CHECK(judgement.reasons[0].check == (gravest == Verdict::invalid ? second.check : first.check));
        }
    }
}

TEST_CASE("what is not a number has no reason") {
    CHECK(judged(Check::read_lag, std::nan("")).verdict == Verdict::valid);
}

TEST_CASE("thresholds are read by name; a side left empty is never reached") {
    const Thresholds thresholds = thresholds_from(" read_lag_p99 = 2:50, loop_busy_share=:0.9,loop_stall=7: ");
    CHECK(thresholds[static_cast<std::size_t>(Check::read_lag)].suspect == 2.0);
    CHECK(thresholds[static_cast<std::size_t>(Check::read_lag)].invalid == 50.0);
    CHECK(std::isinf(thresholds[static_cast<std::size_t>(Check::loop_stall)].invalid));
    CHECK(thresholds[static_cast<std::size_t>(Check::coalesced)].suspect == 0.5);
    CHECK(thresholds_from("").size() == k_checks);
}

TEST_CASE("a threshold that is not one is refused with name, value and what is allowed") {
    const auto [text, said] = GENERATE(table<std::string, std::string>({
        {"read_lag=1:2", "the names are loop_busy_share, "},
        {"read_lag_p99", "name=suspect:invalid"},
        {"read_lag_p99=5", "name=suspect:invalid"},
        {"read_lag_p99=a:2", "two numbers"},
        {"read_lag_p99=-1:2", "two numbers"},
        {"read_lag_p99=nan:2", "two numbers"},
        {"read_lag_p99=3:2", "not be below"},
        {"read_lag_p99=1:2,", "name=suspect:invalid"},
    }));
    INFO(text);
    CHECK_THROWS_WITH(thresholds_from(text), Contains("AIPERF_VALIDITY_THRESHOLDS") && Contains(said));
}

TEST_CASE("the words of verdicts are read back") {
    for (const Verdict verdict : {Verdict::valid, Verdict::suspect, Verdict::invalid}) {
        CHECK(verdict_from(to_string(verdict)) == verdict);
    }
    CHECK(verdict_from("fine") == std::nullopt);
}
