#include "codings.hpp"

#include "body_stream.hpp"
#include "decoded.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

using namespace aiperf;
using api::BodyStream;
using api::Coder;
using api::Compression;
using api::negotiated;
using http::Coding;

namespace {

/// Everything a stream gives, as a client would read it.
std::string drained(BodyStream stream, std::vector<std::size_t>* sizes = nullptr) {
    std::string all;
    while (true) {
        const BodyStream::Piece piece = stream.next();
        REQUIRE_FALSE(piece.failed);
        all += piece.bytes;
        if (sizes != nullptr) {
            sizes->push_back(piece.bytes.size());
        }
        if (piece.last) {
            return all;
        }
    }
}

std::string coded(const std::string& text, Coding coding, const Compression& compression) {
    const auto content = std::make_shared<api::TextContent>(text);
    return drained(BodyStream(content, {0, text.size()}, coding, compression));
}

}  // namespace

TEST_CASE("the coding a client likes best is taken, zstd before gzip before none") {
    const std::vector<std::pair<std::string, Coding>> headers{
        {"", Coding::none},
        {"gzip", Coding::gzip},
        {"GZip", Coding::gzip},
        {"x-gzip", Coding::gzip},
        {"zstd", Coding::zstd},
        {"gzip, deflate, br, zstd", Coding::zstd},
        {"gzip;q=1.0, zstd;q=0.5", Coding::gzip},
        {"zstd;q=0, gzip;q=0.001", Coding::gzip},
        {"gzip;q=0", Coding::none},
        {"*", Coding::zstd},
        {"*;q=0", Coding::none},
        {"zstd;q=0, *", Coding::gzip},
        {"gzip;q=0.5, *;q=0.1", Coding::gzip},
        {"identity", Coding::none},
        {"identity;q=0.5, gzip;q=0.4", Coding::none},
        {"identity;q=0, gzip;q=0.1", Coding::gzip},
        {"identity;q=0", Coding::none},
        {"br, deflate", Coding::none},
        {" gzip ; q=0.8 , zstd ; Q=0.2", Coding::gzip},
        {"gzip;q=2, zstd;q=x", Coding::none},
        {"gzip;q=, zstd;q=nan", Coding::none},
        {",,;q=1,gzip,", Coding::gzip},
    };
    for (const auto& [header, coding] : headers) {
        CAPTURE(header);
        REQUIRE(negotiated(header) == coding);
    }
}

TEST_CASE("what was compressed becomes the same bytes again, in pieces of any size and at any level") {
    const std::string text = test::numbered_lines(300'000);
    for (const Coding coding : {Coding::gzip, Coding::zstd}) {
        for (const Compression& compression :
             {Compression{1024, 1, 1}, Compression{65536, 3, 6}, Compression{1U << 20U, 22, 9}}) {
            CAPTURE(http::to_string(coding), compression.chunk_bytes);
            const std::string body = coded(text, coding, compression);
            REQUIRE(body.size() < text.size() / 3);
            REQUIRE(test::decoded(coding, body) == text);
            REQUIRE(coded(text, coding, compression) == body);
        }
        REQUIRE(test::decoded(coding, coded("", coding, {})).empty());
        REQUIRE(test::decoded(coding, coded("x", coding, {})) == "x");
    }
}

TEST_CASE("the levels act") {
    std::mt19937 random(1);  // NOLINT: the same in every run
    std::string text;
    while (text.size() < 500'000) {
        text += R"({"latency_ms": )" + std::to_string(random() % 100'000) + R"(, "status": "ok"})" + "\n";
    }
    REQUIRE(coded(text, Coding::gzip, {65536, 3, 9}).size() < coded(text, Coding::gzip, {65536, 3, 1}).size());
    REQUIRE(coded(text, Coding::zstd, {65536, 19, 6}).size() < coded(text, Coding::zstd, {65536, 1, 6}).size());
}

TEST_CASE("a body is made a chunk at a time") {
    const std::string text = test::numbered_lines(100'000);
    const auto content = std::make_shared<api::TextContent>(text);
    for (const std::size_t chunk : {1024UL, 10'000UL}) {
        std::vector<std::size_t> sizes;
        drained(BodyStream(content, {0, text.size()}, Coding::zstd, {chunk, 3, 6}), &sizes);
        REQUIRE(sizes.size() == (text.size() + chunk - 1) / chunk);
    }
    std::vector<std::size_t> plain;
    REQUIRE(drained(BodyStream(content, {10, 90'000}, Coding::none, {}), &plain) == text.substr(10, 90'000));
    REQUIRE(plain.size() == 2);
}

TEST_CASE("a content that became shorter fails instead of being filled up") {
    const auto content = std::make_shared<api::TextContent>("short");
    for (const Coding coding : {Coding::none, Coding::gzip}) {
        BodyStream stream(content, {0, 100}, coding, {});
        REQUIRE(stream.next().failed);
    }
}
