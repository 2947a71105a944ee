#pragma once

#include "aiperf/dataset/tokenizer.hpp"
#include "temporary_folder.hpp"

#include <nlohmann/json.hpp>

#include <fstream>
#include <memory>
#include <string>

inline const std::string k_golden_tokenizer = AIPERF_TEST_DATA "/golden/tokenizer";

inline nlohmann::json read_golden(const std::string& name) {
    std::ifstream file(k_golden_tokenizer + "/" + name);
    return nlohmann::json::parse(file);
}

inline std::shared_ptr<const aiperf::dataset::Tokenizer> open_golden() {
    static const auto tokenizer = aiperf::dataset::open_tokenizer({k_golden_tokenizer, {}});
    return tokenizer;
}

inline std::shared_ptr<const aiperf::dataset::Tokenizer> open_builtin() {
    static const auto tokenizer = aiperf::dataset::open_tokenizer({"builtin", {}});
    return tokenizer;
}

/// A tokenizer described in memory.
inline std::shared_ptr<const aiperf::dataset::Tokenizer> open_json(const nlohmann::json& description) {
    const TemporaryFolder folder;
    folder.write("tokenizer.json", description.dump());
    return aiperf::dataset::open_tokenizer({folder.path().string(), {}});
}

/// The golden tokenizer with a post-processor that adds its begin and end tokens.
inline nlohmann::json golden_with_special_tokens() {
    nlohmann::json description = read_golden("tokenizer.json");
    const auto special = [](const char* name, int id) {
        return nlohmann::json{{"id", name}, {"ids", {id}}, {"tokens", {name}}};
    };
    const auto part = [](const char* kind, const char* id) {
        return nlohmann::json{{kind, {{"id", id}, {"type_id", 0}}}};
    };
    description["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", {part("SpecialToken", "<|bos|>"), part("Sequence", "A"), part("SpecialToken", "<|eos|>")}},
        {"pair", {part("Sequence", "A"), part("Sequence", "B")}},
        {"special_tokens", {{"<|bos|>", special("<|bos|>", 0)}, {"<|eos|>", special("<|eos|>", 1)}}}};
    return description;
}
