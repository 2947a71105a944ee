#pragma once

#include "aiperf/validity/verdict.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace aiperf::report {

/// {"verdict", "reasons": [{check, level, value, threshold, message}], "evidence": {name: {value, unit, suspect_above,
/// invalid_above}}}. A value that was not measured is null, a threshold that is never reached too.
[[nodiscard]] nlohmann::ordered_json validity_json(const validity::Judgement& judgement);

/// The same as text.
[[nodiscard]] std::string validity_text(const validity::Judgement& judgement);

/// The evidence and thresholds read back from such an object; what is not there, or of another form, stays as it is.
void read_validity(const nlohmann::json& object, validity::Judgement& judgement);

}  // namespace aiperf::report
