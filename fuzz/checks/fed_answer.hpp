#pragma once

#include "aiperf/load/answer.hpp"
#include "aiperf/record/record_set.hpp"
#include "pieces.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::test {

/// How a connection ends after what was fed.
struct Ending {
    bool closed = false;
    int broken = 0;  ///< error number
};

/// All that an answer left behind.
struct FedAnswer {
    record::Record record;
    std::vector<record::Event> events;
    std::string output;
    std::string reasoning;
    record::ErrorDetails error;  ///< empty for a good answer
    bool over = false;           ///< before the connection ended
    bool reusable = false;
    std::size_t used = 0;
};

/// Feeds answers. Time is the position in the input: the read that ends with byte n (counted from 1) returns at
/// `k_epoch_ns` + n; a connection that ends after n bytes does so at `k_epoch_ns` + n + 1.
class AnswerFeeder {
public:
    static constexpr std::int64_t k_epoch_ns = 1'000'000;

    explicit AnswerFeeder(config::EndpointType type = config::EndpointType::chat, bool keep_text = true)
        : reader_(endpoint::endpoint_of(type).reader()),
          keep_text_(keep_text) {}

    FedAnswer feed(std::string_view input, const Cuts& cuts = {}, Ending ending = {}) {
        FedAnswer fed;
        answer_.begin(fed.record, keep_text_);
        std::int64_t now = k_epoch_ns;
        in_pieces(input, cuts, http::SseParser::k_padding, [&](char* data, std::size_t size) {
            now += static_cast<std::int64_t>(size);
            fed.used += answer_.feed(data, size, now, *reader_);
            return !answer_.over();
        });
        fed.over = answer_.over();
        ++now;
        if (ending.closed && !fed.over) {
            answer_.closed_by_peer(now, *reader_);
        } else if (ending.broken != 0 && !fed.over) {
            answer_.broken(ending.broken);
        }
        fed.reusable = answer_.connection_reusable();
        answer_.finish(now);
        fed.events = answer_.events();
        fed.output = answer_.output();
        fed.reasoning = answer_.reasoning();
        if (fed.record.error != 0) {
            record::MemoryRecordSet::Row row{fed.record, {}, {}, {}, std::string(answer_.error())};
            const record::MemoryRecordSet set({}, {row});
            fed.error = record::error_details(set, set.records()[0]);
        }
        return fed;
    }

    load::Answer& answer() noexcept { return answer_; }

private:
    std::unique_ptr<endpoint::AnswerReader> reader_;
    load::Answer answer_;
    bool keep_text_;
};

/// A chunk of chat with this delta, as an event.
inline std::string event_of(const std::string& delta) {
    return R"(data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":)" + delta + "}]}\n\n";
}

inline std::string content_event(const std::string& text) {
    return event_of("{\"content\":\"" + text + "\"}");
}

inline std::string usage_event(int prompt, int completion) {
    return R"(data: {"object":"chat.completion.chunk","choices":[],"usage":{"prompt_tokens":)" +
           std::to_string(prompt) + ",\"completion_tokens\":" + std::to_string(completion) + "}}\n\n";
}

inline const std::string k_done_event = "data: [DONE]\n\n";
inline const std::string k_role_event = event_of(R"({"role":"assistant","content":""})");

inline std::string chunk_of(const std::string& bytes) {
    char size[20];
    std::snprintf(size, sizeof(size), "%zx\r\n", bytes.size());
    return size + bytes + "\r\n";
}

inline const std::string k_stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A streamed answer, each event in a chunk of its own.
inline std::string stream_of(const std::vector<std::string>& events) {
    std::string bytes = k_stream_head;
    for (const std::string& event : events) {
        bytes += chunk_of(event);
    }
    return bytes + "0\r\n\r\n";
}

/// An answer with a length.
inline std::string answer_of(const std::string& status,
                             const std::string& body,
                             const std::string& type = "application/json") {
    return "HTTP/1.1 " + status + "\r\nContent-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

inline std::string json_answer(const std::string& text) {
    return answer_of("200 OK",
                     R"({"object":"chat.completion","choices":[{"message":{"content":")" + text +
                         R"("}}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}})");
}

}  // namespace aiperf::test
