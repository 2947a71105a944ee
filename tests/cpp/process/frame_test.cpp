#include "aiperf/process/frame.hpp"

#include "aiperf/base/rng.hpp"
#include "parsed_frames.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace aiperf::process;
using aiperf::base::Rng;
using aiperf::test::frames_of;

namespace {

const std::vector<std::string> k_payloads{"{}", std::string(1, '\0'), std::string(300, 'x'), "{\"type\":\"stop\"}"};

std::string stream() {
    std::string bytes;
    for (const auto& payload : k_payloads) {
        bytes += encode_frame(payload);
    }
    return bytes;
}

}  // namespace

TEST_CASE("a stream of frames read whole gives the payloads") {
    FrameParser parser;
    std::vector<std::string> payloads;
    CHECK(parser.feed(stream(), payloads));
    CHECK(payloads == k_payloads);
    CHECK_FALSE(parser.in_frame());
}

TEST_CASE("a stream of frames gives the same payloads however it is cut") {
    const std::string bytes = stream();
    aiperf::test::for_all_cuts(bytes.size(), 0, [&](const aiperf::test::Cuts& cuts) {
        const aiperf::test::ParsedFrames frames = frames_of(bytes, cuts);
        REQUIRE(frames.payloads == k_payloads);
        REQUIRE_FALSE(frames.damaged);
        REQUIRE_FALSE(frames.in_frame);
    });
}

TEST_CASE("a frame that has begun and not ended is known as such at every byte") {
    const std::string frame = encode_frame("payload");
    for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
        FrameParser parser;
        std::vector<std::string> payloads;
        REQUIRE(parser.feed(frame.substr(0, cut), payloads));
        REQUIRE(parser.in_frame() == (cut > 0 && cut < frame.size()));
    }
}

TEST_CASE("a length above the limit damages the stream, and frames count up to there") {
    const std::string bad = std::string("\x00\x00\x00\x09", 4) + "123456789";
    FrameParser parser(8);
    std::vector<std::string> payloads;
    CHECK_FALSE(parser.feed(encode_frame("12345678") + bad, payloads));
    CHECK(payloads == std::vector<std::string>{"12345678"});
    CHECK(parser.damaged());
    CHECK_FALSE(parser.feed(encode_frame("more"), payloads));
    CHECK(payloads.size() == 1);
}

TEST_CASE("a length of nothing damages the stream, wherever it is cut") {
    const std::string bytes = encode_frame("a") + std::string(4, '\0');
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        FrameParser parser;
        std::vector<std::string> payloads;
        parser.feed(bytes.substr(0, cut), payloads);
        REQUIRE_FALSE(parser.feed(bytes.substr(cut), payloads));
        REQUIRE(payloads == std::vector<std::string>{"a"});
        REQUIRE(parser.damaged());
    }
}

TEST_CASE("the largest length allowed is taken") {
    FrameParser parser;
    std::vector<std::string> payloads;
    const std::string largest(k_max_frame_bytes, 'z');
    CHECK(parser.feed(encode_frame(largest), payloads));
    CHECK(payloads == std::vector<std::string>{largest});
}

TEST_CASE("a stream with random damage, in random pieces, gives the same as whole") {
    Rng rng(20240611);
    for (int round = 0; round < 3000; ++round) {
        std::string bytes = stream();
        for (auto changes = rng.below(4); changes > 0; --changes) {
            bytes[rng.below(bytes.size())] = static_cast<char>(rng.below(256));
        }
        const auto cuts = aiperf::test::random_cuts(rng, bytes.size(), 9);
        REQUIRE(frames_of(bytes, cuts, 400) == frames_of(bytes, {}, 400));
    }
}
