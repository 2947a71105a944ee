#include "run_log.hpp"

#include "aiperf/base/error.hpp"
#include "terminal.hpp"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <fstream>
#include <mutex>
#include <string_view>
#include <system_error>

namespace aiperf::programs {

namespace {

constexpr const char* k_terminal_pattern = "%H:%M:%S.%e %l %v";
constexpr const char* k_file_pattern = "%Y-%m-%dT%H:%M:%S.%f%z %l %v";

/// spdlog has fewer levels: a threshold between two of its levels takes the higher one.
spdlog::level::level_enum threshold(config::LogLevel level) noexcept {
    using config::LogLevel;
    switch (level) {
        case LogLevel::trace: return spdlog::level::trace;
        case LogLevel::debug: return spdlog::level::debug;
        case LogLevel::info: return spdlog::level::info;
        case LogLevel::notice:
        case LogLevel::warning: return spdlog::level::warn;
        case LogLevel::success:
        case LogLevel::error: return spdlog::level::err;
        case LogLevel::critical: break;
    }
    return spdlog::level::critical;
}

using Sink = spdlog::sinks::base_sink<std::mutex>;

class TerminalSink final : public Sink {
public:
    explicit TerminalSink(Terminal& terminal)
        : terminal_(terminal) {}

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        terminal_.print(std::string_view(text.data(), text.size()));
    }

    void flush_() override {}

    Terminal& terminal_;
};

}  // namespace

class RunLog::FileSink final : public Sink {
public:
    void open(const std::filesystem::path& path) {
        const std::lock_guard lock(mutex_);
        file_.open(path, std::ios::app);
        if (!file_) {
            throw base::RunError("cannot write the log file " + path.string());
        }
        file_ << waiting_ << std::flush;
        waiting_.clear();
    }

private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t text;
        formatter_->format(message, text);
        const std::string_view view(text.data(), text.size());
        if (file_.is_open()) {
            file_ << view << std::flush;
        } else {
            waiting_ += view;
        }
    }

    void flush_() override { file_.flush(); }

    std::ofstream file_;
    std::string waiting_;
};

RunLog::RunLog(config::LogLevel level, Terminal& terminal)
    : file_(std::make_shared<FileSink>()) {
    auto lines = std::make_shared<TerminalSink>(terminal);
    lines->set_pattern(k_terminal_pattern);
    file_->set_pattern(k_file_pattern);
    logger_ = std::make_shared<spdlog::logger>("aiperf", spdlog::sinks_init_list{lines, file_});
    logger_->set_level(threshold(level));
}

void RunLog::open_file(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
        throw base::RunError("cannot make the directory " + path.parent_path().string() + ": " + error.message());
    }
    file_->open(path);
}

}  // namespace aiperf::programs
