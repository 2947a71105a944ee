#include "preflight.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace aiperf;
using control::Finding;
using control::LoadNeeds;
using control::MachineFacts;
using control::preflight;
using control::Severity;

namespace {

/// Has more of everything than the needs below.
MachineFacts large_machine() {
    MachineFacts facts;
    facts.descriptors_open = 6;
    facts.descriptors_soft = 1024;
    facts.descriptors_hard = 100'000;
    facts.ephemeral_ports = 28'232;
    facts.memory_bytes = 8'000'000'000;
    facts.disk_bytes = 100'000'000'000;
    facts.cores = 16;
    return facts;
}

LoadNeeds small_needs() {
    LoadNeeds needs;
    needs.connections = 100;
    needs.connections_certain = 100;
    needs.requests = 1000;
    needs.workers = 2;
    needs.dataset_bytes = 300'000;
    needs.dataset_bytes_least = 50'000;
    needs.record_bytes = 5000;
    return needs;
}

Finding only(const LoadNeeds& needs, const MachineFacts& facts) {
    const std::vector<Finding> found = preflight(needs, facts);
    REQUIRE(found.size() == 1);
    return found.front();
}

config::RunConfig resolved() {
    config::RunConfig config;
    config.concurrency = 50;
    config.request_count = 1000;
    config.workers_max = 4;
    return config;
}

}  // namespace

TEST_CASE("A machine that has enough of everything gives no finding") {
    CHECK(preflight(small_needs(), large_machine()).empty());
}

TEST_CASE("A machine that says nothing gives no finding") {
    LoadNeeds needs = small_needs();
    needs.connections = needs.connections_certain = 1'000'000;
    needs.fresh_connections = true;
    needs.workers = 1;
    CHECK(preflight(needs, MachineFacts{}).empty());
}

TEST_CASE("Connections that a process may not open are refused, with the numbers and how to raise them") {
    LoadNeeds needs = small_needs();
    MachineFacts facts = large_machine();
    facts.descriptors_hard = 169;
    const Finding finding = only(needs, facts);
    CHECK(finding.severity == Severity::refuse);
    CHECK(finding.what == "descriptors");
    CHECK(finding.value == "169");
    CHECK(finding.needed == "170 (100 connections of one process, and 70 besides)");
    CHECK(finding.remedy.find("ulimit -Hn") != std::string::npos);
    CHECK(finding.sentence().find("descriptors: 169, and the run needs 170 (") == 0);
    facts.descriptors_hard = 170;
    CHECK(preflight(needs, facts).empty());
}

TEST_CASE("Processes share the connections between them") {
    LoadNeeds needs = small_needs();
    needs.worker_processes = true;
    needs.workers = 3;
    MachineFacts facts = large_machine();
    facts.descriptors_hard = 104;  // 34 of the 100, and 70 besides
    CHECK(preflight(needs, facts).empty());
    CHECK(control::descriptors_wanted(needs, facts) == 104);
    facts.descriptors_hard = 103;
    CHECK(only(needs, facts).severity == Severity::refuse);
}

TEST_CASE("A concurrency that is a cap over a rate is a warning") {
    LoadNeeds needs = small_needs();
    needs.rate = 10.0;
    needs.connections_certain = 0;
    MachineFacts facts = large_machine();
    facts.descriptors_hard = 80;
    CHECK(only(needs, facts).severity == Severity::warn);
    facts = large_machine();
    facts.ephemeral_ports = 99;
    CHECK(only(needs, facts).severity == Severity::warn);
}

TEST_CASE("A rate without a cap that a second's answers would stop is a warning") {
    LoadNeeds needs = small_needs();
    needs.connections.reset();
    needs.connections_certain = 0;
    needs.rate = 930.0;
    MachineFacts facts = large_machine();
    facts.descriptors_hard = 1000;
    CHECK(preflight(needs, facts).empty());
    needs.rate = 931.0;
    const Finding finding = only(needs, facts);
    CHECK(finding.severity == Severity::warn);
    CHECK(finding.needed.find("1001 as soon as") == 0);
    CHECK(control::descriptors_wanted(needs, facts) == 1000);
}

TEST_CASE("More connections than local ports are refused; more addresses on either side have more") {
    LoadNeeds needs = small_needs();
    MachineFacts facts = large_machine();
    facts.ephemeral_ports = 50;
    const Finding finding = only(needs, facts);
    CHECK(finding.severity == Severity::refuse);
    CHECK(finding.what == "local ports");
    CHECK(finding.value == "50 to each address");
    CHECK(finding.needed == "100 connections at once");
    needs.targets = 2;
    CHECK(preflight(needs, facts).empty());
    needs.targets = 1;
    needs.source_addresses = 2;
    CHECK(preflight(needs, facts).empty());
    needs.source_addresses = 1;
    needs.local_ports = false;
    CHECK(preflight(needs, facts).empty());
}

TEST_CASE("How servers are reached is part of what a run needs") {
    config::RunConfig config;
    config.urls = {"unix:///run/server.sock"};
    config.concurrency = 7;
    config.request_count = 100;
    config.source_addresses = {"127.0.0.2", "127.0.0.3"};
    LoadNeeds needs = LoadNeeds::of(config);
    CHECK_FALSE(needs.local_ports);
    CHECK(needs.source_addresses == 2);
    CHECK(needs.connections_certain == 7);
    config.urls.emplace_back("https://host");
    config.http_version = config::HttpVersion::v2;
    needs = LoadNeeds::of(config);
    CHECK(needs.local_ports);
    CHECK(needs.connections_certain == 0);
}

TEST_CASE("A connection for each request is weighed with the time its port is held") {
    LoadNeeds needs = small_needs();
    needs.fresh_connections = true;
    needs.requests = 1'000'000;
    needs.rate = 500.0;
    needs.record_bytes = 200;
    MachineFacts facts = large_machine();
    const Finding finding = only(needs, facts);  // 500 * 60 > 28232
    CHECK(finding.severity == Severity::warn);
    CHECK(finding.needed.find("up to 30000: ") == 0);
    SECTION("fewer requests than ports") {
        needs.requests = 28'232;
        CHECK(preflight(needs, facts).empty());
    }
    SECTION("a lower rate") {
        needs.rate = 470.0;
        CHECK(preflight(needs, facts).empty());
    }
    SECTION("two source addresses") {
        needs.source_addresses = 2;
        CHECK(preflight(needs, facts).empty());
    }
    SECTION("ports that are used again after a second") {
        facts.tcp_tw_reuse = 1;
        CHECK(preflight(needs, facts).empty());
        needs.rate = 28'233.0;
        CHECK(only(needs, facts).needed.find("up to 28233: ") == 0);
    }
    SECTION("on loopback only") {
        facts.tcp_tw_reuse = 2;
        CHECK(preflight(needs, facts).size() == 1);
        needs.loopback = true;
        CHECK(preflight(needs, facts).empty());
    }
    SECTION("nobody knows how many requests") {
        needs.rate.reset();
        needs.requests.reset();
        CHECK(only(needs, facts).needed.find("one for each request") == 0);
        facts.tcp_tw_reuse = 1;
        CHECK(preflight(needs, facts).empty());
    }
}

TEST_CASE("A data set that may not fit into memory is a warning; one that cannot is refused") {
    LoadNeeds needs = small_needs();
    MachineFacts facts = large_machine();
    facts.memory_bytes = 299'999;
    CHECK(only(needs, facts).severity == Severity::warn);
    CHECK(only(needs, facts).needed == "about 0.3 MB for the data set");
    facts.memory_bytes = 49'999;
    facts.memory_is_group = true;
    CHECK(only(needs, facts).severity == Severity::refuse);
    CHECK(only(needs, facts).value == "0 MB (left of the control group)");
}

TEST_CASE("A disk that will likely be full is a warning; one without room for the records alone is refused") {
    LoadNeeds needs = small_needs();
    MachineFacts facts = large_machine();
    facts.disk_bytes = 4'999'999;
    CHECK(only(needs, facts).severity == Severity::warn);
    CHECK(only(needs, facts).needed == "about 5 MB for 1000 requests");
    facts.disk_bytes = 191'999;
    CHECK(only(needs, facts).severity == Severity::refuse);
    needs.requests.reset();
    CHECK(preflight(needs, facts).empty());
}

TEST_CASE("Workers without cores of their own are a warning, as are workers that leave none to a server here") {
    LoadNeeds needs = small_needs();
    needs.workers = 4;
    MachineFacts facts = large_machine();
    facts.cores = 3;
    CHECK(only(needs, facts).needed == "4, one for each worker");
    facts.cores = 4;
    CHECK(preflight(needs, facts).empty());
    needs.loopback = true;
    CHECK(only(needs, facts).needed.find("4 for the workers, and some for the server") == 0);
    facts.cores = 5;
    CHECK(preflight(needs, facts).empty());
}

TEST_CASE("Refusals come first") {
    LoadNeeds needs = small_needs();
    needs.workers = 20;
    MachineFacts facts = large_machine();
    facts.disk_bytes = 100;
    const std::vector<Finding> found = preflight(needs, facts);
    REQUIRE(found.size() == 2);
    CHECK(found[0].severity == Severity::refuse);
    CHECK(found[1].severity == Severity::warn);
}

TEST_CASE("Needs beyond all numbers are large, not small") {
    config::RunConfig config = resolved();
    config.num_dataset_entries = std::numeric_limits<std::uint64_t>::max();
    config.request_count = std::numeric_limits<std::uint64_t>::max();
    const LoadNeeds needs = LoadNeeds::of(config);
    CHECK(needs.dataset_bytes == std::numeric_limits<std::uint64_t>::max());
    CHECK(preflight(needs, large_machine()).size() == 2);
}

TEST_CASE("What a run needs follows from its configuration") {
    config::RunConfig config = resolved();
    config.urls = {"http://10.0.0.1:80", "http://localhost:8000"};
    config.isl_mean = 100;
    config.num_dataset_entries = 10;
    config.osl_mean = 20;
    const LoadNeeds needs = LoadNeeds::of(config);
    CHECK(needs.connections == 50);
    CHECK(needs.connections_certain == 50);
    CHECK(needs.requests == 1000);
    CHECK(needs.workers == 4);
    CHECK(needs.targets == 2);
    CHECK(needs.loopback);
    CHECK_FALSE(needs.worker_processes);
    CHECK_FALSE(needs.fresh_connections);
    CHECK(needs.dataset_bytes == 10 * (100 * 5 + 200));
    CHECK(needs.dataset_bytes_least == 1000);
    CHECK(needs.record_bytes == 192 + 20 * 5);
    config.streaming = true;
    config.use_server_token_count = true;
    CHECK(LoadNeeds::of(config).record_bytes == 192 + 20 * 16);
    config.request_count = 7;
    CHECK(LoadNeeds::of(config).connections == 7);
}

TEST_CASE("Sessions need as many requests as they may have turns, and a connection each at most") {
    config::RunConfig config = resolved();
    config.request_count.reset();
    config.num_sessions = 20;
    config.num_dataset_entries = 20;
    config.isl_mean = 100;
    config.session_turns_mean = 4;
    CHECK(LoadNeeds::of(config).requests == 80);
    CHECK(LoadNeeds::of(config).connections == 20);
    CHECK(LoadNeeds::of(config).dataset_bytes == 20 * 4 * (100 * 2 * 5 + 200));
    CHECK(LoadNeeds::of(config).dataset_bytes_least == 20 * 4 * 100);
    config.session_turns_stddev = 2;
    CHECK(LoadNeeds::of(config).requests == 200);
    CHECK(LoadNeeds::of(config).dataset_bytes_least == 20);
    config.request_count = 30;
    CHECK(LoadNeeds::of(config).requests == 30);
}

TEST_CASE("A run by time has as many requests as its rate, and without a rate nobody knows") {
    config::RunConfig config = resolved();
    config.request_count.reset();
    config.benchmark_duration = 10.0;
    CHECK_FALSE(LoadNeeds::of(config).requests);
    config.request_rate = 2.5;
    config.concurrency.reset();
    CHECK(LoadNeeds::of(config).requests == 25);
    CHECK_FALSE(LoadNeeds::of(config).connections);
    CHECK(LoadNeeds::of(config).connections_certain == 0);
    config.request_count = 3;
    CHECK(LoadNeeds::of(config).requests == 3);
}

TEST_CASE("The warm-up counts, with what it has more of") {
    config::RunConfig config = resolved();
    config.warmup_request_count = 500;
    config.warmup_concurrency = 80;
    CHECK(LoadNeeds::of(config).requests == 1500);
    CHECK(LoadNeeds::of(config).connections == 80);
    CHECK(LoadNeeds::of(config).connections_certain == 80);
    config.warmup_request_rate = 1.0;
    CHECK(LoadNeeds::of(config).connections_certain == 50);
    config.warmup_concurrency.reset();
    CHECK_FALSE(LoadNeeds::of(config).connections);
    config.warmup_request_count.reset();
    config.warmup_request_rate.reset();
    config.warmup_duration = 5.0;
    CHECK_FALSE(LoadNeeds::of(config).requests);
}
