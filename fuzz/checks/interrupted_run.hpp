#pragma once

#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/report/artifacts.hpp"
#include "journal_patient.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace aiperf::test {

/// The artifact directory of a run that was interrupted, with a journal and a run.json of one's own.
class InterruptedRun {
public:
    explicit InterruptedRun(JournalPatient::Options journal = {}) {
        journal.finished = false;
        journal.most_bytes = 12'288;
        const JournalPatient patient(journal);
        std::filesystem::create_directory(path() / "journal");
        for (const auto& [name, bytes] : patient.files()) {
            write(name, bytes);
        }
    }

    [[nodiscard]] const std::filesystem::path& path() const { return directory_.path(); }

    /// Recovers the run by this run.json. True where it was recovered: all artifacts are there and it can be shown;
    /// false where it was refused. Whatever else is thrown is a fault.
    [[nodiscard]] bool recovers_by(std::string_view description) const {
        write("run.json", description);
        const std::filesystem::path marker = path() / report::k_ready_marker;
        try {
            const control::Result result = control::recover(path());
            return std::filesystem::remove(marker) && !control::console_text(result).empty();
        } catch (const base::Error&) {
            std::filesystem::remove(marker);
            return false;
        }
    }

private:
    void write(const std::string& name, std::string_view bytes) const {
        std::ofstream(path() / "journal" / name, std::ios::binary | std::ios::trunc) << bytes;
    }

    TemporaryDirectory directory_;
};

}  // namespace aiperf::test
