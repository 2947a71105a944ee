#pragma once

#include "aiperf/base/clock.hpp"

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
    base::Nanoseconds delay{0};                 ///< from the end of the answer before it; nothing for a first turn
};

/// One conversation of the data set.
struct Conversation {
    std::string id;           ///< "session_000000"
    std::vector<Turn> turns;  ///< in order; at least one
};

/// Bytes that may be read beyond the end of any body.
inline constexpr std::size_t k_body_padding = 64;

/// What the workers send: bodies ready to go, back to back in one memfd that any process can map, behind their index.
/// At least k_body_padding readable bytes follow each body, so that simdjson may parse it in place. It may still grow
/// (GrowingDataset): how many conversations of how many turns there are, and their ids, is known all the same.
///
/// *Thread safety*: const calls from any thread.
class Dataset {
public:
    /// One turn, ready to be sent: as it is where it is the first of its conversation, else with the history in it.
    struct Entry {
        std::string_view body;               ///< bytes of the request body, without a history
        std::int32_t input_tokens = -1;      ///< of its own text; record::k_absent where unknown
        std::int32_t requested_tokens = -1;  ///< output length asked for; record::k_absent: none
        std::size_t message_at = 0;          ///< where its message is in the body: the history goes before it
        std::size_t message_bytes = 0;       ///< of that message; 0 = the body has no place for a history
        std::string_view text;               ///< its own text; kept only where a conversation has several turns
        base::Nanoseconds delay{0};          ///< from the end of the answer before it

        /// The turn as it stands in the history of later ones.
        [[nodiscard]] std::string_view message() const noexcept { return body.substr(message_at, message_bytes); }
    };

    virtual ~Dataset() = default;
    /// How many conversations there are.
    [[nodiscard]] virtual std::size_t size() const noexcept = 0;

    /// The conversations [0, ready()) are there, whoever makes them. It rises until the data set is whole.
    [[nodiscard]] virtual std::size_t ready() const noexcept { return size(); }

    /// Turns of a conversation, at least one. `index` must be below size(); so everywhere here.
    [[nodiscard]] virtual std::size_t turns(std::size_t index) const noexcept = 0;
    /// `index` must be below ready(), `turn` below turns(index). What is referred to lives as long as the data set.
    [[nodiscard]] virtual Entry turn(std::size_t index, std::size_t turn) const noexcept = 0;
    /// True where a conversation has several turns.
    [[nodiscard]] virtual bool multi_turn() const noexcept = 0;
    /// What artifacts call a conversation.
    [[nodiscard]] virtual std::string_view conversation_id(std::size_t index) const noexcept = 0;

    /// The first turn of a conversation.
    [[nodiscard]] Entry entry(std::size_t index) const noexcept { return turn(index, 0); }

    /// Of the memfd, for a process to inherit; open_dataset() reads it there. Lives as long as the data set.
    [[nodiscard]] virtual int descriptor() const noexcept = 0;
};

/// The data set that another process has made, or makes. Takes `descriptor` over. Throws base::RunError for anything
/// else than a data set that cannot be cut, base::SystemError where it cannot be mapped.
[[nodiscard]] std::shared_ptr<const Dataset> open_dataset(int descriptor);

/// Gathers bodies, then makes a whole data set of them.
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

    /// Begins a conversation. At least one add_turn() must follow.
    void begin(std::string_view conversation_id);

    /// Appends a turn to the conversation begun last; body and text are copied. Absent counts are record::k_absent.
    void add_turn(const Dataset::Entry& turn);

    /// A conversation of one turn: begin() and add_turn().
    void add(std::string_view conversation_id,
             std::string_view body,
             std::int32_t input_tokens,
             std::int32_t requested_tokens);

    /// Throws as GrowingDataset does. The builder is empty afterwards.
    [[nodiscard]] std::shared_ptr<const Dataset> seal();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace aiperf::dataset
