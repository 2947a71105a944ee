// What an inference server says: JSON messages, chunks and whole answers, of each endpoint.
#include "input.hpp"
#include "read_message.hpp"

using namespace aiperf;  // NOLINT: a program of its own

namespace {

void check(config::EndpointType type, std::string_view json) {
    static const std::string k_good =
        R"({"choices":[{"delta":{"content":"y"},"text":"y"}],"usage":{"prompt_tokens":7}})";
    const auto reader = endpoint::endpoint_of(type).reader();
    const test::ReadMessage first = test::read_message(*reader, json);
    fuzz::require(test::is_sound(first), "a message is unreadable or whole");
    const test::ReadMessage good = test::read_message(*reader, k_good);
    fuzz::require(good.readable && good.output == "y" && good.usage.prompt_tokens == 7,
                  "a good message is read after any other");
    // A brace behind it makes the JSON library count braces first, so damage in what nobody reads is seen as well.
    const test::ReadMessage with_brace = test::read_message(*reader, json, '}');
    fuzz::require(with_brace == first || !with_brace.readable, "what stands behind a message is no part of it");
    fuzz::require(test::read_message(*reader, json, '\0') == first, "a message is read the same again");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view json(reinterpret_cast<const char*>(data), size);
    check(config::EndpointType::chat, json);
    check(config::EndpointType::completions, json);
    return 0;
}
