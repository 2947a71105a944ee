#include "aiperf/base/error.hpp"
#include "aiperf/base/rng.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "aiperf/record/layout.hpp"
#include "expected_rows.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

using namespace aiperf;  // NOLINT: a test
using record::FileHeader;
using record::JournalReader;
using record::Record;
using test::TemporaryDirectory;

namespace {

constexpr std::uint64_t k_slots = 24;

/// Overwrites a file in its place: cheaper by far than to empty it first, which file systems take for a replacement
/// that must reach the disk.
void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    REQUIRE(file.good());
    std::filesystem::resize_file(path, bytes.size());
}

/// A good journal of two workers whose files a test may damage; each repair() brings it back.
class Patient {
public:
    explicit Patient(bool finished) {
        record::Journal journal(directory_.path(), test::plan_of(2));
        journal.begin_phase({.name = "warmup", .profiling = false, .first_slot = 0, .start_ns = 1, .end_ns = 2});
        journal.begin_phase({.name = "profiling", .profiling = true, .first_slot = 4, .start_ns = 3, .end_ns = 4});
        for (std::uint64_t slot = 0; slot < k_slots; ++slot) {
            Record* record = slot == 20 ? journal.writer(1).claim(slot) : nullptr;
            if (record != nullptr) {
                journal.writer(1).mark_sent(*record);
            } else if (!test::write_row(journal.writer(slot % 2), slot)) {
                throw std::runtime_error("the disk is full");
            }
        }
        if (finished) {
            journal.finish(k_slots);
        }
        for (const char* name : {"records", "events.0", "events.1", "text.0", "text.1"}) {
            std::ifstream file(directory_.path() / name, std::ios::binary);
            std::stringstream bytes;
            bytes << file.rdbuf();
            files_[name] = bytes.str();
        }
    }

    [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

    [[nodiscard]] const std::map<std::string, std::string>& files() const { return files_; }

    void damage(const std::string& name, const std::string& bytes) const { write_file(directory() / name, bytes); }

    void repair(const std::string& name) const { write_file(directory() / name, files_.at(name)); }

    /// Puts `value` into the records file at `offset`.
    template <class T>
    void damage_at(std::size_t offset, T value) const {
        std::string bytes = files_.at("records");
        std::memcpy(bytes.data() + offset, &value, sizeof(value));
        damage("records", bytes);
    }

private:
    TemporaryDirectory directory_;
    std::map<std::string, std::string> files_;
};

/// Looks at every byte a reader gives out. Returns how many slots are committed.
std::size_t look_at_everything(const record::RecordSet& set) {
    std::size_t committed = 0;
    volatile std::size_t sum = 0;
    for (const record::PhaseInfo& phase : set.info().phases) {
        sum = sum + phase.name.size();
    }
    for (const Record& record : set.records()) {
        committed += test::state_of(record) == record::State::committed ? 1U : 0U;
        for (const record::Event& event : set.events(record)) {
            sum = sum + event.text_bytes + (event.has_content() ? 1U : 0U);
        }
        for (const std::string_view text :
             {set.output_text(record), set.reasoning_text(record), set.error_text(record)}) {
            for (const char c : text) {
                sum = sum + static_cast<unsigned char>(c);
            }
        }
        sum = sum + record::error_details(set, record).message.size();
    }
    return committed;
}

/// True where the journal was read, false where it was refused; anything else fails the test.
bool survives(const std::filesystem::path& directory) {
    try {
        JournalReader reader(directory);
        look_at_everything(reader);
        reader.settle_lost();
        look_at_everything(reader);
        return true;
    } catch (const base::RunError&) {
        return false;
    }
}

std::string refusal_of(const std::filesystem::path& directory) {
    try {
        const JournalReader reader(directory);
        return "accepted";
    } catch (const base::RunError& error) {
        return error.what();
    }
}

std::size_t at_slot(std::size_t slot, std::size_t field) {
    return record::k_header_bytes + slot * sizeof(Record) + field;
}

}  // namespace

TEST_CASE("The journal to be damaged is good") {
    for (const bool finished : {false, true}) {
        const Patient patient(finished);
        const JournalReader reader(patient.directory());
        CHECK(reader.finished() == finished);
        CHECK(reader.records().size() == k_slots);
        CHECK(look_at_everything(reader) == k_slots - 1);
    }
}

TEST_CASE("A journal cut short anywhere is read as far as it goes, or refused") {
    for (const bool finished : {false, true}) {
        const Patient patient(finished);
        for (const auto& [name, bytes] : patient.files()) {
            const std::size_t used = std::min<std::size_t>(bytes.size(), 12'000);
            for (std::size_t size = 0; size < used; size += 1 + size % 13) {
                CAPTURE(name, size);
                patient.damage(name, bytes.substr(0, size));
                const bool read = survives(patient.directory());
                CHECK(read == (name != "records" || size >= record::k_header_bytes));
                if (read && name == "records") {
                    CHECK(JournalReader(patient.directory()).records().size() ==
                          std::min<std::size_t>(k_slots, (size - record::k_header_bytes) / sizeof(Record)));
                }
            }
            patient.repair(name);
        }
        CHECK(survives(patient.directory()));
    }
}

TEST_CASE("Missing side files cost their texts and events only") {
    const Patient patient(true);
    for (const auto& [name, bytes] : patient.files()) {
        if (name != "records") {
            std::filesystem::remove(patient.directory() / name);
        }
    }
    const JournalReader reader(patient.directory());
    CHECK(look_at_everything(reader) == k_slots - 1);
    CHECK(reader.events(reader.records()[0]).empty());
    CHECK(reader.output_text(reader.records()[0]).empty());
}

TEST_CASE("Ten thousand random flips are survived") {
    base::Rng rng(4711);
    int refused = 0;
    for (const bool finished : {false, true}) {
        const Patient patient(finished);
        for (int round = 0; round < 5000; ++round) {
            const char* const names[] = {"records", "records", "records", "events.0", "text.1"};
            const std::string name = names[rng.below(5)];
            std::string bytes = patient.files().at(name);
            const std::size_t used =
                std::min<std::size_t>(bytes.size(), record::k_header_bytes + k_slots * sizeof(Record));
            // The unused part of the header holds nothing to be damaged.
            const bool header = name == "records" && rng.below(4) == 0;
            for (auto flips = 1 + rng.below(3); flips > 0; --flips) {
                const std::size_t at = header ? rng.below(sizeof(FileHeader)) : rng.below(used);
                bytes[at] = static_cast<char>(rng.below(256));
            }
            patient.damage(name, bytes);
            refused += survives(patient.directory()) ? 0 : 1;
            patient.repair(name);
        }
    }
    CHECK(refused > 50);
    CHECK(refused < 5000);
}

TEST_CASE("Places outside a file give nothing") {
    const Patient patient(true);
    for (const std::uint64_t offset : {std::uint64_t{1} << 20U, std::uint64_t{1} << 40U, UINT64_MAX, UINT64_MAX - 15}) {
        CAPTURE(offset);
        patient.damage_at(at_slot(3, offsetof(Record, events_offset)), offset);
        CHECK(JournalReader(patient.directory()).events(JournalReader(patient.directory()).records()[3]).empty());
        patient.damage_at(at_slot(3, offsetof(Record, text_offset)), offset);
        const JournalReader reader(patient.directory());
        const Record& record = reader.records()[3];
        CHECK(reader.output_text(record).empty());
        CHECK(reader.reasoning_text(record).empty());
        CHECK(reader.error_text(record).empty());
    }
    for (const std::size_t field : {offsetof(Record, event_count),
                                    offsetof(Record, output_bytes),
                                    offsetof(Record, reasoning_bytes),
                                    offsetof(Record, error_bytes)}) {
        for (const std::uint32_t count : {100'000U, UINT32_MAX}) {
            patient.damage_at(at_slot(3, field), count);
            CHECK(survives(patient.directory()));
        }
    }
    patient.damage_at(at_slot(3, offsetof(Record, worker)), std::uint16_t{2});
    const JournalReader reader(patient.directory());
    CHECK(reader.output_text(reader.records()[3]).empty());
    CHECK(reader.events(reader.records()[3]).empty());
}

TEST_CASE("What is no journal of ours is refused with the reason") {
    const Patient patient(true);
    const auto refuses = [&](std::size_t offset, auto value, const std::string& reason) {
        patient.damage_at(offset, value);
        CHECK_THAT(refusal_of(patient.directory()),
                   Catch::Contains(reason) && Catch::Contains((patient.directory() / "records").string()));
    };
    refuses(offsetof(FileHeader, magic), 'B', "not a journal");
    refuses(offsetof(FileHeader, endian_mark), std::uint32_t{0x04030201}, "byte order");
    refuses(offsetof(FileHeader, version), record::k_version + 1, "layout version 2, this build reads 1");
    refuses(offsetof(FileHeader, schema_hash), std::uint64_t{1}, "layout");
    refuses(offsetof(FileHeader, record_bytes), std::uint32_t{256}, "layout");
    refuses(offsetof(FileHeader, event_bytes), std::uint32_t{8}, "layout");
    refuses(offsetof(FileHeader, header_bytes), std::uint32_t{0}, "layout");
    refuses(offsetof(FileHeader, phase_count), std::uint32_t{17}, "damaged");
    refuses(offsetof(FileHeader, workers), UINT32_MAX, "damaged");
    patient.damage("records", "too short");
    CHECK_THAT(refusal_of(patient.directory()), Catch::Contains("not a journal"));
    patient.damage("records", "");
    CHECK_THAT(refusal_of(patient.directory()), Catch::Contains("not a journal"));
    std::filesystem::remove(patient.directory() / "records");
    CHECK_THAT(refusal_of(patient.directory()), Catch::Contains("cannot read the journal"));
    std::filesystem::create_directory(patient.directory() / "records");
    CHECK(refusal_of(patient.directory()) != "accepted");
}

TEST_CASE("More slots announced than there are do no harm") {
    const Patient patient(true);
    patient.damage_at(offsetof(FileHeader, slots), UINT64_MAX);
    CHECK(JournalReader(patient.directory()).records().size() == k_slots);
    patient.damage_at(offsetof(FileHeader, slots), std::uint64_t{3});
    CHECK(JournalReader(patient.directory()).records().size() == 3);
}
