#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::dataset {

/// One turn before it becomes a request body.
struct Turn {
    std::string text;                           ///< the prompt
    std::optional<std::uint32_t> max_tokens;    ///< output length to ask for
    std::optional<std::uint32_t> input_tokens;  ///< tokens of `text` by the run's tokenizer; absent without one
};

/// One conversation of the data set (synthetic text gives it one turn).
struct Conversation {
    std::string id;           ///< "session_000000"
    std::vector<Turn> turns;  ///< in order; at least one
};

/// Bytes that may be read beyond the end of any body.
inline constexpr std::size_t k_body_padding = 64;

/// What the workers send: bodies ready to go, back to back in one sealed memfd that any process can map, and the index
/// of them behind. At least
/// k_body_padding readable bytes follow each body, so that simdjson may parse it in place.
///
/// *Thread safety*: const calls from any thread.
class Dataset {
public:
    /// One prompt, ready to be sent.
    struct Entry {
        std::string_view body;               ///< bytes of the request body
        std::int32_t input_tokens = -1;      ///< record::k_absent where unknown
        std::int32_t requested_tokens = -1;  ///< output length asked for; record::k_absent: none
    };

    virtual ~Dataset() = default;
    /// How many prompts there are.
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;
    /// `index` must be below size(); so for conversation_id(). The body lives as long as the data set.
    [[nodiscard]] virtual Entry entry(std::size_t index) const noexcept = 0;
    /// What artifacts call a prompt.
    [[nodiscard]] virtual std::string_view conversation_id(std::size_t index) const noexcept = 0;
    /// Of the sealed memfd, for a process to inherit; open_dataset() reads it there. Lives as long as the data set.
    [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

/// The data set another process sealed. Takes `descriptor` over. Throws base::RunError for anything else than a sealed
/// data set, base::SystemError where it cannot be mapped.
[[nodiscard]] std::shared_ptr<const Dataset> open_dataset(int descriptor);

/// Gathers bodies, then seals them.
///
/// *Thread safety*: none.
class DatasetBuilder {
public:
    DatasetBuilder();
    ~DatasetBuilder();
    /// Moves; what was moved from is good for destruction only.
    DatasetBuilder(DatasetBuilder&&) noexcept;
    /// Moves; what was moved from is good for destruction only.
    DatasetBuilder& operator=(DatasetBuilder&&) noexcept;

    /// Appends an entry; `body` is copied. Absent counts are record::k_absent. Throws base::SystemError where the memfd
    /// cannot be made or written.
    void add(std::string_view conversation_id,
             std::string_view body,
             std::int32_t input_tokens,
             std::int32_t requested_tokens);

    /// Throws base::SystemError where the memfd cannot be made, grown, sealed or mapped. The builder is empty
    /// afterwards.
    [[nodiscard]] std::shared_ptr<const Dataset> seal();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::dataset
