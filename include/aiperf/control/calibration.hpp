#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/settings/settings.hpp"
#include "aiperf/validity/calibration.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::control {

/// Why no calibration can be made for such a load, and none holds for it; empty: one can. The null server speaks
/// HTTP/1.1 without TLS.
[[nodiscard]] std::string why_not_calibrated(const config::RunConfig& config);

/// What a calibration holds for, as one line of JSON: the machine (processor, cores, kernel), the build (version, and
/// the linker's id of the program or module in which the workers run) and the shape of the load. `config` has its
/// defaults filled in; `helper` as Preparation has it: empty where workers are threads. What is read of the machine is
/// below `root`.
[[nodiscard]] std::string calibration_key(const config::RunConfig& config,
                                          const std::filesystem::path& helper,
                                          const std::filesystem::path& root = "/");

/// Where calibrations are kept: AIPERF_CACHE_DIR, or aiperf-cpp below XDG_CACHE_HOME or HOME/.cache. Empty: the
/// environment names none.
[[nodiscard]] std::filesystem::path cache_directory(const settings::Settings& settings,
                                                    const std::map<std::string, std::string>& variables);

/// The file of a key in such a directory.
[[nodiscard]] std::filesystem::path calibration_file(const std::filesystem::path& directory, const std::string& key);

/// Keeps a calibration, whole or not at all. Throws base::SystemError.
void write_calibration(const std::filesystem::path& directory,
                       const std::string& key,
                       const validity::Calibration& calibration);

/// The calibration kept for a key; absent where there is none. What is damaged, or another key's, is none, with a
/// sentence in `warnings`.
[[nodiscard]] std::optional<validity::Calibration> read_calibration(const std::filesystem::path& directory,
                                                                    const std::string& key,
                                                                    std::vector<std::string>& warnings);

/// Measures what the client alone adds to a load: the load of a configuration, for a few seconds, against a server
/// that takes no time, which the caller has.
///
///     Calibrator calibrator(config, Environment::of_process());
///     Run& run = calibrator.start(null_server.url());
///     while (!run.wait_for(…)) { … }
///     const validity::Calibration found = calibrator.finish();
///
/// Its files lie in a temporary directory and go with it. *Thread safety*: none; the Run it gives has its own.
class Calibrator {
public:
    /// Checks everything; nothing has been started or written then. Throws base::ConfigError.
    Calibrator(config::RunConfig config, Environment environment);
    ~Calibrator();
    Calibrator(const Calibrator&) = delete;
    Calibrator& operator=(const Calibrator&) = delete;

    /// Starts the run against `url`. Once. Throws base::ConfigError and base::SystemError.
    Run& start(const std::string& url);

    /// Waits for its end and keeps what was found. Throws base::RunError where the run did not end well.
    [[nodiscard]] validity::Calibration finish();

    /// Where it is kept.
    [[nodiscard]] std::filesystem::path file() const;

private:
    config::RunConfig config_;
    Environment environment_;
    std::filesystem::path cache_;
    std::string key_;
    std::filesystem::path scratch_;  // empty: not made yet
    std::unique_ptr<Run> run_;
};

}  // namespace aiperf::control
