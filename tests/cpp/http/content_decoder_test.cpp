#include "aiperf/http/content_decoder.hpp"

#include "compressed.hpp"
#include "pieces.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

using aiperf::http::Coding;
using aiperf::http::coding_of;
using aiperf::http::ContentDecoder;
using aiperf::test::deflated;
using aiperf::test::gzipped;
using aiperf::test::zstandard;

namespace {

struct Decoded {
    std::string plain;
    bool failed = false;
    bool complete = false;
};

/// Decodes in pieces of `step` bytes.
Decoded decode(Coding coding, const std::string& bytes, std::size_t step) {
    ContentDecoder decoder(coding);
    Decoded out;
    for (std::size_t at = 0; at < bytes.size() && !decoder.failed(); at += step) {
        const std::string piece = bytes.substr(at, step);
        decoder.give(piece.data(), piece.size());
        std::size_t size = 0;
        for (const char* plain = decoder.next(size); size > 0; plain = decoder.next(size)) {
            out.plain.append(plain, size);
        }
    }
    out.failed = decoder.failed();
    out.complete = decoder.complete();
    return out;
}

std::string long_text() {
    std::string text;
    for (int i = 0; i < 40'000; ++i) {
        text += std::to_string(i * 7919 % 10007) + ' ';
    }
    return text;
}

}  // namespace

TEST_CASE("Every coding gives the text back, in pieces of any size") {
    const std::string text = long_text();
    const std::vector<std::pair<Coding, std::string>> bodies{{Coding::gzip, gzipped(text)},
                                                             {Coding::gzip, gzipped(text) + gzipped("more")},
                                                             {Coding::deflate, deflated(text, 15)},
                                                             {Coding::deflate, deflated(text, -15)},
                                                             {Coding::zstd, zstandard(text)},
                                                             {Coding::zstd, zstandard(text) + zstandard("more")}};
    for (const auto& [coding, bytes] : bodies) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, bytes.size()}) {
            const Decoded out = decode(coding, bytes, step);
            CAPTURE(to_string(coding), step);
            CHECK(out.plain.substr(0, text.size()) == text);
            CHECK((out.plain.size() == text.size() || out.plain.substr(text.size()) == "more"));
            CHECK(out.complete);
            CHECK(!out.failed);
        }
    }
}

TEST_CASE("A coded body that ends too early is not complete, wherever it is cut") {
    for (const auto& [coding, bytes] :
         {std::pair(Coding::gzip, gzipped("hello, hello")), std::pair(Coding::zstd, zstandard("hello, hello"))}) {
        for (std::size_t size = 1; size < bytes.size(); ++size) {
            const Decoded out = decode(coding, bytes.substr(0, size), size);
            CAPTURE(size);
            CHECK((out.failed || !out.complete));
        }
    }
}

TEST_CASE("Bytes of another kind are refused") {
    for (const Coding coding : {Coding::gzip, Coding::deflate, Coding::zstd}) {
        CHECK(decode(coding, "{\"not\": \"coded at all, but plain\"}", 1000).failed);
    }
    std::string damaged = gzipped(long_text());
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 0x55);
    const Decoded out = decode(Coding::gzip, damaged, 4096);
    CHECK((out.failed || !out.complete));
}

TEST_CASE("A body that grows without measure is refused at the limit") {
    const std::string layer(16UL << 20U, 'a');
    const std::string bytes = gzipped(layer);
    std::string many;
    for (int i = 0; i < 17; ++i) {
        many += bytes;  // 272 MiB in 272 KiB
    }
    ContentDecoder decoder(Coding::gzip);
    decoder.give(many.data(), many.size());
    std::uint64_t total = 0;
    std::size_t size = 0;
    for (decoder.next(size); size > 0; decoder.next(size)) {
        total += size;
    }
    CHECK(decoder.failed());
    CHECK(total <= ContentDecoder::k_limit);
}

TEST_CASE("Names of codings count in any case, and an unknown one is told") {
    bool known = false;
    CHECK(coding_of("GZIP", known) == Coding::gzip);
    CHECK(known);
    CHECK(coding_of("x-gzip", known) == Coding::gzip);
    CHECK(coding_of("Zstd", known) == Coding::zstd);
    CHECK(coding_of("identity", known) == Coding::none);
    CHECK(known);
    CHECK(coding_of("br", known) == Coding::none);
    CHECK(!known);
}
