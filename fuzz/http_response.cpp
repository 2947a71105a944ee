// What an inference server sends: the parser of HTTP/1 answers.
#include "input.hpp"
#include "parsed_answer.hpp"

using namespace aiperf;  // NOLINT: a program of its own

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(data, size);
    const test::Cuts cuts = fuzz::take_cuts(input);
    const std::string_view bytes = input.rest();
    for (const bool close : {false, true}) {
        const test::ParsedAnswer whole = test::parse(bytes, {}, close);
        fuzz::require(test::parse(bytes, cuts, close) == whole, "a cut answer gives the same");
        http::ResponseParser parser;
        for (const test::Cuts& again : {test::Cuts{}, test::Cuts{}, cuts, test::Cuts{}}) {
            fuzz::require(test::parse(parser, bytes, again, close) == whole, "a parser that has served gives the same");
        }
        fuzz::require(test::parse(bytes, fuzz::every_cut(bytes.size()), close) == whole,
                      "an answer byte by byte gives the same");
        fuzz::require(whole.body.size() == whole.body_bytes, "bytes of body are counted");
        fuzz::require(whole.heads.size() <= 1, "an answer has one head");
        fuzz::require(!close || whole.state == http::ResponseParser::State::done ||
                          whole.state == http::ResponseParser::State::failed,
                      "an answer is over when its connection is");
    }
    return 0;
}
