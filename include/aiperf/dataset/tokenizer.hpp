#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::dataset {

using TokenId = std::uint32_t;

/// Text to token ids and back, without automatically added special tokens.
///
/// *Thread safety*: const calls from any thread at once.
class Tokenizer {
public:
    virtual ~Tokenizer() = default;

    /// Ids of `text`; [] for "". Invalid UTF-8 is replaced first (U+FFFD).
    [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text) const = 0;

    /// Number of ids encode() would give; cheaper.
    [[nodiscard]] virtual std::size_t count(std::string_view text) const = 0;

    /// Text of ids; special tokens are kept as text. Throws base::RunError for an id outside the vocabulary.
    [[nodiscard]] virtual std::string decode(const std::vector<TokenId>& ids) const = 0;

    /// Special tokens an encode *with* them would add to one text.
    [[nodiscard]] virtual std::uint32_t added_special_tokens() const noexcept = 0;

    /// Where it came from: "builtin (o200k_base)" or a path.
    [[nodiscard]] virtual const std::string& source() const noexcept = 0;
};

/// Opens a tokenizer. `name` is "builtin", a directory holding tokenizer.json, a tokenizer.json file, or a model name
/// that is in the local Hugging Face cache. `environment` gives HF_HOME, HF_HUB_CACHE, XDG_CACHE_HOME, HOME. Never uses
/// the network. Throws base::ConfigError (field "--tokenizer") with the places looked at and what to do.
struct TokenizerSearch {
    std::string name;
    std::vector<std::filesystem::path> hub_caches;  ///< see default_hub_caches()
};

[[nodiscard]] std::shared_ptr<const Tokenizer> open_tokenizer(const TokenizerSearch& search);

/// False where the library was built without the tokenizer part; open_tokenizer() then throws, saying what is missing.
[[nodiscard]] bool tokenizers_available() noexcept;

}  // namespace aiperf::dataset
