#include "artifact_text.hpp"
#include "json_text.hpp"

#include <nlohmann/json.hpp>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t k_indent = 2;

/// The body as JSON; one that is not JSON is kept as text.
Json payload_of(std::string_view body) {
    Json parsed = Json::parse(body, nullptr, false);
    return parsed.is_discarded() ? Json(body) : parsed;
}

}  // namespace

void append_inputs(const dataset::Dataset& dataset, AtomicFile& file) {
    file.append("{\n  \"data\": [");
    std::string text;
    const std::size_t count = dataset.ready();  // of a run that was cancelled early, not all
    for (std::size_t i = 0; i < count; ++i) {
        text = i == 0 ? "\n    " : ",\n    ";
        Json session{{"session_id", dataset.conversation_id(i)}, {"payloads", Json::array()}};
        for (std::size_t turn = 0; turn < dataset.turns(i); ++turn) {
            session["payloads"].push_back(payload_of(dataset.turn(i, turn).body));
        }
        append_json(text, session, k_indent, 2);
        file.append(text);
    }
    file.append(count == 0 ? "]\n}" : "\n  ]\n}");
}

}  // namespace aiperf::report
