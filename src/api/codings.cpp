#include "codings.hpp"

#include "aiperf/base/text.hpp"

#include <new>
#include <optional>
#include <stdexcept>
#include <zlib.h>
#include <zstd.h>

namespace aiperf::api {

namespace {

constexpr std::size_t k_output_step = 32 * 1024;
constexpr int k_gzip_format = 16 + MAX_WBITS;
constexpr int k_zlib_memory = 8;
// Tables shrink with the window: at every level a stream needs some MiB at most, and every client may be asked for it.
constexpr int k_zstd_window_log = 20;
constexpr double k_unnamed_identity = 1e-6;  // liked less than whatever is named

/// What a header says of one coding; absent: nothing.
struct Likes {
    std::optional<double> zstd;
    std::optional<double> gzip;
    std::optional<double> identity;
    std::optional<double> others;

    std::optional<double>* of(std::string_view name) {
        const auto is = [&](std::string_view word) { return base::equals_ignoring_case(name, word); };
        if (is("zstd")) {
            return &zstd;
        }
        if (is("gzip") || is("x-gzip")) {
            return &gzip;
        }
        return is("identity") ? &identity : name == "*" ? &others : nullptr;
    }
};

/// The weight in "gzip;q=0.5"; what cannot be read is not liked.
double weight_of(std::string_view parameters) {
    for (std::string_view parameter : base::split(parameters, ';')) {
        parameter = base::trim(parameter);
        if (parameter.starts_with("q=") || parameter.starts_with("Q=")) {
            const double weight = base::parse_number(parameter.substr(2)).value_or(0.0);
            return weight >= 0.0 && weight <= 1.0 ? weight : 0.0;
        }
    }
    return 1.0;
}

Likes likes_of(std::string_view header) {
    Likes likes;
    for (const std::string_view entry : base::split(header, ',')) {
        const std::size_t semicolon = entry.find(';');
        if (std::optional<double>* const like = likes.of(base::trim(entry.substr(0, semicolon)))) {
            *like = semicolon == std::string_view::npos ? 1.0 : weight_of(entry.substr(semicolon + 1));
        }
    }
    return likes;
}

std::string deflated(z_stream& stream, std::string_view bytes, bool last) {
    std::string out;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));  // NOLINT: zlib's interface
    stream.avail_in = static_cast<uInt>(bytes.size());
    do {
        const std::size_t made = out.size();
        out.resize(made + k_output_step);
        stream.next_out = reinterpret_cast<Bytef*>(out.data() + made);  // NOLINT: zlib's interface
        stream.avail_out = k_output_step;
        ::deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
        out.resize(made + k_output_step - stream.avail_out);
    } while (stream.avail_out == 0);
    return out;
}

std::string compressed(ZSTD_CCtx* context, std::string_view bytes, bool last) {
    std::string out;
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
        const std::size_t made = out.size();
        out.resize(made + k_output_step);
        ZSTD_outBuffer room{out.data() + made, k_output_step, 0};
        left = ::ZSTD_compressStream2(context, &room, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        if (::ZSTD_isError(left) != 0U) {
            throw std::runtime_error(std::string("cannot compress: ") + ::ZSTD_getErrorName(left));
        }
        out.resize(made + room.pos);
    } while (last ? left != 0 : in.pos < in.size);
    return out;
}

}  // namespace

http::Coding negotiated(std::string_view accept_encoding) {
    const Likes likes = likes_of(accept_encoding);
    const double others = likes.others.value_or(0.0);
    const double zstd = likes.zstd.value_or(others);
    const double gzip = likes.gzip.value_or(others);
    const double identity = likes.identity.value_or(likes.others.value_or(k_unnamed_identity));
    if (zstd > 0.0 && zstd >= gzip && zstd >= identity) {
        return http::Coding::zstd;
    }
    return gzip > 0.0 && gzip >= identity ? http::Coding::gzip : http::Coding::none;
}

struct Coder::Library {
    z_stream zlib{};
    ZSTD_CCtx* zstd = nullptr;  ///< null: zlib is used

    Library() = default;
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    ~Library() {
        ::deflateEnd(&zlib);
        ::ZSTD_freeCCtx(zstd);
    }
};

Coder::Coder(http::Coding coding, const Compression& compression)
    : library_(std::make_unique<Library>()) {
    if (coding == http::Coding::zstd) {
        library_->zstd = ::ZSTD_createCCtx();
        if (library_->zstd == nullptr) {
            throw std::bad_alloc();
        }
        ::ZSTD_CCtx_setParameter(library_->zstd, ZSTD_c_compressionLevel, compression.zstd_level);
        ::ZSTD_CCtx_setParameter(library_->zstd, ZSTD_c_windowLog, k_zstd_window_log);
        return;
    }
    if (::deflateInit2(
            &library_->zlib, compression.gzip_level, Z_DEFLATED, k_gzip_format, k_zlib_memory, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        throw std::bad_alloc();
    }
}

Coder::~Coder() = default;
Coder::Coder(Coder&&) noexcept = default;
Coder& Coder::operator=(Coder&&) noexcept = default;

std::string Coder::code(std::string_view bytes, bool last) {
    return library_->zstd != nullptr ? compressed(library_->zstd, bytes, last) : deflated(library_->zlib, bytes, last);
}

}  // namespace aiperf::api
