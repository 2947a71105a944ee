#include "aiperf/api/wire.hpp"

#include "../base/archive.hpp"
#include "aiperf/base/error.hpp"

namespace aiperf::base {

template <>
struct Fields<api::PhaseProgress> {
    template <class Field, class Phase>
    static void list(const Field& field, Phase& phase) {
        field("name", phase.name);
        field("start_ns", phase.start_ns);
        field("sent_end_ns", phase.sent_end_ns);
        field("requests_end_ns", phase.requests_end_ns);
        field("requests_asked", phase.requests_asked);
        field("sessions_asked", phase.sessions_asked);
        field("duration_asked_s", phase.duration_asked_s);
        field("grace_asked_s", phase.grace_asked_s);
        field("timeout_triggered", phase.timeout_triggered);
        field("grace_timeout_triggered", phase.grace_timeout_triggered);
        field("was_cancelled", phase.was_cancelled);
        field("sent", phase.sent);
        field("completed", phase.completed);
        field("errors", phase.errors);
        field("cancelled", phase.cancelled);
        field("sessions_sent", phase.sessions_sent);
        field("sessions_completed", phase.sessions_completed);
        field("requests_per_second", phase.requests_per_second);
        field("eta_s", phase.eta_s);
    }
};

template <>
struct Fields<api::WorkerProgress> {
    template <class Field, class Worker>
    static void list(const Field& field, Worker& worker) {
        field("id", worker.id);
        field("pid", worker.pid);
        field("status", worker.status);
        field("total", worker.total);
        field("completed", worker.completed);
        field("failed", worker.failed);
    }
};

template <>
struct Fields<api::MetricSnapshot> {
    template <class Field, class Metric>
    static void list(const Field& field, Metric& metric) {
        field("tag", metric.tag);
        field("header", metric.header);
        field("unit", metric.unit);
        field("statistics", metric.statistics);
    }
};

template <>
struct Fields<api::Progress> {
    template <class Field, class Progress>
    static void list(const Field& field, Progress& progress) {
        field("system_state", progress.system_state);
        field("phases", progress.phases);
        field("workers", progress.workers);
        field("metrics", progress.metrics);
        field("updated_at_ns", progress.updated_at_ns);
    }
};

template <>
struct Fields<api::RunFailure> {
    template <class Field, class Failure>
    static void list(const Field& field, Failure& failure) {
        field("type", failure.type);
        field("message", failure.message);
    }
};

template <>
struct Fields<api::Ending> {
    template <class Field, class Ending>
    static void list(const Field& field, Ending& ending) {
        field("status", ending.status);
        field("error", ending.error);
        field("exit_code", ending.exit_code);
        field("results_json", ending.results_json);
        field("partial", ending.partial);
        field("failed_exporters", ending.failed_exporters);
    }
};

template <>
struct Fields<api::RunFacts> {
    template <class Field, class Facts>
    static void list(const Field& field, Facts& facts) {
        field("run_id", facts.run_id);
        field("pid", facts.pid);
        field("started_at_ns", facts.started_at_ns);
        field("artifact_directory", facts.artifact_directory);
        field("config_json", facts.config_json);
        field("random_seed", facts.random_seed);
        field("cli_command", facts.cli_command);
        field("model", facts.model);
        field("endpoint_type", facts.endpoint_type);
        field("streaming", facts.streaming);
        field("concurrency", facts.concurrency);
        field("request_rate", facts.request_rate);
    }
};

template <>
struct Fields<api::Limits> {
    template <class Field, class Limits>
    static void list(const Field& field, Limits& limits) {
        field("request_line_bytes", limits.request_line_bytes);
        field("header_bytes", limits.header_bytes);
        field("header_count", limits.header_count);
        field("body_bytes", limits.body_bytes);
        field("connections", limits.connections);
        field("request_time", limits.request_time);
        field("idle_time", limits.idle_time);
        field("write_time", limits.write_time);
        field("longest_wait", limits.longest_wait);
        field("streams", limits.streams);
        field("stream_queue_bytes", limits.stream_queue_bytes);
        field("stream_silence", limits.stream_silence);
    }
};

template <>
struct Fields<api::Compression> {
    template <class Field, class Compression>
    static void list(const Field& field, Compression& compression) {
        field("chunk_bytes", compression.chunk_bytes);
        field("zstd_level", compression.zstd_level);
        field("gzip_level", compression.gzip_level);
    }
};

template <>
struct Fields<api::AccessOptions> {
    template <class Field, class Options>
    static void list(const Field& field, Options& options) {
        field("tcp", options.tcp);
        field("socket", options.socket);
        field("token", options.token);
        field("cors_origins", options.cors_origins);
        field("tls_certificate", options.tls_certificate);
        field("tls_key", options.tls_key);
    }
};

template <>
struct Fields<api::ServerOptions> {
    template <class Field, class Options>
    static void list(const Field& field, Options& options) {
        field("host", options.host);
        field("port", options.port);
        field("shutdown_timeout", options.shutdown_timeout);
        field("limits", options.limits);
        field("access", options.access);
        field("compression", options.compression);
    }
};

template <>
struct Fields<api::Opening> {
    template <class Field, class Opening>
    static void list(const Field& field, Opening& opening) {
        field("facts", opening.facts);
        field("options", opening.options);
    }
};

}  // namespace aiperf::base

namespace aiperf::api {

namespace {

template <class Value>
std::string bytes_of(const Value& value) {
    return base::to_bytes(base::encode(value));
}

template <class Value>
Value value_of(std::string_view bytes) {
    return base::from_bytes(bytes, [](const nlohmann::json& in) {
        Value value;
        base::decode(in, value);
        return value;
    });
}

}  // namespace

std::string encode(const Progress& progress) {
    return bytes_of(progress);
}

std::string encode(const Ending& ending) {
    return bytes_of(ending);
}

Progress decode_progress(std::string_view text) {
    return value_of<Progress>(text);
}

Ending decode_ending(std::string_view text) {
    return value_of<Ending>(text);
}

std::string encode(const Opening& opening) {
    return bytes_of(opening);
}

Opening decode_opening(std::string_view text) {
    return value_of<Opening>(text);
}

}  // namespace aiperf::api
