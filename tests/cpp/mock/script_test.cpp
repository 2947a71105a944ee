#include "aiperf/mock/script.hpp"

#include "aiperf/mock/server.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace aiperf;
using aiperf::test::RawAnswer;
using aiperf::test::RawHttpClient;

namespace {

mock::Options playing(const std::string& answers, const std::string& order = "cycle") {
    mock::Options options;
    options.script =
        R"({"routes": [{"method": "POST", "path": "/p", "order": ")" + order + R"(", "answers": )" + answers + "}]}";
    return options;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    REQUIRE(file.good());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("each kind of payload is one chunk with the bytes that Python would write") {
    mock::Server server(playing(R"([{"events": [
        [0, {"b": 1.0, "a": ["é", null, true]}],
        [0, "[DONE]"],
        [0, {"$event": "ping", "data": {"type": "ping"}}],
        [0, {"$event": "lines", "data": "one\ntwo"}],
        [0, {"$event": "bare"}],
        [0, {"$raw": ": comment\r\n\r\n"}],
        [0, {"$hex": "c3A9"}]]}])"));
    RawHttpClient client(server.port());
    const RawAnswer answer = client.post("/p?query=1", "{}");
    CHECK(answer.status == 200);
    CHECK(answer.header("content-type") == "text/event-stream");
    CHECK(answer.complete);
    CHECK(answer.chunks == std::vector<std::string>{"data: {\"b\": 1.0, \"a\": [\"é\", null, true]}\n\n",
                                                    "data: [DONE]\n\n",
                                                    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
                                                    "event: lines\ndata: one\ndata: two\n\n",
                                                    "event: bare\n\n",
                                                    ": comment\r\n\r\n",
                                                    "é"});
}

TEST_CASE("answers that are no streams carry status, reason, headers and the body as given") {
    mock::Server server(playing(R"([
        {"json": {"a": [1, 2.5]}},
        {"status": 429, "reason": "Slow Down", "headers": {"Retry-After": "1"}, "text": "wait"},
        {"headers": {"content-type": "image/png"}, "base64": "AAEC/w=="},
        {"status": 204}])"));
    RawHttpClient client(server.port());
    const RawAnswer json = client.post("/p", "{}");
    CHECK(json.body == R"({"a": [1, 2.5]})");
    CHECK(json.header("content-type") == "application/json");
    const RawAnswer text = client.post("/p", "{}");
    CHECK(text.head.starts_with("HTTP/1.1 429 Slow Down\r\n"));
    CHECK(text.header("retry-after") == "1");
    CHECK(text.body == "wait");
    const RawAnswer bytes = client.post("/p", "{}");
    CHECK(bytes.body == std::string("\x00\x01\x02\xff", 4));
    CHECK(bytes.header("content-type") == "image/png");
    CHECK(client.post("/p", "{}").status == 204);
}

TEST_CASE("a route cycles through its answers, or stays with the last") {
    const std::string answers = R"([{"text": "a"}, {"text": "b"}, {"text": "c"}])";
    for (const auto& [order, expected] : {std::pair{"cycle", "abcabca"}, std::pair{"last", "abccccc"}}) {
        mock::Server server(playing(answers, order));
        RawHttpClient client(server.port());
        std::string got;
        for (int i = 0; i < 7; ++i) {
            got += client.post("/p", "{}").body;
        }
        CHECK(got == expected);
        std::vector<std::uint32_t> indices;
        for (const mock::ReceivedRequest& request : server.received()) {
            indices.push_back(request.answer.value());
        }
        CHECK(indices.size() == 7);
        CHECK(indices[3] == (std::string(order) == "cycle" ? 0U : 2U));
    }
}

TEST_CASE("a request that comes again takes no turn where the script says so") {
    mock::Options options;
    options.script =
        R"({"routes": [{"path": "/p", "same_again": true, "answers": [{"text": "a"}, {"text": "b"}, {"text": "c"}]}]})";
    mock::Server server(options);
    RawHttpClient client(server.port());
    std::string got;
    for (const char* id : {"1", "2", "1", "2", "3", ""}) {
        client.request("POST", "/p", "{}", *id == '\0' ? std::string() : std::string("x-request-id: ") + id + "\r\n");
        got += client.read_answer().body;
    }
    CHECK(got == "ababca");
}

TEST_CASE("several workers share one count of a route's answers") {
    mock::Options options = playing(R"([{"text": "a"}, {"text": "b"}])");
    options.workers = 3;
    mock::Server server(options);
    int first = 0;
    for (int i = 0; i < 12; ++i) {
        RawHttpClient client(server.port());
        first += client.post("/p", "{}").body == "a" ? 1 : 0;
    }
    CHECK(first == 6);
}

TEST_CASE("what the script does not name is 404") {
    mock::Server server(playing(R"([{"text": "a"}])"));
    RawHttpClient client(server.port());
    CHECK(client.get("/p").status == 404);
    CHECK(client.post("/v1/chat/completions", "{}").status == 404);
    CHECK_FALSE(server.received().at(0).answer.has_value());
}

TEST_CASE("an action resets or closes, before the answer or in the middle of it") {
    mock::Server server(playing(R"([
        {"action": "reset"}, {"action": "close"},
        {"events": [[0, "one"], [0, {"$action": "reset"}], [0, "never"]]},
        {"events": [[0, "one"], [0, {"$action": "close"}]]}])"));
    std::vector<RawAnswer> answers;
    std::vector<bool> resets;
    for (int i = 0; i < 4; ++i) {
        RawHttpClient client(server.port());
        answers.push_back(client.post("/p", "{}"));
        CHECK_FALSE(answers.back().complete);
        resets.push_back(client.was_reset());
    }
    CHECK(resets == std::vector<bool>{true, false, true, false});
    CHECK(answers[0].head.empty());
    CHECK(answers[1].head.empty());
    CHECK(answers[3].chunks == std::vector<std::string>{"data: one\n\n"});
    REQUIRE(server.wait_over(4, std::chrono::seconds(20)));
    const auto received = server.received();
    CHECK(received[0].action == "reset");
    CHECK(received[3].action == "close");
    CHECK(received[3].sent_ns.size() == 1);
    server.stop();
    CHECK(server.counters().cut == 4);
}

TEST_CASE("HTTP/1.0 gets a stream that ends with the connection, without chunks") {
    mock::Server server(playing(R"([{"events": [[0, "one"], [0, "two"]]}])"));
    RawHttpClient client(server.port());
    client.send("POST /p HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
    const RawAnswer answer = client.read_answer();
    CHECK_FALSE(answer.header("transfer-encoding"));
    CHECK(answer.body == "data: one\n\ndata: two\n\n");
    CHECK(answer.complete);
}

TEST_CASE("a recorded case is answered event for event, not before its delays") {
    const std::string text = read_text(AIPERF_TEST_DATA "/golden/cases/chat_stream_usage/case.json");
    mock::Options options;
    options.script = text;
    mock::Server server(options);
    RawHttpClient client(server.port());
    const auto started = std::chrono::steady_clock::now();
    const RawAnswer answer = client.post("/v1/chat/completions", "{}");
    const auto script = nlohmann::ordered_json::parse(text)["mock"]["routes"][0]["answers"][0];
    REQUIRE(answer.chunks.size() == script["events"].size());
    double due_ms = script["delay_ms"].get<double>();
    for (std::size_t i = 0; i < answer.chunks.size(); ++i) {
        const auto& event = script["events"][i];
        due_ms += event[0].get<double>();
        CHECK(std::chrono::duration<double, std::milli>(answer.chunk_times[i] - started).count() >= due_ms);
        const std::string& chunk = answer.chunks[i];
        REQUIRE(chunk.starts_with("data: "));
        REQUIRE(chunk.ends_with("\n\n"));
        const std::string payload = chunk.substr(6, chunk.size() - 8);
        if (event[1].is_string()) {
            CHECK(payload == event[1].get<std::string>());
        } else {
            CHECK(nlohmann::ordered_json::parse(payload) == event[1]);
        }
    }
}

TEST_CASE("a script with a mistake is refused, naming the place") {
    const auto refusal = [](const std::string& script) -> std::string {
        try {
            static_cast<void>(mock::parse_script(script));
        } catch (const std::exception& error) {
            return error.what();
        }
        return "accepted";
    };
    const auto in_answer = [&](const std::string& answer) {
        return refusal(R"({"routes": [{"path": "/", "answers": [{"text": ""}, )" + answer + "]}]}");
    };
    CHECK_THAT(refusal("{"), Catch::Contains("not valid JSON"));
    CHECK_THAT(refusal(R"({"mock": {}})"), Catch::Contains("routes"));
    CHECK_THAT(refusal(R"({"routes": [{"answers": [{}]}]})"), Catch::Contains("routes[0]: has no path"));
    CHECK_THAT(refusal(R"({"routes": [{"path": "/", "answers": []}]})"), Catch::Contains("routes[0].answers"));
    CHECK_THAT(refusal(R"({"routes": [{"path": "/", "answers": [{}], "order": "x"}]})"), Catch::Contains("order"));
    CHECK_THAT(in_answer(R"({"jsn": 1})"), Catch::Contains("routes[0].answers[1]: unknown member 'jsn'"));
    CHECK_THAT(in_answer(R"({"json": 1, "text": ""})"), Catch::Contains("more than one"));
    CHECK_THAT(in_answer(R"({"delay_ms": -1})"), Catch::Contains("answers[1].delay_ms"));
    CHECK_THAT(in_answer(R"({"status": 99})"), Catch::Contains("200 to 599"));
    CHECK_THAT(in_answer(R"({"base64": "*"})"), Catch::Contains("base64"));
    CHECK_THAT(in_answer(R"({"headers": {"A": "b\r\nC: d"}})"), Catch::Contains("one line"));
    CHECK_THAT(in_answer(R"({"action": "explode"})"), Catch::Contains("reset"));
    CHECK_THAT(in_answer(R"({"events": [[0, "a"], [1]]})"), Catch::Contains("events[1]"));
    CHECK_THAT(in_answer(R"({"events": [[0, {"$hex": "0"}]]})"), Catch::Contains("hexadecimal"));
    CHECK_THAT(in_answer(R"({"events": [[0, 5]]})"), Catch::Contains("a payload is"));
}
