#pragma once

#include <stdexcept>
#include <string>
#include <zlib.h>
#include <zstd.h>

namespace aiperf::test {

/// `plain` in zlib's coding; `bits`: 15 = zlib, -15 = bare, 31 = gzip.
inline std::string deflated(const std::string& plain, int bits) {
    z_stream stream{};
    constexpr int k_memory = 8;
    if (::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, bits, k_memory, Z_DEFAULT_STRATEGY) != Z_OK) {
        throw std::runtime_error("zlib");
    }
    std::string out(::deflateBound(&stream, plain.size()) + 64, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(plain.data()));  // NOLINT: zlib's interface
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT: zlib's interface
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
}

inline std::string gzipped(const std::string& plain) {
    constexpr int k_gzip = 31;
    return deflated(plain, k_gzip);
}

inline std::string zstandard(const std::string& plain) {
    std::string out(::ZSTD_compressBound(plain.size()), '\0');
    out.resize(::ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3));
    return out;
}

}  // namespace aiperf::test
