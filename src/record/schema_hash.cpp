#include "aiperf/base/rng.hpp"
#include "aiperf/record/fields.hpp"
#include "aiperf/record/layout.hpp"

namespace aiperf::record {

std::uint64_t schema_hash() noexcept {
    std::uint64_t hash = k_version;
    const auto add = [&hash](const Field& field) {
        hash = base::derive_seed(hash, field.name);
        hash = base::mix64(hash ^ (field.offset << 8U) ^ (field.size << 1U) ^ (field.is_signed ? 1U : 0U));
    };
    for (const Field& field : k_record_fields) {
        add(field);
    }
    for (const Field& field : k_event_fields) {
        add(field);
    }
    return hash;
}

}  // namespace aiperf::record
