#pragma once

#include "aiperf/api/server.hpp"
#include "aiperf/http/content_decoder.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace aiperf::api {

/// The coding an Accept-Encoding header likes best (RFC 9110, section 12.5.3): zstd, gzip, or none. Where it likes
/// several alike zstd comes first. No header, or one that likes none of these: none.
[[nodiscard]] http::Coding negotiated(std::string_view accept_encoding);

/// Compresses bytes as they come, in memory that is bounded whatever their number. The same bytes in the same pieces
/// give the same result. *Thread safety*: none.
class Coder {
public:
    /// For gzip or zstd.
    Coder(http::Coding coding, const Compression& compression);
    ~Coder();
    Coder(Coder&&) noexcept;
    Coder& operator=(Coder&&) noexcept;

    /// What can be sent now: nothing yet, perhaps. `last`: no bytes follow, and everything is given out.
    [[nodiscard]] std::string code(std::string_view bytes, bool last);

private:
    struct Library;

    std::unique_ptr<Library> library_;
};

}  // namespace aiperf::api
