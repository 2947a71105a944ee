#include "answer.hpp"

#include "api_fixture.hpp"
#include "decoded.hpp"
#include "routes.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <set>

using namespace aiperf;
using api::Answer;
using api::Request;
using http::Coding;
using nlohmann::json;

namespace {

constexpr const char* k_file = "/api/results/files/lines.txt";

struct Fixture {
    test::ApiRun run;
    std::string text = test::numbered_lines(5000);
    api::Routes routes{run.state, {}};

    Fixture() {
        run.write("lines.txt", text);
        run.finish();
    }

    Answer get(const Request& request) { return routes.answer(request, true, false); }

    Answer get(const std::string& target) { return get(asking(target)); }

    static Request asking(const std::string& target) { return {"GET", target, {}}; }

    static Request coded(const std::string& target, const std::string& accept) {
        Request request = asking(target);
        request.accept_encoding = accept;
        return request;
    }

    static Request ranged(const std::string& target, const std::string& range, const std::string& if_range = {}) {
        Request request = asking(target);
        request.range = range;
        request.if_range = if_range;
        return request;
    }
};

std::string header(const Answer& answer, const std::string& name) {
    std::string value;
    int count = 0;
    for (const auto& [key, text] : answer.headers) {
        if (key == name) {
            value = text;
            ++count;
        }
    }
    CAPTURE(name);
    REQUIRE(count <= 1);
    return value;
}

std::string sent(const Answer& answer) {
    return answer.content ? answer.content->read(answer.part.first, static_cast<std::size_t>(answer.part.count))
                          : answer.body;
}

}  // namespace

TEST_CASE("a part of a file is given as 206, and one that is not there as 416") {
    Fixture f;
    const Answer part = f.get(Fixture::ranged(k_file, "bytes=100-199"));
    REQUIRE(part.status == 206);
    REQUIRE(header(part, "Content-Range") == "bytes 100-199/5000");
    REQUIRE(part.length() == 100U);
    REQUIRE(sent(part) == f.text.substr(100, 100));
    REQUIRE(header(part, "ETag") == header(f.get(k_file), "ETag"));
    REQUIRE(header(part, "Accept-Ranges") == "bytes");
    const Answer none = f.get(Fixture::ranged(k_file, "bytes=5000-"));
    REQUIRE(none.status == 416);
    REQUIRE(header(none, "Content-Range") == "bytes */5000");
    REQUIRE(json::parse(none.body).contains("detail"));
    const Answer several = f.get(Fixture::ranged(k_file, "bytes=0-1,3-4"));
    REQUIRE(several.status == 200);
    REQUIRE(sent(several) == f.text);
    REQUIRE(f.get(Fixture::ranged("/api/results", "bytes=0-1")).status == 200);
    Request head = Fixture::ranged(k_file, "bytes=100-199");
    head.method = "HEAD";
    REQUIRE(f.get(head).status == 200);
}

TEST_CASE("a part is given only of what the client has the rest of") {
    Fixture f;
    const Answer whole = f.get(k_file);
    const std::string etag = header(whole, "ETag");
    const std::string modified = header(whole, "Last-Modified");
    REQUIRE(modified.ends_with(" GMT"));
    for (const std::string& same : {etag, modified}) {
        REQUIRE(f.get(Fixture::ranged(k_file, "bytes=1-2", same)).status == 206);
    }
    for (const std::string& other : {std::string("\"x\""), "W/" + etag, std::string("Sun, 06 Nov 1994 08:49:37 GMT")}) {
        CAPTURE(other);
        REQUIRE(f.get(Fixture::ranged(k_file, "bytes=1-2", other)).status == 200);
        REQUIRE(f.get(Fixture::ranged(k_file, "bytes=9999-", other)).status == 200);
    }
}

TEST_CASE("what a client has is not sent again, by tag before date") {
    Fixture f;
    const Answer whole = f.get(k_file);
    Request request = Fixture::asking(k_file);
    request.if_modified_since = header(whole, "Last-Modified");
    const Answer again = f.get(request);
    REQUIRE(again.status == 304);
    REQUIRE(again.content == nullptr);
    REQUIRE(header(again, "ETag") == header(whole, "ETag"));
    request.if_none_match = "\"other\"";
    REQUIRE(f.get(request).status == 200);
    request.if_none_match = "*";
    REQUIRE(f.get(request).status == 304);
    request.range = "bytes=0-1";
    REQUIRE(f.get(request).status == 304);
}

TEST_CASE("a body is compressed for who asks, with a tag of its own, and said to vary") {
    Fixture f;
    std::set<std::string> tags{header(f.get(k_file), "ETag")};
    for (const auto& [accept, coding] : {std::pair{"gzip", Coding::gzip}, {"zstd", Coding::zstd}}) {
        const Answer answer = f.get(Fixture::coded(k_file, accept));
        CAPTURE(accept);
        REQUIRE(header(answer, "Content-Encoding") == accept);
        REQUIRE(header(answer, "Vary") == "Accept-Encoding");
        REQUIRE(answer.coding == coding);
        REQUIRE_FALSE(answer.length());
        REQUIRE(tags.insert(header(answer, "ETag")).second);
        Request known = Fixture::coded(k_file, accept);
        known.if_none_match = header(answer, "ETag");
        REQUIRE(f.get(known).status == 304);
        known.accept_encoding.clear();
        REQUIRE(f.get(known).status == 200);
    }
    REQUIRE(header(f.get(k_file), "Vary") == "Accept-Encoding");
    REQUIRE(header(f.get(k_file), "Content-Encoding").empty());
}

TEST_CASE("a body in memory is compressed at once, so that its length is known") {
    Fixture f;
    const std::string plain = f.get("/openapi.json").body;
    for (const auto& [accept, coding] : {std::pair{"gzip", Coding::gzip}, {"zstd", Coding::zstd}}) {
        const Answer answer = f.get(Fixture::coded("/openapi.json", accept));
        REQUIRE(answer.length() == answer.body.size());
        REQUIRE(answer.body.size() < plain.size());
        REQUIRE(test::decoded(coding, answer.body) == plain);
    }
}

TEST_CASE("what is small, compressed already, or asked for in part is not compressed") {
    Fixture f;
    f.run.write("small.json", "{}");
    f.run.write("table.parquet", std::string(5000, 'p'));
    for (const char* const target : {"/healthz", "/api/results/files/small.json", "/api/results/files/table.parquet"}) {
        CAPTURE(target);
        REQUIRE(header(f.get(Fixture::coded(target, "gzip")), "Content-Encoding").empty());
    }
    Request part = Fixture::coded(k_file, "gzip");
    part.range = "bytes=0-9";
    REQUIRE(f.get(part).status == 206);
    REQUIRE(header(f.get(part), "Content-Encoding").empty());
    Request late = Fixture::coded(k_file, "gzip");
    late.may_compress = false;
    REQUIRE(header(f.get(late), "Content-Encoding").empty());
    REQUIRE(sent(f.get(late)) == f.text);
    REQUIRE(header(f.get(Fixture::coded("/nope", "gzip")), "Content-Encoding").empty());
}

TEST_CASE("the archive is there after the end, in three formats, of which tar has parts") {
    Fixture f;
    const Answer tar = f.get("/api/results/archive");
    REQUIRE(tar.status == 200);
    REQUIRE(tar.content_type == "application/x-tar");
    REQUIRE(header(tar, "Content-Disposition") == "attachment; filename=\"aiperf-0123456789ab.tar\"");
    REQUIRE(f.get(Fixture::ranged("/api/results/archive?format=tar", "bytes=512-")).status == 206);
    std::set<std::string> tags{header(tar, "ETag")};
    for (const auto& [format, type, coding] :
         {std::tuple{"tar.gz", "application/gzip", Coding::gzip}, {"tar.zst", "application/zstd", Coding::zstd}}) {
        const std::string target = std::string("/api/results/archive?format=") + format;
        const Answer answer = f.get(Fixture::coded(target, "gzip, zstd"));
        CAPTURE(format);
        REQUIRE(answer.content_type == type);
        REQUIRE(answer.coding == coding);
        REQUIRE(header(answer, "Content-Encoding").empty());
        REQUIRE(header(answer, "Accept-Ranges") == "none");
        REQUIRE(f.get(Fixture::ranged(target, "bytes=0-1")).status == 200);
        REQUIRE(tags.insert(header(answer, "ETag")).second);
        Request late = Fixture::asking(target);
        late.may_compress = false;
        REQUIRE(f.get(late).status == 503);
        REQUIRE(header(f.get(late), "Retry-After") == "1");
    }
    REQUIRE(f.get("/api/results/archive?format=zip").status == 400);
    REQUIRE(f.get("/api/results/archive?format=").status == 400);
}

TEST_CASE("before the end there is no archive") {
    const test::ApiRun run;
    const api::Routes routes(run.state, {});
    for (const char* const target : {"/api/results/archive", "/api/results/archive?format=tar.gz"}) {
        const Answer answer = routes.answer({"GET", target, {}}, true, false);
        REQUIRE(answer.status == 404);
        REQUIRE(json::parse(answer.body).contains("detail"));
    }
}

TEST_CASE("dates are written as HTTP has them") {
    REQUIRE(api::http_date(784111777) == "Sun, 06 Nov 1994 08:49:37 GMT");
    REQUIRE(api::http_date(0) == "Thu, 01 Jan 1970 00:00:00 GMT");
}
