#pragma once

#include "aiperf/process/helper.hpp"
#include "aiperf/process/supervisor.hpp"
#include "crew.hpp"

#include <catch2/catch.hpp>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace aiperf::test {

/// Far beyond what any step takes: reached only by a hang.
inline base::Instant hang_limit() {
    return base::now() + std::chrono::seconds(60);
}

/// Sentences told on other threads, for the test's thread to wait for.
class Told {
public:
    void add(const std::string& text) {
        const std::scoped_lock lock(mutex_);
        texts_.push_back(text);
        changed_.notify_all();
    }

    /// Waits until one holds these words; false after a minute.
    [[nodiscard]] bool wait_for(const std::string& words) {
        std::unique_lock lock(mutex_);
        return changed_.wait_until(lock, hang_limit(), [&] { return count_locked(words) > 0; });
    }

    [[nodiscard]] std::size_t count(const std::string& words = {}) {
        const std::scoped_lock lock(mutex_);
        return count_locked(words);
    }

private:
    [[nodiscard]] std::size_t count_locked(const std::string& words) const {
        std::size_t found = 0;
        for (const std::string& text : texts_) {
            found += text.find(words) == std::string::npos ? 0U : 1U;
        }
        return found;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> texts_;
};

/// What processes of a test are started with: short times, and the helper of the build tree unless another is named.
inline control::ProcessKit kit_for(process::Supervisor& supervisor, const std::string& helper = {}) {
    std::map<std::string, std::string> environment;
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
        if (const char* value = std::getenv(name); value != nullptr) {
            environment[name] = value;
        }
    }
    settings::Service times;
    times.task_cancel_timeout_short = std::chrono::milliseconds(helper.empty() ? 10'000 : 100);
    times.registration_timeout = std::chrono::seconds(60);
    return {supervisor,
            process::find_helper(helper.empty() ? std::nullopt : std::optional(helper)),
            environment,
            times,
            [] { return false; }};
}

/// A program that never presents itself.
inline std::string sleeping_helper(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / "sleeping";
    std::ofstream(path) << "#!/bin/sh\nexec /bin/sleep 600\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
}

}  // namespace aiperf::test
