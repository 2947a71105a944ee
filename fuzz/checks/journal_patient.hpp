#pragma once

#include "aiperf/record/layout.hpp"
#include "expected_rows.hpp"
#include "temporary_directory.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>

namespace aiperf::test {

/// A good journal of two workers and two phases whose files may be damaged; each repair() brings one back. Slot
/// k_lost_slot was in flight in a worker that died.
class JournalPatient {
public:
    static constexpr std::uint64_t k_slots = 24;
    static constexpr std::uint64_t k_lost_slot = 20;

    struct Options {
        bool finished = true;
        std::size_t most_bytes = SIZE_MAX;                               ///< of each file
        std::function<void(record::Record&, std::uint64_t slot)> dress;  ///< fills what write_row() leaves open
    };

    explicit JournalPatient(const Options& options) {
        fill(options);
        for (const char* name : {"records", "events.0", "events.1", "text.0", "text.1"}) {
            std::ifstream file(directory() / name, std::ios::binary);
            std::stringstream bytes;
            bytes << file.rdbuf();
            files_[name] = bytes.str().substr(0, options.most_bytes);
            repair(name);
        }
    }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

    [[nodiscard]] const std::map<std::string, std::string>& files() const { return files_; }

    /// Overwrites a file in its place: cheaper by far than to empty it first, which file systems take for a
    /// replacement that must reach the disk.
    void damage(const std::string& name, const std::string& bytes) const {
        std::fstream file(directory() / name, std::ios::binary | std::ios::in | std::ios::out);
        file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        file.close();
        if (!file.good()) {
            throw std::runtime_error("cannot write " + name);
        }
        std::filesystem::resize_file(directory() / name, bytes.size());
    }

    void repair(const std::string& name) const { damage(name, files_.at(name)); }

    /// Puts `value` into the records file at `offset`.
    template <class T>
    void damage_at(std::size_t offset, T value) const {
        std::string bytes = files_.at("records");
        std::memcpy(bytes.data() + offset, &value, sizeof(value));
        damage("records", bytes);
    }

    /// Place of a slot's field in the records file.
    [[nodiscard]] static std::size_t at_slot(std::size_t slot, std::size_t field) {
        return record::k_header_bytes + slot * sizeof(record::Record) + field;
    }

private:
    void fill(const Options& options) const {
        record::Journal journal(directory(), plan_of(2));
        journal.begin_phase({.name = "warmup", .profiling = false, .first_slot = 0, .start_ns = 1, .end_ns = 2});
        journal.begin_phase({.name = "profiling", .profiling = true, .first_slot = 4, .start_ns = 3, .end_ns = 4});
        for (std::uint64_t slot = 0; slot < k_slots; ++slot) {
            record::Record* record = slot == k_lost_slot ? journal.writer(1).claim(slot) : nullptr;
            if (record != nullptr) {
                journal.writer(1).mark_sent(*record);
            } else if (!write_row(journal.writer(slot % 2), slot)) {
                throw std::runtime_error("the disk is full");
            }
            if (options.dress) {
                options.dress(journal.at(slot), slot);
            }
        }
        if (options.finished) {
            journal.finish(k_slots);
        }
    }

    TemporaryDirectory directory_;
    std::map<std::string, std::string> files_;
};

}  // namespace aiperf::test
