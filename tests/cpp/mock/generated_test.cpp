#include "aiperf/mock/server.hpp"
#include "aiperf/mock/token_text.hpp"
#include "raw_http_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace aiperf;
using aiperf::test::RawAnswer;
using aiperf::test::RawHttpClient;
using Json = nlohmann::ordered_json;

namespace {

constexpr const char* k_chat = "/v1/chat/completions";

/// The payloads of a stream; the last must be [DONE].
std::vector<Json> payloads(const RawAnswer& answer) {
    std::vector<Json> found;
    std::string_view rest = answer.body;
    while (!rest.empty()) {
        const std::size_t end = rest.find("\n\n");
        REQUIRE(rest.starts_with("data: "));
        REQUIRE(end != std::string_view::npos);
        const std::string_view payload = rest.substr(6, end - 6);
        rest.remove_prefix(end + 2);
        if (payload == "[DONE]") {
            CHECK(rest.empty());
            return found;
        }
        found.push_back(Json::parse(payload));
    }
    FAIL("no [DONE]");
    return found;
}

RawAnswer ask(const mock::Options& options, const std::string& path, const std::string& body) {
    mock::Server server(options);
    RawHttpClient client(server.port());
    RawAnswer answer = client.post(path, body);
    CHECK(answer.status == 200);
    CHECK(answer.complete);
    return answer;
}

std::string text_of(std::size_t tokens, mock::TextKind kind = mock::TextKind::plain) {
    std::string text;
    mock::append_tokens(text, kind, 0, tokens);
    return text;
}

}  // namespace

TEST_CASE("a chat answer has the shape of OpenAI's, the asked number of tokens and its usage") {
    const RawAnswer answer =
        ask({}, k_chat, R"({"model":"my \"model\"","max_tokens":7,"messages":[{"role":"user","content":"12345"}]})");
    CHECK(answer.header("content-type") == "application/json");
    const Json json = Json::parse(answer.body);
    CHECK(json["object"] == "chat.completion");
    CHECK(json["id"].get<std::string>().starts_with("chatcmpl-"));
    CHECK(json["model"] == "my \"model\"");
    CHECK(json["created"].is_number_integer());
    CHECK(json["choices"].size() == 1);
    CHECK(json["choices"][0]["index"] == 0);
    CHECK(json["choices"][0]["message"] == Json::parse(R"({"role":"assistant","content":")" + text_of(7) + "\"}"));
    CHECK(json["choices"][0]["finish_reason"] == "length");
    CHECK(json["usage"] == Json::parse(R"({"prompt_tokens":2,"completion_tokens":7,"total_tokens":9})"));
}

TEST_CASE("a chat stream is role, one event per chunk of tokens, finish, usage, [DONE]") {
    mock::Options options;
    options.tokens_per_chunk = 3;
    const RawAnswer answer = ask(
        options,
        k_chat,
        R"({"stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":7,"max_tokens":99,"messages":[]})");
    CHECK(answer.header("content-type") == "text/event-stream; charset=utf-8");
    const auto events = payloads(answer);
    REQUIRE(events.size() == 1 + 3 + 1 + 1);
    CHECK(events[0]["choices"][0]["delta"] == Json::parse(R"({"role":"assistant","content":""})"));
    std::string text;
    for (std::size_t i = 1; i <= 3; ++i) {
        CHECK(events[i]["object"] == "chat.completion.chunk");
        CHECK(events[i]["model"] == "mock-model");
        CHECK(events[i]["choices"][0]["finish_reason"].is_null());
        text += events[i]["choices"][0]["delta"]["content"].get<std::string>();
    }
    CHECK(text == text_of(7));
    CHECK(events[4]["choices"][0]["delta"].empty());
    CHECK(events[4]["choices"][0]["finish_reason"] == "length");
    CHECK(events[5]["choices"].empty());
    CHECK(events[5]["usage"]["completion_tokens"] == 7);
}

TEST_CASE("text completions stream and do not stream in their own shape") {
    const Json whole = Json::parse(ask({}, "/v1/completions", R"({"prompt":["abcd","e"],"max_tokens":4})").body);
    CHECK(whole["object"] == "text_completion");
    CHECK(whole["choices"][0]["text"] == text_of(4));
    CHECK(whole["usage"]["prompt_tokens"] == 2);
    const auto events = payloads(ask({}, "/v1/completions", R"({"prompt":"a","max_tokens":4,"stream":true})"));
    REQUIRE(events.size() == 4 + 1);
    std::string text;
    for (const Json& event : events) {
        CHECK(event["object"] == "text_completion");
        text += event["choices"][0]["text"].get<std::string>();
    }
    CHECK(text == text_of(4));
    CHECK(events[4]["choices"][0]["finish_reason"] == "length");
}

TEST_CASE("without a limit, or where limits are ignored, the configured length is given and the reason is stop") {
    mock::Options options;
    options.output_tokens = 5;
    const Json open = Json::parse(ask(options, k_chat, R"({"messages":[]})").body);
    CHECK(open["usage"]["completion_tokens"] == 5);
    CHECK(open["choices"][0]["finish_reason"] == "stop");
    options.ignore_max_tokens = true;
    const Json ignored = Json::parse(ask(options, k_chat, R"({"messages":[],"max_tokens":2})").body);
    CHECK(ignored["usage"]["completion_tokens"] == 5);
    CHECK(ignored["choices"][0]["finish_reason"] == "stop");
}

TEST_CASE("reasoning tokens come first, as reasoning_content, and are counted in the usage") {
    mock::Options options;
    options.reasoning_tokens = 4;
    options.tokens_per_chunk = 3;
    const std::string body = R"({"stream":true,"stream_options":{"include_usage":true},"max_tokens":10,"messages":[]})";
    const auto events = payloads(ask(options, k_chat, body));
    std::string reasoning;
    std::string content;
    for (const Json& event : events) {
        if (event["choices"].empty()) {
            continue;
        }
        const Json& delta = event["choices"][0]["delta"];
        if (delta.contains("reasoning_content")) {
            CHECK(content.empty());
            reasoning += delta["reasoning_content"].get<std::string>();
        } else if (delta.contains("content")) {
            content += delta["content"].get<std::string>();
        }
    }
    CHECK(reasoning == text_of(4));
    CHECK(content == text_of(6));
    CHECK(events.back()["usage"]["completion_tokens"] == 10);
    CHECK(events.back()["usage"]["completion_tokens_details"]["reasoning_tokens"] == 4);

    const Json whole = Json::parse(ask(options, k_chat, R"({"max_tokens":10,"messages":[]})").body);
    CHECK(whole["choices"][0]["message"]["reasoning_content"] == reasoning);
    CHECK(whole["choices"][0]["message"]["content"] == content);

    const Json only = Json::parse(ask(options, k_chat, R"({"max_tokens":3,"messages":[]})").body);
    CHECK(only["choices"][0]["message"]["content"] == "");
    CHECK(only["usage"]["completion_tokens_details"]["reasoning_tokens"] == 3);
}

TEST_CASE("usage is there as configured and asked for") {
    const auto has_usage = [](mock::UsageMode mode, const std::string& body) {
        mock::Options options;
        options.usage = mode;
        return ask(options, k_chat, body).body.find("\"usage\"") != std::string::npos;
    };
    const std::string plain = R"({"messages":[]})";
    const std::string stream = R"({"messages":[],"stream":true})";
    const std::string asking = R"({"messages":[],"stream":true,"stream_options":{"include_usage":true}})";
    CHECK(has_usage(mock::UsageMode::request, plain));
    CHECK_FALSE(has_usage(mock::UsageMode::request, stream));
    CHECK(has_usage(mock::UsageMode::request, asking));
    CHECK(has_usage(mock::UsageMode::always, stream));
    CHECK_FALSE(has_usage(mock::UsageMode::never, plain));
    CHECK_FALSE(has_usage(mock::UsageMode::never, asking));
}

TEST_CASE("where nothing depends on the body it is not even read") {
    mock::Options options;
    options.stream = mock::StreamMode::always;
    options.usage = mock::UsageMode::never;
    options.ignore_max_tokens = true;
    options.output_tokens = 2;
    CHECK(payloads(ask(options, k_chat, "this is not JSON")).size() == 4);
    options.stream = mock::StreamMode::never;
    CHECK(Json::parse(ask(options, k_chat, R"({"stream":true})").body)["object"] == "chat.completion");
}

TEST_CASE("with split UTF-8 each multi-byte character that is cut comes back whole from the joined chunks") {
    mock::Options options;
    options.split_utf8 = true;
    const RawAnswer answer = ask(options, k_chat, R"({"stream":true,"max_tokens":60,"messages":[]})");
    std::size_t cut = 0;
    for (const std::string& chunk : answer.chunks) {
        const auto first = static_cast<unsigned char>(chunk.front());
        cut += first >= 0x80 && first < 0xC0 ? 1 : 0;  // begins inside a character
    }
    CHECK(cut > 10);
    std::string text;
    for (const Json& event : payloads(answer)) {
        text += event["choices"][0]["delta"].value("content", "");
    }
    CHECK(text == text_of(60, mock::TextKind::unicode));

    mock::Server server(options);
    RawHttpClient client(server.port());
    const Json whole = Json::parse(client.post("/v1/completions", R"({"max_tokens":60,"prompt":""})").body);
    CHECK(whole["choices"][0]["text"] == text_of(60, mock::TextKind::unicode));
}

TEST_CASE("the models are listed, health is told, other paths and methods are refused") {
    mock::Options options;
    options.models = {"first", "second"};
    mock::Server server(options);
    RawHttpClient client(server.port());
    const Json models = Json::parse(client.get("/v1/models").body);
    CHECK(models["object"] == "list");
    CHECK(models["data"][0]["id"] == "first");
    CHECK(models["data"][1]["id"] == "second");
    CHECK(client.get("/health").status == 200);
    CHECK(client.get("/v1/nothing").status == 404);
    CHECK(client.get(k_chat).status == 405);
    CHECK(client.post("/health", "{}").status == 405);
    CHECK(client.post("/prefix/v1/chat/completions", R"({"messages":[]})").status == 200);
    const RawAnswer refused = client.post(k_chat, R"({"max_tokens":-4,"messages":[]})");
    CHECK(refused.status == 400);
    CHECK_THAT(Json::parse(refused.body)["error"]["message"].get<std::string>(), Catch::Contains("max_tokens"));
    server.stop();  // an answer is counted once it is over, which may be after the client has it
    CHECK(server.counters().error_answers == 4);
}

TEST_CASE("more distinct answers than are kept in memory are still right") {
    mock::Server server{mock::Options{}};
    RawHttpClient client(server.port());
    for (int tokens = 1; tokens <= 3000; tokens += 7) {
        const std::string body = R"({"stream":true,"messages":[],"max_tokens":)" + std::to_string(tokens) + "}";
        REQUIRE(client.post(k_chat, body).chunks.size() == static_cast<std::size_t>(tokens) + 3);
    }
    for (int model = 0; model < 1100; ++model) {
        const std::string name = "model-" + std::to_string(model);
        REQUIRE(Json::parse(client.post(k_chat, R"({"max_tokens":1,"model":")" + name + "\"}").body)["model"] == name);
    }
}
