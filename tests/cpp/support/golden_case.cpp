#include "golden_case.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace aiperf::test {
namespace {

using record::Event;
using record::EventKind;
using record::MemoryRecordSet;

bool has_text(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() && !found->get_ref<const std::string&>().empty();
}

/// What one message (an SSE payload, or a whole body) carries.
EventKind kind_of(const Json& message) {
    const Json choices = message.value("choices", Json::array());
    if (choices.empty()) {
        return message.contains("usage") && !message["usage"].is_null() ? EventKind::usage : EventKind::other;
    }
    const Json& choice = choices[0];
    const Json delta = choice.value("delta", choice.value("message", Json::object()));
    const bool reasoning = has_text(delta, "reasoning_content") || has_text(delta, "reasoning");
    const bool output = has_text(delta, "content") || has_text(choice, "text");
    if (reasoning) {
        return output ? EventKind::mixed : EventKind::reasoning;
    }
    return output ? EventKind::output : EventKind::other;
}

std::int32_t count_at(const Json& usage, const Json::json_pointer& path) {
    return usage.contains(path) && usage[path].is_number() ? usage[path].get<std::int32_t>() : record::k_absent;
}

void take_usage(const Json& message, record::Record& record) {
    const auto found = message.find("usage");
    if (found == message.end() || !found->is_object() || found->empty()) {
        return;
    }
    record.usage_prompt_tokens = count_at(*found, Json::json_pointer("/prompt_tokens"));
    record.usage_completion_tokens = count_at(*found, Json::json_pointer("/completion_tokens"));
    record.usage_total_tokens = count_at(*found, Json::json_pointer("/total_tokens"));
    record.usage_reasoning_tokens = count_at(*found, Json::json_pointer("/completion_tokens_details/reasoning_tokens"));
    record.usage_cached_tokens = count_at(*found, Json::json_pointer("/prompt_tokens_details/cached_tokens"));
}

/// The payloads of a raw response: its data packets, or the body.
std::vector<std::string> payloads_of(const Json& response) {
    if (response.contains("text")) {
        return {response["text"].get<std::string>()};
    }
    std::vector<std::string> out;
    for (const Json& packet : response.at("packets")) {
        if (packet.at("name") == "data") {
            out.push_back(packet.value("value", ""));
        }
    }
    return out;
}

void take_responses(const Json& raw, std::int64_t start_wall_ns, MemoryRecordSet::Row& row) {
    const auto start_perf = raw.at("start_perf_ns").get<std::int64_t>();
    for (const Json& response : raw.value("responses", Json::array())) {
        Event event;
        event.at_ns = start_wall_ns + response.at("perf_ns").get<std::int64_t>() - start_perf;
        for (const std::string& payload : payloads_of(response)) {
            const Json message = Json::parse(payload, nullptr, false);
            if (message.is_object()) {
                event.kind = kind_of(message);
                take_usage(message, row.record);
            }
        }
        if (event.has_content()) {
            row.record.first_content_ns = row.record.first_content_ns != 0 ? row.record.first_content_ns : event.at_ns;
            row.record.last_content_ns = event.at_ns;
        }
        row.record.flags |= response.contains("packets") ? record::flag::streamed : 0U;
        row.events.push_back(event);
    }
}

record::ErrorKind kind_of_error(const Json& error) {
    static const std::map<std::string, record::ErrorKind> k_types{
        {"InvalidInferenceResultError", record::ErrorKind::no_content},
        {"RequestCancellationError", record::ErrorKind::cancelled},
        {"ClientOSError", record::ErrorKind::reset},
        {"ServerDisconnectedError", record::ErrorKind::disconnected},
        {"ClientPayloadError", record::ErrorKind::payload},
        {"SSEResponseError", record::ErrorKind::sse_error},
    };
    const auto found = k_types.find(error.at("type").get<std::string>());
    return found != k_types.end() ? found->second : record::ErrorKind::http_status;
}

void take_error(const Json& line, MemoryRecordSet::Row& row) {
    if (!line.contains("error")) {
        return;
    }
    const Json& error = line["error"];
    const record::ErrorKind kind = kind_of_error(error);
    row.record.error = static_cast<std::uint8_t>(kind);
    row.error_text = error.at("message").get<std::string>();
    if (kind == record::ErrorKind::http_status) {
        row.record.http_status = error.at("code").get<std::uint16_t>();
        row.error_text = error.at("type").get<std::string>() + "\n" + row.error_text;
    }
}

std::int32_t metric_count(const Json& line, const char* tag) {
    const Json& metrics = line.at("metrics");
    return metrics.contains(tag) ? metrics[tag].at("value").get<std::int32_t>() : record::k_absent;
}

MemoryRecordSet::Row row_of(const Json& line, const Json* raw, bool server_counts) {
    const Json& meta = line.at("metadata");
    MemoryRecordSet::Row row;
    record::Record& record = row.record;
    record.state = static_cast<std::uint16_t>(record::State::committed);
    record.session = meta.at("session_num").get<std::uint32_t>();
    record.turn = meta.at("turn_index").get<std::uint16_t>();
    record.planned_ns = record.acquired_ns = meta.at("credit_issued_ns").get<std::int64_t>();
    record.send_start_ns = meta.at("request_start_ns").get<std::int64_t>();
    record.headers_ns = meta.value("request_ack_ns", std::int64_t{0});
    record.end_ns = meta.at("request_end_ns").get<std::int64_t>();
    if (!server_counts) {
        record.input_tokens = std::max(metric_count(line, "input_sequence_length"), metric_count(line, "error_isl"));
        record.output_tokens = metric_count(line, "output_token_count");
        record.reasoning_tokens = metric_count(line, "reasoning_token_count");
    }
    if (raw != nullptr) {
        take_responses(*raw, record.send_start_ns, row);
    }
    take_error(line, row);
    return row;
}

std::map<std::string, Json> raw_by_request(const std::filesystem::path& artifacts) {
    std::map<std::string, Json> out;
    const std::filesystem::path path = artifacts / "profile_export_raw.jsonl";
    if (std::filesystem::exists(path)) {
        for (const std::string& line : split_lines(read_file(path))) {
            Json raw = Json::parse(line);
            out.emplace(raw.at("metadata").at("x_request_id").get<std::string>(), std::move(raw));
        }
    }
    return out;
}

std::int64_t utc_ns(const std::string& iso) {
    std::tm parts{};
    const char* rest = strptime(iso.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr) {
        throw std::runtime_error("not a time: " + iso);
    }
    return std::int64_t{timegm(&parts)} * 1'000'000'000 + std::llround(std::atof(rest) * 1e6) * 1000;
}

/// The phase as AIPerf saw it: it prints its span in microseconds, its rates divide by it in nanoseconds.
record::PhaseInfo phase_of(const Json& summary) {
    record::PhaseInfo phase;
    phase.name = "profiling";
    if (summary.is_null()) {
        return phase;
    }
    phase.start_ns = utc_ns(summary.at("start_time").get<std::string>());
    phase.end_ns = utc_ns(summary.at("end_time").get<std::string>());
    if (!summary.at("was_cancelled").get<bool>()) {
        const double count = summary.at("request_count").at("avg").get<double>();
        const double rate = summary.at("request_throughput").at("avg").get<double>();
        phase.end_ns = phase.start_ns + std::llround(count / rate * 1e9);
    }
    return phase;
}

void place_rows(GoldenCase& out) {
    const auto raws = raw_by_request(out.directory / "artifacts");
    const auto slot_count = out.rows.size();
    out.record_rows.resize(slot_count);
    for (const Json& line : out.rows) {
        const Json& meta = line.at("metadata");
        const auto raw = raws.find(meta.at("x_request_id").get<std::string>());
        const auto slot = meta.at("session_num").get<std::size_t>();
        auto row = row_of(line, raw != raws.end() ? &raw->second : nullptr, out.context.use_server_token_count);
        const std::string id = meta.at("conversation_id").get<std::string>();
        const auto known = std::find(out.conversation_ids.begin(), out.conversation_ids.end(), id);
        row.record.conversation = static_cast<std::uint32_t>(known - out.conversation_ids.begin());
        out.record_rows.at(slot) = std::move(row);
        out.slots.push_back(slot);
    }
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) {
        throw std::runtime_error("cannot read " + path.string());
    }
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::vector<std::string> split_lines(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const std::size_t cut = text.find('\n');
        out.emplace_back(text.substr(0, cut));
        text = cut == std::string_view::npos ? std::string_view{} : text.substr(cut + 1);
    }
    return out;
}

bool same_number(double a, double b) {
    return a == b || std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

GoldenCase load_golden_case(const std::string& name) {
    GoldenCase out;
    out.directory = std::filesystem::path(AIPERF_TEST_DATA) / "golden" / "cases" / name;
    out.arguments = Json::parse(read_file(out.directory / "case.json")).at("args").get<std::vector<std::string>>();
    const auto has = [&](const char* flag) {
        return std::find(out.arguments.begin(), out.arguments.end(), flag) != out.arguments.end();
    };
    const std::filesystem::path artifacts = out.directory / "artifacts";
    if (std::filesystem::exists(artifacts / "profile_export_aiperf.json")) {
        out.summary = Json::parse(read_file(artifacts / "profile_export_aiperf.json"));
    }
    out.context.streaming = has("--streaming");
    out.context.use_server_token_count = has("--use-server-token-count");
    out.context.cancelled = !out.summary.is_null() && out.summary.at("was_cancelled").get<bool>();
    const Json inputs = Json::parse(read_file(artifacts / "inputs.json"));
    for (const Json& entry : inputs.at("data")) {
        out.conversation_ids.push_back(entry.at("session_id").get<std::string>());
    }
    for (const std::string& line : split_lines(read_file(artifacts / "profile_export.jsonl"))) {
        out.rows.push_back(Json::parse(line));
    }
    out.info.run_key = 7;
    out.info.phases.push_back(phase_of(out.summary));
    place_rows(out);
    return out;
}

}  // namespace aiperf::test
