#include "aiperf/record/growing_file.hpp"

#include "aiperf/base/error.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>

using aiperf::record::GrowingFile;
using aiperf::test::TemporaryDirectory;

TEST_CASE("Reserved bytes are there, zero, and written through to the file") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "file";
    GrowingFile file(path, 100);
    CHECK(file.reserved() >= 100);
    CHECK(std::filesystem::file_size(path) == file.reserved());
    for (std::uint64_t i = 0; i < file.reserved(); ++i) {
        REQUIRE(file.data()[i] == std::byte{0});
    }
    std::memcpy(file.data(), "hello", 5);
    std::ifstream in(path);
    std::string text(5, ' ');
    in.read(text.data(), 5);
    CHECK(text == "hello");
}

TEST_CASE("A file grows as far as it is asked to, and its bytes stay where they are") {
    const TemporaryDirectory directory;
    GrowingFile file(directory.path() / "file", 1);
    std::byte* const data = file.data();
    data[0] = std::byte{7};
    std::uint64_t before = file.reserved();
    for (const std::uint64_t end : {5'000ULL, 100'000ULL, 10'000'000ULL}) {
        REQUIRE(file.ensure(end));
        CHECK(file.reserved() >= end);
        CHECK(file.reserved() > before);
        file.data()[end - 1] = std::byte{1};
        before = file.reserved();
    }
    CHECK(file.ensure(10));
    CHECK(file.reserved() == before);
    CHECK(file.data() == data);
    CHECK(data[0] == std::byte{7});
    CHECK(file.error() == 0);
}

TEST_CASE("Growing ahead keeps ahead of the use") {
    const TemporaryDirectory directory;
    GrowingFile file(directory.path() / "file", 64 * 1024);
    file.grow_ahead();
    CHECK_FALSE(file.wants_growth());
    const std::uint64_t before = file.reserved();
    file.note_used(before - 100);
    CHECK(file.wants_growth());
    file.grow_ahead();
    CHECK(file.reserved() > before);
    file.note_used(10);  // never back
    file.grow_ahead();
    CHECK_FALSE(file.wants_growth());
}

TEST_CASE("A closed file is as long as it was told and does not grow again") {
    const TemporaryDirectory directory;
    const auto path = directory.path() / "file";
    GrowingFile file(path, 64 * 1024);
    file.note_used(file.reserved());
    file.finish(1234);
    CHECK(std::filesystem::file_size(path) == 1234);
    file.grow_ahead();
    CHECK_FALSE(file.ensure(2000));
    CHECK(file.ensure(1234));
    CHECK(std::filesystem::file_size(path) == 1234);
    CHECK(file.error() == 0);
}

TEST_CASE("A range beyond all bounds is refused and said why") {
    const TemporaryDirectory directory;
    GrowingFile file(directory.path() / "file", 1);
    CHECK_FALSE(file.ensure(1ULL << 40U));
    CHECK(file.error() == EFBIG);
    CHECK(file.ensure(10'000));  // what fits is still given
}

TEST_CASE("A file that cannot be made is an error with its path and the system's words") {
    const TemporaryDirectory directory;
    CHECK_THROWS_WITH(GrowingFile(directory.path() / "no" / "file", 1),
                      Catch::Contains("no/file") && Catch::Contains(std::strerror(ENOENT)));
}
