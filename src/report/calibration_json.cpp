#include "aiperf/report/calibration_json.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace aiperf::report {
namespace {

using Json = nlohmann::ordered_json;

Json pair_of(const validity::Typical& typical) {
    return Json{{"p50", typical.p50_ms}, {"p99", typical.p99_ms}};
}

Json number_or_null(const std::optional<double>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json frame_of(const validity::Calibration& calibration) {
    return Json{{"requests_per_second", calibration.requests_per_second},
                {"events_per_second", calibration.events_per_second},
                {"cpu_us_per_request", calibration.cpu_us_per_request},
                {"metrics", Json::object()}};
}

/// A number of an object; absent where it is none, or below 0.
std::optional<double> amount(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) {
        return std::nullopt;
    }
    const auto value = found->get<double>();
    return std::isfinite(value) && value >= 0 ? std::optional(value) : std::nullopt;
}

std::optional<validity::Typical> typical_in(const nlohmann::json& entry) {
    const auto own = entry.is_object() ? entry.find("own") : entry.end();
    if (!entry.is_object() || own == entry.end() || !own->is_object()) {
        return std::nullopt;
    }
    const auto p50 = amount(*own, "p50");
    const auto p99 = amount(*own, "p99");
    return p50 && p99 ? std::optional(validity::Typical{*p50, *p99}) : std::nullopt;
}

}  // namespace

Json calibration_json(const validity::Calibration& calibration) {
    Json out = frame_of(calibration);
    for (std::size_t i = 0; i < validity::k_calibrated.size(); ++i) {
        if (const auto& own = calibration.durations[i]) {
            out["metrics"][std::string(validity::k_calibrated[i])] = Json{{"unit", "ms"}, {"own", pair_of(*own)}};
        }
    }
    return out;
}

Json calibration_json(const validity::Calibration& calibration, const metric::Summary& summary) {
    Json out = frame_of(calibration);
    for (const validity::OwnShare& share : validity::own_shares(calibration, summary)) {
        out["metrics"][std::string(share.metric)] =
            Json{{"unit", "ms"},
                 {"own", pair_of(share.own)},
                 {"measured", pair_of(share.measured)},
                 {"ratio", {{"p50", number_or_null(share.p50_ratio)}, {"p99", number_or_null(share.p99_ratio)}}}};
    }
    return out;
}

std::string calibration_text(const validity::Calibration& calibration, const metric::Summary& summary) {
    return calibration_json(calibration, summary).dump();
}

std::optional<validity::Calibration> read_calibration(const nlohmann::json& object) {
    if (!object.is_object() || !object.contains("metrics") || !object["metrics"].is_object()) {
        return std::nullopt;
    }
    const auto requests = amount(object, "requests_per_second");
    const auto events = amount(object, "events_per_second");
    const auto cpu = amount(object, "cpu_us_per_request");
    if (!requests || !events || !cpu) {
        return std::nullopt;
    }
    validity::Calibration calibration{{}, *requests, *events, *cpu};
    for (std::size_t i = 0; i < validity::k_calibrated.size(); ++i) {
        const auto entry = object["metrics"].find(std::string(validity::k_calibrated[i]));
        if (entry == object["metrics"].end()) {
            continue;
        }
        calibration.durations[i] = typical_in(*entry);
        if (!calibration.durations[i]) {
            return std::nullopt;
        }
    }
    return calibration;
}

}  // namespace aiperf::report
