#include "aiperf/metric/definitions.hpp"

#include "golden_case.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <set>

using namespace aiperf::metric;
using aiperf::test::Json;

namespace {

Json registry() {
    const auto path = std::string(AIPERF_TEST_DATA) + "/golden/registries/metrics.json";
    return Json::parse(aiperf::test::read_file(path));
}

const std::map<std::string, std::uint32_t> k_flag_names{
    {"STREAMING_ONLY", metric_flag::streaming_only},
    {"ERROR_ONLY", metric_flag::error_only},
    {"PRODUCES_TOKENS_ONLY", metric_flag::produces_tokens},
    {"LARGER_IS_BETTER", metric_flag::larger_is_better},
    {"INTERNAL", metric_flag::hidden},
    {"SUPPORTS_REASONING", metric_flag::reasoning},
    {"NO_INDIVIDUAL_RECORDS", metric_flag::run_only},
    {"TOKENIZES_INPUT_ONLY", metric_flag::tokenizes_input},
    {"PERCENTILE_INCLUDES_FAILED_REQUESTS", metric_flag::with_failed_percentiles},
};

std::uint32_t flags_of(const Json& row) {
    std::uint32_t flags = 0;
    for (const Json& name : row.at("flags")) {
        flags |= k_flag_names.at(name.get<std::string>());
    }
    return flags;
}

std::string group_name(Group group) {
    switch (group) {
        case Group::none: return "none";
        case Group::effective: return "effective";
        case Group::usage: return "usage";
        case Group::schedule: break;  // of our own
        case Group::standard: return "default";
    }
    return "?";
}

bool kind_matches(const Definition& row, const std::string& kind, const std::string& value_type) {
    switch (row.kind) {
        case Kind::record: return kind == "record" && value_type.rfind("list", 0) != 0;
        case Kind::list: return kind == "record" && value_type.rfind("list", 0) == 0;
        case Kind::aggregate: return kind == "aggregate";
        case Kind::derived: return kind == "derived";
    }
    return false;
}

}  // namespace

TEST_CASE("each row of the table says what AIPerf's registry says") {
    const Json golden = registry();
    for (const Json& row : golden.at("metrics")) {
        INFO(row.at("tag"));
        const Definition* ours = find_definition(row.at("tag").get<std::string>());
        REQUIRE(ours != nullptr);
        CHECK(row.at("header") == std::string(ours->header));
        CHECK(row.at("unit") == std::string(ours->unit.name));
        const Json& display = row.at("display_unit").is_null() ? row.at("unit") : row.at("display_unit");
        CHECK(display == std::string(ours->unit.display));
        const std::uint32_t flags = ours->flags & ~metric_flag::reads_events;  // which is ours alone
        CHECK(row.at("flags").size() == static_cast<std::size_t>(__builtin_popcount(flags)));
        CHECK(flags_of(row) == flags);
        CHECK(row.at("console_group") == group_name(ours->group));
        const auto type = row.at("value_type").get<std::string>();
        CHECK(kind_matches(*ours, row.at("class_kind").get<std::string>(), type));
        CHECK((type.find("int") != std::string::npos) == (ours->value_type == ValueType::integer));
        const Json& order = row.at("display_order");
        CHECK((order.is_null() ? k_no_order : order.get<std::int32_t>()) == ours->display_order);
    }
    for (const Json& row : golden.at("computed_outside_registry")) {
        INFO(row.at("tag"));
        const Definition* ours = find_definition(row.at("tag").get<std::string>());
        REQUIRE(ours != nullptr);
        CHECK(row.at("header") == std::string(ours->header));
        CHECK(row.at("unit") == std::string(ours->unit.display));
    }
    std::set<std::string_view> own{"request_latency_from_plan", "send_lateness", "read_lag"};  // that AIPerf has not
    CHECK(definitions().size() ==
          golden.at("metrics").size() + golden.at("computed_outside_registry").size() + own.size());
    for (const std::string_view tag : own) {
        CHECK(find_definition(tag) != nullptr);
    }
}

TEST_CASE("each row has the one formula its kind asks for, and its tag and rank are its own") {
    std::set<std::string_view> tags;
    std::set<std::int32_t> ranks;
    for (const Definition& row : definitions()) {
        INFO(std::string(row.tag));
        CHECK(tags.insert(row.tag).second);
        CHECK((row.export_rank == k_after_run || ranks.insert(row.export_rank).second));
        CHECK((row.record != nullptr) == (row.kind == Kind::record));
        CHECK((row.list != nullptr) == (row.kind == Kind::list));
        CHECK((row.run != nullptr) == (row.kind == Kind::aggregate || row.kind == Kind::derived));
    }
    CHECK(find_definition("no_such_metric") == nullptr);
}
