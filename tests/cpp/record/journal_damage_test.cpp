#include "aiperf/base/error.hpp"
#include "aiperf/base/rng.hpp"
#include "aiperf/record/fields.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "aiperf/record/layout.hpp"
#include "journal_patient.hpp"
#include "read_journal.hpp"

#include <catch2/catch.hpp>

#include <cstddef>
#include <string>

using namespace aiperf;  // NOLINT: a test
using record::FileHeader;
using record::JournalReader;
using record::Record;
using test::JournalPatient;
using test::look_at_everything;
using test::read_journal;

namespace {

constexpr std::uint64_t k_slots = test::JournalPatient::k_slots;

/// A good journal to be damaged.
test::JournalPatient patient_of(bool finished) {
    return test::JournalPatient({.finished = finished, .dress = {}});
}

std::string refusal_of(const std::filesystem::path& directory) {
    try {
        const JournalReader reader(directory);
        return "accepted";
    } catch (const base::RunError& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("The journal to be damaged is good") {
    for (const bool finished : {false, true}) {
        const JournalPatient patient = patient_of(finished);
        const JournalReader reader(patient.directory());
        CHECK(reader.finished() == finished);
        CHECK(reader.records().size() == k_slots);
        CHECK(look_at_everything(reader) == k_slots - 1);
    }
}

TEST_CASE("A journal cut short anywhere is read as far as it goes, or refused") {
    for (const bool finished : {false, true}) {
        const JournalPatient patient = patient_of(finished);
        for (const auto& [name, bytes] : patient.files()) {
            const std::size_t used = std::min<std::size_t>(bytes.size(), 12'000);
            for (std::size_t size = 0; size < used; size += 1 + size % 13) {
                CAPTURE(name, size);
                patient.damage(name, bytes.substr(0, size));
                const bool read = read_journal(patient.directory());
                CHECK(read == (name != "records" || size >= record::k_header_bytes));
                if (read && name == "records") {
                    CHECK(JournalReader(patient.directory()).records().size() ==
                          std::min<std::size_t>(k_slots, (size - record::k_header_bytes) / sizeof(Record)));
                }
            }
            patient.repair(name);
        }
        CHECK(read_journal(patient.directory()));
    }
}

TEST_CASE("Missing side files cost their texts and events only") {
    const JournalPatient patient = patient_of(true);
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
        const JournalPatient patient = patient_of(finished);
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
            refused += read_journal(patient.directory()) ? 0 : 1;
            patient.repair(name);
        }
    }
    CHECK(refused > 50);
    CHECK(refused < 5000);
}

TEST_CASE("Places outside a file give nothing") {
    const JournalPatient patient = patient_of(true);
    for (const std::uint64_t offset : {std::uint64_t{1} << 20U, std::uint64_t{1} << 40U, UINT64_MAX, UINT64_MAX - 15}) {
        CAPTURE(offset);
        patient.damage_at(JournalPatient::at_slot(3, offsetof(Record, events_offset)), offset);
        CHECK(JournalReader(patient.directory()).events(JournalReader(patient.directory()).records()[3]).empty());
        patient.damage_at(JournalPatient::at_slot(3, offsetof(Record, text_offset)), offset);
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
            patient.damage_at(JournalPatient::at_slot(3, field), count);
            CHECK(read_journal(patient.directory()));
        }
    }
    patient.damage_at(JournalPatient::at_slot(3, offsetof(Record, worker)), std::uint16_t{2});
    const JournalReader reader(patient.directory());
    CHECK(reader.output_text(reader.records()[3]).empty());
    CHECK(reader.events(reader.records()[3]).empty());
}

TEST_CASE("What is no journal of ours is refused with the reason") {
    const JournalPatient patient = patient_of(true);
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
    const JournalPatient patient = patient_of(true);
    patient.damage_at(offsetof(FileHeader, slots), UINT64_MAX);
    CHECK(JournalReader(patient.directory()).records().size() == k_slots);
    patient.damage_at(offsetof(FileHeader, slots), std::uint64_t{3});
    CHECK(JournalReader(patient.directory()).records().size() == 3);
}

TEST_CASE("Numbers are computed from records that announce what is not there, and from stamps that cannot be") {
    const JournalPatient patient({.finished = true, .dress = [](Record& record, std::uint64_t) {
                                      record.phase = 1;
                                      record.flags = record::flag::streamed;
                                  }});
    for (const std::size_t field : {offsetof(Record, event_count), offsetof(Record, output_bytes)}) {
        patient.damage_at(JournalPatient::at_slot(5, field), UINT32_MAX);
        CHECK(read_journal(patient.directory()));
    }
    for (const record::Field& field : record::k_record_fields) {
        if (field.size == sizeof(std::int64_t)) {
            for (const std::int64_t value : {INT64_MIN, INT64_MAX, std::int64_t{-1}}) {
                CAPTURE(field.name, value);
                patient.damage_at(JournalPatient::at_slot(5, field.offset), value);
                CHECK(read_journal(patient.directory()));
            }
        }
    }
    patient.damage_at(offsetof(FileHeader, anchor_wall_ns), INT64_MAX);
    CHECK(read_journal(patient.directory()));
}
