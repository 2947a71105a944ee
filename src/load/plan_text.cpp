#include "aiperf/load/plan_text.hpp"

#include "../base/archive.hpp"
#include "aiperf/base/error.hpp"

#include <cstring>

namespace aiperf::base {

template <>
struct Fields<schedule::Arrivals> {
    template <class Field, class Arrivals>
    static void list(const Field& field, Arrivals& arrivals) {
        field("process", arrivals.process);
        field("rate", arrivals.rate);
        field("smoothness", arrivals.smoothness);
        field("seed", arrivals.seed);
    }
};

template <>
struct Fields<schedule::Phase> {
    template <class Field, class Phase>
    static void list(const Field& field, Phase& phase) {
        field("name", phase.name);
        field("profiling", phase.profiling);
        field("requests", phase.requests);
        field("sessions", phase.sessions);
        field("duration", phase.duration);
        field("grace", phase.grace);
        field("arrivals", phase.arrivals);
        field("concurrency", phase.concurrency);
    }
};

/// Bytes as the system wants them; another length is refused below.
struct AddressBytes {
    static std::string of(const load::Address& address) {
        const auto* bytes = reinterpret_cast<const char*>(&address.storage);  // NOLINT: bytes
        return {bytes, sizeof(address.storage)};
    }

    static void to(const std::string& bytes, load::Address& address) {
        if (bytes.size() != sizeof(address.storage) || address.length > sizeof(address.storage)) {
            throw RunError("not of this build: an address of another size");
        }
        std::memcpy(&address.storage, bytes.data(), bytes.size());
    }
};

template <>
struct Fields<load::Address> {
    static void list(const archive::FieldWriter& field, const load::Address& address) {
        field("length", address.length);
        field("bytes", AddressBytes::of(address));
    }

    static void list(const archive::FieldReader& field, load::Address& address) {
        std::string bytes;
        field("length", address.length);
        field("bytes", bytes);
        AddressBytes::to(bytes, address);
    }
};

template <>
struct Fields<load::TlsOptions> {
    template <class Field, class Options>
    static void list(const Field& field, Options& options) {
        field("verify", options.verify);
        field("ca_file", options.ca_file);
        field("ca_directory", options.ca_directory);
        field("certificate", options.certificate);
        field("key", options.key);
        field("minimum", options.minimum);
    }
};

template <>
struct Fields<load::Target> {
    template <class Field, class Target>
    static void list(const Field& field, Target& target) {
        field("addresses", target.addresses);
        field("name", target.name);
        field("host", target.host);
        field("origin", target.origin);
        field("tls", target.tls);
        field("http2", target.http2);
        field("tunnel", target.tunnel);
        field("proxy", target.proxy);
        field("head", target.head);
        field("request_id_at", target.request_id_at);
        field("session_ids_at", target.session_ids_at);
    }
};

template <>
struct Fields<load::SocketOptions> {
    template <class Field, class Options>
    static void list(const Field& field, Options& options) {
        field("keepalive_idle_s", options.keepalive_idle_s);
        field("keepalive_interval_s", options.keepalive_interval_s);
        field("keepalive_count", options.keepalive_count);
        field("user_timeout_ms", options.user_timeout_ms);
        field("receive_buffer_bytes", options.receive_buffer_bytes);
        field("send_buffer_bytes", options.send_buffer_bytes);
        field("receive_stamps", options.receive_stamps);
    }
};

template <>
struct Fields<endpoint::AnswerFrame> {
    template <class Field, class Frame>
    static void list(const Field& field, Frame& frame) {
        field("before", frame.before);
        field("after", frame.after);
    }
};

template <>
struct Fields<load::LoadPlan> {
    template <class Field, class Plan>
    static void list(const Field& field, Plan& plan) {
        field("phases", plan.phases);
        field("targets", plan.targets);
        field("answer_frame", plan.answer_frame);
        field("workers", plan.workers);
        field("keep_text", plan.keep_text);
        field("request_timeout", plan.request_timeout);
        field("connect_timeout", plan.connect_timeout);
        field("idle_timeout", plan.idle_timeout);
        field("connection_reuse", plan.connection_reuse);
        field("failed_request_threshold", plan.failed_request_threshold);
        field("socket", plan.socket);
        field("sources", plan.sources);
        field("tls", plan.tls);
        field("streams", plan.streams);
        field("connections_ahead", plan.connections_ahead);
        field("redirects", plan.redirects);
        field("spin", plan.spin);
    }
};

}  // namespace aiperf::base

namespace aiperf::load {

std::string encode_plan(const LoadPlan& plan) {
    nlohmann::json out = base::encode(plan);
    const auto endpoint = plan.endpoint->type();
    if (!endpoint) {
        throw base::RunError("an endpoint of one's own is known to this process only; its workers must be threads");
    }
    out["endpoint"] = static_cast<int>(*endpoint);
    out["run_key"] = plan.ids.run_key();
    return base::to_bytes(out);
}

LoadPlan decode_plan(std::string_view bytes) {
    return base::from_bytes(bytes, [](const nlohmann::json& in) {
        LoadPlan plan;
        base::decode(in, plan);
        plan.endpoint = &endpoint::endpoint_of(static_cast<config::EndpointType>(in.at("endpoint").get<int>()));
        plan.ids = base::IdSource(in.at("run_key").get<std::uint64_t>());
        return plan;
    });
}

}  // namespace aiperf::load
