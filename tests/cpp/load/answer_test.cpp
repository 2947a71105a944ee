#include "aiperf/load/answer.hpp"

#include "compressed.hpp"
#include "fed_answer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <fstream>
#include <regex>
#include <string>

using namespace aiperf;  // NOLINT: a test
using record::ErrorKind;
using record::Event;
using record::EventKind;
using test::answer_of;
using test::AnswerFeeder;
using test::chunk_of;
using test::content_event;
using test::Cuts;
using test::event_of;
using test::FedAnswer;
using test::for_all_cuts;
using test::k_done_event;
using test::k_role_event;
using test::k_stream_head;
using test::stream_of;
using test::usage_event;
using Json = nlohmann::ordered_json;

namespace {

constexpr std::int64_t k_epoch = AnswerFeeder::k_epoch_ns;
const std::string k_no_content =
    "InvalidInferenceResultError('Invalid inference result: No responses with actual content were received from the "
    "server (only usage/metadata, null/empty data, or [DONE] markers)')";

FedAnswer fed(const std::string& input, test::Ending ending = {}) {
    AnswerFeeder feeder;
    return feeder.feed(input, {}, ending);
}

Cuts every_byte(const std::string& input) {
    Cuts cuts;
    for (std::size_t i = 1; i < input.size(); ++i) {
        cuts.push_back(i);
    }
    return cuts;
}

ErrorKind kind_of(const FedAnswer& answer) {
    return static_cast<ErrorKind>(answer.record.error);
}

std::vector<EventKind> kinds(const FedAnswer& answer) {
    std::vector<EventKind> result;
    for (const Event& event : answer.events) {
        result.push_back(event.kind);
    }
    return result;
}

/// Time of the read that completes `part` when every byte is a read.
std::int64_t time_of(const std::string& input, const std::string& part) {
    const std::size_t at = input.find(part);
    REQUIRE(at != std::string::npos);
    return k_epoch + static_cast<std::int64_t>(at + part.size());
}

const std::string k_error_event = "event: error\ndata: {\"message\": \"engine died\"}\n\n";

}  // namespace

TEST_CASE("A streamed answer leaves its stamps, events, text and usage") {
    const std::string input = stream_of(
        {k_role_event, content_event("Hel"), content_event("lo"), event_of("{}"), usage_event(7, 2), k_done_event});
    const FedAnswer answer = fed(input);
    CHECK(answer.over);
    CHECK(answer.reusable);
    CHECK(answer.used == input.size());
    CHECK(kind_of(answer) == ErrorKind::none);
    CHECK(answer.record.http_status == 200);
    CHECK(answer.output == "Hello");
    CHECK(answer.reasoning.empty());
    CHECK(kinds(answer) == std::vector<EventKind>{EventKind::other,
                                                  EventKind::output,
                                                  EventKind::output,
                                                  EventKind::other,
                                                  EventKind::usage,
                                                  EventKind::other});
    CHECK(answer.record.usage_prompt_tokens == 7);
    CHECK(answer.record.usage_completion_tokens == 2);
    CHECK(answer.record.usage_total_tokens == record::k_absent);
    CHECK(answer.record.flags ==
          (record::flag::streamed | record::flag::done_seen | record::flag::usage_seen | record::flag::text_kept));
    CHECK(answer.record.response_bytes == k_role_event.size() + content_event("Hel").size() +
                                              content_event("lo").size() + event_of("{}").size() +
                                              usage_event(7, 2).size() + k_done_event.size());
}

TEST_CASE("Events read together have one stamp, and all but the first say so") {
    const std::string input = stream_of({k_role_event, content_event("a"), content_event("b")});
    const FedAnswer answer = fed(input);
    const std::int64_t read = k_epoch + static_cast<std::int64_t>(input.size());
    CHECK(answer.record.first_byte_ns == read);
    CHECK(answer.record.headers_ns == read);
    CHECK(answer.record.first_content_ns == read);
    CHECK(answer.record.last_content_ns == read);
    REQUIRE(answer.events.size() == 3);
    for (const Event& event : answer.events) {
        CHECK(event.at_ns == read);
    }
    CHECK(answer.events[0].flags == 0);
    CHECK(answer.events[1].flags == record::event_flag::coalesced);
    CHECK(answer.events[2].flags == record::event_flag::coalesced);
}

TEST_CASE("Read byte by byte, everything is stamped where it was complete") {
    const std::string first = content_event("first");
    const std::string last = content_event("last");
    const std::string input = stream_of({k_role_event, first, last, usage_event(1, 2), k_done_event});
    AnswerFeeder feeder;
    const FedAnswer answer = feeder.feed(input, every_byte(input));
    CHECK(answer.record.first_byte_ns == k_epoch + 1);
    CHECK(answer.record.headers_ns == time_of(input, k_stream_head));
    CHECK(answer.record.first_content_ns == time_of(input, first));
    CHECK(answer.record.last_content_ns == time_of(input, last));
    CHECK(answer.record.end_ns == k_epoch + static_cast<std::int64_t>(input.size()) + 1);
    REQUIRE(answer.events.size() == 5);
    CHECK(answer.events[0].at_ns == time_of(input, k_role_event));
    CHECK(answer.events[3].at_ns == time_of(input, usage_event(1, 2)));
    CHECK(answer.events[3].flags == record::event_flag::has_usage);
    CHECK(answer.events[4].at_ns == time_of(input, k_done_event));
}

TEST_CASE("However an answer is cut, text, events, usage and outcome are the same") {
    const std::vector<std::string> inputs = {
        stream_of({k_role_event, content_event("ü東"), usage_event(7, 2), k_done_event}),
        stream_of({content_event("x"), k_error_event}),
        stream_of({content_event("x"), "data: {not json at all\n\n", content_event("y")}),
        test::json_answer("Hello"),
        answer_of("429 Too Many Requests", "{\"error\": \"slow down\"}"),
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    };
    for (const std::string& input : inputs) {
        AnswerFeeder feeder;
        const FedAnswer whole = feeder.feed(input);
        for_all_cuts(input.size(), 0, [&](const Cuts& cuts) {
            const FedAnswer cut = feeder.feed(input, cuts);
            CAPTURE(input, cuts);
            REQUIRE(cut.output == whole.output);
            REQUIRE(kinds(cut) == kinds(whole));
            REQUIRE(cut.record.usage_completion_tokens == whole.record.usage_completion_tokens);
            REQUIRE(cut.record.flags == whole.record.flags);
            REQUIRE(cut.record.http_status == whole.record.http_status);
            REQUIRE(cut.reusable == whole.reusable);
            REQUIRE(cut.error.type == whole.error.type);
            REQUIRE(std::regex_replace(cut.error.message, std::regex("perf_ns=[0-9]+"), "") ==
                    std::regex_replace(whole.error.message, std::regex("perf_ns=[0-9]+"), ""));
        });
    }
}

TEST_CASE("Chunks that differ in their text alone are read as the first of them was") {
    const std::string reasoning = event_of(R"({"reasoning_content":"why"})");
    const std::vector<std::string> events = {k_role_event,
                                             content_event("one"),
                                             content_event("two"),
                                             content_event(std::string(300, 'x')),
                                             content_event("ü東"),
                                             content_event("\\u00e4"),  // not plain: for the parser
                                             content_event(""),         // carries nothing
                                             content_event("three"),
                                             reasoning,
                                             reasoning,
                                             usage_event(7, 2),
                                             content_event("four"),
                                             k_done_event};
    const std::string input = stream_of(events);
    AnswerFeeder feeder;
    for (int i = 0; i < 3; ++i) {
        const FedAnswer answer = feeder.feed(input);
        CHECK(answer.over);
        CHECK(answer.output == "onetwo" + std::string(300, 'x') + "ü東äthreefour");
        CHECK(answer.reasoning == "whywhy");
        REQUIRE(answer.events.size() == events.size());
        CHECK(answer.events[3].text_bytes == 300);
        CHECK(answer.events[6].kind == EventKind::other);
        CHECK(answer.events[7].kind == EventKind::output);
        CHECK(answer.events[9].kind == EventKind::reasoning);
        CHECK(answer.record.response_bytes == feeder.feed(input, every_byte(input)).record.response_bytes);
    }
}

TEST_CASE("A chunk that goes on with an event is no event, though it looks like the one before it") {
    const std::string whole = content_event("a");
    const std::string input = stream_of({whole, whole, "data: {\"junk\":\n", whole, whole});
    AnswerFeeder feeder;
    const FedAnswer answer = feeder.feed(input);
    CHECK(kinds(answer) ==
          std::vector<EventKind>{EventKind::output, EventKind::output, EventKind::other, EventKind::output});
    CHECK(answer.output == "aaa");
}

TEST_CASE("A message of many lines is not taken for one of a single line with the same bytes") {
    const std::string rest = R"("object":"chat.completion.chunk","choices":[{"delta":{"content":"a"}}]})";
    const std::string lines = "data: {\ndata: " + rest + "\n\n";
    const std::string other = "data: {\n" + rest + "\n\n";  // its second line is no field
    AnswerFeeder feeder;
    const FedAnswer answer = feeder.feed(stream_of({lines, lines, other, lines}));
    CHECK(kinds(answer) ==
          std::vector<EventKind>{EventKind::output, EventKind::output, EventKind::other, EventKind::output});
    CHECK(answer.output == "aaa");
}

TEST_CASE("A whole JSON body is one event with content") {
    AnswerFeeder feeder;
    const std::string input = test::json_answer("Hello");
    const FedAnswer answer = feeder.feed(input, {5, input.size() - 2});
    CHECK(kind_of(answer) == ErrorKind::none);
    CHECK(answer.output == "Hello");
    CHECK(kinds(answer) == std::vector<EventKind>{EventKind::output});
    CHECK(answer.events[0].text_bytes == 5);
    CHECK(answer.record.first_content_ns == k_epoch + static_cast<std::int64_t>(input.size()));
    CHECK(answer.record.last_content_ns == answer.record.first_content_ns);
    CHECK(answer.record.usage_total_tokens == 5);
    CHECK((answer.record.flags & record::flag::streamed) == 0);
    CHECK(answer.reusable);
}

TEST_CASE("A stream without [DONE], or left open by its last event, is good all the same") {
    CHECK(kind_of(fed(stream_of({content_event("x")}))) == ErrorKind::none);
    const FedAnswer open = fed(stream_of({"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"}));
    CHECK(open.output == "x");
    const FedAnswer closed =
        fed("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + content_event("y"), {.closed = true});
    CHECK(kind_of(closed) == ErrorKind::none);
    CHECK(closed.output == "y");
    CHECK_FALSE(closed.reusable);
}

TEST_CASE("Reasoning, mixed and tool events are told apart") {
    const FedAnswer answer = fed(stream_of({event_of(R"({"reasoning_content":"Hm"})"),
                                            event_of(R"({"reasoning":"so","content":"It"})"),
                                            event_of(R"({"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]})"),
                                            event_of(R"({"content":" is"})")}));
    CHECK(kinds(answer) ==
          std::vector<EventKind>{EventKind::reasoning, EventKind::mixed, EventKind::tool, EventKind::output});
    CHECK(answer.reasoning == "Hmso");
    CHECK(answer.output == "Itf{} is");
    CHECK(answer.events[1].text_bytes == 4);
}

TEST_CASE("The last usage counts, as one unit") {
    const FedAnswer answer =
        fed(stream_of({R"(data: {"usage":{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}})"
                       "\n\n",
                       content_event("x"),
                       R"(data: {"usage":{"completion_tokens":5}})"
                       "\n\n",
                       "data: {\"usage\":{}}\n\n",
                       "data: {\"usage\":null}\n\n"}));
    CHECK(answer.record.usage_prompt_tokens == record::k_absent);
    CHECK(answer.record.usage_cached_tokens == record::k_absent);
    CHECK(answer.record.usage_completion_tokens == 5);
}

TEST_CASE("Without usage nothing is known of it") {
    const FedAnswer answer = fed(stream_of({content_event("x")}));
    CHECK(answer.record.usage_prompt_tokens == record::k_absent);
    CHECK((answer.record.flags & record::flag::usage_seen) == 0);
}

TEST_CASE("An event's text length saturates") {
    const FedAnswer answer = fed(stream_of({content_event(std::string(100'000, 'x')), content_event("y")}));
    CHECK(answer.events[0].text_bytes == 65'535);
    CHECK(answer.output.size() == 100'001);
}

TEST_CASE("Text that nobody will count is not kept") {
    AnswerFeeder feeder(config::EndpointType::chat, false);
    const FedAnswer answer = feeder.feed(stream_of({content_event("x")}));
    CHECK(answer.output.empty());
    CHECK(answer.events[0].text_bytes == 1);
    CHECK((answer.record.flags & record::flag::text_kept) == 0);
    CHECK(kind_of(answer) == ErrorKind::none);
}

TEST_CASE("Answers without content are errors") {
    for (const std::string& input : {stream_of({k_role_event, usage_event(12, 0), k_done_event}),
                                     stream_of({}),
                                     stream_of({k_done_event}),
                                     stream_of({"data: {\"error\": {\"message\": \"x\"}}\n\n"}),
                                     answer_of("200 OK", "plain text instead of SSE", "text/plain"),
                                     answer_of("200 OK", ""),
                                     std::string("HTTP/1.1 204 No Content\r\n\r\n"),
                                     test::json_answer("")}) {
        const FedAnswer answer = fed(input);
        CAPTURE(input);
        CHECK(kind_of(answer) == ErrorKind::no_content);
        CHECK(answer.error == record::ErrorDetails{0, "InvalidInferenceResultError", k_no_content});
        CHECK(answer.record.first_content_ns == 0);
        CHECK(answer.reusable);
    }
}

TEST_CASE("A bad status is an error with its reason and body, and the connection can go on") {
    const FedAnswer answer = fed(answer_of("429 Too Many Requests", "{\"error\": \"slow\"}"));
    CHECK(answer.error == record::ErrorDetails{429, "Too Many Requests", "{\"error\": \"slow\"}"});
    CHECK(answer.events.empty());
    CHECK(answer.reusable);
    CHECK(fed(answer_of("500 ", "x")).error == record::ErrorDetails{500, "", "x"});
    CHECK(fed(answer_of("302 Found", "")).error == record::ErrorDetails{302, "Found", ""});
    CHECK(fed(answer_of("404 Not Found", content_event("x"), "text/event-stream")).error ==
          record::ErrorDetails{404, "Not Found", content_event("x")});
}

TEST_CASE("An error body is kept up to its limit") {
    const std::string body(load::Answer::k_error_body_limit, 'x');
    CHECK(fed(answer_of("500 Oh", body)).error.message == body);
    AnswerFeeder feeder;
    const std::string longer = answer_of("500 Oh", body + "yyy");
    CHECK(feeder.feed(longer).error.message == body);
    CHECK(feeder.feed(longer, {longer.size() / 2, longer.size() - 4, longer.size() - 2}).error.message == body);
}

TEST_CASE("An error event ends the answer at once, whatever follows") {
    for (const std::string name : {"error", "ERROR", "Error"}) {
        const std::string input =
            k_stream_head + chunk_of(content_event("Then")) +
            chunk_of("event: " + name + "\ndata: {\"message\": \"engine died\"}\n\n" + content_event("more"));
        const FedAnswer answer = fed(input);
        CHECK(answer.over);
        CHECK_FALSE(answer.reusable);
        CHECK(answer.output == "Then");
        CHECK(kind_of(answer) == ErrorKind::sse_error);
        CHECK(answer.error ==
              record::ErrorDetails{
                  502,
                  "SSEResponseError",
                  "SSEResponseError('Error occurred in SSE response: Unknown error in SSE response: "
                  "SSEMessage(perf_ns=" +
                      std::to_string(k_epoch + static_cast<std::int64_t>(input.size())) +
                      ", packets=[SSEField(name=\\'event\\', value=\\'" + name +
                      "\\'), SSEField(name=\\'data\\', value=\\'{\"message\": \"engine died\"}\\')])')"});
    }
    const FedAnswer bare = fed(k_stream_head + chunk_of(content_event("x")) + chunk_of("event: error\n\n"));
    CHECK(kind_of(bare) == ErrorKind::sse_error);
    CHECK(fed(stream_of({"event: message\n" + content_event("x")})).output == "x");
}

TEST_CASE("A message that cannot be read is passed over") {
    const FedAnswer answer =
        fed(stream_of({content_event("Hello"), "data: {not json at all\n\n", content_event(" again")}));
    CHECK(kind_of(answer) == ErrorKind::none);
    CHECK(answer.output == "Hello again");
    CHECK(kinds(answer) == std::vector<EventKind>{EventKind::output, EventKind::other, EventKind::output});
}

TEST_CASE("A connection closed before an answer is said in AIPerf's words") {
    for (const std::string input : {"", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 100 Continue\r\n\r\n"}) {
        const FedAnswer answer = fed(input, {.closed = true});
        CHECK(kind_of(answer) == ErrorKind::disconnected);
        CHECK(answer.error ==
              record::ErrorDetails{0, "ServerDisconnectedError", "ServerDisconnectedError('Server disconnected')"});
        CHECK_FALSE(answer.reusable);
    }
}

TEST_CASE("A connection reset before an answer is said in AIPerf's words") {
    for (const std::string input : {"", "HTTP/1.1 200 OK\r\nContent-"}) {
        const FedAnswer answer = fed(input, {.broken = ECONNRESET});
        CHECK(answer.error ==
              record::ErrorDetails{0, "ClientOSError", "ClientOSError(104, 'Connection reset by peer')"});
    }
}

TEST_CASE("A body that breaks off anywhere is a payload error in AIPerf's words, and keeps what came") {
    const std::string chunked_words =
        "Response payload is not completed: <TransferEncodingError: 400, message='Not enough data to satisfy transfer "
        "length header.'>";
    const std::string length_words =
        "Response payload is not completed: <ContentLengthError: 400, message='Not enough data to satisfy content "
        "length "
        "header.'>";
    const std::string reset_words = ". ConnectionResetError(104, 'Connection reset by peer')";
    const std::string stream = stream_of({k_role_event, content_event("Half an"), content_event("x")});
    const std::string json = test::json_answer("Hello");
    for (const auto& [input, words] : {std::pair{stream, chunked_words}, std::pair{json, length_words}}) {
        const std::size_t head = input.find("\r\n\r\n") + 4;
        for (std::size_t size = head; size < input.size(); ++size) {
            CAPTURE(input, size);
            const FedAnswer closed = fed(input.substr(0, size), {.closed = true});
            REQUIRE(closed.error ==
                    record::ErrorDetails{0, "ClientPayloadError", "ClientPayloadError(\"" + words + "\")"});
            const FedAnswer reset = fed(input.substr(0, size), {.broken = ECONNRESET});
            REQUIRE(reset.error == record::ErrorDetails{
                                       0, "ClientPayloadError", "ClientPayloadError(\"" + words + reset_words + "\")"});
            REQUIRE(kind_of(reset) == ErrorKind::payload);
            REQUIRE(reset.record.http_status == 200);
            REQUIRE_FALSE(reset.reusable);
        }
    }
    const std::size_t second = stream.find(chunk_of(content_event("x")));
    const FedAnswer answer = fed(stream.substr(0, second + 10), {.broken = ECONNRESET});
    CHECK(answer.output == "Half an");
    CHECK(answer.record.first_content_ns != 0);
}

TEST_CASE("An error body that breaks off is a payload error") {
    const std::string input = answer_of("500 Oh", "0123456789");
    const FedAnswer answer = fed(input.substr(0, input.size() - 3), {.closed = true});
    CHECK(kind_of(answer) == ErrorKind::payload);
    CHECK(answer.record.http_status == 500);
}

TEST_CASE("What is not HTTP is a protocol error that says what is wrong") {
    const FedAnswer garbage = fed("SSH-2.0-OpenSSH\r\n\r\n");
    CHECK(garbage.over);
    CHECK(garbage.error ==
          record::ErrorDetails{0, "ClientResponseError", "the answer does not begin with an HTTP/1.x status line"});
    CHECK_FALSE(garbage.reusable);
    const FedAnswer chunk = fed(k_stream_head + chunk_of(content_event("x")) + "oops\r\n");
    CHECK(chunk.error.message == "malformed chunked coding");
    CHECK(chunk.output == "x");
    const FedAnswer error_body = fed("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxx");
    CHECK(error_body.error.message == "malformed chunked coding");
    CHECK(kind_of(error_body) == ErrorKind::protocol);
}

TEST_CASE("A coded stream is read event by event, however it is cut") {
    const std::string events =
        k_role_event + content_event("one ") + content_event("two") + usage_event(7, 2) + k_done_event;
    const std::string head =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
        "Content-Encoding: ";
    for (const auto& [name, body] : {std::pair<std::string, std::string>("gzip", test::gzipped(events)),
                                     std::pair<std::string, std::string>("zstd", test::zstandard(events))}) {
        const std::string input = head + name + "\r\n\r\n" + test::chunk_of(body) + "0\r\n\r\n";
        for_all_cuts(input.size(), 0, [&input = input](const Cuts& cuts) {
            AnswerFeeder feeder;
            const FedAnswer answer = feeder.feed(input, cuts);
            REQUIRE(kind_of(answer) == ErrorKind::none);
            REQUIRE(answer.output == "one two");
            REQUIRE(answer.record.usage_completion_tokens == 2);
            REQUIRE(answer.reusable);
        });
    }
}

TEST_CASE("A coded body that is damaged or cut is an error, never a short count") {
    const std::string body = test::gzipped(content_event("one") + content_event("two"));
    const auto fed_body = [](const std::string& bytes) {
        AnswerFeeder feeder;
        return feeder.feed(answer_of("200 OK", bytes, "text/event-stream\r\nContent-Encoding: gzip"));
    };
    REQUIRE(fed_body(body).output == "onetwo");
    for (std::size_t size = 1; size < body.size(); ++size) {
        const FedAnswer answer = fed_body(body.substr(0, size));
        CAPTURE(size);
        REQUIRE(kind_of(answer) == ErrorKind::protocol);
        REQUIRE(answer.error.type == "ClientResponseError");
        REQUIRE_THAT(answer.error.message, Catch::Contains("gzip"));
        REQUIRE(!answer.reusable);
    }
    const FedAnswer plain = fed_body("data: {\"choices\": []}\n\n");
    CHECK(plain.error.message == "the gzip coding of the body is damaged, or hides over 256 MiB");
}

TEST_CASE("The first error stays") {
    record::Record record;
    load::Answer answer;
    answer.begin(record, true);
    answer.fail(ErrorKind::cancelled, "first");
    answer.fail(ErrorKind::timeout, "second");
    answer.broken(ECONNRESET);
    answer.finish(5);
    CHECK(record.error == static_cast<std::uint8_t>(ErrorKind::cancelled));
    CHECK(answer.error() == "first");
    CHECK(record.end_ns == 5);
    CHECK_FALSE(answer.started());
    CHECK_FALSE(answer.connection_reusable());
}

TEST_CASE("Bytes behind an answer are left alone") {
    const std::string input = test::json_answer("Hello");
    const FedAnswer answer = fed(input + "HTTP/1.1 200 OK");
    CHECK(answer.used == input.size());
    CHECK(kind_of(answer) == ErrorKind::none);
}

TEST_CASE("One object reads answer after answer and remembers nothing") {
    AnswerFeeder feeder;
    CHECK(kind_of(feeder.feed(stream_of({content_event("x"), k_error_event}))) == ErrorKind::sse_error);
    CHECK(kind_of(feeder.feed("HTTP/1.1 200 OK\r\nContent-", {}, {.closed = true})) == ErrorKind::disconnected);
    CHECK(kind_of(feeder.feed(answer_of("500 Oh", "body"))) == ErrorKind::http_status);
    const std::string half = stream_of({"data: half"});
    CHECK(kind_of(feeder.feed(half.substr(0, half.size() - 2), {}, {.closed = true})) == ErrorKind::payload);
    const FedAnswer answer = feeder.feed(test::json_answer("Hello"));
    CHECK(kind_of(answer) == ErrorKind::none);
    CHECK(answer.output == "Hello");
    CHECK(answer.events.size() == 1);
}

TEST_CASE("Completions are read like chat") {
    AnswerFeeder feeder(config::EndpointType::completions);
    const FedAnswer answer =
        feeder.feed(stream_of({"data: {\"object\":\"text_completion\",\"choices\":[{\"text\":\"He\"}]}\n\n",
                               "data: {\"choices\":[{\"text\":\"y\"}]}\n\n",
                               k_done_event}));
    CHECK(answer.output == "Hey");
    CHECK(kind_of(answer) == ErrorKind::none);
}

TEST_CASE("The recorded errors are told with AIPerf's code, type and message") {
    const std::string directory = std::string(AIPERF_TEST_DATA) + "/golden/cases/errors_mixed/";
    std::ifstream case_file(directory + "case.json");
    const Json answers = Json::parse(case_file)["mock"]["routes"][0]["answers"];
    std::ifstream rows(directory + "artifacts/profile_export.jsonl");
    const std::regex stamp("perf_ns=[0-9]+");
    std::size_t compared = 0;
    for (std::string line; std::getline(rows, line); ++compared) {
        const Json& scripted = answers[compared % answers.size()];
        std::string input;
        test::Ending ending;
        if (scripted.contains("events")) {
            input = k_stream_head;
            for (const Json& event : scripted["events"]) {
                const Json& payload = event[1];
                if (payload.is_string()) {
                    input += chunk_of("data: " + payload.get<std::string>() + "\n\n");
                } else if (payload.contains("$raw")) {
                    input += chunk_of(payload["$raw"].get<std::string>());
                } else if (payload.contains("$action")) {
                    ending.broken = ECONNRESET;
                } else {
                    input += chunk_of("data: " + payload.dump() + "\n\n");
                }
            }
            input += ending.broken != 0 ? "" : "0\r\n\r\n";
        } else if (scripted.contains("action")) {
            ending = scripted["action"] == "reset" ? test::Ending{.broken = ECONNRESET} : test::Ending{.closed = true};
        } else {
            const std::string status =
                std::to_string(scripted.value("status", 200)) + " " + scripted.value("reason", "OK");
            // Python's json.dumps puts a space behind colon and comma.
            input = scripted.contains("text") ? answer_of(status, scripted["text"], "text/plain")
                    : scripted["status"] == 500
                        ? answer_of(status, R"({"error": {"message": "boom", "type": "server_error", "code": 500}})")
                        : answer_of(status, R"({"error": "slow down"})");
        }
        const FedAnswer answer = fed(input, ending);
        const Json row = Json::parse(line);
        const Json recorded = row.value("error", Json::object());
        CAPTURE(compared, input, line);
        CHECK((answer.record.error != 0) == row.contains("error"));
        CHECK(answer.error.code == recorded.value("code", 0));
        CHECK(answer.error.type == recorded.value("type", ""));
        CHECK(std::regex_replace(answer.error.message, stamp, "perf_ns=") ==
              std::regex_replace(recorded.value("message", ""), stamp, "perf_ns="));
    }
    CHECK(compared == 24);
}
