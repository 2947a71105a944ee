#include "journal_folder.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/version.hpp"
#include "aiperf/config/options.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "aiperf/report/artifacts.hpp"
#include "aiperf/report/atomic_file.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <unistd.h>

namespace aiperf::control {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* k_description = "run.json";
constexpr const char* k_lock = "lock";

/// True for a journal whose run did not close it and that holds something.
bool is_interrupted(const std::filesystem::path& directory) {
    if (!std::filesystem::exists(directory / "records")) {
        return false;
    }
    try {
        const record::JournalReader reader(directory);
        return !reader.finished() && !reader.records().empty();
    } catch (const base::RunError&) {
        return false;  // no journal of ours, or damaged beyond reading
    }
}

/// True where everything that describe() writes is there, and of its type.
bool describes_a_run(const Json& description) {
    const auto has = [&description](const char* key, auto is_right) {
        return description.contains(key) && is_right(description[key]);
    };
    return description.is_object() && has("benchmark_id", [](const Json& value) { return value.is_string(); }) &&
           has("entries", [](const Json& value) { return value.is_number_unsigned(); }) &&
           has("config", [](const Json& value) { return value.is_object(); });
}

/// Moves a journal's files to a directory beside it and returns that.
std::string move_aside(const std::filesystem::path& directory) {
    std::filesystem::path aside;
    for (int number = 1; aside.empty() || std::filesystem::exists(aside); ++number) {
        aside = directory.string() + ".interrupted-" + std::to_string(number);
    }
    std::filesystem::create_directory(aside);
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().filename() != k_lock) {
            std::filesystem::rename(entry.path(), aside / entry.path().filename());
        }
    }
    return aside.string();
}

}  // namespace

std::unique_ptr<JournalFolder> JournalFolder::lock(const std::filesystem::path& journal_directory) {
    std::unique_ptr<JournalFolder> folder(new JournalFolder);
    folder->directory_ = journal_directory;
    const std::filesystem::path lock = journal_directory / k_lock;
    folder->lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (folder->lock_ < 0) {
        throw base::SystemError("cannot open " + lock.string(), errno);
    }
    if (::flock(folder->lock_, LOCK_EX | LOCK_NB) != 0) {
        throw base::RunError("another run is writing to " + journal_directory.string());
    }
    return folder;
}

void JournalFolder::require_idle(const std::filesystem::path& journal_directory) {
    const int lock = ::open((journal_directory / k_lock).c_str(), O_RDONLY | O_CLOEXEC);
    if (lock < 0) {
        return;  // never locked: a copy of a journal
    }
    const bool idle = ::flock(lock, LOCK_SH | LOCK_NB) == 0;
    ::close(lock);
    if (!idle) {
        throw base::RunError("a run is writing to " + journal_directory.string());
    }
}

std::unique_ptr<JournalFolder> JournalFolder::take(const Preparation& preparation) {
    std::unique_ptr<JournalFolder> folder = lock(preparation.journal_directory);
    if (is_interrupted(folder->directory_)) {
        folder->moved_aside_ = move_aside(folder->directory_);
    }
    report::remove_unfinished_files(preparation.artifact_directory);
    // An earlier run's files do not vouch for this one.
    std::filesystem::remove(preparation.artifact_directory / report::k_ready_marker);
    return folder;
}

JournalFolder::~JournalFolder() {
    if (lock_ >= 0) {
        ::close(lock_);
    }
}

void JournalFolder::describe(const Preparation& preparation) const {
    Json description;
    description["version"] = base::version();
    description["benchmark_id"] = preparation.benchmark_id();
    description["entries"] = preparation.config.num_dataset_entries.value_or(0);
    description["config"] = Json::parse(config::to_json(preparation.asked));
    const std::filesystem::path path = directory_ / k_description;
    std::ofstream file(path, std::ios::trunc);
    file << description.dump(2) << '\n';
    file.close();
    if (!file) {
        throw base::RunError("cannot write " + path.string());
    }
}

RunDescription RunDescription::read(const std::filesystem::path& journal_directory) {
    const std::filesystem::path path = journal_directory / k_description;
    std::ifstream file(path);
    if (!file) {
        throw base::RunError("cannot read " + path.string() + ": is this the artifact directory of a run?");
    }
    std::stringstream text;
    text << file.rdbuf();
    const Json description = Json::parse(text.str(), nullptr, false);
    if (!describes_a_run(description)) {
        throw base::RunError(path.string() + ": not the description of a run");
    }
    RunDescription result;
    result.benchmark_id = description["benchmark_id"];
    result.entries = description["entries"];
    result.config = config::from_redacted_json(description["config"].dump());
    return result;
}

}  // namespace aiperf::control
