#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::dataset {

using TokenId = std::uint32_t;  ///< number of a token in its vocabulary

/// Text to token ids and back, without automatically added special tokens. The text of a special token ("<|eos|>") is
/// that token.
///
/// encode() and count() throw base::RunError where the tokenizer cannot digest a text (no known one for ordinary text;
/// a million blanks in a row are too much for o200k_base).
///
/// *Thread safety*: const calls from any thread at once.
class Tokenizer {
public:
    virtual ~Tokenizer() = default;

    /// Ids of `text`; [] for "". Invalid UTF-8 is replaced first (U+FFFD).
    [[nodiscard]] virtual std::vector<TokenId> encode(std::string_view text) const = 0;

    /// Number of ids encode() would give; cheaper.
    [[nodiscard]] virtual std::size_t count(std::string_view text) const = 0;

    /// Text of ids, valid UTF-8 (U+FFFD for ids that are part of a character); special tokens are kept as text. Throws
    /// base::RunError for an id outside the vocabulary.
    [[nodiscard]] virtual std::string decode(const std::vector<TokenId>& ids) const = 0;

    /// Special tokens an encode *with* them would add to one text.
    [[nodiscard]] virtual std::uint32_t added_special_tokens() const noexcept = 0;

    /// Where it came from: "builtin (o200k_base)" or a path.
    [[nodiscard]] virtual const std::string& source() const noexcept = 0;
};

/// What to open, and where names are looked up.
struct TokenizerSearch {
    std::string name;                               ///< see open_tokenizer()
    std::vector<std::filesystem::path> hub_caches;  ///< see default_hub_caches()
    std::string revision = "main";                  ///< branch, tag or commit of a model in a hub cache
};

/// Opens a tokenizer. `name` is, in this order: "builtin" (o200k_base) or an encoding that is compiled in
/// ("o200k_base", "cl100k_base"); a directory holding tokenizer.json; a tokenizer.json file; a model name that is in
/// one of the local Hugging Face caches. Never uses the network.
///
/// The compiled-in ones are built on first use (about 0.1 s, 60 MB) and shared by the process while anybody holds them.
/// Throws base::ConfigError (field "--tokenizer") with the places looked at and what to do.
[[nodiscard]] std::shared_ptr<const Tokenizer> open_tokenizer(const TokenizerSearch& search);

/// The Hugging Face caches that an environment names, most specific first: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE,
/// HF_HOME/hub, XDG_CACHE_HOME/huggingface/hub, HOME/.cache/huggingface/hub. They need not exist.
[[nodiscard]] std::vector<std::filesystem::path> default_hub_caches(
    const std::map<std::string, std::string>& environment);

/// True for a model name that nobody means ("mock-model", "Test_Model", "fake-llama", "dummy"): such a run counts with
/// the builtin tokenizer, and says so, rather than look for a model of that name. Names with a slash are never one.
[[nodiscard]] bool is_placeholder_model(std::string_view name);

/// False where the library was built without the tokenizer part; open_tokenizer() then throws, saying what is missing.
[[nodiscard]] bool tokenizers_available() noexcept;

}  // namespace aiperf::dataset
