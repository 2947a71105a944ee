#include "aiperf/report/artifacts.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/report/atomic_file.hpp"
#include "artifact_text.hpp"

#include <algorithm>
#include <system_error>

namespace aiperf::report {
namespace {

constexpr const char* k_phase_manifest = "phase_manifest.json";
constexpr const char* k_inputs_file = "inputs.json";
constexpr const char* k_exports = "profile_export";  // how the names of the others begin

void make_directory(const std::filesystem::path& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error) {
        throw base::SystemError("cannot create " + directory.string(), error.value());
    }
}

class Writer {
public:
    explicit Writer(std::filesystem::path directory)
        : directory_(std::move(directory)) {}

    /// Publishes one file whose contents `fill` appends. False: it could not be written, for a reason that is kept.
    template <class Fill>
    bool write(const std::string& name, Fill fill) {
        const std::filesystem::path path = directory_ / name;
        try {
            make_directory(path.parent_path());
            AtomicFile file(path);
            fill(file);
            file.publish();
        } catch (const base::SystemError& error) {
            reason_ = reason_.empty() ? error.what() : reason_;
            failed_.emplace_back(name);
            return false;
        }
        written_.push_back(path);
        return true;
    }

    bool write_text(const std::string& name, const std::string& text) {
        return write(name, [&](AtomicFile& file) { file.append(text); });
    }

    [[nodiscard]] bool all_well() const noexcept { return failed_.empty(); }

    /// Why, and which.
    [[nodiscard]] std::string failure() const {
        std::string text = reason_;
        for (std::size_t i = 1; i < failed_.size(); ++i) {
            text += (i == 1 ? "; missing too: " : ", ") + failed_[i];
        }
        return text;
    }

    [[nodiscard]] std::vector<std::filesystem::path> finish() && {
        if (!all_well()) {
            const std::string why = failure();
            throw ExportError(why, std::move(written_), std::move(failed_));
        }
        return std::move(written_);
    }

private:
    std::filesystem::path directory_;
    std::vector<std::filesystem::path> written_;
    std::vector<std::string> failed_;
    std::string reason_;  // of the first failure
};

void prepare(const std::filesystem::path& directory) {
    make_directory(directory);
    for (const char* name : {k_ready_marker, k_phase_manifest}) {
        std::error_code error;
        std::filesystem::remove(directory / name, error);
        if (error) {
            throw base::SystemError("cannot remove " + (directory / name).string(), error.value());
        }
    }
}

/// The numbers of each phase, and the list of them. Returns those of the warm-up; null where there was none.
const metric::Summary* write_phases(const ReportInput& input, const std::vector<PhaseReport>& phases, Writer& writer) {
    const metric::Summary* warmup = nullptr;
    for (const PhaseReport& phase : phases) {
        const std::string folder = phase_folder(input, phase);
        writer.write_text(folder + "/profile_export_aiperf.csv", summary_csv(phase.summary));
        writer.write_text(folder + "/profile_export_aiperf.json", summary_json(input_of_phase(input, phase)));
        warmup = input.records.info().phases[phase.index].profiling ? warmup : &phase.summary;
    }
    if (!phases.empty()) {
        writer.write_text(k_phase_manifest, phase_manifest(input, phases));
    }
    return warmup;
}

}  // namespace

std::string ReportInput::conversation_id(std::size_t entry) const {
    if (entry < conversation_ids.size()) {
        return conversation_ids[entry];
    }
    return dataset != nullptr && entry < dataset->size() ? std::string(dataset->conversation_id(entry)) : std::string{};
}

std::vector<std::filesystem::path> write_artifacts(const ReportInput& input, const std::filesystem::path& dir) {
    prepare(dir);
    Writer writer(dir);
    if (input.dataset != nullptr) {
        writer.write(k_inputs_file, [&](AtomicFile& file) { append_inputs(*input.dataset, file); });
    }
    if (input.config.export_level != config::ExportLevel::summary) {
        writer.write("profile_export.jsonl", [&](AtomicFile& file) { append_records(input, file); });
    }
    const std::vector<PhaseReport> phases = phase_reports(input);
    for (const PhaseReport& phase : phases) {
        remove_unfinished_files(dir / phase_folder(input, phase));
    }
    const metric::Summary* warmup = write_phases(input, phases, writer);
    writer.write_text("profile_export_aiperf.csv", summary_csv(input.summary));
    ReportInput told = input;
    if (!writer.all_well()) {
        told.ending = Ending::incomplete;
        told.error = told.error.empty() ? writer.failure() : told.error;
    }
    writer.write_text(k_summary_file, summary_json(told, warmup));
    if (writer.all_well()) {
        writer.write_text(k_ready_marker, ready_marker(input));
    }
    return std::move(writer).finish();
}

std::vector<std::filesystem::path> artifacts_in(const std::filesystem::path& dir) {
    std::vector<std::filesystem::path> files;
    const auto add_from = [&files](const auto& entries, const auto& is_ours) {
        for (const auto& entry : entries) {
            if (entry.is_regular_file() && is_ours(entry.path().filename().string())) {
                files.push_back(entry.path());
            }
        }
    };
    add_from(std::filesystem::directory_iterator(dir), [](const std::string& name) {
        return name == k_inputs_file || name == k_phase_manifest || name == k_ready_marker ||
               name.starts_with(k_exports);
    });
    if (const auto phases = dir / k_phases_folder; std::filesystem::is_directory(phases)) {
        add_from(std::filesystem::recursive_directory_iterator(phases), [](const std::string&) { return true; });
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace aiperf::report
