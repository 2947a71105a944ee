#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/dataset/synthetic.hpp"
#include "aiperf/dataset/tokenizer.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/load/plan.hpp"
#include "aiperf/settings/settings.hpp"
#include "aiperf/validity/calibration.hpp"
#include "aiperf/validity/verdict.hpp"
#include "network.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::control {

/// A run that has been checked and can start: everything that does not need the network or the disk's space.
struct Preparation {
    config::RunConfig asked;   ///< as given
    config::RunConfig config;  ///< every default filled in
    settings::Settings settings;
    validity::Thresholds thresholds{};                 ///< of the verdict
    std::optional<validity::Calibration> calibration;  ///< of this load; absent: nobody has made one
    Proxies proxies;  ///< none, unless AIPERF_HTTP_TRUST_ENV asks for those of the environment
    std::filesystem::path working_directory;
    std::shared_ptr<const dataset::Tokenizer> tokenizer;  ///< null: server counts; or given back
    std::filesystem::path artifact_directory;             ///< absolute, exists, can be written
    std::filesystem::path journal_directory;
    std::shared_ptr<const endpoint::Endpoint> endpoint;  ///< never null
    std::filesystem::path helper;                        ///< empty: workers and results server are threads
    std::vector<std::string> warnings;
    std::vector<std::string> notes;  ///< of the warnings, those a reader of the numbers must know too
    std::uint64_t run_key = 0;

    /// Identifies the run in artifacts: 12 hexadecimal digits of the run key.
    [[nodiscard]] std::string benchmark_id() const;

    /// The directory this run's records go to below AIPERF_JOURNAL_DIR, or in the artifact directory.
    [[nodiscard]] static std::filesystem::path journal_directory_of(const std::filesystem::path& artifact_directory,
                                                                    const settings::Settings& settings);
};

/// Said in the log, on the console and in the summary where certificates are not looked at.
inline constexpr const char* k_tls_not_verified =
    "TLS certificates are NOT verified (AIPERF_HTTP_SSL_VERIFY=false): whoever answers is believed";

/// Checks everything that can be checked and opens the tokenizer. Throws base::ConfigError.
[[nodiscard]] Preparation prepare(config::RunConfig config, const Environment& environment);

/// The tokenizer a resolved configuration names. Throws base::ConfigError where it is not on this machine.
[[nodiscard]] std::shared_ptr<const dataset::Tokenizer> tokenizer_for(const config::RunConfig& config,
                                                                      const Environment& environment,
                                                                      std::vector<std::string>* warnings = nullptr);

/// The phases a configuration asks for, warm-up first. Of those that are bound by sessions, make_plan() tells how many
/// requests they come to.
[[nodiscard]] std::vector<schedule::Phase> phases_of(const config::RunConfig& config);

/// What the first `entries` conversations of a run with this configuration and seed are like.
[[nodiscard]] dataset::SyntheticOptions synthetic_options(const config::RunConfig& config,
                                                          std::uint64_t seed,
                                                          std::uint64_t entries);

/// All that workers need with this data set, once the model answers where the run waits for that. Blocking
/// (names are looked up); throws base::RunError. `say` gets lines about the wait.
[[nodiscard]] load::LoadPlan make_plan(const Preparation& preparation,
                                       std::shared_ptr<const dataset::Dataset> dataset,
                                       const std::function<bool()>& cancelled,
                                       const std::function<void(const std::string&)>& say);

}  // namespace aiperf::control
