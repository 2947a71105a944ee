// What an inference server streams: the parser of server-sent events.
#include "input.hpp"
#include "parsed_stream.hpp"

using namespace aiperf;  // NOLINT: a program of its own

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const test::Cuts cuts = fuzz::take_cuts(input);
    const std::string_view stream = input.rest();
    const test::ParsedEvents whole = test::events_of(stream);
    fuzz::require(test::events_of(stream, cuts) == whole, "a cut stream gives the same events");
    fuzz::require(test::events_of(stream, fuzz::every_cut(stream.size())) == whole,
                  "a stream byte by byte gives the same events");
    return 0;
}
