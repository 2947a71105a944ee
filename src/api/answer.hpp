#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/api/server.hpp"
#include "aiperf/base/clock.hpp"
#include "aiperf/http/content_decoder.hpp"
#include "content.hpp"
#include "ranges.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::api {

/// What the routes look at in a request.
struct Request {
    std::string method;
    std::string target;  ///< as received: path and query
    std::string if_none_match;
    std::string if_modified_since{};
    std::string range{};
    std::string if_range{};
    std::string accept_encoding{};
    bool may_compress = true;  ///< false: the server compresses as many bodies as it can already
};

/// An answer before it becomes bytes.
struct Answer {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::shared_ptr<const Content> content{};  ///< sent piece by piece; null: `body` counts
    ByteRange part{};                          ///< what is sent of the content
    http::Coding coding = http::Coding::none;  ///< what is made of the content while it is sent
    std::string etag{};                        ///< with its quotes, of the bytes before coding; empty: none
    std::optional<std::int64_t> modified_s{};  ///< Unix epoch; absent: nobody knows
    std::vector<std::pair<std::string, std::string>> headers{};
    std::optional<Status> tells{};            ///< how the run has ended, or that it lasts
    std::optional<base::Nanoseconds> wait{};  ///< ask again when the run has ended, or after this long

    /// Bytes of the body; absent: not known before it has been made.
    [[nodiscard]] std::optional<std::uint64_t> length() const noexcept;
};

/// An answer of JSON.
[[nodiscard]] Answer json_answer(std::string body);

/// An answer of plain text.
[[nodiscard]] Answer text_answer(int status, std::string body);

/// An answer of a whole content.
[[nodiscard]] Answer content_answer(std::string content_type, std::shared_ptr<const Content> content);

/// A good answer as this request wants it: not at all where it is known (304), a part of it (206, 416), or compressed;
/// with the headers that say so. Others are left as they are.
[[nodiscard]] Answer shaped(Answer answer, const Request& request, const Compression& compression);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
[[nodiscard]] std::string http_date(std::int64_t unix_s);

}  // namespace aiperf::api
