#include "readers.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;
using namespace std::chrono_literals;
using api::Audience;
using api::Readers;

namespace {

constexpr base::Instant at(base::Nanoseconds time) {
    return base::Instant(time);
}

}  // namespace

TEST_CASE("nobody has asked at first") {
    const Readers readers;
    CHECK(readers.audience() == Audience{});
}

TEST_CASE("a client that asked is unread until it was told, under the name it asked by") {
    Readers readers;
    readers.asked("a", at(1s));
    readers.asked("b", at(2s));
    readers.asked("a", at(3s));
    CHECK(readers.audience() == Audience{2, 2, at(3s), at(3s)});
    readers.read("a", at(4s));
    CHECK(readers.audience() == Audience{2, 1, at(2s), at(4s)});
    readers.read("b", at(5s));
    CHECK(readers.audience() == Audience{2, 0, {}, at(5s)});
}

TEST_CASE("who was told once knows, and asking again and again keeps nobody waiting") {
    Readers readers;
    readers.read("a", at(1s));
    readers.asked("a", at(2s));
    readers.read("a", at(3s));
    CHECK(readers.audience() == Audience{1, 0, {}, at(1s)});
}

TEST_CASE("fetching results is no wish to know the end, but somebody is at work") {
    Readers readers;
    readers.active(at(7s));
    readers.active(at(6s));
    CHECK(readers.audience() == Audience{0, 0, {}, at(7s)});
}

TEST_CASE("a flood of names does not grow without bounds, and known clients are still noted") {
    Readers readers;
    readers.asked("first", at(1s));
    for (int i = 0; i < 10'000; ++i) {
        readers.asked("client " + std::to_string(i), at(2s));
    }
    const Audience flooded = readers.audience();
    CHECK(flooded.clients <= 1024);
    readers.read("first", at(3s));
    CHECK(readers.audience().unread == flooded.unread - 1);
}
