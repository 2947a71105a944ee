#include "aiperf/base/error.hpp"
#include "aiperf/dataset/dataset.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace aiperf;
using dataset::Dataset;
using dataset::DatasetBuilder;
using dataset::open_dataset;

namespace {

constexpr int k_all_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
constexpr std::size_t k_header_bytes = 56;        // magic, turns, conversations, ids, addresses, size, ready
constexpr std::size_t k_turns_at = 8;             // in the header: their number; behind it that of conversations
constexpr std::size_t k_file_bytes_at = 40;       // in the header
constexpr std::size_t k_ready_at = 48;            // in the header
constexpr std::size_t k_turn_bytes = 64;          // body, message, text: offsets and sizes; delay, two counts
constexpr std::size_t k_conversation_bytes = 32;  // first turn, number of turns, id, its size

std::shared_ptr<const Dataset> three_entries() {
    DatasetBuilder builder;
    builder.add("session_000000", R"({"a":1})", 12, 34);
    builder.add("", "", -1, -1);
    builder.add("session_000002", std::string("nul\0inside", 10), 5, -1);
    return builder.seal();
}

std::string bytes_of(int file) {
    std::string bytes(static_cast<std::size_t>(::lseek(file, 0, SEEK_END)), '\0');
    REQUIRE(::pread(file, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
    return bytes;
}

/// A memfd with these bytes and seals.
int memory_with(const std::string& bytes, int seals = k_all_seals) {
    const int file = ::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    REQUIRE(::write(file, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
    REQUIRE((seals == 0 || ::fcntl(file, F_ADD_SEALS, seals) == 0));
    return file;
}

std::string with_number(std::string bytes, std::size_t at, std::uint64_t number) {
    std::memcpy(bytes.data() + at, &number, sizeof(number));
    return bytes;
}

bool is_refused(int file) {
    try {
        static_cast<void>(open_dataset(file));
        return false;
    } catch (const base::RunError& error) {
        return std::string(error.what()).find("not a data set") == 0;
    }
}

}  // namespace

TEST_CASE("a sealed data set opened by its descriptor has the same entries and ids") {
    const auto made = three_entries();
    const auto opened = open_dataset(::dup(made->descriptor()));
    REQUIRE(opened->size() == made->size());
    for (std::size_t i = 0; i < made->size(); ++i) {
        CHECK(opened->entry(i).body == made->entry(i).body);
        CHECK(opened->entry(i).body.data() != made->entry(i).body.data());
        CHECK(opened->entry(i).input_tokens == made->entry(i).input_tokens);
        CHECK(opened->entry(i).requested_tokens == made->entry(i).requested_tokens);
        CHECK(opened->conversation_id(i) == made->conversation_id(i));
        const std::string_view body = opened->entry(i).body;
        const std::string padding(body.data() + body.size(), dataset::k_body_padding);  // may be read
        CHECK(padding.size() == dataset::k_body_padding);
    }
}

TEST_CASE("an opened data set outlives its maker, and can be opened again from itself") {
    auto made = three_entries();
    auto opened = open_dataset(::dup(made->descriptor()));
    made.reset();
    const auto again = open_dataset(::dup(opened->descriptor()));
    opened.reset();
    CHECK(again->entry(0).body == R"({"a":1})");
    CHECK(open_dataset(::dup(DatasetBuilder().seal()->descriptor()))->size() == 0);
}

TEST_CASE("a data set is opened in a process that inherits it") {
    const auto made = three_entries();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        try {
            const auto opened = open_dataset(::dup(made->descriptor()));
            ::_exit(opened->size() == 3 && opened->conversation_id(2) == "session_000002" ? 0 : 1);
        } catch (...) {
            ::_exit(2);
        }
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("what can be cut is refused, and closed") {
    const std::string bytes = bytes_of(three_entries()->descriptor());
    for (const int seals : {0, F_SEAL_WRITE, F_SEAL_WRITE | F_SEAL_GROW, F_SEAL_GROW | F_SEAL_SEAL}) {
        const int file = memory_with(bytes, seals);
        CAPTURE(seals);
        CHECK(is_refused(file));
        CHECK(::fcntl(file, F_GETFD) == -1);
    }
    std::FILE* const ordinary = std::tmpfile();
    REQUIRE(ordinary != nullptr);
    REQUIRE(std::fwrite(bytes.data(), 1, bytes.size(), ordinary) == bytes.size());
    std::fflush(ordinary);
    CHECK(is_refused(::dup(::fileno(ordinary))));
    std::fclose(ordinary);
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    CHECK(is_refused(ends[0]));
    ::close(ends[1]);
    CHECK(is_refused(-1));
}

TEST_CASE("a sealed file that is something else is refused") {
    for (const std::size_t size : {0U, 1U, 23U, 24U, 64U, 5000U}) {
        CAPTURE(size);
        CHECK(is_refused(memory_with(std::string(size, '\0'))));
        CHECK(is_refused(memory_with(std::string(size, 'x'))));
    }
}

TEST_CASE("a data set that is cut anywhere, or has bytes behind it, is refused") {
    const std::string bytes = bytes_of(three_entries()->descriptor());
    for (std::size_t size = 0; size < bytes.size(); size += size < 1000 ? 1 : 997) {
        CAPTURE(size);
        REQUIRE(is_refused(memory_with(bytes.substr(0, size))));
    }
    CHECK(is_refused(memory_with(bytes + "x")));
    // One that says it still grows must have its index, and lie within its addresses.
    const std::string growing = with_number(bytes, k_file_bytes_at, 0);
    const int whole = memory_with(growing);
    CHECK_NOTHROW(open_dataset(whole));
    CHECK(is_refused(memory_with(with_number(growing, k_file_bytes_at - 8, bytes.size() - 1))));
}

TEST_CASE("a header whose index is not in the file is refused") {
    const std::string bytes = bytes_of(three_entries()->descriptor());
    const std::uint64_t most = (bytes.size() - k_header_bytes) / k_turn_bytes;
    for (const std::size_t count : {k_turns_at, k_turns_at + 8}) {
        for (const std::uint64_t rows :
             std::vector<std::uint64_t>{2 * most + 2, 1ULL << 40U, ~0ULL / k_turn_bytes + 2, ~0ULL}) {
            CAPTURE(count, rows);
            CHECK(is_refused(memory_with(with_number(bytes, count, rows))));
        }
    }
    for (const std::uint64_t ready : std::vector<std::uint64_t>{4, ~0ULL}) {
        CHECK(is_refused(memory_with(with_number(bytes, k_ready_at, ready))));
    }
}

TEST_CASE("a turn whose body, message or text lies outside is refused") {
    const std::string bytes = bytes_of(three_entries()->descriptor());
    const std::size_t last_row = k_header_bytes + 2 * k_turn_bytes;
    for (const std::size_t field : {0U, 8U, 16U, 24U, 32U, 40U}) {
        for (const std::uint64_t number : std::vector<std::uint64_t>{bytes.size() + 1, 1ULL << 40U, ~0ULL - 5, ~0ULL}) {
            CAPTURE(field, number);
            CHECK(is_refused(memory_with(with_number(bytes, last_row + field, number))));
        }
    }
    CHECK(is_refused(memory_with(with_number(bytes, last_row + 48, ~0ULL))));  // a delay before now
}

TEST_CASE("a conversation whose turns or id lie outside is refused") {
    const std::string bytes = bytes_of(three_entries()->descriptor());
    const std::size_t last_row = k_header_bytes + 3 * k_turn_bytes + 2 * k_conversation_bytes;
    CHECK(is_refused(memory_with(with_number(bytes, last_row, 3))));
    CHECK(is_refused(memory_with(with_number(bytes, last_row + 8, 2))));
    CHECK(is_refused(memory_with(with_number(bytes, last_row + 8, 0))));  // every conversation has a turn
    for (const std::size_t field : {0U, 8U, 16U, 24U}) {
        for (const std::uint64_t number : std::vector<std::uint64_t>{bytes.size() + 1, 1ULL << 40U, ~0ULL - 5, ~0ULL}) {
            CAPTURE(field, number);
            CHECK(is_refused(memory_with(with_number(bytes, last_row + field, number))));
        }
    }
}
