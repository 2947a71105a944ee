#include "aiperf/endpoint/endpoint.hpp"
#include "read_message.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using aiperf::config::EndpointType;
using aiperf::endpoint::AnswerReader;
using aiperf::endpoint::endpoint_of;
using aiperf::endpoint::Usage;

namespace {

using Message = aiperf::test::ReadMessage;

Message read(AnswerReader& reader, const std::string& json) {
    const Message message = aiperf::test::read_message(reader, json);
    CHECK(aiperf::test::is_sound(message));
    return message;
}

Message read_chat(const std::string& json) {
    return read(*endpoint_of(EndpointType::chat).reader(), json);
}

/// The message of a chunk with this delta.
Message chunk(const std::string& delta) {
    return read_chat(R"({"id":"x","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":)" +
                     delta + R"(,"finish_reason":null}]})");
}

Message usage_of(const std::string& usage) {
    return read_chat(R"({"object":"chat.completion.chunk","choices":[],"usage":)" + usage + "}");
}

Message output(const std::string& text) {
    return {.readable = true, .output = text};
}

const Message k_nothing{.readable = true};
const Message k_unreadable{};

}  // namespace

TEST_CASE("A chunk's content is output, its reasoning reasoning, and both may come together") {
    CHECK(chunk(R"({"content":"Hello"})") == output("Hello"));
    CHECK(chunk(R"({"reasoning_content":"Hm"})") == Message{.readable = true, .reasoning = "Hm"});
    CHECK(chunk(R"({"reasoning":"Hm"})") == Message{.readable = true, .reasoning = "Hm"});
    CHECK(chunk(R"({"content":"a","reasoning_content":"b"})") ==
          Message{.readable = true, .output = "a", .reasoning = "b"});
}

TEST_CASE("An empty reasoning_content falls through to its alias, a filled one does not") {
    CHECK(chunk(R"({"reasoning_content":"","reasoning":"text"})").reasoning == "text");
    CHECK(chunk(R"({"reasoning":"text","reasoning_content":null})").reasoning == "text");
    CHECK(chunk(R"({"reasoning":"alias","reasoning_content":"own"})").reasoning == "own");
}

TEST_CASE("Role-only, empty and null deltas carry nothing, white space does") {
    CHECK(chunk(R"({"role":"assistant","content":""})") == k_nothing);
    CHECK(chunk(R"({"role":"assistant"})") == k_nothing);
    CHECK(chunk("{}") == k_nothing);
    CHECK(chunk("null") == k_nothing);
    CHECK(chunk(R"({"content":null,"reasoning_content":null,"tool_calls":null})") == k_nothing);
    CHECK(chunk(R"({"content":" "})") == output(" "));
    CHECK(chunk(R"({"content":"\n"})") == output("\n"));
}

TEST_CASE("Values of odd types carry nothing and harm nothing") {
    for (const std::string odd :
         {"1", "-1.5e9", "true", "[]", "[\"x\"]", "{}", "{\"text\":\"x\"}", "[[[{\"a\":[]}]]]"}) {
        CAPTURE(odd);
        CHECK(chunk("{\"content\":" + odd + ",\"reasoning\":\"r\"}") == Message{.readable = true, .reasoning = "r"});
        CHECK(chunk("{\"tool_calls\":" + odd + ",\"content\":\"c\"}") == output("c"));
        CHECK(chunk("{\"function_call\":" + odd + ",\"content\":\"c\"}").output == "c");
    }
    for (const std::string odd : {"1", "true", "\"x\"", "[]", "[1,2]"}) {
        CAPTURE(odd);
        CHECK(chunk(odd) == k_nothing);
        CHECK(usage_of(odd) == k_nothing);
    }
    for (const std::string choices : {"null", "1", "\"x\"", "{}", "[]"}) {
        CAPTURE(choices);
        CHECK(read_chat("{\"object\":\"chat.completion.chunk\",\"choices\":" + choices + "}") == k_nothing);
    }
}

TEST_CASE("Only the first choice counts") {
    CHECK(read_chat(R"({"object":"chat.completion","choices":[{"message":{"content":"one"}},{"message":{"content":)"
                    R"("two"}}],"usage":{"prompt_tokens":1}})") ==
          Message{.readable = true, .output = "one", .usage = {.prompt_tokens = 1}, .has_usage = true});
}

TEST_CASE("A whole answer is read like a chunk") {
    CHECK(read_chat(R"({"choices":[{"message":{"role":"assistant","content":"Hi","reasoning_content":"Hm"}}],"usage":)"
                    R"({"prompt_tokens":3,"completion_tokens":2,"total_tokens":5},"object":"chat.completion"})") ==
          Message{.readable = true,
                  .output = "Hi",
                  .reasoning = "Hm",
                  .usage = {.prompt_tokens = 3, .completion_tokens = 2, .total_tokens = 5},
                  .has_usage = true});
}

TEST_CASE("Tool calls count by the names and arguments of their functions, in order") {
    CHECK(chunk(R"({"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get","arguments":)"
                R"(""}}]})") == Message{.readable = true, .tool = "get"});
    CHECK(chunk(R"({"tool_calls":[{"function":{"arguments":"{\"a\":"}},{"function":{"name":"b","arguments":"1"}}]})") ==
          Message{.readable = true, .tool = "{\"a\":b1"});
    CHECK(chunk(R"({"function_call":{"name":"look","arguments":"{}"}})") ==
          Message{.readable = true, .tool = "look{}"});
    CHECK(chunk(R"({"content":"Look: ","tool_calls":[{"function":{"name":"f"}}]})") ==
          Message{.readable = true, .output = "Look: ", .tool = "f"});
    CHECK(chunk(R"({"tool_calls":[{"function":null},{"id":"x"},{"function":{"name":null,"arguments":7}}]})") ==
          k_nothing);
}

TEST_CASE("A message of an unknown kind carries nothing, one of no kind counts") {
    for (const std::string object : {"\"error\"", "\"text_completion\"", "\"\"", "null", "7"}) {
        CAPTURE(object);
        const std::string content = R"("choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1})";
        CHECK(read_chat("{\"object\":" + object + "," + content + "}") == k_unreadable);
        CHECK(read_chat("{" + content + ",\"object\":" + object + "}") == k_unreadable);
    }
    CHECK(read_chat(R"({"choices":[{"delta":{"content":"x"}}]})") == output("x"));
}

TEST_CASE("Completions carry text") {
    const auto reader = endpoint_of(EndpointType::completions).reader();
    CHECK(read(*reader, R"({"object":"text_completion","choices":[{"index":0,"text":"Hello","logprobs":null}]})") ==
          output("Hello"));
    CHECK(read(*reader, R"({"object":"whatever","choices":[{"text":"x"}],"usage":{"completion_tokens":4}})") ==
          Message{.readable = true, .output = "x", .usage = {.completion_tokens = 4}, .has_usage = true});
    CHECK(read(*reader, R"({"choices":[{"text":null}]})") == k_nothing);
    CHECK(read(*reader, R"({"choices":[{"delta":{"content":"chat"}}]})") == k_nothing);
    CHECK(read(*reader, R"({"choices":[]})") == k_nothing);
}

TEST_CASE("Usage is taken as it stands, with its details") {
    CHECK(usage_of(R"({"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":)"
                   R"({"audio_tokens":0,"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":3}})") ==
          Message{.readable = true,
                  .usage = {.prompt_tokens = 10,
                            .completion_tokens = 5,
                            .total_tokens = 15,
                            .reasoning_tokens = 3,
                            .cached_tokens = 8},
                  .has_usage = true});
    CHECK(usage_of(R"({"prompt_tokens":0,"completion_tokens":0})").usage ==
          Usage{.prompt_tokens = 0, .completion_tokens = 0});
}

TEST_CASE("What usage does not say is absent, not 0 and not a sum") {
    const Message message = usage_of(R"({"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":null,)"
                                     R"("completion_tokens_details":{}})");
    CHECK(message.usage == Usage{.prompt_tokens = 10, .completion_tokens = 5});
    CHECK(message.has_usage);
}

TEST_CASE("An empty usage is none") {
    CHECK(usage_of("{}") == k_nothing);
    CHECK(usage_of("null") == k_nothing);
    CHECK(usage_of(R"({"prompt_tokens":null,"completion_tokens":"5","total_tokens":[5]})") == k_nothing);
}

TEST_CASE("Counts that are none are absent") {
    for (const std::string number :
         {"-1", "1e300", "99999999999999999999999999", "3000000000", "true", "\"7\"", "null"}) {
        CAPTURE(number);
        CHECK(usage_of("{\"completion_tokens\":1,\"prompt_tokens\":" + number + "}").usage ==
              Usage{.completion_tokens = 1});
    }
    CHECK(usage_of(R"({"prompt_tokens":12.0})").usage.prompt_tokens == 12);
    CHECK(usage_of(R"({"prompt_tokens":2000000000})").usage.prompt_tokens == 2'000'000'000);
}

TEST_CASE("A message's usage is one unit: nothing stays from the message before") {
    const auto reader = endpoint_of(EndpointType::chat).reader();
    CHECK(read(*reader, R"({"usage":{"prompt_tokens":10,"prompt_tokens_details":{"cached_tokens":4}}})").usage ==
          Usage{.prompt_tokens = 10, .cached_tokens = 4});
    CHECK(read(*reader, R"({"usage":{"completion_tokens":5}})").usage == Usage{.completion_tokens = 5});
    CHECK(read(*reader, R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]})").tool == "f");
    CHECK(read(*reader, "{}") == k_nothing);
}

TEST_CASE("Escapes are undone") {
    CHECK(chunk(R"({"content":"a\"b\\c\/d\n\t\u00fc\u6771\ud83d\ude80"})") == output("a\"b\\c/d\n\tü東🚀"));
    CHECK(chunk(R"({"con\u0074ent":"x"})") == output("x"));
    CHECK(chunk(R"({"content":"\u0000"})") == output(std::string(1, '\0')));
    CHECK(chunk("{\"content\":\"Zürich 東京 🚀\"}") == output("Zürich 東京 🚀"));
}

TEST_CASE("A string that is none makes the message unreadable, as it does for AIPerf") {
    for (const std::string text : {R"(\ud800)", R"(\ud800x)", R"(\ud800\u0041)", R"(\x41)", R"(\u12)", R"(\u12g4)"}) {
        CAPTURE(text);
        CHECK(chunk("{\"content\":\"before " + text + "\"}") == k_unreadable);
    }
}

TEST_CASE("Bytes that are not UTF-8 are replaced and the rest is kept") {
    const std::string replacement = "\xEF\xBF\xBD";
    CHECK(chunk("{\"content\":\"a\xFFz\"}") == output("a" + replacement + "z"));
    // One replacement for each longest beginning of a character, as Python's decoder does it.
    CHECK(chunk("{\"content\":\"\xE6\x9D\"}") == output(replacement));
    CHECK(chunk("{\"content\":\"\xF0\x9F\x9A and \xC3\"}") == output(replacement + " and " + replacement));
    CHECK(chunk("{\"content\":\"\xC0\x80\xED\xA0\x80\"}") ==
          output(replacement + replacement + replacement + replacement + replacement));
    CHECK(chunk("{\"content\":\"\xF5\xF4\x90\x80\x80\"}") ==
          output(replacement + replacement + replacement + replacement + replacement));
    CHECK(chunk("{\"content\":\"ü\xFF東🚀\"}") == output("ü" + replacement + "東🚀"));
    CHECK(chunk("{\"content\":\"a\xFF") == k_unreadable);
}

TEST_CASE("What is not JSON carries nothing") {
    const auto reader = endpoint_of(EndpointType::chat).reader();
    for (const std::string text : {"",
                                   " ",
                                   "{not json at all",
                                   "plain text",
                                   "[DONE]",
                                   "null",
                                   "7",
                                   "\"text\"",
                                   "[]",
                                   "{",
                                   "{\"choices\"",
                                   "{\"choices\":",
                                   "{\"choices\":[{\"delta\":{\"content\":\"x",
                                   "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]",
                                   "{\"choices\":[{\"delta\":{\"content\":\"x\"}}],}",
                                   "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]} more",
                                   "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}{}",
                                   "{\"choices\":[{\"delta\":{\"content\" \"x\"}}]}",
                                   "{\"choices\":[{\"delta\":{\"content\":\"x\"]}}"}) {
        CAPTURE(text);
        CHECK(read(*reader, text) == k_unreadable);
        // The reader is as good as new afterwards.
        CHECK(read(*reader, R"({"choices":[{"delta":{"content":"y"}}]})") == output("y"));
    }
}

TEST_CASE("A message cut anywhere is unreadable or complete, never something in between") {
    const std::string message =
        R"({"object":"chat.completion.chunk","choices":[{"delta":{"content":"a\u00fc","tool_calls":[{"function":)"
        R"({"name":"f","arguments":"{}"}}]}}],"usage":{"prompt_tokens":1,"prompt_tokens_details":{"cached_tokens":1}}})";
    const auto reader = endpoint_of(EndpointType::chat).reader();
    for (std::size_t size = 0; size < message.size(); ++size) {
        CAPTURE(size);
        CHECK(read(*reader, message.substr(0, size)) == k_unreadable);
    }
    CHECK(read(*reader, message).readable);
}

TEST_CASE("White space around and within a message means nothing") {
    CHECK(read_chat(" \n\t{ \"choices\" : [ { \"delta\" : { \"content\" : \"x\" } } ] } \r\n ") == output("x"));
}

TEST_CASE("Deep nesting and long strings are taken in their stride") {
    const std::string deep = std::string(1000, '[') + std::string(1000, ']');
    CHECK(chunk("{\"content\":\"x\",\"extra\":" + deep + "}").output == "x");
    const std::string text(1U << 20U, 'y');
    CHECK(chunk("{\"content\":\"" + text + "\"}") == output(text));
}

TEST_CASE("A reader that has seen another message reads each as a fresh one does") {
    const auto chunk = [](const std::string& id, const std::string& delta, const std::string& rest = "null") {
        return R"({"id":"chatcmpl-)" + id +
               R"(","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":)" + delta +
               R"(,"finish_reason":null}],"usage":)" + rest + "}";
    };
    std::vector<std::string> messages;
    for (const std::string id : {"0123456789abcdef", "0123456789abcdeg"}) {
        for (const char* text : {"",
                                 " word",
                                 "a",
                                 "\\n",
                                 "\\\"",
                                 "\xC3\xA4",
                                 "\xE2\x82",
                                 "x\",\"content\":\"y",
                                 "\x01",
                                 "\x7F",
                                 "}",
                                 "{\\\\"}) {
            messages.push_back(chunk(id, R"({"content":")" + std::string(text) + R"("})"));
            messages.push_back(chunk(id, R"({"role":"assistant","content":")" + std::string(text) + R"("})"));
        }
        messages.push_back(chunk(id, R"({"content":null})"));
        for (const char* count : {"0",
                                  "7",
                                  "123456789",
                                  "1234567890",
                                  "3000000000",
                                  "012",
                                  "1.5",
                                  "3null",
                                  "1e3",
                                  "-1",
                                  "\"7\"",
                                  "null",
                                  ""}) {
            messages.push_back(chunk(id, "{}", R"({"prompt_tokens":)" + std::string(count) + R"(,"total_tokens":4})"));
        }
        messages.push_back(chunk(id, "{}", R"({"prompt_tokens":3,"prompt_tokens":4})"));
        messages.push_back(chunk(id, "{}", R"({"prompt_tokens":3,"prompt_tokens_details":{"cached_tokens":2}})"));
        messages.push_back(chunk(id, R"({"reasoning":" word"})"));
        messages.push_back(chunk(id, R"({"reasoning_content":"","reasoning":" word"})"));
        messages.push_back(chunk(id, R"({"reasoning_content":" deep","reasoning":" word"})"));
        messages.push_back(chunk(id, R"({"content":" word","content":null})"));
        messages.push_back(chunk(id, R"({"content":" word","content":" word"})"));
        messages.push_back(chunk(id, R"({"content":" word","reasoning":" word"})"));
        messages.push_back(chunk(id, R"({"reasoning_content":" word"})"));
        messages.push_back(chunk(id, R"({"content":" word","tool_calls":[{"function":{"arguments":" word"}}]})"));
        messages.push_back(chunk(id, R"({"content":" word"})", R"({"prompt_tokens":3})"));
        messages.push_back(chunk(id, R"({"content":" word"})", "[") + "]");
        messages.push_back(chunk(id, R"({"content":" word"})") + " ");
        messages.push_back(chunk(id, R"({"content":" word"})") + "x");
        messages.push_back(chunk(id, R"({"content":" word"})").substr(1));
        messages.push_back(chunk(id, R"({"content":" word)"));
    }
    for (const std::string& before : messages) {
        const auto used = endpoint_of(EndpointType::chat).reader();
        static_cast<void>(aiperf::test::read_message(*used, before));
        for (const std::string& message : messages) {
            const auto fresh = endpoint_of(EndpointType::chat).reader();
            INFO(before << " then " << message);
            CHECK(aiperf::test::read_message(*used, message) == aiperf::test::read_message(*fresh, message));
        }
    }
}
