#include "aiperf/process/memory_file.hpp"

#include "aiperf/base/error.hpp"
#include "child_support.hpp"

#include <catch2/catch.hpp>

#include <cerrno>
#include <string>
#include <sys/mman.h>

using namespace aiperf;
using namespace aiperf::process;
using namespace aiperf::process::test;

namespace {

std::string many_bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = static_cast<char>(i * 31 + i / 256);
    }
    return bytes;
}

}  // namespace

TEST_CASE("a memory file gives back its bytes, any of them, as often as asked") {
    for (const std::size_t size : {0U, 1U, 256U, 4096U, 4097U, 3'000'000U}) {
        CAPTURE(size);
        const std::string bytes = many_bytes(size);
        const Descriptor file = make_memory_file("aiperf-test", bytes);
        CHECK((read_memory_file(file) == bytes));
        CHECK((read_memory_file(file) == bytes));
        CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
}

TEST_CASE("nobody can change a memory file") {
    const Descriptor file = make_memory_file("aiperf-test", "secret");
    const auto refused = [](long result) { return result == -1 && errno == EPERM; };
    CHECK(refused(::pwrite(file.get(), "x", 1, 0)));
    CHECK(refused(::pwrite(file.get(), "x", 1, 6)));
    CHECK(refused(::ftruncate(file.get(), 0)));
    CHECK(refused(::ftruncate(file.get(), 100)));
    CHECK(refused(::fcntl(file.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE)));
    CHECK(::mmap(nullptr, 6, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0) == MAP_FAILED);
    CHECK(read_memory_file(file) == "secret");
}

TEST_CASE("a memory file bears its name for people, and is gone with its descriptor") {
    const auto count = [] {
        std::size_t found = 0;
        for (const std::string& descriptor : open_descriptors()) {
            found += descriptor.find("memfd:aiperf-plan") == std::string::npos ? 0U : 1U;
        }
        return found;
    };
    {
        const Descriptor file = make_memory_file("aiperf-plan", "x");
        CHECK(count() == 1);
    }
    CHECK(count() == 0);
}

TEST_CASE("what cannot be read is an error") {
    CHECK_THROWS_AS(read_memory_file(Descriptor()), base::SystemError);
}
