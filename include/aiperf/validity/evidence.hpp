#pragma once

#include "aiperf/record/record_set.hpp"
#include "aiperf/validity/verdict.hpp"

#include <cstdint>

namespace aiperf::validity {

/// What the workers' loops counted over the profiling phases of a run.
struct LoopFigures {
    double busy_share = 0.0;         ///< of its time, the busiest worker was on a processor
    double wait_share = 0.0;         ///< of its time, a worker was ready to run and had none: the worst
    double stall_ms = 0.0;           ///< longest turn, or latest wake-up, of any
    double cpu_s = 0.0;              ///< processor time of all workers together
    std::uint64_t own_failures = 0;  ///< connections that this machine refused
    std::uint64_t requests = 0;      ///< sent
    std::uint64_t planned = 0;  ///< requests whose time came while the phases lasted; 0 = no schedule, or not known
    std::uint64_t claimed = 0;  ///< of these, taken up

    /// Takes another phase in.
    void add(const LoopFigures& phase) noexcept;
};

/// Puts what the loops counted into `evidence`.
void add_loops(const LoopFigures& loops, Evidence& evidence);

/// Puts what the records of the profiling phases say into `evidence`: lateness and rate where `open_loop`, read lag
/// where the kernel gave stamps, coalesced content, late reads.
void add_records(const record::RecordSet& set, bool open_loop, Evidence& evidence);

}  // namespace aiperf::validity
