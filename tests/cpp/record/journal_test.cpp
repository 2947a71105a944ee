#include "aiperf/record/journal.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "expected_rows.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using record::ErrorKind;
using record::Journal;
using record::JournalReader;
using record::Record;
using record::State;
using test::plan_of;
using test::row_is_right;
using test::state_of;
using test::TemporaryDirectory;
using test::write_row;

namespace {

std::uint64_t bytes_of(const std::filesystem::path& path) {
    return std::filesystem::file_size(path);
}

/// Slots of the set that are not as written.
std::vector<std::uint64_t> wrong_slots(const record::RecordSet& set) {
    std::vector<std::uint64_t> wrong;
    for (std::uint64_t slot = 0; slot < set.records().size(); ++slot) {
        if (!row_is_right(set, slot)) {
            wrong.push_back(slot);
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("What a journal was told about its run is read back") {
    const TemporaryDirectory directory;
    {
        Journal journal(directory.path() / "made" / "on the way", plan_of(2));
        CHECK(journal.directory() == directory.path() / "made" / "on the way");
        journal.begin_phase({.name = "warmup", .profiling = false, .first_slot = 0, .start_ns = 10, .end_ns = 0});
        journal.end_phase(20);
        journal.begin_phase({.name = "profiling", .profiling = true, .first_slot = 5, .start_ns = 30, .end_ns = 0});
        journal.finish(0);
    }
    const JournalReader reader(directory.path() / "made" / "on the way");
    CHECK(reader.finished());
    CHECK(reader.records().empty());
    const record::RunInfo& info = reader.info();
    CHECK(info.run_key == 0x1234'5678'9abc'def0);
    CHECK(info.seed == 99);
    CHECK(info.workers == 2);
    CHECK(info.anchor.to_wall_ns(1500) == 2'000'500);
    REQUIRE(info.phases.size() == 2);
    CHECK(info.phases[0].name == "warmup");
    CHECK_FALSE(info.phases[0].profiling);
    CHECK(info.phases[0].start_ns == 10);
    CHECK(info.phases[0].end_ns == 20);
    CHECK(info.phases[1].name == "profiling");
    CHECK(info.phases[1].profiling);
    CHECK(info.phases[1].first_slot == 5);
    CHECK(info.phases[1].end_ns == 0);
}

TEST_CASE("A journal holds sixteen phases and refuses one more; a long name is cut") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), plan_of(1));
    for (std::size_t i = 0; i < record::k_max_phases; ++i) {
        journal.begin_phase({.name = std::string(100, 'x'), .profiling = true, .first_slot = i});
    }
    CHECK_THROWS_AS(journal.begin_phase({.name = "one too many"}), base::RunError);
    const JournalReader reader(directory.path());
    REQUIRE(reader.info().phases.size() == record::k_max_phases);
    CHECK(reader.info().phases.back().name == std::string(31, 'x'));
}

TEST_CASE("Three workers write slots as they come, over many extents, and all is read back") {
    constexpr std::uint64_t k_slots = 20'000;  // the first extent holds 64
    const TemporaryDirectory directory;
    {
        Journal journal(directory.path(), plan_of(3));
        std::atomic<std::uint64_t> next{0};
        std::atomic<std::uint64_t> failed{0};
        std::vector<std::thread> workers;
        for (std::uint32_t worker = 0; worker < 3; ++worker) {
            workers.emplace_back([&, worker] {
                for (std::uint64_t slot = next++; slot < k_slots; slot = next++) {
                    failed += write_row(journal.writer(worker), slot) ? 0U : 1U;
                }
            });
        }
        for (std::thread& worker : workers) {
            worker.join();
        }
        CHECK(failed == 0);
        CHECK(journal.failure().empty());
        CHECK(journal.readable_slots() >= k_slots);
        journal.finish(k_slots);
    }
    const JournalReader reader(directory.path());
    REQUIRE(reader.records().size() == k_slots);
    CHECK(wrong_slots(reader).empty());
    for (const Record& record : reader.records()) {
        REQUIRE(record.worker < 3);
    }
}

TEST_CASE("A journal without texts and events is read back too") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), plan_of(1));
    Record* record = journal.writer(0).claim(0);
    REQUIRE(record != nullptr);
    CHECK(journal.writer(0).commit(*record, {}, {}, {}, {}));
    const JournalReader reader(directory.path());
    REQUIRE(reader.records().size() == 1);
    CHECK(reader.events(reader.records()[0]).empty());
    CHECK(reader.output_text(reader.records()[0]).empty());
    CHECK(reader.records()[0].usage_prompt_tokens == record::k_absent);
}

TEST_CASE("The journal gives back the texts of what it committed") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), plan_of(2));
    for (std::uint64_t slot = 0; slot < 100; ++slot) {
        REQUIRE(write_row(journal.writer(slot % 2), slot));
    }
    for (std::uint64_t slot = 0; slot < 100; ++slot) {
        const test::ExpectedRow row(slot);
        CHECK(journal.output_text(journal.at(slot)) == row.output);
        CHECK(journal.reasoning_text(journal.at(slot)) == row.reasoning);
    }
}

TEST_CASE("A text longer than an extent is kept whole") {
    const TemporaryDirectory directory;
    const std::string text(3U << 20U, 'x');
    Journal journal(directory.path(), plan_of(1));
    for (std::uint64_t slot = 0; slot < 3; ++slot) {
        Record* record = journal.writer(0).claim(slot);
        REQUIRE(record != nullptr);
        REQUIRE(journal.writer(0).commit(*record, {}, text, "r", "e"));
    }
    const JournalReader reader(directory.path());
    CHECK(reader.output_text(reader.records()[2]) == text);
    CHECK(reader.reasoning_text(reader.records()[2]) == "r");
    CHECK(reader.error_text(reader.records()[2]) == "e");
}

TEST_CASE("A reader of a live journal believes committed slots only") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), plan_of(2, 1000));
    REQUIRE(write_row(journal.writer(0), 0));
    REQUIRE(journal.writer(1).claim(1) != nullptr);
    REQUIRE(write_row(journal.writer(0), 2));
    Record* sent = journal.writer(1).claim(4);
    REQUIRE(sent != nullptr);
    journal.writer(1).mark_sent(*sent);
    const JournalReader reader(directory.path());
    CHECK_FALSE(reader.finished());
    REQUIRE(reader.records().size() == 5);  // not the thousand that are reserved
    CHECK(row_is_right(reader, 0));
    CHECK(state_of(reader.records()[1]) == State::claimed);
    CHECK(row_is_right(reader, 2));
    CHECK(state_of(reader.records()[3]) == State::free);
    CHECK(state_of(reader.records()[4]) == State::sent);
    CHECK(reader.records()[4].worker == 1);
}

TEST_CASE("What was in flight in a worker that died becomes a lost request, in the reader's view only") {
    const TemporaryDirectory directory;
    {
        Journal journal(directory.path(), plan_of(1));
        REQUIRE(write_row(journal.writer(0), 0));
        for (const std::uint64_t slot : {1U, 2U, 3U}) {
            Record* record = journal.writer(0).claim(slot);
            REQUIRE(record != nullptr);
            if (slot != 2) {
                record->send_start_ns = 100;
                record->send_end_ns = slot == 1 ? 110 : 0;
                record->headers_ns = slot == 1 ? 130 : 0;
                record->output_bytes = 1'000'000;  // not written yet
                journal.writer(0).mark_sent(*record);
            }
        }
    }  // not finished
    {
        JournalReader reader(directory.path());
        CHECK(reader.settle_lost() == 2);
        CHECK(reader.settle_lost() == 0);
        REQUIRE(reader.records().size() == 4);
        CHECK(row_is_right(reader, 0));
        const Record& lost = reader.records()[1];
        CHECK(state_of(lost) == State::committed);
        CHECK(lost.error == static_cast<std::uint8_t>(ErrorKind::lost));
        CHECK(lost.end_ns == 130);
        CHECK(reader.records()[3].end_ns == 100);
        CHECK(reader.output_text(lost).empty());
        CHECK(reader.events(lost).empty());
        CHECK(record::error_details(reader, lost).type == "WorkerLostError");
        CHECK(state_of(reader.records()[2]) == State::claimed);
        reader.at(0).output_tokens = 7;
        CHECK(reader.records()[0].output_tokens == 7);
    }
    const JournalReader again(directory.path());
    CHECK(state_of(again.records()[1]) == State::sent);
    CHECK(again.records()[0].output_tokens == record::k_absent);
}

TEST_CASE("Closing cuts the files to what is used, for good") {
    for (int round = 0; round < 20; ++round) {
        const TemporaryDirectory directory;
        std::uint64_t events = 0;
        std::uint64_t text = 0;
        {
            Journal journal(directory.path(), plan_of(1));
            for (std::uint64_t slot = 0; slot < 3000; ++slot) {  // growing ahead is busy when finish() comes
                REQUIRE(write_row(journal.writer(0), slot));
                const test::ExpectedRow row(slot);
                events += row.events.size() * sizeof(record::Event);
                text += row.output.size() + row.reasoning.size() + row.error.size();
            }
            journal.finish(3000);
        }
        REQUIRE(bytes_of(directory.path() / "records") == record::k_header_bytes + 3000 * sizeof(Record));
        REQUIRE(bytes_of(directory.path() / "events.0") == record::k_side_header_bytes + events);
        REQUIRE(bytes_of(directory.path() / "text.0") == record::k_side_header_bytes + text);
        const JournalReader reader(directory.path());
        CHECK(reader.finished());
        REQUIRE(reader.records().size() == 3000);
        CHECK(wrong_slots(reader).empty());
    }
}

TEST_CASE("Slots never claimed at the end of a finished journal are left out") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), plan_of(1));
    REQUIRE(write_row(journal.writer(0), 0));
    REQUIRE(write_row(journal.writer(0), 2));
    journal.finish(10);
    const JournalReader reader(directory.path());
    CHECK(reader.records().size() == 3);
}

TEST_CASE("A journal can be opened at the very moment it is closed") {
    const TemporaryDirectory directory;
    for (int round = 0; round < 40; ++round) {
        auto journal = std::make_unique<Journal>(directory.path(), plan_of(1, 20'000));
        for (std::uint64_t slot = 0; slot < 10; ++slot) {
            REQUIRE(write_row(journal->writer(0), slot));
        }
        std::atomic<bool> looking{false};
        std::vector<std::size_t> seen;
        std::thread other([&] {
            for (int look = 0; look < 3; ++look) {
                looking = true;
                const JournalReader reader(directory.path());
                seen.push_back(reader.records().size() - wrong_slots(reader).size());
            }
        });
        while (!looking) {
            std::this_thread::yield();
        }
        journal->finish(10);
        other.join();
        CHECK(seen == std::vector<std::size_t>{10, 10, 10});
    }
}

TEST_CASE("A new journal in an old one's place begins empty, and a reader of the old one keeps it") {
    const TemporaryDirectory directory;
    {
        Journal journal(directory.path(), plan_of(1));
        REQUIRE(write_row(journal.writer(0), 0));
    }
    const JournalReader old(directory.path());
    const Journal journal(directory.path(), plan_of(1));
    CHECK(JournalReader(directory.path()).records().empty());
    CHECK(row_is_right(old, 0));
}

TEST_CASE("A directory that cannot be made, or written, is an error with its name") {
    const TemporaryDirectory directory;
    const auto file = directory.path() / "file";
    std::ofstream(file) << "x";
    CHECK_THROWS_WITH(Journal(file / "sub", plan_of(1)), Catch::Contains(file.string()));
    std::filesystem::create_directories(directory.path() / "taken" / "records");
    CHECK_THROWS_AS(Journal(directory.path() / "taken", plan_of(1)), base::SystemError);
    CHECK_THROWS_WITH(Journal(directory.path() / "taken", plan_of(1)), Catch::Contains("records"));
}
