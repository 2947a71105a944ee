#include "aiperf/base/error.hpp"
#include "aiperf/endpoint/endpoint.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <string>
#include <vector>

using aiperf::config::EndpointType;
using aiperf::config::RunConfig;
using aiperf::dataset::Turn;
using aiperf::endpoint::endpoint_of;
using Json = nlohmann::ordered_json;

namespace {

RunConfig config_of(EndpointType type, bool streaming, std::vector<std::string> extra_inputs = {}) {
    RunConfig config;
    config.model_names = {"m", "another"};
    config.endpoint_type = type;
    config.streaming = streaming;
    config.extra_inputs = std::move(extra_inputs);
    return config;
}

std::string body_of(const RunConfig& config, const std::string& text, std::optional<std::uint32_t> max_tokens = {}) {
    return endpoint_of(config.endpoint_type).body(Turn{text, max_tokens, {}}, config, {});
}

std::string chat(std::vector<std::string> extra_inputs, bool streaming = false) {
    const std::string body = body_of(config_of(EndpointType::chat, streaming, std::move(extra_inputs)), "t");
    const std::string start = R"({"messages":[{"role":"user","content":"t"}],)";
    REQUIRE(body.substr(0, start.size()) == start);
    return body.substr(start.size());
}

/// Checks our bodies against those AIPerf sent in a recorded run, byte for byte. Returns how many there were.
int compare_with_recording(const std::string& name, RunConfig config) {
    config.model_names = {"golden-model"};
    std::ifstream file(std::string(AIPERF_TEST_DATA) + "/golden/cases/" + name + "/requests.jsonl");
    REQUIRE(file.good());
    int compared = 0;
    for (std::string line; std::getline(file, line); ++compared) {
        const Json request = Json::parse(line);
        const Json& recorded = request["body"];
        const bool is_chat = config.endpoint_type == EndpointType::chat;
        const std::string text =
            is_chat ? recorded["messages"][0]["content"].get<std::string>() : recorded["prompt"].get<std::string>();
        std::optional<std::uint32_t> max_tokens;
        for (const char* key : {"max_tokens", "max_completion_tokens"}) {
            if (recorded.contains(key)) {
                max_tokens = recorded[key].get<std::uint32_t>();
            }
        }
        const std::string ours = body_of(config, text, max_tokens);
        CAPTURE(name, line);
        CHECK(ours == recorded.dump());
        CHECK(ours.size() == request["body_bytes"].get<std::size_t>());
    }
    return compared;
}

}  // namespace

TEST_CASE("Bodies are those of the recorded runs, byte for byte") {
    CHECK(compare_with_recording("chat_stream_usage", config_of(EndpointType::chat, true)) == 9);
    CHECK(compare_with_recording("chat_stream_no_usage", config_of(EndpointType::chat, true)) == 6);
    CHECK(compare_with_recording("chat_nonstream", config_of(EndpointType::chat, false)) == 6);
    CHECK(compare_with_recording("completions_stream", config_of(EndpointType::completions, true)) == 6);
    CHECK(compare_with_recording("completions_nonstream", config_of(EndpointType::completions, false)) == 5);
    RunConfig extra = config_of(
        EndpointType::chat, true, {"temperature:0.5", "ignore_eos:true", R"({"nested": {"a": [1, 2]}, "seed": 7})"});
    extra.use_legacy_max_tokens = true;
    CHECK(compare_with_recording("extra_inputs_headers", extra) == 3);
}

TEST_CASE("Paths are those of the API") {
    CHECK(endpoint_of(EndpointType::chat).path() == "/v1/chat/completions");
    CHECK(endpoint_of(EndpointType::completions).path() == "/v1/completions");
}

TEST_CASE("A completion's prompt is a bare string") {
    CHECK(body_of(config_of(EndpointType::completions, false), "t") == R"({"prompt":"t","model":"m","stream":false})");
}

TEST_CASE("The output length has the endpoint's own name") {
    RunConfig config = config_of(EndpointType::chat, false);
    CHECK(Json::parse(body_of(config, "t", 7))["max_completion_tokens"] == 7);
    CHECK_FALSE(Json::parse(body_of(config, "t", 7)).contains("max_tokens"));
    config.use_legacy_max_tokens = true;
    CHECK(Json::parse(body_of(config, "t", 7))["max_tokens"] == 7);
    CHECK_FALSE(Json::parse(body_of(config, "t", 7)).contains("max_completion_tokens"));
    config = config_of(EndpointType::completions, false);
    CHECK(Json::parse(body_of(config, "t", 7))["max_tokens"] == 7);
}

TEST_CASE("Without an output length no field is sent") {
    CHECK(chat({}) == R"("model":"m","stream":false})");
    CHECK_FALSE(Json::parse(body_of(config_of(EndpointType::completions, false), "t")).contains("max_tokens"));
}

TEST_CASE("Chat sends an output length of 0, completions leave it out, an extra input is sent as it is") {
    CHECK(Json::parse(body_of(config_of(EndpointType::chat, false), "t", 0))["max_completion_tokens"] == 0);
    CHECK_FALSE(Json::parse(body_of(config_of(EndpointType::completions, false), "t", 0)).contains("max_tokens"));
    const RunConfig extra = config_of(EndpointType::completions, false, {"max_tokens:0"});
    CHECK(Json::parse(body_of(extra, "t", 9))["max_tokens"] == 0);
}

TEST_CASE("Extra inputs are merged in order, and overwrite what is there in its place") {
    CHECK(chat({"a:1", "b:2", "a:3"}) == R"("model":"m","stream":false,"a":3,"b":2})");
    CHECK(chat({R"({"model": "other", "x": null})", "x:1"}) == R"("model":"other","stream":false,"x":1})");
    CHECK(chat({"stream:false"}, true) == R"("model":"m","stream":false})");
}

TEST_CASE("An extra input's value is JSON where it is JSON, text otherwise") {
    CHECK(chat({"a:1.50", "b:true", "c:null", "d:[1,2]", "e:hello", "f:\"7\"", "g:"}) ==
          R"("model":"m","stream":false,"a":1.5,"b":true,"c":null,"d":[1,2],"e":"hello","f":"7","g":""})");
    CHECK(chat({"url:http://x:80/"}) == R"("model":"m","stream":false,"url":"http://x:80/"})");
}

TEST_CASE("An extra input that is neither key:value nor an object is refused by name") {
    for (const std::string input : {"nonsense", ":value", "", "{\"a\": ", "{\"a\": 1} and more"}) {
        CAPTURE(input);
        CHECK_THROWS_AS(chat({input}), aiperf::base::ConfigError);
        CHECK_THROWS_WITH(chat({input}), Catch::Contains("--extra-inputs") && Catch::Contains(input));
    }
}

TEST_CASE("Usage is asked for where the merged body streams") {
    const std::string asked = R"("stream_options":{"include_usage":true}})";
    CHECK(chat({}, true) == R"("model":"m","stream":true,)" + asked);
    CHECK(chat({"stream:true"}, false) == R"("model":"m","stream":true,)" + asked);
    CHECK_FALSE(Json::parse(body_of(config_of(EndpointType::chat, false), "t")).contains("stream_options"));
    CHECK(body_of(config_of(EndpointType::completions, true), "t") ==
          R"({"prompt":"t","model":"m","stream":true,)" + asked);
}

TEST_CASE("An author's own stream options are kept, null counts as absent") {
    const auto options = [](const std::string& own) {
        return Json::parse("{" + chat({"{\"stream_options\": " + own + "}"}, true))["stream_options"].dump();
    };
    CHECK(options(R"({"include_usage": false})") == R"({"include_usage":false})");
    CHECK(options(R"({"x": 1})") == R"({"x":1,"include_usage":true})");
    CHECK(options(R"({"include_usage": null, "x": 1})") == R"({"include_usage":true,"x":1})");
    CHECK(options("null") == R"({"include_usage":true})");
    CHECK(options("[1]") == "[1]");
    CHECK(options("\"text\"") == "\"text\"");
}

TEST_CASE("Text is written as UTF-8, with nothing escaped that need not be") {
    const std::string text = "Zürich \"東京\" \\ \n\t\x01 🚀 </s>";
    const std::string body = body_of(config_of(EndpointType::completions, false), text);
    CHECK(Json::parse(body)["prompt"] == text);
    CHECK(body.find("Zürich \\\"東京\\\" \\\\ \\n\\t\\u0001 🚀 </s>") != std::string::npos);
}

TEST_CASE("Text that is not UTF-8 makes a valid body all the same") {
    const std::string body = body_of(config_of(EndpointType::completions, false), "a\xFF\xC3");
    CHECK(Json::parse(body)["prompt"] == "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

TEST_CASE("Content is a list of parts where the settings force it, for chat only") {
    aiperf::settings::Endpoint parts;
    parts.force_content_parts = true;
    const Turn turn{"t", {}, {}};
    const RunConfig chat_config = config_of(EndpointType::chat, false);
    CHECK(Json::parse(endpoint_of(EndpointType::chat).body(turn, chat_config, parts))["messages"][0]["content"] ==
          Json::parse(R"([{"type":"text","text":"t"}])"));
    const RunConfig completions = config_of(EndpointType::completions, false);
    CHECK(endpoint_of(EndpointType::completions).body(turn, completions, parts) == body_of(completions, "t"));
}

TEST_CASE("A chat turn's body tells where its message is, so that a history can go before it") {
    const RunConfig config = config_of(EndpointType::chat, true);
    aiperf::dataset::Turn turn;
    turn.text = "say \"hi\" \xc3\xa9";
    const aiperf::endpoint::TurnBody made = endpoint_of(EndpointType::chat).turn_body(turn, config, {});
    CHECK(made.body == body_of(config, turn.text));
    CHECK(made.body.substr(0, made.message_at) == R"({"messages":[)");
    CHECK(made.body.substr(made.message_at, made.message_bytes) ==
          "{\"role\":\"user\",\"content\":\"say \\\"hi\\\" \xc3\xa9\"}");
    CHECK(made.body[made.message_at + made.message_bytes] == ']');
}

TEST_CASE("Where an extra input has replaced the messages there is no place for a history") {
    const RunConfig config = config_of(EndpointType::chat, false, {R"({"messages":[{"role":"user","content":"x"}]})"});
    aiperf::dataset::Turn turn;
    turn.text = "t";
    CHECK(endpoint_of(EndpointType::chat).turn_body(turn, config, {}).message_bytes == 0);
}

TEST_CASE("Answers stand in a history as the assistant's messages, in parts where those are asked for") {
    aiperf::settings::Endpoint settings;
    CHECK(endpoint_of(EndpointType::chat).answer_frame(settings) ==
          aiperf::endpoint::AnswerFrame{R"({"role":"assistant","content":")", R"("})"});
    settings.force_content_parts = true;
    CHECK(endpoint_of(EndpointType::chat).answer_frame(settings) ==
          aiperf::endpoint::AnswerFrame{R"({"role":"assistant","content":[{"type":"text","text":")", R"("}]})"});
}

TEST_CASE("An endpoint that says nothing of histories sends each turn alone") {
    const RunConfig config = config_of(EndpointType::completions, false);
    aiperf::dataset::Turn turn;
    turn.text = "t";
    const aiperf::endpoint::TurnBody made = endpoint_of(EndpointType::completions).turn_body(turn, config, {});
    CHECK(made.body == body_of(config, "t"));
    CHECK(made.message_bytes == 0);
    CHECK(endpoint_of(EndpointType::completions).answer_frame({}) == aiperf::endpoint::AnswerFrame{});
}
