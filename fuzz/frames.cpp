// What a supervised process sends: frames, and the messages in them.
#include "aiperf/process/message.hpp"
#include "input.hpp"
#include "parsed_frames.hpp"

using namespace aiperf;  // NOLINT: a program of its own

namespace {

void check_message(const std::string& payload) {
    const auto message = process::parse_message(payload);
    fuzz::require(!message || !payload.empty(), "an empty payload is no message");
    if (message && message->kind == process::Message::Kind::stop) {
        const auto again = process::parse_message(process::stop_message(message->deadline));
        fuzz::require(again && again->deadline == message->deadline, "a deadline is written as it was read");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t k_most_bytes = 1000;
    fuzz::Input input(data, size);
    const test::Cuts cuts = fuzz::take_cuts(input);
    const std::string_view stream = input.rest();
    const test::ParsedFrames whole = test::frames_of(stream, {}, k_most_bytes);
    fuzz::require(test::frames_of(stream, cuts, k_most_bytes) == whole, "cut frames give the same");
    fuzz::require(test::frames_of(stream, fuzz::every_cut(stream.size()), k_most_bytes) == whole,
                  "frames byte by byte give the same");
    std::string encoded;
    for (const std::string& payload : whole.payloads) {
        check_message(payload);
        encoded += process::encode_frame(payload);
    }
    fuzz::require(stream.starts_with(encoded), "frames are written as they were read");
    check_message(std::string(stream));  // most inputs are no frames
    const auto registered = process::parse_message(process::registered_message(stream));
    fuzz::require(registered && registered->error.empty() == stream.empty(), "an error gets through, whatever it says");
    return 0;
}
