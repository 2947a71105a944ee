// What an inference server streams, from its bytes on: chunks, events and messages, which are read without a parser
// where they are alike.
#include "fed_answer.hpp"
#include "input.hpp"

#include <algorithm>
#include <string>

using namespace aiperf;  // NOLINT: a program of its own

namespace {

/// A stream with a chunk for each event; what is no whole event is a chunk as well.
std::string answer_with(std::string_view events) {
    std::string bytes = test::k_stream_head;
    while (!events.empty()) {
        const std::size_t blank = events.find("\n\n");
        const std::string_view event = events.substr(0, blank == std::string_view::npos ? blank : blank + 2);
        bytes += test::chunk_of(std::string(event));
        events.remove_prefix(event.size());
    }
    return bytes + "0\r\n\r\n";
}

bool are_alike(const test::FedAnswer& a, const test::FedAnswer& b) {
    const auto is_alike = [](const record::Event& one, const record::Event& other) {
        constexpr int k_coalesced = record::event_flag::coalesced;
        return one.kind == other.kind && one.text_bytes == other.text_bytes &&
               (one.flags & ~k_coalesced) == (other.flags & ~k_coalesced);
    };
    return std::equal(a.events.begin(), a.events.end(), b.events.begin(), b.events.end(), is_alike) &&
           a.output == b.output && a.reasoning == b.reasoning && a.error.type == b.error.type &&
           a.record.flags == b.record.flags && a.record.usage_total_tokens == b.record.usage_total_tokens &&
           a.reusable == b.reusable &&
           // An answer that is given up is over within a read, and some of that is counted.
           (a.record.error != 0 || a.record.response_bytes == b.record.response_bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const test::Cuts cuts = fuzz::take_cuts(input);
    const std::string bytes = answer_with(input.rest());
    for (const auto type : {config::EndpointType::chat, config::EndpointType::completions}) {
        const test::FedAnswer plain = test::AnswerFeeder(type).feed(bytes, fuzz::every_cut(bytes.size()));
        test::AnswerFeeder feeder(type);
        for (const test::Cuts& again : {test::Cuts{}, cuts, test::Cuts{}}) {
            fuzz::require(are_alike(feeder.feed(bytes, again), plain), "a stream says the same however it comes");
        }
    }
    return 0;
}
