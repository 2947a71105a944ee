#include "aiperf/load/answer.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/load/error_text.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace aiperf::load {

using record::ErrorKind;
using record::Event;
using record::EventKind;

namespace {

constexpr std::string_view k_no_content =
    "InvalidInferenceResultError('Invalid inference result: No responses with actual content were received from the "
    "server (only usage/metadata, null/empty data, or [DONE] markers)')";
constexpr std::string_view k_done = "[DONE]";
constexpr std::string_view k_disconnected = "ServerDisconnectedError('Server disconnected')";

EventKind kind_of(const endpoint::Delta& delta) noexcept {
    if (!delta.output.empty()) {
        return delta.reasoning.empty() ? EventKind::output : EventKind::mixed;
    }
    if (!delta.reasoning.empty()) {
        return EventKind::reasoning;
    }
    if (!delta.tool.empty()) {
        return EventKind::tool;
    }
    return delta.has_usage ? EventKind::usage : EventKind::other;
}

}  // namespace

struct Answer::Sink {
    Answer& answer;
    endpoint::AnswerReader& reader;

    void on_head(const http::ResponseHead& head) { answer.take_head(head); }

    std::size_t on_chunks(char* data, std::size_t size, std::uint64_t& body_bytes) {
        return answer.take_row(std::string_view(data, size), body_bytes);
    }

    void on_body(char* data, std::size_t size) { answer.take_body(data, size, reader); }

    void on_event(std::string_view name, char* data, std::size_t size) { answer.take_event(name, data, size, reader); }
};

void Answer::begin(record::Record& record, bool keep_text) {
    record_ = &record;
    parser_.reset();
    sse_.reset();
    keep_text_ = keep_text;
    bad_status_ = false;
    given_up_ = false;
    last_read_ns_ = -1;
    lag_ns_ = 0;
    late_ = {};
    body_.clear();
    events_.clear();
    output_.clear();
    reasoning_.clear();
    error_.clear();
    location_.clear();
    decoder_.reset();
    row_.clear();
}

std::size_t Answer::feed(char* data, std::size_t size, std::int64_t now_ns, endpoint::AnswerReader& reader) {
    now_ns_ = now_ns;
    if (!parser_.started()) {
        record_->first_byte_ns = now_ns;
    }
    Sink sink{*this, reader};
    const std::size_t used = parser_.feed(data, size, sink);
    if (parser_.state() == http::ResponseParser::State::done) {
        take_whole_body(reader);
    }
    return used;
}

void Answer::framed_head(const http::ResponseHead& head, std::int64_t now_ns) {
    now_ns_ = now_ns;
    record_->first_byte_ns = now_ns;
    parser_.take_over(head);
    take_head(head);
}

void Answer::framed_body(char* data, std::size_t size, std::int64_t now_ns, endpoint::AnswerReader& reader) {
    now_ns_ = now_ns;
    parser_.count(size);
    take_body(data, size, reader);
}

void Answer::framed_end(std::int64_t now_ns, endpoint::AnswerReader& reader) {
    now_ns_ = now_ns;
    parser_.complete();
    take_whole_body(reader);
}

void Answer::closed_by_peer(std::int64_t now_ns, endpoint::AnswerReader& reader) {
    now_ns_ = now_ns;
    const bool had_head = parser_.head_complete();
    parser_.finish();
    if (parser_.state() == http::ResponseParser::State::done) {
        return take_whole_body(reader);
    }
    if (had_head) {
        fail(ErrorKind::payload, payload_error_text(parser_.chunked(), 0));
    } else {
        fail(ErrorKind::disconnected, std::string(k_disconnected));
    }
}

void Answer::broken(int error_number) {
    if (parser_.head_complete()) {
        fail(ErrorKind::payload, payload_error_text(parser_.chunked(), error_number));
    } else {
        fail(ErrorKind::reset, client_os_error_text(error_number));
    }
}

void Answer::fail(ErrorKind kind, std::string message) {
    if (record_->error == 0) {
        record_->error = static_cast<std::uint8_t>(kind);
        error_ = std::move(message);
    }
}

void Answer::take_head(const http::ResponseHead& head) {
    record_->headers_ns = now_ns_;
    record_->http_status = static_cast<std::uint16_t>(std::min(head.status, 65535));
    bad_status_ = head.status < 200 || head.status > 299;
    if (head.coding != http::Coding::none) {
        decoder_ = std::make_unique<http::ContentDecoder>(head.coding);
    }
    if (bad_status_) {
        error_.assign(head.reason).append("\n");
        error_limit_ = error_.size() + k_error_body_limit;
        if (head.status < 400) {
            location_ = head.location;
        }
    } else if (head.event_stream) {
        record_->flags |= record::flag::streamed;
    }
}

void Answer::take_body(char* data, std::size_t size, endpoint::AnswerReader& reader) {
    if (decoder_ == nullptr) {
        return take_plain_body(data, size, reader);
    }
    if (given_up_) {
        return;
    }
    decoder_->give(data, size);
    for (char* piece = decoder_->next(size); size > 0; piece = decoder_->next(size)) {
        take_plain_body(piece, size, reader);
    }
    if (decoder_->failed()) {
        spoil("the " + std::string(http::to_string(decoder_->coding())) +
              " coding of the body is damaged, or hides over 256 MiB");
    }
}

void Answer::take_plain_body(char* data, std::size_t size, endpoint::AnswerReader& reader) {
    if (bad_status_) {
        error_.append(data, std::min(size, error_limit_ - std::min(error_limit_, error_.size())));
    } else if ((record_->flags & record::flag::streamed) != 0) {
        if (!take_lone_event({data, size}, reader)) {
            Sink sink{*this, reader};
            sse_.feed(data, size, sink);
        }
    } else {
        body_.append(data, size);
    }
}

/// Takes bytes that are one event like another before it, as nearly all are. False = they may be anything.
bool Answer::take_lone_event(std::string_view bytes, endpoint::AnswerReader& reader) {
    const std::string_view text = sse_.lone_event(bytes);
    endpoint::Delta delta;
    if (text.empty() || text == k_done || given_up_ || !reader.read_alike(text, delta)) {
        return false;
    }
    sse_.pass_event();
    take_delta(delta, true);
    if (delta.output.empty() != delta.reasoning.empty() && !delta.has_usage) {
        row_.begin(bytes, delta.output.empty() ? delta.reasoning : delta.output, kind_of(delta));
    }
    return true;
}

/// Takes the chunks that are of the row. Returns their bytes, and adds those of their bodies to `body_bytes`.
std::size_t Answer::take_row(std::string_view bytes, std::uint64_t& body_bytes) {
    constexpr std::string_view k_line_end = "\r\n";
    std::size_t used = 0;
    if (given_up_ || decoder_ != nullptr || !sse_.is_between()) {
        return used;
    }
    std::size_t size = 0;
    for (std::size_t at = 0;; at += k_line_end.size()) {
        const std::string_view text = row_.next(bytes.substr(at), size);
        if (text.empty()) {
            return used;
        }
        add_event(row_.kind(), text.size());
        if (keep_text_) {
            (row_.kind() == EventKind::reasoning ? reasoning_ : output_).append(text);
        }
        body_bytes += row_.frame_bytes() + text.size();
        at += size;
        used = at;
        if (!bytes.substr(at).starts_with(k_line_end)) {
            return used;
        }
    }
}

void Answer::take_event(std::string_view name, char* data, std::size_t size, endpoint::AnswerReader& reader) {
    if (given_up_) {
        return;
    }
    const std::string_view text(data, size);
    if (!name.empty() && base::equals_ignoring_case(name, "error")) {
        fail(ErrorKind::sse_error, sse_error_text(name, text, now_ns_));
        given_up_ = true;
        return;
    }
    endpoint::Delta delta;
    if (text == k_done) {
        record_->flags |= record::flag::done_seen;
        return take_delta(delta, false);
    }
    const bool readable = reader.read(data, size, delta);
    take_delta(delta, readable);
}

void Answer::take_delta(const endpoint::Delta& delta, bool readable) {
    const std::size_t bytes = delta.output.size() + delta.reasoning.size() + delta.tool.size();
    Event& event = add_event(readable ? kind_of(delta) : EventKind::other, bytes);
    if (readable && delta.has_usage) {
        event.flags |= record::event_flag::has_usage;
        record_->flags |= record::flag::usage_seen;
        record_->usage_prompt_tokens = delta.usage.prompt_tokens;
        record_->usage_completion_tokens = delta.usage.completion_tokens;
        record_->usage_total_tokens = delta.usage.total_tokens;
        record_->usage_reasoning_tokens = delta.usage.reasoning_tokens;
        record_->usage_cached_tokens = delta.usage.cached_tokens;
    }
    if (keep_text_) {
        output_.append(delta.output).append(delta.tool);
        reasoning_.append(delta.reasoning);
    }
}

Event& Answer::add_event(EventKind kind, std::size_t text_bytes) {
    constexpr std::size_t k_most = std::numeric_limits<std::uint16_t>::max();
    std::uint8_t flags = 0;
    if (last_read_ns_ == now_ns_) {
        flags = record::event_flag::coalesced;
        bound_lag(events_.back());
    }
    last_read_ns_ = now_ns_;
    return events_.emplace_back(
        Event{now_ns_, lag_ns_, static_cast<std::uint16_t>(std::min(text_bytes, k_most)), kind, flags});
}

/// Another message came in the same read: the stamp is not of this one. It came at some time since its reader should
/// have been awake.
void Answer::bound_lag(record::Event& event) const noexcept {
    const bool is_first = (event.flags & record::event_flag::coalesced) == 0;
    if (is_first && late_.count() > std::int64_t{event.lag_ns}) {
        constexpr std::int64_t k_longest = std::numeric_limits<std::uint32_t>::max();
        event.lag_ns = static_cast<std::uint32_t>(std::min<std::int64_t>(late_.count(), k_longest));
        event.flags |= record::event_flag::lag_bound;
    }
}

/// The body cannot be believed: the answer is over.
void Answer::spoil(const std::string& why) {
    error_.clear();
    fail(ErrorKind::protocol, why);
    given_up_ = true;
}

void Answer::not_followed(const std::string& why) {
    error_.resize(error_.find('\n') + 1);
    error_ += "redirected to " + location_ + ": " + why;
}

void Answer::take_whole_body(endpoint::AnswerReader& reader) {
    if (decoder_ != nullptr && !given_up_ && parser_.body_bytes() > 0 && !decoder_->complete()) {
        spoil("the body ends within its " + std::string(http::to_string(decoder_->coding())) + " coding");
    }
    if (bad_status_ || given_up_) {
        return;
    }
    if ((record_->flags & record::flag::streamed) != 0) {
        Sink sink{*this, reader};
        sse_.finish(sink);
    } else if (!body_.empty()) {
        endpoint::Delta delta;
        body_.reserve(body_.size() + http::SseParser::k_padding);
        const bool readable = reader.read(body_.data(), body_.size(), delta);
        take_delta(delta, readable);
    }
}

void Answer::decide_error() {
    if (record_->error != 0) {
        return;
    }
    if (parser_.state() == http::ResponseParser::State::failed) {
        error_.clear();
        fail(ErrorKind::protocol, std::string(http::message(parser_.error())));
    } else if (bad_status_) {
        record_->error = static_cast<std::uint8_t>(ErrorKind::http_status);
    } else if (record_->first_content_ns == 0) {
        fail(ErrorKind::no_content, std::string(k_no_content));
    }
}

void Answer::note_content() noexcept {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::uint32_t worst_lag = 0;
    for (const Event& event : events_) {
        if (event.has_content()) {
            first = first == 0 ? event.at_ns : first;
            last = event.at_ns;
            worst_lag = std::max(worst_lag, event.lag_ns);
        }
    }
    record_->first_content_ns = first;
    record_->last_content_ns = last;
    record_->flags |= worst_lag > record::k_late_read_ns ? record::flag::late_read : 0U;
}

void Answer::finish(std::int64_t now_ns) {
    constexpr std::uint64_t k_most = std::numeric_limits<std::uint32_t>::max();
    note_content();
    decide_error();
    record_->end_ns = now_ns;
    record_->response_bytes = static_cast<std::uint32_t>(std::min(parser_.body_bytes(), k_most));
    record_->flags |= keep_text_ ? record::flag::text_kept : 0U;
}

}  // namespace aiperf::load
