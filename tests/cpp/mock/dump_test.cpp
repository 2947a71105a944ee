#include "aiperf/mock/received_request.hpp"
#include "aiperf/mock/server.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <vector>

using namespace aiperf;
using aiperf::test::RawHttpClient;
using Json = nlohmann::ordered_json;

namespace {

/// A folder of its own, removed at the end.
class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "aiperf-mock-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
    }

    ~TemporaryFolder() {
        std::error_code ignored;  // a leftover folder is no failure of the test
        std::filesystem::remove_all(path_, ignored);
    }

    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

private:
    std::filesystem::path path_;
};

std::vector<Json> lines_of(const std::string& path) {
    std::ifstream file(path);
    std::vector<Json> lines;
    for (std::string line; std::getline(file, line);) {
        lines.push_back(Json::parse(line));
    }
    return lines;
}

}  // namespace

TEST_CASE("a request is written as one line with its members in the order of recorded cases") {
    mock::ReceivedRequest request;
    request.index = 3;
    request.connection = 2;
    request.method = "POST";
    request.target = "/v1/x?y";
    request.headers = {{"Host", "h"}, {"X-Request-ID", "id-1"}};
    request.body = R"({"b":1.0,"a":"é"})";
    request.first_byte_ns = 1'000'000;
    request.arrival_ns = 3'500'400;
    request.answer = 1;
    request.action = "reset";
    request.headers_sent_ns = 4'500'400;
    request.sent_ns = {4'750'900, 5'500'400};
    request.client_closed_ns = 6'000'400;
    CHECK(mock::to_json_line(request, 1'500'400) ==
          R"({"i": 3, "t_ms": 2.0, "conn": 2, "method": "POST", "target": "/v1/x?y", )"
          R"("headers": [["Host", "h"], ["X-Request-ID", "id-1"]], "body": {"b": 1.0, "a": "é"}, "answer": 1, )"
          R"("headers_sent_ms": 1.0, "mock_action": "reset", "sent_ms": [1.251, 2.0], "client_closed_ms": 2.5, )"
          R"("x_request_id": "id-1", "body_bytes": 18, "at_ns": 3500400, "first_byte_ns": 1000000})");
}

TEST_CASE("bodies that are not JSON are written as text, missing things as null") {
    mock::ReceivedRequest request;
    request.body = "plain \xff";
    Json line = Json::parse(mock::to_json_line(request, 0));
    CHECK(line["body"] == "plain \xEF\xBF\xBD");
    CHECK(line["answer"].is_null());
    CHECK(line["x_request_id"].is_null());
    CHECK_FALSE(line.contains("headers_sent_ms"));
    CHECK_FALSE(line.contains("client_closed_ms"));
    request.body.clear();
    CHECK(Json::parse(mock::to_json_line(request, 0))["body"].is_null());
    request.body = std::string(100000, '[') + std::string(100000, ']');
    CHECK(Json::parse(mock::to_json_line(request, 0))["body"].is_string());
}

TEST_CASE("headers are found in any case") {
    mock::ReceivedRequest request;
    request.headers = {{"X-Request-ID", "a"}, {"x-request-id", "b"}};
    CHECK(request.header("x-REQUEST-id") == "a");
    CHECK(request.header("host").empty());
}

TEST_CASE("the dump has a line per request, in order of arrival, complete after stop") {
    const TemporaryFolder folder;
    mock::Options options;
    options.dump_path = folder.file("requests.jsonl");
    options.keep_requests = false;
    options.script = R"({"routes": [{"path": "/slow", "answers": [{"delay_ms": 30, "events": [[0, "a"], [5, "b"]]}]},
                                    {"path": "/fast", "answers": [{"json": {}}, {"action": "close"}]},
                                    {"path": "/never", "answers": [{"delay_ms": 80000000}]}]})";
    mock::Server server(options);
    RawHttpClient slow(server.port());
    slow.request("POST", "/slow", R"({"n":1})", "X-Request-ID: first\r\n");
    REQUIRE(server.wait_arrived(1, std::chrono::seconds(20)));
    RawHttpClient fast(server.port());
    CHECK(fast.post("/fast", "text").status == 200);
    CHECK_FALSE(fast.post("/fast", "").complete);
    CHECK(slow.read_answer().chunks.size() == 2);
    RawHttpClient never(server.port());
    never.request("POST", "/never");
    REQUIRE(server.wait_arrived(4, std::chrono::seconds(20)));
    server.stop();

    const auto lines = lines_of(options.dump_path);
    REQUIRE(lines.size() == 4);
    for (std::size_t i = 0; i < 4; ++i) {
        CHECK(lines[i]["i"] == i);
        CHECK(lines[i]["at_ns"].get<std::int64_t>() >= lines[i]["first_byte_ns"].get<std::int64_t>());
    }
    CHECK(lines[0]["t_ms"] == 0.0);
    CHECK(lines[0]["x_request_id"] == "first");
    CHECK(lines[0]["body"] == Json::parse(R"({"n":1})"));
    CHECK(lines[0]["headers"][1] == Json::parse(R"(["X-Request-ID", "first"])"));
    CHECK(lines[0]["headers_sent_ms"].get<double>() >= 30);
    CHECK(lines[0]["sent_ms"][1].get<double>() >= 35);
    CHECK(lines[1]["body"] == "text");
    CHECK(lines[1]["conn"] == 2);
    CHECK(lines[1]["sent_ms"].size() == 1);
    CHECK_FALSE(lines[1].contains("headers_sent_ms"));
    CHECK(lines[2]["mock_action"] == "close");
    CHECK(lines[2]["answer"] == 1);
    CHECK(lines[3]["sent_ms"].empty());
}

TEST_CASE("a dump that cannot be opened or written is an error") {
    mock::Options options;
    options.dump_path = "/nonexistent-folder/x";
    CHECK_THROWS_WITH(mock::Server(options), Catch::Contains("/nonexistent-folder/x"));
    options.dump_path = "/dev/full";
    mock::Server server(options);
    CHECK(RawHttpClient(server.port()).get("/health").status == 200);
    CHECK_THROWS_WITH(server.stop(), Catch::Contains("/dev/full"));
    server.stop();
}
