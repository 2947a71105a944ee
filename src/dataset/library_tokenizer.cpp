#include "aiperf/base/error.hpp"
#include "aiperf/dataset/tokenizer.hpp"
#include "tokenizer_library.hpp"
#include "tokenizer_search.hpp"

#include <array>
#include <malloc.h>
#include <mutex>
#include <utility>

namespace aiperf::dataset {

namespace {

/// A vocabulary is up to a million small blocks, which the allocator would keep for others like them.
struct CloseEncoder {
    void operator()(AiperfEncoder* encoder) const noexcept {
        aiperf_tokenizer_close(encoder);
        ::malloc_trim(0);
    }
};

using EncoderHandle = std::unique_ptr<AiperfEncoder, CloseEncoder>;

/// Room for the words of a failure.
class Words {
public:
    [[nodiscard]] AiperfMessage* message() noexcept { return &message_; }

    [[nodiscard]] std::string text() const { return {buffer_.data(), message_.size}; }

private:
    std::array<char, 500> buffer_{};
    AiperfMessage message_{buffer_.data(), buffer_.size(), 0};
};

/// Calls `call(data, capacity, needed)` with the buffer; again, with a larger one, where the first was too small.
template <typename Buffer, typename Call>
AiperfCode fill(Buffer& buffer, Call&& call) {
    std::size_t needed = 0;
    AiperfCode code = call(buffer.data(), buffer.size(), &needed);
    if (code == aiperf_buffer_too_small) {
        buffer.resize(needed);
        code = call(buffer.data(), buffer.size(), &needed);
    }
    buffer.resize(needed);
    return code;
}

class LibraryTokenizer final : public Tokenizer {
public:
    LibraryTokenizer(EncoderHandle encoder, std::string source)
        : encoder_(std::move(encoder)),
          source_(std::move(source)) {}

    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const override {
        Words words;
        std::vector<TokenId> ids(text.size());  // seldom more ids than bytes
        check(fill(ids,
                   [&](TokenId* out, std::size_t capacity, std::size_t* needed) {
                       return aiperf_tokenizer_encode(
                           encoder_.get(), text.data(), text.size(), out, capacity, needed, words.message());
                   }),
              words,
              "encode a text of " + std::to_string(text.size()) + " bytes");
        return ids;
    }

    [[nodiscard]] std::size_t count(std::string_view text) const override {
        Words words;
        std::size_t ids = 0;
        check(aiperf_tokenizer_count(encoder_.get(), text.data(), text.size(), &ids, words.message()),
              words,
              "count a text of " + std::to_string(text.size()) + " bytes");
        return ids;
    }

    [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const override {
        Words words;
        std::string text(ids.size() * 8, '\0');
        check(fill(text,
                   [&](char* out, std::size_t capacity, std::size_t* needed) {
                       return aiperf_tokenizer_decode(
                           encoder_.get(), ids.data(), ids.size(), out, capacity, needed, words.message());
                   }),
              words,
              "decode " + std::to_string(ids.size()) + " ids");
        return text;
    }

    [[nodiscard]] std::uint32_t added_special_tokens() const noexcept override {
        return aiperf_tokenizer_added_special_tokens(encoder_.get());
    }

    [[nodiscard]] const std::string& source() const noexcept override { return source_; }

private:
    void check(AiperfCode code, const Words& words, const std::string& task) const {
        if (code != aiperf_ok) {
            throw base::RunError("tokenizer " + source_ + " could not " + task + ": " + words.text());
        }
    }

    EncoderHandle encoder_;
    std::string source_;
};

/// An encoding that is compiled in: opened by the first call that needs it, as that takes about 0.1 s.
class EncodingTokenizer final : public Tokenizer {
public:
    explicit EncodingTokenizer(std::string encoding)
        : encoding_(std::move(encoding)),
          source_("builtin (" + encoding_ + ")") {}

    [[nodiscard]] std::vector<TokenId> encode(std::string_view text) const override { return opened().encode(text); }

    [[nodiscard]] std::size_t count(std::string_view text) const override { return opened().count(text); }

    [[nodiscard]] std::string decode(const std::vector<TokenId>& ids) const override { return opened().decode(ids); }

    [[nodiscard]] std::uint32_t added_special_tokens() const noexcept override { return 0; }

    [[nodiscard]] const std::string& source() const noexcept override { return source_; }

private:
    const LibraryTokenizer& opened() const {
        std::call_once(once_, [this] {
            Words words;
            AiperfEncoder* encoder = nullptr;
            if (aiperf_tokenizer_open_encoding(encoding_.data(), encoding_.size(), &encoder, words.message()) !=
                aiperf_ok) {
                throw base::RunError("tokenizer " + source_ + " could not be built: " + words.text());
            }
            tokenizer_ = std::make_unique<LibraryTokenizer>(EncoderHandle(encoder), source_);
        });
        return *tokenizer_;
    }

    std::string encoding_;
    std::string source_;
    mutable std::once_flag once_;
    mutable std::unique_ptr<const LibraryTokenizer> tokenizer_;
};

/// One per encoding and process, while anybody holds it.
std::shared_ptr<const Tokenizer> shared_encoding(const std::string& encoding) {
    static std::mutex mutex;
    static std::map<std::string, std::weak_ptr<const Tokenizer>> known;
    const std::lock_guard lock(mutex);
    std::weak_ptr<const Tokenizer>& entry = known[encoding];
    std::shared_ptr<const Tokenizer> tokenizer = entry.lock();
    if (!tokenizer) {
        tokenizer = std::make_shared<EncodingTokenizer>(encoding);
        entry = tokenizer;
    }
    return tokenizer;
}

}  // namespace

bool tokenizers_available() noexcept {
    return true;
}

std::shared_ptr<const Tokenizer> open_tokenizer(const TokenizerSearch& search) {
    const TokenizerPlace place = find_tokenizer(search);
    if (!place.encoding.empty()) {
        return shared_encoding(place.encoding);
    }
    const std::string json = read_tokenizer_file(search, place.file);
    Words words;
    AiperfEncoder* encoder = nullptr;
    if (aiperf_tokenizer_open_json(json.data(), json.size(), &encoder, words.message()) != aiperf_ok) {
        throw base::ConfigError("--tokenizer",
                                search.name,
                                place.file.string() + " is not a tokenizer.json that can be used: " + words.text());
    }
    return std::make_shared<LibraryTokenizer>(EncoderHandle(encoder), place.file.string());
}

}  // namespace aiperf::dataset
