#include "aiperf/api/wire.hpp"

#include "aiperf/base/error.hpp"
#include "all_fields.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <string>
#include <tuple>

// A field more in one of these structs does not compile here: list it in wire.cpp too.
namespace aiperf::api {

auto fields(const PhaseProgress& value) {
    const auto& [name,
                 start,
                 sent_end,
                 requests_end,
                 requests_asked,
                 sessions_asked,
                 duration_asked,
                 grace_asked,
                 timeout,
                 grace_timeout,
                 was_cancelled,
                 sent,
                 completed,
                 errors,
                 cancelled,
                 sessions_sent,
                 sessions_completed,
                 rate,
                 eta] = value;
    return std::tie(name,
                    start,
                    sent_end,
                    requests_end,
                    requests_asked,
                    sessions_asked,
                    duration_asked,
                    grace_asked,
                    timeout,
                    grace_timeout,
                    was_cancelled,
                    sent,
                    completed,
                    errors,
                    cancelled,
                    sessions_sent,
                    sessions_completed,
                    rate,
                    eta);
}

auto fields(const WorkerProgress& value) {
    const auto& [id, pid, status, total, completed, failed] = value;
    return std::tie(id, pid, status, total, completed, failed);
}

auto fields(const MetricSnapshot& value) {
    const auto& [tag, header, unit, statistics] = value;
    return std::tie(tag, header, unit, statistics);
}

auto fields(const Progress& value) {
    const auto& [system_state, phases, workers, metrics, updated_at] = value;
    return std::tie(system_state, phases, workers, metrics, updated_at);
}

auto fields(const RunFailure& value) {
    const auto& [type, message] = value;
    return std::tie(type, message);
}

auto fields(const Ending& value) {
    const auto& [status, error, exit_code, results_json, partial, failed_exporters] = value;
    return std::tie(status, error, exit_code, results_json, partial, failed_exporters);
}

auto fields(const RunFacts& value) {
    const auto& [run_id,
                 pid,
                 started_at,
                 artifact_directory,
                 config_json,
                 random_seed,
                 cli_command,
                 model,
                 endpoint_type,
                 streaming,
                 concurrency,
                 request_rate] = value;
    return std::tie(run_id,
                    pid,
                    started_at,
                    artifact_directory,
                    config_json,
                    random_seed,
                    cli_command,
                    model,
                    endpoint_type,
                    streaming,
                    concurrency,
                    request_rate);
}

auto fields(const Limits& value) {
    const auto& [request_line,
                 header,
                 headers,
                 body,
                 connections,
                 request_time,
                 idle_time,
                 write_time,
                 wait,
                 streams,
                 stream_queue,
                 stream_silence] = value;
    return std::tie(request_line,
                    header,
                    headers,
                    body,
                    connections,
                    request_time,
                    idle_time,
                    write_time,
                    wait,
                    streams,
                    stream_queue,
                    stream_silence);
}

auto fields(const Compression& value) {
    const auto& [chunk_bytes, zstd_level, gzip_level] = value;
    return std::tie(chunk_bytes, zstd_level, gzip_level);
}

auto fields(const AccessOptions& value) {
    const auto& [tcp, socket, token, cors_origins, tls_certificate, tls_key] = value;
    return std::tie(tcp, socket, token, cors_origins, tls_certificate, tls_key);
}

/// All but the callbacks and the logger.
auto fields(const ServerOptions& value) {
    const auto& [host, port, shutdown_timeout, limits, access, compression, on_shutdown_request, on_audience, logger] =
        value;
    return std::tie(host, port, shutdown_timeout, limits, access, compression);
}

auto fields(const Opening& value) {
    const auto& [facts, options] = value;
    return std::tie(facts, options);
}

}  // namespace aiperf::api

using namespace aiperf;
using namespace std::chrono_literals;
using test::has_no_default;
using test::same;

namespace {

std::string every_byte() {
    std::string bytes;
    for (int i = 1; i < 256; ++i) {
        bytes.push_back(static_cast<char>(i));
    }
    return bytes;
}

api::PhaseProgress full_phase() {
    api::PhaseProgress phase;
    phase.name = every_byte();
    phase.start_ns = 1;
    phase.sent_end_ns = -2;
    phase.requests_end_ns = std::numeric_limits<std::int64_t>::max();
    phase.requests_asked = std::numeric_limits<std::uint64_t>::max();
    phase.sessions_asked = 9;
    phase.duration_asked_s = 0.1;
    phase.grace_asked_s = std::numeric_limits<double>::infinity();
    phase.timeout_triggered = phase.grace_timeout_triggered = phase.was_cancelled = true;
    phase.sent = 3;
    phase.completed = 4;
    phase.errors = 5;
    phase.cancelled = 6;
    phase.sessions_sent = 7;
    phase.sessions_completed = 8;
    phase.requests_per_second = 1.0 / 3.0;
    phase.eta_s = 0.0;
    return phase;
}

api::Progress full_progress() {
    api::Progress progress;
    progress.system_state = api::SystemState::shutdown;
    progress.phases = {full_phase(), full_phase()};
    progress.phases[1].name = "second";
    progress.workers = {{"worker_0", 4711, "stale", 12, 9, 1}, {"worker_1", -1, "error", 1, 1, 1}};
    progress.metrics = {{"tag", "Header", "ms", {{"avg", 2.5}, {"p50", -0.1}}}, {"b", "B", "%", {{"avg", 1e300}}}};
    progress.updated_at_ns = 1795552736'000000000;
    return progress;
}

api::Ending full_ending() {
    api::Ending ending;
    ending.status = api::Status::incomplete;
    ending.error = api::RunFailure{"RunError", every_byte()};
    ending.exit_code = -1;
    ending.results_json = R"({"a":"\u0000"})";
    ending.partial = true;
    ending.failed_exporters = {"csv", every_byte()};
    return ending;
}

api::Opening full_opening() {
    api::Opening opening;
    api::RunFacts& facts = opening.facts;
    facts.run_id = "0123456789ab";
    facts.pid = 4711;
    facts.started_at_ns = 1795552735'000000000;
    facts.artifact_directory = "/runs/" + every_byte();
    facts.config_json = R"({"a":1})";
    facts.random_seed = std::numeric_limits<std::uint64_t>::max();
    facts.cli_command = "aiperf-cpp profile";
    facts.model = "mo\"del";
    facts.endpoint_type = "chat";
    facts.streaming = true;
    facts.concurrency = 0;
    facts.request_rate = 0.3;
    api::ServerOptions& options = opening.options;
    options.host = "::1";
    options.port = 65535;
    options.shutdown_timeout = 1ns;
    options.access = {false, "/run/" + every_byte(), "token", {"*", "https://a"}, "cert.pem", "key.pem"};
    options.limits = {1, 2, 3, 4, 5, 6ns, 7ns, 8ns, base::Nanoseconds::max(), 9, 10, 11ns};
    options.compression = {1, 2, 3};
    return opening;
}

/// Every cut of it is refused, and with a byte changed it is refused or read.
template <class Decode>
void check_damage(const std::string& bytes, const Decode& decode) {
    const auto is_refused = [&](const std::string& text) {
        try {
            static_cast<void>(decode(text));
            return false;
        } catch (const base::RunError&) {
            return true;  // anything else that is thrown fails the test
        }
    };
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        REQUIRE(is_refused(bytes.substr(0, size)));
    }
    CHECK(is_refused(bytes + bytes));
    for (const std::string& garbage : {std::string("\xc0"),
                                       std::string("\x80"),
                                       std::string("{}"),
                                       std::string("\x90"),
                                       std::string(100, '\xff'),
                                       every_byte()}) {
        CHECK(is_refused(garbage));
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x21);
        static_cast<void>(is_refused(changed));
    }
}

}  // namespace

TEST_CASE("how far a run is goes through bytes with every field") {
    const api::Progress progress = full_progress();
    REQUIRE(has_no_default(progress));
    CHECK(same(api::decode_progress(api::encode(progress)), progress));
    CHECK(same(api::decode_progress(api::encode(api::Progress{})), api::Progress{}));
    const api::Progress sparse{.phases = {api::PhaseProgress{}}, .workers = {{}}, .metrics = {{}}};
    CHECK(same(api::decode_progress(api::encode(sparse)), sparse));
}

TEST_CASE("how a run ended goes through bytes with every field") {
    const api::Ending ending = full_ending();
    REQUIRE(has_no_default(ending));
    CHECK(same(api::decode_ending(api::encode(ending)), ending));
    CHECK(same(api::decode_ending(api::encode(api::Ending{})), api::Ending{}));
}

TEST_CASE("how a results server begins goes through bytes with every field but callback and logger") {
    api::Opening opening = full_opening();
    REQUIRE(has_no_default(opening));
    opening.options.on_shutdown_request = [] { return true; };
    const api::Opening again = api::decode_opening(api::encode(opening));
    CHECK(same(again, opening));
    CHECK_FALSE(again.options.on_shutdown_request);
    CHECK(again.options.logger == nullptr);
    CHECK(same(api::decode_opening(api::encode(api::Opening{})), api::Opening{}));
}

TEST_CASE("what is no message of this build is refused as a run's error") {
    check_damage(api::encode(full_progress()), api::decode_progress);
    check_damage(api::encode(full_ending()), api::decode_ending);
    check_damage(api::encode(full_opening()), api::decode_opening);
    CHECK_THROWS_AS(api::decode_ending(api::encode(full_progress())), base::RunError);
    CHECK_THROWS_AS(api::decode_opening(api::encode(full_ending())), base::RunError);
}
