#pragma once

#include "aiperf/metric/record_view.hpp"
#include "aiperf/record/record.hpp"
#include "aiperf/record/record_set.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace aiperf::control {

/// One request that is over, as Environment::on_record gets it while the run goes on.
///
/// *Lifetime*: that of the call; copy what is to stay.
struct FinishedRequest {
    std::uint64_t slot = 0;  ///< its row in Result::records
    std::string_view phase;  ///< "warmup" or "profiling"
    bool profiling = true;   ///< false: it does not feed the numbers
    /// As in Result::records, but for the client's counts of the answer's tokens, which come later: they are
    /// record::k_absent here.
    const record::Record& record;
    metric::RecordView measured;                ///< latencies and usage of it
    std::span<const record::Event> events;      ///< messages of its answer, in order
    std::string_view output_text;               ///< empty where texts are not kept (--use-server-token-count)
    std::string_view reasoning_text;            ///< thinking text; empty as output_text
    std::optional<record::ErrorDetails> error;  ///< absent: a good answer
};

}  // namespace aiperf::control
