#include "answer.hpp"

#include "aiperf/base/text.hpp"
#include "bodies.hpp"
#include "codings.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace aiperf::api {

namespace {

constexpr std::uint64_t k_least_worth_coding = 1024;  // bytes

/// Types that become smaller, up to their parameters; Parquet and archives are compressed already.
constexpr std::array<std::string_view, 7> k_codable{"application/json",
                                                    "application/x-ndjson",
                                                    "application/x-tar",
                                                    "text/csv",
                                                    "text/html",
                                                    "text/plain",
                                                    "image/svg+xml"};

bool is_codable(std::string_view content_type) {
    const std::string_view type = content_type.substr(0, content_type.find(';'));
    return std::find(k_codable.begin(), k_codable.end(), type) != k_codable.end();
}

bool names(const std::string& if_none_match, const std::string& etag) {
    for (std::string_view tag : base::split(if_none_match, ',')) {
        tag = base::trim(tag);
        if (tag.starts_with("W/")) {
            tag.remove_prefix(2);
        }
        if (tag == "*" || tag == etag) {
            return true;
        }
    }
    return false;
}

/// The tag of what a coding makes of the same bytes: "x" and "x-gzip".
std::string coded_tag(std::string etag, http::Coding coding) {
    if (!etag.empty() && coding != http::Coding::none) {
        etag.insert(etag.size() - 1, "-" + std::string(http::to_string(coding)));
    }
    return etag;
}

/// Whether the client has it: dates are compared as they were sent, like tags.
bool is_known(const Request& request, const std::string& etag, const std::string& modified) {
    if (!request.if_none_match.empty()) {
        return !etag.empty() && names(request.if_none_match, etag);
    }
    return !modified.empty() && request.if_modified_since == modified;
}

/// A part may be given of what the client has the other parts of.
bool has_the_rest(const Request& request, const std::string& etag, const std::string& modified) {
    return request.if_range.empty() || request.if_range == etag || request.if_range == modified;
}

Answer without_body(Answer answer, int status) {
    answer.status = status;
    answer.content_type.clear();
    answer.body.clear();
    answer.content.reset();
    return answer;
}

Answer with_part(Answer answer, const RangeAsked& asked) {
    if (asked.kind == RangeAsked::Kind::whole) {
        return answer;
    }
    const std::string size = std::to_string(answer.content->size());
    if (asked.kind == RangeAsked::Kind::unsatisfiable) {
        answer = without_body(std::move(answer), 416);
        answer.content_type = "application/json";
        answer.body = detail_json("The file has " + size + " bytes");
        answer.headers.emplace_back("Content-Range", "bytes */" + size);
    } else {
        const std::uint64_t last = asked.part.first + asked.part.count - 1;
        answer.status = 206;
        answer.part = asked.part;
        answer.headers.emplace_back(
            "Content-Range", "bytes " + std::to_string(asked.part.first) + "-" + std::to_string(last) + "/" + size);
    }
    return answer;
}

/// A body of one piece is compressed here, so that its length can be said; another one on its way.
Answer with_coding(Answer answer, http::Coding coding, const Compression& compression) {
    answer.headers.emplace_back("Content-Encoding", std::string(http::to_string(coding)));
    if (!answer.content && answer.body.size() <= compression.chunk_bytes) {
        answer.body = Coder(coding, compression).code(answer.body, true);
        return answer;
    }
    if (!answer.content) {
        answer.content = std::make_shared<TextContent>(std::move(answer.body));
        answer.part = {0, answer.content->size()};
        answer.body.clear();
    }
    answer.coding = coding;
    return answer;
}

}  // namespace

std::optional<std::uint64_t> Answer::length() const noexcept {
    if (content) {
        return coding == http::Coding::none ? std::optional(part.count) : std::nullopt;
    }
    return body.size();
}

Answer json_answer(std::string body) {
    Answer answer;
    answer.body = std::move(body);
    return answer;
}

Answer text_answer(int status, std::string body) {
    Answer answer = json_answer(std::move(body));
    answer.status = status;
    answer.content_type = "text/plain; charset=utf-8";
    return answer;
}

Answer content_answer(std::string content_type, std::shared_ptr<const Content> content) {
    Answer answer;
    answer.content_type = std::move(content_type);
    answer.part = {0, content->size()};
    answer.content = std::move(content);
    return answer;
}

Answer shaped(Answer answer, const Request& request, const Compression& compression) {
    if (answer.status != 200 || answer.wait || (request.method != "GET" && request.method != "HEAD")) {
        return answer;
    }
    const bool is_plain = answer.coding == http::Coding::none;
    const bool has_parts = answer.content != nullptr && is_plain;
    const bool is_codable_here = is_plain && is_codable(answer.content_type);
    const std::string modified = answer.modified_s ? http_date(*answer.modified_s) : std::string();
    if (is_codable_here) {
        answer.headers.emplace_back("Vary", "Accept-Encoding");
    }
    if (answer.content) {
        answer.headers.emplace_back("Accept-Ranges", is_plain ? "bytes" : "none");
    }
    if (!modified.empty()) {
        answer.headers.emplace_back("Last-Modified", modified);
    }

    RangeAsked asked;
    if (has_parts && request.method == "GET" && has_the_rest(request, answer.etag, modified)) {
        asked = range_of(request.range, answer.content->size());
    }
    // Parts are of the file itself: what a coding makes of it has no places one could name before it is made.
    const bool whole = asked.kind == RangeAsked::Kind::whole;
    const bool is_worth_it = answer.length().value_or(0) >= k_least_worth_coding;
    const http::Coding coding = whole && is_codable_here && is_worth_it && request.may_compress
                                    ? negotiated(request.accept_encoding)
                                    : http::Coding::none;
    answer.etag = coded_tag(std::move(answer.etag), coding);
    if (!answer.etag.empty()) {
        answer.headers.emplace_back("ETag", answer.etag);
    }
    if (is_known(request, answer.etag, modified)) {
        return without_body(std::move(answer), 304);
    }
    return coding == http::Coding::none ? with_part(std::move(answer), asked)
                                        : with_coding(std::move(answer), coding, compression);
}

std::string http_date(std::int64_t unix_s) {
    return fmt::format("{:%a, %d %b %Y %H:%M:%S GMT}", fmt::gmtime(static_cast<std::time_t>(unix_s)));
}

}  // namespace aiperf::api
