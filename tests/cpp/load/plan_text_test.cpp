#include "aiperf/load/plan_text.hpp"

#include "aiperf/base/error.hpp"
#include "all_fields.hpp"

#include <catch2/catch.hpp>

#include <cstring>
#include <string>
#include <tuple>

// A field more in one of these structs does not compile here: list it in plan_text.cpp too.
namespace aiperf::schedule {

auto fields(const Arrivals& value) {
    const auto& [process, rate, smoothness, seed] = value;
    return std::tie(process, rate, smoothness, seed);
}

auto fields(const Phase& value) {
    const auto& [name, profiling, requests, sessions, duration, grace, arrivals, concurrency] = value;
    return std::tie(name, profiling, requests, sessions, duration, grace, arrivals, concurrency);
}

}  // namespace aiperf::schedule

namespace aiperf::load {

auto fields(const SocketOptions& value) {
    const auto& [idle, interval, count, timeout, receive, send, stamps] = value;
    return std::tie(idle, interval, count, timeout, receive, send, stamps);
}

auto fields(const Address& value) {
    const auto& [storage, length] = value;
    const std::string_view bytes(reinterpret_cast<const char*>(&storage), sizeof(storage));  // NOLINT: bytes
    return std::tuple(bytes, length);
}

auto fields(const TlsOptions& value) {
    const auto& [verify, ca_file, ca_directory, certificate, key, minimum] = value;
    return std::tie(verify, ca_file, ca_directory, certificate, key, minimum);
}

auto fields(const Target& value) {
    const auto& [addresses, name, host, origin, tls, http2, tunnel, proxy, head, request_id_at, session_ids_at] = value;
    return std::tie(addresses, name, host, origin, tls, http2, tunnel, proxy, head, request_id_at, session_ids_at);
}

/// All but the data set, which goes its own way.
auto fields(const LoadPlan& value) {
    const auto& [phases,
                 targets,
                 dataset,
                 endpoint,
                 answer_frame,
                 ids,
                 workers,
                 keep_text,
                 request_timeout,
                 connect_timeout,
                 idle_timeout,
                 connection_reuse,
                 failed_request_threshold,
                 socket,
                 sources,
                 tls,
                 streams,
                 connections_ahead,
                 redirects,
                 spin] = value;
    return std::tuple(phases,
                      targets,
                      endpoint,
                      answer_frame,
                      ids.run_key(),
                      workers,
                      keep_text,
                      request_timeout,
                      connect_timeout,
                      idle_timeout,
                      connection_reuse,
                      failed_request_threshold,
                      socket,
                      sources,
                      tls,
                      streams,
                      connections_ahead,
                      redirects,
                      spin);
}

}  // namespace aiperf::load

using namespace aiperf;  // NOLINT: a test
using namespace std::chrono_literals;
using load::decode_plan;
using load::encode_plan;
using load::LoadPlan;

namespace {

std::string every_byte() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) {
        bytes.push_back(static_cast<char>(i));
    }
    return bytes;
}

schedule::Phase full_phase() {
    schedule::Phase phase;
    phase.name = "warmup";
    phase.profiling = false;
    phase.requests = 0;
    phase.sessions = ~std::uint64_t{0};
    phase.duration = 90min;
    phase.grace = 0ns;
    phase.arrivals = schedule::Arrivals{
        .process = schedule::Process::gamma, .rate = 0.1, .smoothness = 1e-300, .seed = ~std::uint64_t{0}};
    phase.concurrency = ~0U;
    return phase;
}

load::Address full_address() {
    load::Address address;
    std::memset(&address.storage, 0xa5, sizeof(address.storage));
    address.length = sizeof(sockaddr_storage);
    return address;
}

load::Target full_target() {
    load::Target target;
    target.addresses = {full_address(), full_address()};
    target.name = "host:1";
    target.host = "host";
    target.origin = "https://host:1";
    target.tls = true;
    target.http2 = true;
    target.tunnel = "CONNECT";
    target.proxy = "proxy:3128";
    target.head = every_byte();
    target.request_id_at = 17;
    target.session_ids_at = {1, 2, ~std::size_t{0}};
    return target;
}

LoadPlan full_plan() {
    LoadPlan plan;
    plan.phases = {full_phase(), full_phase()};
    plan.phases[1].name = every_byte();
    plan.targets = {full_target(), full_target()};
    plan.targets[1].session_ids_at = {9};
    plan.endpoint = &endpoint::endpoint_of(config::EndpointType::completions);
    plan.answer_frame = {every_byte(), "\"}"};
    plan.ids = base::IdSource(~std::uint64_t{0});
    plan.workers = 7;
    plan.keep_text = false;
    plan.request_timeout = 1ns;
    plan.connect_timeout = 2ns;
    plan.idle_timeout = base::Nanoseconds::max();
    plan.connection_reuse = config::ConnectionReuse::sticky_user_sessions;
    plan.failed_request_threshold = 0.25;
    plan.socket = {1, 2, 3, 4, 5, 6, true};
    plan.sources = {full_address()};
    plan.tls = {false, "ca.pem", "certs", every_byte(), "key.pem", config::TlsVersion::v1_3};
    plan.streams = 8;
    plan.connections_ahead = 9;
    plan.redirects = 4;
    plan.spin = 3ns;
    return plan;
}

/// How decoding ends: "read", "refused", or what else was thrown.
std::string outcome_of(const std::string& bytes) {
    try {
        static_cast<void>(decode_plan(bytes));
        return "read";
    } catch (const base::RunError&) {
        return "refused";
    } catch (const std::exception& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("A plan goes through bytes with every field, whatever bytes a header holds") {
    const LoadPlan plan = full_plan();
    REQUIRE(test::has_no_default(plan));
    const LoadPlan again = decode_plan(encode_plan(plan));
    CHECK(test::same(again, plan));
    CHECK(again.dataset == nullptr);
    CHECK(again.ids.request_id(3) == plan.ids.request_id(3));
}

TEST_CASE("What a plan leaves open stays open") {
    LoadPlan plan;
    plan.endpoint = &endpoint::endpoint_of(config::EndpointType::chat);
    plan.phases = {schedule::Phase{}};
    plan.targets = {load::Target{}};
    CHECK(test::same(decode_plan(encode_plan(plan)), plan));
    plan.phases.clear();
    plan.targets.clear();
    CHECK(test::same(decode_plan(encode_plan(plan)), plan));
}

TEST_CASE("What is no plan is refused as a run's error") {
    for (const std::string& garbage : {std::string(),
                                       std::string("\x80"),
                                       std::string("\xc0"),
                                       std::string("{}"),
                                       every_byte(),
                                       std::string("\x93\x01\x02\x03"),
                                       std::string("\x82\xa6phases")}) {
        CAPTURE(garbage);
        CHECK_THROWS_AS(decode_plan(garbage), base::RunError);
    }
}

TEST_CASE("A plan that is cut, or longer than it says, is refused") {
    const std::string bytes = encode_plan(full_plan());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        REQUIRE(outcome_of(bytes.substr(0, size)) == "refused");
    }
    CHECK(outcome_of(bytes + '\0') == "refused");
}

TEST_CASE("A plan with a byte changed is refused or read, and never anything else") {
    const std::string bytes = encode_plan(full_plan());
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x41);
        const std::string outcome = outcome_of(changed);
        CAPTURE(at);
        REQUIRE((outcome == "refused" || outcome == "read"));
    }
}

TEST_CASE("A plan for an API this build does not know is refused") {
    const std::string bytes = encode_plan(full_plan());
    const std::size_t key = bytes.find(
        "\xa8"
        "endpoint");
    REQUIRE(key != std::string::npos);
    std::string changed = bytes;
    changed[key + 9] = 0x55;  // a number as MessagePack writes it
    CHECK_THROWS_AS(decode_plan(changed), base::RunError);
}
