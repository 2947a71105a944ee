#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/settings/settings.hpp"

#include <cstdint>
#include <string>

namespace aiperf::config {

/// What the defaults depend on besides the configuration.
struct Resources {
    std::uint64_t entropy = 0;  ///< random bits, for a seed that nobody gave
    std::uint32_t cores = 1;    ///< this process may run on
    settings::Worker worker;    ///< settings of the number of workers

    /// Fresh entropy, and the cores this process may run on.
    [[nodiscard]] static Resources of_machine(const settings::Settings& settings);
};

/// The configuration with every default filled in: URLs with a scheme, seed, tokenizer, arrival pattern and smoothness,
/// concurrency (absent stays "unlimited" with a rate), request count (absent stays "no bound" with a duration), grace
/// period (with a duration), workers_max = the number of workers, artifact directory. A pure function. Throws
/// base::ConfigError as validate(), which it calls first. Resolving twice changes nothing more.
[[nodiscard]] RunConfig resolve(RunConfig config, const Resources& resources);

/// "<model>-openai-<type>-<stimulus>": where a run goes below artifacts/ when nobody names a directory.
[[nodiscard]] std::string artifact_name(const RunConfig& config);

}  // namespace aiperf::config
