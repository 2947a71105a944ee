#pragma once

#include "aiperf/dataset/dataset.hpp"
#include "aiperf/process/descriptor.hpp"

#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>

namespace aiperf::dataset {

// The memfd of a data set: header, turns, conversations, ids; behind them, as they are made, bodies and texts. All but
// the last two are at multiples of 8.

/// What stands first.
struct FileHeader {
    std::uint64_t magic = 0;
    std::uint64_t turns = 0;
    std::uint64_t conversations = 0;
    std::uint64_t id_bytes = 0;
    std::uint64_t reserved_bytes = 0;  ///< of addresses: it never grows beyond
    std::uint64_t file_bytes = 0;      ///< once all is there; 0 = it grows
    std::uint64_t ready = 0;           ///< so many conversations are there; written with release order
};

/// One turn, filled in when it is made.
struct TurnRow {
    std::uint64_t offset = 0;  ///< of the body
    std::uint64_t size = 0;
    std::uint64_t message_at = 0;  ///< in the body
    std::uint64_t message_bytes = 0;
    std::uint64_t text_offset = 0;
    std::uint64_t text_size = 0;
    std::int64_t delay_ns = 0;
    std::int32_t input_tokens = -1;
    std::int32_t requested_tokens = -1;
};

/// One conversation, known from the start.
struct ConversationRow {
    std::uint64_t first_turn = 0;
    std::uint64_t turns = 0;
    std::uint64_t id_offset = 0;
    std::uint64_t id_size = 0;
};

inline constexpr std::uint64_t k_magic = 0x3254455341544144;
static_assert(sizeof(FileHeader) % 8 == 0 && sizeof(TurnRow) % 8 == 0 && sizeof(ConversationRow) % 8 == 0);
static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free, "shared between processes");

constexpr std::size_t round_up(std::size_t bytes, std::size_t to = 8) noexcept {
    return (bytes + to - 1) / to * to;
}

/// Addresses of a memfd from its beginning, some of which may lie beyond its end still.
class Mapping {
public:
    enum class Access : std::uint8_t { read, write };

    /// Throws base::SystemError.
    Mapping(const process::Descriptor& file, std::size_t size, Access access, bool whole);
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;
    ~Mapping();

    /// Nothing is written through it any more.
    void end_writing() noexcept;

    [[nodiscard]] char* data() const noexcept { return start_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    [[nodiscard]] std::string_view view(std::size_t offset, std::size_t size) const noexcept {
        return {start_ + offset, size};
    }

private:
    char* start_ = nullptr;
    std::size_t size_;
};

/// A data set in a memfd, whole or growing. *Thread safety*: as Dataset; its maker writes what is not ready.
class MappedDataset final : public Dataset {
public:
    /// Throws base::RunError for what is no data set, base::SystemError where it cannot be mapped.
    explicit MappedDataset(process::Descriptor file);

    /// Of its maker: the header, the rows of conversations and the ids are there already.
    MappedDataset(process::Descriptor file, std::size_t reserved_bytes, const FileHeader& header);

    [[nodiscard]] std::size_t size() const noexcept override { return conversations_.size(); }

    [[nodiscard]] std::size_t ready() const noexcept override {
        return std::atomic_ref(header().ready).load(std::memory_order_acquire);
    }

    [[nodiscard]] std::size_t turns(std::size_t index) const noexcept override { return conversations_[index].turns; }

    [[nodiscard]] Entry turn(std::size_t index, std::size_t turn) const noexcept override;

    [[nodiscard]] bool multi_turn() const noexcept override { return turns_.size() > conversations_.size(); }

    [[nodiscard]] std::string_view conversation_id(std::size_t index) const noexcept override {
        return mapping_.view(conversations_[index].id_offset, conversations_[index].id_size);
    }

    [[nodiscard]] int descriptor() const noexcept override { return file_.get(); }

    // For the maker.

    [[nodiscard]] FileHeader& header() const noexcept;
    [[nodiscard]] TurnRow& row(std::size_t index, std::size_t turn) noexcept;

    [[nodiscard]] const process::Descriptor& file() const noexcept { return file_; }

    [[nodiscard]] Mapping& mapping() noexcept { return mapping_; }

private:
    void find_rows(const FileHeader& header, std::uint64_t end);
    void check_conversations(std::uint64_t end) const;
    void check_turns(std::uint64_t end) const;

    process::Descriptor file_;
    Mapping mapping_;
    std::span<TurnRow> turns_;
    std::span<ConversationRow> conversations_;
};

}  // namespace aiperf::dataset
