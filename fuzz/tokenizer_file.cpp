// What a model comes with: tokenizer.json.
#include "aiperf/base/error.hpp"
#include "input.hpp"
#include "temporary_directory.hpp"
#include "use_tokenizer.hpp"

#include <fstream>

using namespace aiperf;  // NOLINT: a program of its own

namespace {

/// A tokenizer may drop merges at random, and then makes something else of a text each time.
bool is_random(std::string_view json) {
    return json.find("dropout\":") != json.find("dropout\":null") || json.find("\\u") != std::string_view::npos;
}

void use(const dataset::Tokenizer& tokenizer, bool random) {
    static constexpr std::string_view k_texts[] = {"",
                                                   "ab",
                                                   "Hello world, a cab",
                                                   "  a\tb\n",
                                                   "\xc3\xbc\xe6\x9d\xb1\xf0\x9f\x9a\x80",
                                                   "a\xff z",
                                                   "<s>ab</s> [UNK]"};
    for (const std::string_view text : k_texts) {
        try {
            fuzz::require(test::agrees_with_itself(tokenizer, text) || random, "a tokenizer agrees with itself");
        } catch (const base::RunError&) {
            continue;  // a text it gives up on
        }
    }
    static_cast<void>(tokenizer.added_special_tokens());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const test::TemporaryDirectory directory;
    std::ofstream(directory.path() / "tokenizer.json", std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
    try {
        const auto tokenizer = dataset::open_tokenizer({.name = directory.path().string(), .hub_caches = {}});
        use(*tokenizer, is_random({reinterpret_cast<const char*>(data), size}));
    } catch (const base::ConfigError&) {
        return 0;  // refused
    }
    return 0;
}
