#include "aiperf/base/clock.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/record/journal.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "expected_rows.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace aiperf;  // NOLINT: a test
using record::ErrorKind;
using record::Journal;
using record::JournalReader;
using record::Record;
using record::State;
using test::row_is_right;
using test::state_of;
using test::TemporaryDirectory;
using test::write_row;

namespace {

record::JournalPlan shared_plan(std::uint32_t workers) {
    record::JournalPlan plan = test::plan_of(workers);
    plan.shared = true;
    return plan;
}

/// Text and events of a shared journal lie with its workers, so a test asks a reader.
std::uint64_t right_rows(const record::RecordSet& set) {
    std::uint64_t right = 0;
    for (std::uint64_t slot = 0; slot < set.records().size(); ++slot) {
        right += row_is_right(set, slot) ? 1U : 0U;
    }
    return right;
}

/// A slot that has come as far as `state`.
void leave_at(Journal::Writer& writer, std::uint64_t slot, State state) {
    Record* const record = writer.claim(slot);
    REQUIRE(record != nullptr);
    record->session = static_cast<std::uint32_t>(slot);
    record->send_start_ns = 1;
    record->output_bytes = 1'000'000;  // nothing of it was written
    if (state == State::sent) {
        Journal::Writer::mark_sent(*record);
    }
}

Journal::Loss loss_of(std::uint32_t worker, std::uint64_t first, std::uint64_t count, bool unsent) {
    Journal::Loss loss;
    loss.worker = worker;
    loss.first = first;
    loss.count = count;
    loss.phase = 1;
    loss.entries = 4;
    loss.unsent = unsent;
    return loss;
}

/// True where a slot holds the error that a dead worker has left.
bool is_lost(const record::RecordSet& set, std::uint64_t slot, std::uint32_t worker, const std::string& text) {
    const Record& record = set.records()[slot];
    return state_of(record) == State::committed && record.error == static_cast<std::uint8_t>(ErrorKind::lost) &&
           record.worker == worker && record.end_ns > 0 && set.events(record).empty() &&
           set.output_text(record).empty() && set.reasoning_text(record).empty() && set.error_text(record) == text;
}

const std::string k_text = "worker died (signal 9)";

/// Slots of two workers, one of whom has died: 0 to 5 of worker 1 in all states, 10 and 11 of worker 0.
struct Wreck {
    TemporaryDirectory directory;
    Journal journal{directory.path(), shared_plan(2)};
    std::unique_ptr<Journal> living = Journal::join(directory.path(), 0);

    Wreck() {
        const auto dead = Journal::join(directory.path(), 1);  // gone without finish_worker()
        Journal::Writer& writer = dead->writer(1);
        REQUIRE(write_row(writer, 0));
        leave_at(writer, 1, State::sent);
        leave_at(writer, 2, State::claimed);
        // 3 was taken from the counter, and that was all
        leave_at(writer, 4, State::sent);
        REQUIRE(write_row(writer, 5));
        leave_at(living->writer(0), 10, State::sent);
        leave_at(living->writer(0), 11, State::claimed);
    }

    [[nodiscard]] State state(std::uint64_t slot) const { return state_of(journal.at(slot)); }
};

}  // namespace

TEST_CASE("Three joined workers write slots as they come, over many extents, and all is read back") {
    constexpr std::uint64_t k_slots = 20'000;  // the first extent holds 64
    const TemporaryDirectory directory;
    {
        Journal journal(directory.path(), shared_plan(3));
        std::atomic<std::uint64_t> next{0};
        std::atomic<std::uint64_t> failed{0};
        std::vector<std::thread> workers;
        for (std::uint32_t worker = 0; worker < 3; ++worker) {
            workers.emplace_back([&, worker] {
                const auto part = Journal::join(directory.path(), worker);
                for (std::uint64_t slot = next++; slot < k_slots; slot = next++) {
                    failed += write_row(part->writer(worker), slot) ? 0U : 1U;
                }
                part->finish_worker(worker);
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
    CHECK(reader.finished());
    REQUIRE(reader.records().size() == k_slots);
    CHECK(right_rows(reader) == k_slots);
}

TEST_CASE("Workers in processes of their own write one journal") {
    constexpr std::uint64_t k_slots = 6'000;
    const TemporaryDirectory directory;
    std::vector<pid_t> children;
    for (std::uint32_t worker = 0; worker < 3; ++worker) {
        const pid_t child = ::fork();  // before the journal's thread is there
        REQUIRE(child >= 0);
        if (child == 0) {
            try {
                while (!std::filesystem::exists(directory.path() / "go")) {
                    std::this_thread::yield();
                }
                const auto part = Journal::join(directory.path(), worker);
                bool good = true;
                for (std::uint64_t slot = worker; slot < k_slots; slot += 3) {
                    good = good && write_row(part->writer(worker), slot);
                }
                part->finish_worker(worker);
                ::_exit(good ? 0 : 1);
            } catch (...) {
                ::_exit(2);
            }
        }
        children.push_back(child);
    }
    Journal journal(directory.path(), shared_plan(3));
    std::filesystem::create_directory(directory.path() / "go");
    for (const pid_t child : children) {
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
    journal.finish(k_slots);
    const JournalReader reader(directory.path());
    REQUIRE(reader.records().size() == k_slots);
    CHECK(right_rows(reader) == k_slots);
}

TEST_CASE("The owner sees a joined worker's slots as soon as they are written") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), shared_plan(1));
    const auto part = Journal::join(directory.path(), 0);
    const std::uint64_t before = journal.readable_slots();
    REQUIRE(write_row(part->writer(0), before + 500));
    CHECK(journal.readable_slots() > before + 500);
    CHECK(state_of(journal.at(before + 500)) == State::committed);
}

TEST_CASE("Closing a shared journal cuts the records; each worker cuts its own files") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), shared_plan(2));
    std::uint64_t text = 0;
    for (const std::uint32_t worker : {0U, 1U}) {
        const auto part = Journal::join(directory.path(), worker);
        for (std::uint64_t slot = worker; slot < 3000; slot += 2) {
            REQUIRE(write_row(part->writer(worker), slot));
            const test::ExpectedRow row(slot);
            text += worker == 0 ? row.output.size() + row.reasoning.size() + row.error.size() : 0;
        }
        if (worker == 0) {
            part->finish_worker(worker);
        }
    }
    journal.finish(3000);
    const auto size = [&](const char* name) { return std::filesystem::file_size(directory.path() / name); };
    CHECK(size("records") == record::k_header_bytes + 3000 * sizeof(Record));
    CHECK(size("text.0") == record::k_side_header_bytes + text);
    CHECK(size("text.1") > text);  // it has died before
    CHECK(right_rows(JournalReader(directory.path())) == 3000);
}

TEST_CASE("A journal that is not there, or a worker it does not have, cannot be joined") {
    const TemporaryDirectory directory;
    CHECK_THROWS_AS(Journal::join(directory.path(), 0), base::SystemError);
    const Journal journal(directory.path(), shared_plan(1));
    CHECK_NOTHROW(Journal::join(directory.path(), 0));
    CHECK_THROWS_WITH(Journal::join(directory.path(), 1), Catch::Contains("events.1"));
}

TEST_CASE("What a dead worker had sent becomes errors with its text, and nothing else is touched") {
    Wreck wreck;
    const std::int64_t before = base::now_ns();
    CHECK(wreck.journal.settle_lost(loss_of(1, 0, 20, false), k_text) == 2);
    CHECK(wreck.journal.settle_lost(loss_of(1, 0, 20, false), k_text) == 0);
    CHECK(wreck.state(2) == State::claimed);
    CHECK(wreck.state(3) == State::free);
    CHECK(wreck.state(10) == State::sent);
    CHECK(wreck.state(11) == State::claimed);
    CHECK(wreck.journal.at(1).end_ns >= before);
    const JournalReader reader(wreck.directory.path());
    CHECK(is_lost(reader, 1, 1, k_text));
    CHECK(is_lost(reader, 4, 1, k_text));
    CHECK(row_is_right(reader, 0));
    CHECK(row_is_right(reader, 5));
    CHECK(record::error_details(reader, reader.records()[1]).type == "WorkerLostError");
    CHECK(record::error_details(reader, reader.records()[1]).message == k_text);
}

TEST_CASE("What a dead worker had claimed, or taken and not even claimed, becomes errors where that is asked for") {
    Wreck wreck;
    CHECK(wreck.journal.settle_lost(loss_of(1, 0, 6, true), k_text) == 4);
    CHECK(wreck.state(10) == State::sent);
    CHECK(wreck.state(11) == State::claimed);
    const JournalReader reader(wreck.directory.path());
    for (const std::uint64_t slot : {1U, 2U, 3U, 4U}) {
        CAPTURE(slot);
        CHECK(is_lost(reader, slot, 1, k_text));
    }
    CHECK(row_is_right(reader, 0));
    CHECK(row_is_right(reader, 5));
    const Record& unclaimed = reader.records()[3];
    CHECK(unclaimed.phase == 1);
    CHECK(unclaimed.session == 3);
    CHECK(unclaimed.conversation == 3);
    CHECK(unclaimed.planned_ns == unclaimed.end_ns);
    CHECK(unclaimed.send_start_ns == 0);
    CHECK(unclaimed.output_tokens == record::k_absent);
}

TEST_CASE("Only the slots of the phase are settled, and none beyond those that are there") {
    Wreck wreck;
    CHECK(wreck.journal.settle_lost(loss_of(1, 4, 1, true), k_text) == 1);
    CHECK(wreck.state(1) == State::sent);
    CHECK(wreck.state(2) == State::claimed);
    CHECK(wreck.journal.settle_lost(loss_of(1, 1'000'000, 50, true), k_text) == 0);
    const JournalReader reader(wreck.directory.path());
    CHECK(is_lost(reader, 4, 1, k_text));
    CHECK(reader.records()[4].session == 4);
}

TEST_CASE("Texts for what was lost stand behind those of the dead worker, however often it is settled") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), shared_plan(1));
    {
        const auto dead = Journal::join(directory.path(), 0);
        for (std::uint64_t slot = 0; slot < 2000; ++slot) {
            REQUIRE(write_row(dead->writer(0), slot));
        }
        leave_at(dead->writer(0), 2000, State::sent);
        leave_at(dead->writer(0), 2001, State::claimed);
    }
    CHECK(journal.settle_lost(loss_of(0, 0, 2002, false), k_text) == 1);
    const std::uintmax_t once = std::filesystem::file_size(directory.path() / "text.0");
    CHECK(journal.settle_lost(loss_of(0, 0, 2002, true), "another text") == 1);
    CHECK(std::filesystem::file_size(directory.path() / "text.0") == once);  // no extent for each
    journal.finish(2002);
    const JournalReader reader(directory.path());
    CHECK(right_rows(reader) == 2000);
    CHECK(is_lost(reader, 2000, 0, k_text));
    CHECK(is_lost(reader, 2001, 0, "another text"));
}

TEST_CASE("A worker that died as a thread of the owner is settled too") {
    const TemporaryDirectory directory;
    Journal journal(directory.path(), test::plan_of(2));
    REQUIRE(write_row(journal.writer(1), 0));
    leave_at(journal.writer(1), 1, State::sent);
    REQUIRE(write_row(journal.writer(0), 2));
    CHECK(journal.settle_lost(loss_of(1, 0, 3, true), k_text) == 1);
    CHECK(journal.output_text(journal.at(0)) == test::ExpectedRow(0).output);
    journal.finish(3);
    const JournalReader reader(directory.path());
    CHECK(is_lost(reader, 1, 1, k_text));
    CHECK(row_is_right(reader, 0));
    CHECK(row_is_right(reader, 2));
}
