#include "aiperf/base/error.hpp"
#include "aiperf/record/journal.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "expected_rows.hpp"
#include "small_disk.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstring>
#include <string>

using namespace aiperf;  // NOLINT: a test
using record::JournalReader;
using record::Record;

namespace {

std::string no_space() {
    return std::strerror(ENOSPC);
}

}  // namespace

TEST_CASE("A full disk refuses the next claim in time, and nothing committed before is lost") {
    const test::SmallDisk disk("1m");
    if (!disk.mounted()) {
        return;
    }
    std::uint64_t claimed = 0;
    {
        record::Journal journal(disk.where(), test::plan_of(1));
        record::Journal::Writer& writer = journal.writer(0);
        for (Record* record = writer.claim(0); record != nullptr; record = writer.claim(++claimed)) {
            REQUIRE(claimed < 100'000);
            record->planned_ns = static_cast<std::int64_t>(claimed);
            REQUIRE(writer.commit(*record, {}, {}, {}, {}));
        }
        CHECK(claimed > 1000);  // the disk was used
        CHECK(writer.claim(claimed) == nullptr);
        CHECK_THAT(journal.failure(), Catch::Contains("records") && Catch::Contains(no_space()));
        journal.finish(claimed);
    }
    const JournalReader reader(disk.where());
    REQUIRE(reader.records().size() == claimed);
    for (std::uint64_t slot = 0; slot < claimed; ++slot) {
        REQUIRE(test::state_of(reader.records()[slot]) == record::State::committed);
        REQUIRE(reader.records()[slot].planned_ns == static_cast<std::int64_t>(slot));
    }
}

TEST_CASE("A disk that fills up with text refuses the commit: the slot stays sent, the ones before are whole") {
    const test::SmallDisk disk("1m");
    if (!disk.mounted()) {
        return;
    }
    const std::string text(10'000, 'x');
    std::uint64_t committed = 0;
    {
        record::Journal journal(disk.where(), test::plan_of(1));
        record::Journal::Writer& writer = journal.writer(0);
        for (bool room = true; room; committed += room ? 1U : 0U) {
            REQUIRE(committed < 1000);
            Record* record = writer.claim(committed);
            REQUIRE(record != nullptr);
            writer.mark_sent(*record);
            room = writer.commit(*record, {}, text, std::to_string(committed), {});
        }
        CHECK(committed > 10);
        CHECK_THAT(journal.failure(), Catch::Contains("text.0") && Catch::Contains(no_space()));
    }
    JournalReader reader(disk.where());
    REQUIRE(reader.records().size() == committed + 1);
    for (std::uint64_t slot = 0; slot < committed; ++slot) {
        REQUIRE(reader.output_text(reader.records()[slot]) == text);
        REQUIRE(reader.reasoning_text(reader.records()[slot]) == std::to_string(slot));
    }
    CHECK(test::state_of(reader.records()[committed]) == record::State::sent);
    CHECK(reader.settle_lost() == 1);
}

TEST_CASE("A journal that finds no room at all is refused at once") {
    const test::SmallDisk disk("64k");
    if (!disk.mounted()) {
        return;
    }
    try {
        const record::Journal journal(disk.where(), test::plan_of(4));
        FAIL("there is no room for the journals of four workers");
    } catch (const base::SystemError& error) {
        CHECK(error.error_number() == ENOSPC);
        CHECK_THAT(error.what(), Catch::Contains(disk.where().string()) && Catch::Contains(no_space()));
    }
}
