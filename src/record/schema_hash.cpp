#include "aiperf/base/rng.hpp"
#include "aiperf/record/fields.hpp"
#include "aiperf/record/layout.hpp"

namespace aiperf::record {

std::uint64_t hash_of(std::span<const Field> record_fields, std::span<const Field> event_fields) noexcept {
    std::uint64_t hash = k_version;
    for (const std::span<const Field> fields : {record_fields, event_fields}) {
        hash = base::mix64(hash ^ fields.size());
        for (const Field& field : fields) {
            hash = base::derive_seed(hash, field.name);
            hash = base::mix64(hash ^ (field.offset << 8U) ^ (field.size << 1U) ^ (field.is_signed ? 1U : 0U));
        }
    }
    return hash;
}

std::uint64_t schema_hash() noexcept {
    return hash_of(k_record_fields, k_event_fields);
}

}  // namespace aiperf::record
