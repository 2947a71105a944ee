// What stands beside a journal: run.json, and the whole recovery of a run by it.
#include "answered_record.hpp"
#include "input.hpp"
#include "interrupted_run.hpp"

using namespace aiperf;  // NOLINT: a program of its own

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const test::InterruptedRun run({.dress = fuzz::answer});
    // Recovered or refused; whatever else is thrown ends the program.
    static_cast<void>(run.recovers_by({reinterpret_cast<const char*>(data), size}));
    return 0;
}
