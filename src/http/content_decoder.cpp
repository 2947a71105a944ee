#include "aiperf/http/content_decoder.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/http/sse.hpp"

#include <vector>
#include <zlib.h>
#include <zstd.h>

namespace aiperf::http {

namespace {

constexpr std::size_t k_piece = 64UL * 1024;
constexpr int k_window_log = 23;  // RFC 9659: 8 MiB

}  // namespace

struct ContentDecoder::Library {
    z_stream zlib{};
    ZSTD_DCtx* zstd = nullptr;
    const char* input = nullptr;
    std::size_t input_size = 0;
    std::vector<char> out = std::vector<char>(k_piece + SseParser::k_padding);

    Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    ~Library() {
        ::inflateEnd(&zlib);
        ::ZSTD_freeDCtx(zstd);
    }
};

Coding coding_of(std::string_view name, bool& known) noexcept {
    const auto is = [name](std::string_view word) { return base::equals_ignoring_case(name, word); };
    known = true;
    if (is("gzip") || is("x-gzip")) {
        return Coding::gzip;
    }
    if (is("deflate")) {
        return Coding::deflate;
    }
    if (is("zstd")) {
        return Coding::zstd;
    }
    known = is("identity") || name.empty();
    return Coding::none;
}

std::string_view to_string(Coding coding) noexcept {
    switch (coding) {
        case Coding::none: return "identity";
        case Coding::gzip: return "gzip";
        case Coding::deflate: return "deflate";
        case Coding::zstd: return "zstd";
    }
    return "unknown";
}

ContentDecoder::ContentDecoder(Coding coding)
    : coding_(coding),
      library_(std::make_unique<Library>()) {
    if (coding == Coding::zstd) {
        library_->zstd = ::ZSTD_createDCtx();
        ::ZSTD_DCtx_setParameter(library_->zstd, ZSTD_d_windowLogMax, k_window_log);
    }
}

ContentDecoder::~ContentDecoder() = default;

void ContentDecoder::give(const char* data, std::size_t size) noexcept {
    library_->input = data;
    library_->input_size = size;
}

char* ContentDecoder::next(std::size_t& size) {
    size = failed_ ? 0 : coding_ == Coding::zstd ? decompress_piece() : inflate_piece();
    decoded_ += size;
    if (decoded_ > k_limit) {
        failed_ = true;
    }
    size = failed_ ? 0 : size;
    return library_->out.data();
}

/// "deflate" is zlib's format by the book, and bare in some servers: the first byte tells.
std::size_t ContentDecoder::inflate_piece() {
    Library& lib = *library_;
    while (lib.input_size > 0 || begun_) {
        if (!begun_) {
            if (lib.input_size == 0) {
                return 0;
            }
            constexpr int k_window_bits = 15;
            const auto first = static_cast<unsigned char>(*lib.input);
            const bool bare = coding_ == Coding::deflate && (first & 0x0fU) != 8;
            const int bits = bare ? -k_window_bits : coding_ == Coding::gzip ? k_window_bits + 16 : k_window_bits;
            begun_ = ::inflateInit2(&lib.zlib, bits) == Z_OK;
            failed_ = !begun_;
        } else if (complete_) {
            if (lib.input_size == 0) {
                return 0;
            }
            // A further member of gzip.
            failed_ = coding_ != Coding::gzip || ::inflateReset(&lib.zlib) != Z_OK;
            complete_ = false;
        }
        if (failed_) {
            return 0;
        }
        lib.zlib.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(lib.input));  // NOLINT: zlib's interface
        lib.zlib.avail_in = static_cast<uInt>(lib.input_size);
        lib.zlib.next_out = reinterpret_cast<Bytef*>(lib.out.data());  // NOLINT: zlib's interface
        lib.zlib.avail_out = k_piece;
        const int result = ::inflate(&lib.zlib, Z_NO_FLUSH);
        lib.input += lib.input_size - lib.zlib.avail_in;
        lib.input_size = lib.zlib.avail_in;
        complete_ = result == Z_STREAM_END;
        failed_ = result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR;
        const std::size_t made = k_piece - lib.zlib.avail_out;
        if (made > 0 || failed_ || (result == Z_BUF_ERROR && lib.input_size == 0)) {
            return failed_ ? 0 : made;
        }
        if (lib.input_size == 0) {
            return 0;
        }
    }
    return 0;
}

std::size_t ContentDecoder::decompress_piece() {
    Library& lib = *library_;
    while (true) {
        ZSTD_inBuffer in{lib.input, lib.input_size, 0};
        ZSTD_outBuffer out{lib.out.data(), k_piece, 0};
        if (complete_ && lib.input_size == 0) {
            return 0;
        }
        const std::size_t result = ::ZSTD_decompressStream(lib.zstd, &out, &in);
        failed_ = ::ZSTD_isError(result) != 0;
        complete_ = result == 0;
        lib.input += in.pos;
        lib.input_size -= in.pos;
        if (failed_ || out.pos > 0) {
            return failed_ ? 0 : out.pos;
        }
        if (lib.input_size == 0) {
            return 0;
        }
    }
}

}  // namespace aiperf::http
