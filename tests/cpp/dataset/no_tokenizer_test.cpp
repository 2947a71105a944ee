#include "aiperf/base/error.hpp"
#include "aiperf/dataset/synthetic.hpp"

#include <catch2/catch.hpp>

using namespace aiperf::dataset;

TEST_CASE("a library without tokenizers says what is missing") {
    REQUIRE_FALSE(tokenizers_available());
    REQUIRE_THROWS_WITH(open_tokenizer({"builtin", {}}),
                        Catch::Contains("without tokenizers") && Catch::Contains("cargo") &&
                            Catch::Contains("--use-server-token-count"));
    REQUIRE_THROWS_AS(open_tokenizer({"builtin", {}}), aiperf::base::ConfigError);
}

TEST_CASE("a library without tokenizers makes prompts of a number of words") {
    SyntheticOptions options;
    options.entries = 3;
    const auto made = synthetic_conversations(options, nullptr);
    REQUIRE(made.size() == 3);
    REQUIRE_FALSE(made[0].turns[0].input_tokens.has_value());
}
