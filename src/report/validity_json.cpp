#include "aiperf/report/validity_json.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) {
    return std::isfinite(value) ? Json(value) : Json(nullptr);
}

double threshold_in(const nlohmann::json& entry, const char* key, double fallback) {
    const auto found = entry.find(key);
    if (found == entry.end()) {
        return fallback;
    }
    return found->is_number() ? found->get<double>() : std::numeric_limits<double>::infinity();
}

}  // namespace

Json validity_json(const validity::Judgement& judgement) {
    Json reasons = Json::array();
    for (const validity::Reason& reason : judgement.reasons) {
        const validity::CheckInfo& info = validity::checks()[static_cast<std::size_t>(reason.check)];
        reasons.push_back(Json{{"check", info.name},
                               {"level", validity::to_string(reason.level)},
                               {"value", reason.value},
                               {"threshold", reason.threshold},
                               {"message", reason.sentence}});
    }
    Json evidence = Json::object();
    for (const validity::CheckInfo& info : validity::checks()) {
        const auto& value = judgement.evidence[info.check];
        const validity::Threshold& threshold = judgement.thresholds[static_cast<std::size_t>(info.check)];
        evidence[std::string(info.name)] = Json{{"value", value ? number_or_null(*value) : Json(nullptr)},
                                                {"unit", info.unit},
                                                {"suspect_above", number_or_null(threshold.suspect)},
                                                {"invalid_above", number_or_null(threshold.invalid)}};
    }
    return Json{{"verdict", validity::to_string(judgement.verdict)},
                {"reasons", std::move(reasons)},
                {"evidence", std::move(evidence)}};
}

std::string validity_text(const validity::Judgement& judgement) {
    return validity_json(judgement).dump();
}

void read_validity(const nlohmann::json& object, validity::Judgement& judgement) {
    if (!object.is_object() || !object.contains("evidence") || !object["evidence"].is_object()) {
        return;
    }
    for (const validity::CheckInfo& info : validity::checks()) {
        const auto entry = object["evidence"].find(std::string(info.name));
        if (entry == object["evidence"].end() || !entry->is_object()) {
            continue;
        }
        if (const auto value = entry->find("value"); value != entry->end() && value->is_number()) {
            judgement.evidence[info.check] = value->get<double>();
        }
        validity::Threshold& threshold = judgement.thresholds[static_cast<std::size_t>(info.check)];
        threshold.suspect = threshold_in(*entry, "suspect_above", threshold.suspect);
        threshold.invalid = threshold_in(*entry, "invalid_above", threshold.invalid);
    }
}

}  // namespace aiperf::report
