#include "aiperf/load/target.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>

using namespace aiperf::load;  // NOLINT: a test
using aiperf::base::IdSource;
using Json = nlohmann::ordered_json;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

std::string head_of(const HeadOptions& options, const Headers& headers, std::size_t body_bytes = 42) {
    Target target;
    build_head(target, options, headers);
    std::string head = "what was there before";
    target.write_head(head, IdSource(1), 10, 20, body_bytes);
    return head;
}

HeadOptions options_for_tests() {
    HeadOptions options;
    options.host = "host:80";
    options.path = "/v1/chat/completions";
    options.user_agent = "aiperf/0.13.0";
    return options;
}

/// The head AIPerf sent in the first request of a recorded run, with our ids in the places of its ids.
std::string recorded_head(const std::string& name, const std::string& session_header) {
    std::ifstream file(std::string(AIPERF_TEST_DATA) + "/golden/cases/" + name + "/requests.jsonl");
    std::string line;
    REQUIRE(std::getline(file, line));
    const Json request = Json::parse(line);
    std::string head =
        request["method"].get<std::string>() + " " + request["target"].get<std::string>() + " HTTP/1.1\r\n";
    for (const Json& header : request["headers"]) {
        const auto key = header[0].get<std::string>();
        const std::string value = key == "Host"           ? "host:80"
                                  : key == "X-Request-ID" ? IdSource(1).request_id(10)
                                  : key == session_header || key == "X-Session-Affinity"
                                      ? IdSource(1).correlation_id(20)
                                      : header[1].get<std::string>();
        head += key + ": " + value + "\r\n";
    }
    return head + "\r\n";
}

}  // namespace

TEST_CASE("Heads are those of the recorded runs, byte for byte") {
    HeadOptions options = options_for_tests();
    options.streaming = true;
    CHECK(head_of(options, {}, 225) == recorded_head("chat_stream_usage", "X-Correlation-ID"));
    options.streaming = false;
    CHECK(head_of(options, {}, 161) == recorded_head("chat_nonstream", "X-Correlation-ID"));
    options.streaming = true;
    options.path = "/my/own/path";
    options.session_header = "X-My-Session";
    CHECK(head_of(options, {{"X-Test", "one"}, {"Authorization", "Custom abc"}}, 235) ==
          recorded_head("extra_inputs_headers", "X-My-Session"));
}

TEST_CASE("A user's own User-Agent replaces ours, in any case") {
    const std::string head = head_of(options_for_tests(), {{"user-agent", "mine"}});
    CHECK(head.find("user-agent: mine\r\n") != std::string::npos);
    CHECK(head.find("aiperf") == std::string::npos);
}

TEST_CASE("Headers that describe the message are always ours") {
    const std::string head = head_of(options_for_tests(),
                                     {{"accept", "x"},
                                      {"CONTENT-TYPE", "x"},
                                      {"Content-Length", "7"},
                                      {"Transfer-Encoding", "chunked"},
                                      {"host", "x"},
                                      {"X-Kept", "y"}});
    CHECK(head.find(": x\r\n") == std::string::npos);
    CHECK(head.find("chunked") == std::string::npos);
    CHECK(head.find("X-Kept: y\r\n") != std::string::npos);
    CHECK(head.find("Content-Length: 42\r\n\r\n") == head.size() - 22);
}

TEST_CASE("Without session affinity its header is not sent") {
    HeadOptions options = options_for_tests();
    options.more_session_headers.clear();
    Target target;
    build_head(target, options, {});
    CHECK(target.session_ids_at.size() == 1);
    CHECK(head_of(options, {}).find("X-Session-Affinity") == std::string::npos);
}

TEST_CASE("The session's id goes into every header that asks for it") {
    HeadOptions options = options_for_tests();
    options.more_session_headers = {"X-Session-Affinity", "X-Session-ID"};
    Target target;
    build_head(target, options, {});
    const IdSource ids(7);
    std::string head;
    target.write_head(head, ids, 1, 5, 0);
    for (const std::string name : {"X-Correlation-ID", "X-Session-Affinity", "X-Session-ID"}) {
        CHECK(head.find(name + ": " + ids.correlation_id(5) + "\r\n") != std::string::npos);
    }
}

TEST_CASE("Each request has its own id, each session its own") {
    Target target;
    build_head(target, options_for_tests(), {});
    const IdSource ids(7);
    std::string one;
    std::string two;
    target.write_head(one, ids, 1, 5, 0);
    target.write_head(two, ids, 2, 5, 0);
    CHECK(one.substr(target.request_id_at, 36) == ids.request_id(1));
    CHECK(two.substr(target.request_id_at, 36) == ids.request_id(2));
    CHECK(one.substr(target.session_ids_at.at(0), 36) == two.substr(target.session_ids_at.at(0), 36));
    CHECK(one.substr(target.session_ids_at.at(1), 36) == ids.correlation_id(5));
    CHECK(one.substr(one.size() - 21) == "Content-Length: 0\r\n\r\n");
}

TEST_CASE("A target uses the connections of the first one that is the same server, reached in the same way") {
    std::vector<Target> targets(6);
    for (Target& target : targets) {
        target.origin = "http://a:1";
        target.name = "a:1";
    }
    targets[1].origin = "http://b:1";
    targets[3].http2 = true;
    targets[4].tunnel = "CONNECT";
    targets[5].head = "POST /b";
    CHECK(pools_of(targets) == std::vector<std::uint16_t>{0, 1, 0, 3, 4, 0});
    CHECK(pools_of({}).empty());
}
