#pragma once

#include "aiperf/config/run_config.hpp"

#include <filesystem>
#include <memory>

namespace spdlog {
class logger;
}

namespace aiperf::programs {

class Terminal;

/// The log of a run: lines on the terminal, and the same in a file that is opened once its directory is known. What
/// was logged before goes into the file too.
///
/// *Thread safety*: the logger's calls from any thread. `terminal` must outlive the logger's last user.
class RunLog {
public:
    RunLog(config::LogLevel level, Terminal& terminal);

    [[nodiscard]] const std::shared_ptr<spdlog::logger>& logger() const noexcept { return logger_; }

    /// Opens the file, making its directory. Throws base::RunError where that fails.
    void open_file(const std::filesystem::path& path);

private:
    class FileSink;
    std::shared_ptr<FileSink> file_;
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace aiperf::programs
