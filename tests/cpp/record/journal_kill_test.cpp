#include "aiperf/record/journal.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "expected_rows.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <chrono>
#include <csignal>
#include <new>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace aiperf;  // NOLINT: a test
using test::TemporaryDirectory;

namespace {

/// A counter that survives the death of the process that counts.
class SharedCounter {
public:
    SharedCounter()
        : map_(::mmap(nullptr, sizeof(Number), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
        REQUIRE(map_ != MAP_FAILED);
        number_ = new (map_) Number(0);
    }

    ~SharedCounter() { ::munmap(map_, sizeof(Number)); }

    SharedCounter(const SharedCounter&) = delete;
    SharedCounter& operator=(const SharedCounter&) = delete;

    void set(std::uint64_t value) noexcept { number_->store(value); }

    [[nodiscard]] std::uint64_t get() const noexcept { return number_->load(); }

private:
    using Number = std::atomic<std::uint64_t>;

    void* map_;
    Number* number_ = nullptr;
};

/// Commits slot after slot and says so after each. Never returns.
[[noreturn]] void commit_for_ever(const std::filesystem::path& directory, SharedCounter& reported) {
    try {
        record::Journal journal(directory, test::plan_of(2));
        for (std::uint64_t slot = 0; test::write_row(journal.writer(slot % 2), slot); ++slot) {
            reported.set(slot + 1);
        }
    } catch (...) {
        ::_exit(2);
    }
    ::_exit(1);
}

}  // namespace

TEST_CASE("Whatever was reported as committed outlives kill -9") {
    for (const std::uint64_t after : {1U, 10U, 63U, 64U, 65U, 1000U, 5000U, 20'000U}) {
        const TemporaryDirectory directory;
        SharedCounter reported;
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            commit_for_ever(directory.path(), reported);
        }
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (reported.get() < after && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::yield();
        }
        ::kill(child, SIGKILL);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CAPTURE(after);
        CHECK(WIFSIGNALED(status));
        const std::uint64_t committed = reported.get();
        REQUIRE(committed >= after);

        record::JournalReader reader(directory.path());
        CHECK_FALSE(reader.finished());
        REQUIRE(reader.records().size() >= committed);
        std::uint64_t right = 0;
        for (std::uint64_t slot = 0; slot < committed; ++slot) {
            right += test::row_is_right(reader, slot) ? 1U : 0U;
        }
        CHECK(right == committed);
        // One more may have been under way, and that one is whole, or is settled as lost, or was never sent.
        CHECK(reader.records().size() <= committed + 1);
        CHECK(reader.settle_lost() <= 1);
    }
}
