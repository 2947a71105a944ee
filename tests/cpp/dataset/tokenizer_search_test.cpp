#include "dataset/tokenizer_search.hpp"

#include "aiperf/base/error.hpp"
#include "temporary_folder.hpp"

#include <catch2/catch.hpp>

using namespace aiperf::dataset;
using aiperf::base::ConfigError;

namespace {

ConfigError refusal_of(const TokenizerSearch& search) {
    try {
        static_cast<void>(find_tokenizer(search));
    } catch (const ConfigError& error) {
        return error;
    }
    FAIL("'" << search.name << "' was found");
    throw std::logic_error("unreachable");
}

bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("builtin and the names of encodings need no file") {
    REQUIRE(find_tokenizer({"builtin", {}}).encoding == "o200k_base");
    REQUIRE(find_tokenizer({"o200k_base", {}}).encoding == "o200k_base");
    REQUIRE(find_tokenizer({"cl100k_base", {}}).encoding == "cl100k_base");
}

TEST_CASE("a folder, and a file of any name, are taken as they are") {
    const TemporaryFolder folder;
    const auto file = folder.write("tokenizer.json", "{}");
    const auto other = folder.write("mine.json", "{}");
    REQUIRE(find_tokenizer({folder.path().string(), {}}).file == file);
    REQUIRE(find_tokenizer({folder.path().string() + "/", {}}).file == file);
    REQUIRE(find_tokenizer({other.string(), {}}).file == other);
}

TEST_CASE("a model in the hub cache is found by what its ref says") {
    const TemporaryFolder cache;
    cache.write("models--org--name/refs/main", "abc123\n");
    cache.write("models--org--name/refs/v2", "def456");
    cache.write("models--org--name/snapshots/old/tokenizer.json", "{}");
    const auto main_file = cache.write("models--org--name/snapshots/abc123/tokenizer.json", "{}");
    const auto v2_file = cache.write("models--org--name/snapshots/def456/tokenizer.json", "{}");
    const auto gpt2 = cache.write("models--gpt2/snapshots/main/tokenizer.json", "{}");
    REQUIRE(find_tokenizer({"org/name", {cache.path()}}).file == main_file);
    REQUIRE(find_tokenizer({"org/name", {"/nowhere", cache.path()}}).file == main_file);
    REQUIRE(find_tokenizer({"org/name", {cache.path()}, "v2"}).file == v2_file);
    REQUIRE(find_tokenizer({"org/name", {cache.path()}, "def456"}).file == v2_file);
    REQUIRE(find_tokenizer({"gpt2", {cache.path()}}).file == gpt2);
}

TEST_CASE("a name that leads nowhere is refused with every place looked at and what to do") {
    const TemporaryFolder cache;
    cache.write("models--org--half/refs/main", "abc");
    const std::string folder = cache.path().string();

    const ConfigError missing = refusal_of({"org/name", {cache.path(), "/other/hub"}});
    REQUIRE(missing.field() == "--tokenizer");
    REQUIRE(missing.value() == "org/name");
    REQUIRE(holds(missing.what(), folder + "/models--org--name"));
    REQUIRE(holds(missing.what(), "/other/hub/models--org--name"));
    REQUIRE(holds(missing.what(), (std::filesystem::current_path() / "org/name").string()));
    REQUIRE(holds(missing.what(), "--tokenizer builtin"));
    REQUIRE(holds(missing.what(), "--use-server-token-count"));
    REQUIRE_FALSE(holds(missing.what(), "\n"));

    const ConfigError half = refusal_of({"org/half", {cache.path()}});
    REQUIRE(holds(half.what(), folder + "/models--org--half/snapshots/abc/tokenizer.json"));

    const ConfigError bare = refusal_of({folder, {}});
    REQUIRE(holds(bare.what(), "holds no tokenizer.json"));
    REQUIRE(bare.value() == folder);

    REQUIRE(holds(refusal_of({"/no/such/folder", {}}).what(), "/no/such/folder"));
    REQUIRE(refusal_of({"", {}}).field() == "--tokenizer");
}

TEST_CASE("the caches of an environment come most specific first, once each") {
    using Paths = std::vector<std::filesystem::path>;
    REQUIRE(default_hub_caches({}) == Paths{});
    REQUIRE(default_hub_caches({{"HOME", "/h"}}) == Paths{"/h/.cache/huggingface/hub"});
    REQUIRE(default_hub_caches({{"HOME", "/h"}, {"HF_HOME", ""}}) == Paths{"/h/.cache/huggingface/hub"});
    REQUIRE(default_hub_caches({{"HOME", "/h"}, {"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/f"}, {"HF_HUB_CACHE", "/c"}}) ==
            Paths{"/c", "/f/hub", "/x/huggingface/hub", "/h/.cache/huggingface/hub"});
    REQUIRE(default_hub_caches({{"HOME", "/h"}, {"HF_HOME", "~/.cache/huggingface"}}) ==
            Paths{"/h/.cache/huggingface/hub"});
}

TEST_CASE("names that nobody means are placeholders, real ones are not") {
    for (const char* name : {"mock-model",
                             "test-model",
                             "fake-model",
                             "Test_Model_v2",
                             "MOCK_LLAMA",
                             "llama-fake",
                             "dummy",
                             "test",
                             "your-model-here"}) {
        INFO(name);
        REQUIRE(is_placeholder_model(name));
    }
    for (const char* name : {"", "gpt2", "Qwen/Qwen3-0.6B", "org/mock-model", "./mock-model", "contestant", "latest"}) {
        INFO(name);
        REQUIRE_FALSE(is_placeholder_model(name));
    }
}
