#include "aiperf/mock/generator.hpp"
#include "aiperf/mock/json_text.hpp"
#include "aiperf/mock/token_text.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

namespace aiperf::mock {

namespace {

/// Where the first multi-byte character can be cut in two, or npos.
std::size_t first_cut(std::string_view bytes) {
    const auto* const found =
        std::find_if(bytes.begin(), bytes.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
    return found == bytes.end() ? AnswerBuilder::npos : static_cast<std::size_t>(found - bytes.begin()) + 1;
}

/// The JSON texts around the varying parts of one answer.
class Completion {
public:
    Completion(const Options& options, const AnswerKey& key, std::string_view model, std::int64_t created_s)
        : options_(options),
          key_(key),
          reasoning_(key.api == Api::chat ? std::min(options.reasoning_tokens, key.tokens) : 0),
          kind_(options.split_utf8 ? TextKind::unicode : options.text) {
        write_opening(model, created_s);
    }

    AnswerPtr stream();
    AnswerPtr whole();

private:
    void write_opening(std::string_view model, std::int64_t created_s);
    void content_chunks(AnswerBuilder& builder);
    void send(AnswerBuilder& builder, std::int64_t delay_ns, double jitter_ns);
    void chat_delta(std::string_view delta, std::string_view finish);
    [[nodiscard]] std::string usage() const;
    [[nodiscard]] std::string text(std::size_t begin, std::size_t end) const;

    [[nodiscard]] std::string_view finish_reason() const { return key_.limited ? "\"length\"" : "\"stop\""; }

    const Options& options_;
    const AnswerKey& key_;
    std::uint32_t reasoning_;
    TextKind kind_;
    std::string opening_;  ///< from "{" to before "choices"
    std::string event_;    ///< the event being written
};

void Completion::write_opening(std::string_view model, std::int64_t created_s) {
    constexpr char k_hex[] = "0123456789abcdef";
    std::string id = key_.api == Api::chat ? "chatcmpl-" : "cmpl-";
    const std::uint64_t number = AnswerKeyHash{}(key_);
    for (int shift = 60; shift >= 0; shift -= 4) {
        id += k_hex[(number >> static_cast<unsigned>(shift)) & 0xfU];
    }
    const std::string_view object = key_.api == Api::completions ? "text_completion"
                                    : key_.stream                ? "chat.completion.chunk"
                                                                 : "chat.completion";
    opening_ = "{\"id\":\"" + id + "\",\"object\":\"" + std::string(object) +
               "\",\"created\":" + std::to_string(created_s) + ",\"model\":";
    append_json_string(opening_, model);
    opening_ += ',';
}

std::string Completion::usage() const {
    std::string out = "\"usage\":{\"prompt_tokens\":" + std::to_string(key_.prompt_tokens) +
                      ",\"completion_tokens\":" + std::to_string(key_.tokens) +
                      ",\"total_tokens\":" + std::to_string(std::uint64_t{key_.prompt_tokens} + key_.tokens);
    if (reasoning_ > 0) {
        out += ",\"completion_tokens_details\":{\"reasoning_tokens\":" + std::to_string(reasoning_) + "}";
    }
    return out + "}";
}

/// Pieces [begin, end) of the answer; reasoning and content are each a text of their own.
std::string Completion::text(std::size_t begin, std::size_t end) const {
    std::string out;
    const std::size_t start = begin >= reasoning_ ? reasoning_ : 0;
    append_tokens(out, kind_, begin - start, end - start);
    return out;
}

void Completion::chat_delta(std::string_view delta, std::string_view finish) {
    event_ += "\"choices\":[{\"index\":0,\"delta\":{";
    event_ += delta;
    event_ += "},\"logprobs\":null,\"finish_reason\":";
    event_ += finish;
    event_ += "}]";
}

void Completion::send(AnswerBuilder& builder, std::int64_t delay_ns, double jitter_ns) {
    event_ += "}\n\n";
    const std::size_t cut = options_.split_utf8 ? first_cut(event_) : AnswerBuilder::npos;
    if (cut == AnswerBuilder::npos) {
        builder.event(event_, delay_ns, jitter_ns);
    } else {
        builder.event(std::string_view(event_).substr(0, cut), delay_ns, jitter_ns);
        builder.event(std::string_view(event_).substr(cut), options_.write_interval.count());
    }
    event_ = "data: " + opening_;
}

void Completion::content_chunks(AnswerBuilder& builder) {
    const std::uint32_t per_chunk = options_.tokens_per_chunk;
    for (std::uint32_t begin = 0; begin < key_.tokens;) {
        const std::uint32_t border = begin < reasoning_ ? reasoning_ : key_.tokens;
        const std::uint32_t count = std::min(per_chunk, border - begin);
        const std::string words = text(begin, begin + count);
        if (key_.api == Api::chat) {
            const std::string_view name = begin < reasoning_ ? "\"reasoning_content\":\"" : "\"content\":\"";
            chat_delta(std::string(name) + words + "\"", "null");
        } else {
            event_ += "\"choices\":[{\"index\":0,\"text\":\"" + words + "\",\"logprobs\":null,\"finish_reason\":null}]";
        }
        const bool first = begin == 0;
        send(builder,
             first ? 0 : options_.itl.count() * count,
             first ? 0 : static_cast<double>(options_.itl_jitter.count()));
        begin += count;
    }
}

AnswerPtr Completion::stream() {
    HeadFields head;
    head.content_type = "text/event-stream; charset=utf-8";
    head.headers = {{"Cache-Control", "no-cache"}};
    AnswerBuilder builder(head, key_.framing);
    const std::size_t chunk_bytes = opening_.size() + 140 + 8 * std::size_t{options_.tokens_per_chunk};
    builder.begin_stream(options_.ttft.count(),
                         static_cast<double>(options_.ttft_jitter.count()),
                         512 + chunk_bytes * (key_.tokens / options_.tokens_per_chunk + 4));
    event_ = "data: " + opening_;
    if (key_.api == Api::chat) {
        chat_delta(R"("role":"assistant","content":"")", "null");
        send(builder, 0, 0);
    }
    content_chunks(builder);
    if (key_.api == Api::chat) {
        chat_delta("", finish_reason());
    } else {
        event_ += R"("choices":[{"index":0,"text":"","logprobs":null,"finish_reason":)" + std::string(finish_reason());
        event_ += "}]";
    }
    send(builder, 0, 0);
    if (key_.usage) {
        event_ += "\"choices\":[]," + usage();
        send(builder, 0, 0);
    }
    builder.event("data: [DONE]\n\n", 0);
    return builder.end_stream(options_.split_utf8);
}

AnswerPtr Completion::whole() {
    std::string body = opening_ + "\"choices\":[{\"index\":0,";
    if (key_.api == Api::chat) {
        body += "\"message\":{\"role\":\"assistant\",\"content\":\"" + text(reasoning_, key_.tokens) + "\"";
        if (reasoning_ > 0) {
            body += ",\"reasoning_content\":\"" + text(0, reasoning_) + "\"";
        }
        body += "}";
    } else {
        body += "\"text\":\"" + text(0, key_.tokens) + "\"";
    }
    body += ",\"logprobs\":null,\"finish_reason\":" + std::string(finish_reason()) + "}]";
    body += key_.usage ? "," + usage() + "}" : "}";

    // Ready when a stream of one token per chunk would be: the gaps' jitters add up like independent ones.
    const double gaps = key_.tokens - 1;
    const auto ttft_jitter = static_cast<double>(options_.ttft_jitter.count());
    const auto itl_jitter = static_cast<double>(options_.itl_jitter.count());
    HeadFields head;
    head.content_type = "application/json";
    return AnswerBuilder(head, key_.framing)
        .whole(body,
               options_.ttft.count() + options_.itl.count() * (key_.tokens - 1),
               std::sqrt(ttft_jitter * ttft_jitter + gaps * itl_jitter * itl_jitter),
               options_.split_utf8 ? first_cut(body) : AnswerBuilder::npos,
               options_.split_utf8 ? options_.write_interval.count() : 0);
}

}  // namespace

AnswerPtr make_answer(const Options& options, const AnswerKey& key, std::string_view model, std::int64_t created_s) {
    Completion completion(options, key, model, created_s);
    return key.stream ? completion.stream() : completion.whole();
}

}  // namespace aiperf::mock
