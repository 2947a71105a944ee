#include "aiperf/dataset/dataset.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/process/memory_file.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <sys/mman.h>
#include <sys/stat.h>
#include <utility>

namespace aiperf::dataset {

namespace {

constexpr std::size_t k_write_at = 1U << 20U;  // bytes gathered before they are written

using process::Descriptor;

/// A whole file, read-only.
class Mapping {
public:
    Mapping(const Descriptor& file, std::size_t size)
        : size_(size) {
        void* start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, file.get(), 0);
        if (start == MAP_FAILED) {
            throw base::SystemError("cannot map " + std::to_string(size) + " bytes of request bodies", errno);
        }
        start_ = static_cast<const char*>(start);
    }

    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    ~Mapping() { ::munmap(const_cast<char*>(start_), size_); }

    [[nodiscard]] std::string_view view(std::size_t offset, std::size_t size) const noexcept {
        return {start_ + offset, size};
    }

private:
    const char* start_ = nullptr;
    std::size_t size_;
};

/// The memfd: bodies and padding, turns, conversations, ids and texts, footer; all but the texts at multiples of 8.
struct TurnRow {
    std::uint64_t offset = 0;  // of the body
    std::uint64_t size = 0;
    std::uint64_t message_at = 0;  // in the body
    std::uint64_t message_bytes = 0;
    std::uint64_t text_offset = 0;
    std::uint64_t text_size = 0;
    std::int64_t delay_ns = 0;
    std::int32_t input_tokens = -1;
    std::int32_t requested_tokens = -1;
};

struct ConversationRow {
    std::uint64_t first_turn = 0;
    std::uint64_t turns = 0;
    std::uint64_t id_offset = 0;
    std::uint64_t id_size = 0;
};

struct Footer {
    std::uint64_t turns_offset = 0;
    std::uint64_t turns = 0;
    std::uint64_t conversations = 0;
    std::uint64_t magic = 0;
};

constexpr std::uint64_t k_magic = 0x5345544154414441;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
    return (bytes + 7) / 8 * 8;
}

bool is_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t end) noexcept {
    return offset <= end && size <= end - offset;
}

class SealedDataset final : public Dataset {
public:
    SealedDataset(Descriptor file, std::size_t size)
        : file_(std::move(file)),
          mapping_(file_, size) {
        Footer footer;
        const std::size_t end = size - sizeof(Footer);
        std::memcpy(&footer, mapping_.view(end, sizeof(Footer)).data(), sizeof(Footer));
        if (footer.magic != k_magic) {
            throw base::RunError("not a data set: its end is something else");
        }
        turns_ = rows<TurnRow>(footer.turns_offset, footer.turns, end);
        conversations_ =
            rows<ConversationRow>(footer.turns_offset + turns_.size() * sizeof(TurnRow), footer.conversations, end);
        check_turns(footer.turns_offset, end);
        check_conversations(end);
    }

    [[nodiscard]] std::size_t size() const noexcept override { return conversations_.size(); }

    [[nodiscard]] std::size_t turns(std::size_t index) const noexcept override { return conversations_[index].turns; }

    [[nodiscard]] Entry turn(std::size_t index, std::size_t turn) const noexcept override {
        const TurnRow& row = turns_[conversations_[index].first_turn + turn];
        return {mapping_.view(row.offset, row.size),
                row.input_tokens,
                row.requested_tokens,
                row.message_at,
                row.message_bytes,
                mapping_.view(row.text_offset, row.text_size),
                base::Nanoseconds(row.delay_ns)};
    }

    [[nodiscard]] bool multi_turn() const noexcept override { return turns_.size() > conversations_.size(); }

    [[nodiscard]] std::string_view conversation_id(std::size_t index) const noexcept override {
        return mapping_.view(conversations_[index].id_offset, conversations_[index].id_size);
    }

    [[nodiscard]] int descriptor() const noexcept override { return file_.get(); }

private:
    template <class Row>
    [[nodiscard]] std::span<const Row> rows(std::uint64_t at, std::uint64_t count, std::uint64_t end) const {
        if (at % alignof(Row) != 0 || at > end || count > (end - at) / sizeof(Row)) {
            throw base::RunError("not a data set: its index is not inside");
        }
        return {reinterpret_cast<const Row*>(mapping_.view(at, 0).data()), count};  // NOLINT: the layout
    }

    void check_turns(std::uint64_t bodies_end, std::uint64_t end) const {
        for (const TurnRow& row : turns_) {
            if (!is_inside(row.offset, row.size, bodies_end - std::min<std::uint64_t>(bodies_end, k_body_padding)) ||
                !is_inside(row.message_at, row.message_bytes, row.size) ||
                !is_inside(row.text_offset, row.text_size, end) || row.delay_ns < 0) {
                throw base::RunError("not a data set: a turn is not inside");
            }
        }
    }

    void check_conversations(std::uint64_t end) const {
        for (const ConversationRow& row : conversations_) {
            if (row.turns == 0 || !is_inside(row.first_turn, row.turns, turns_.size()) ||
                !is_inside(row.id_offset, row.id_size, end)) {
                throw base::RunError("not a data set: a conversation is not inside");
            }
        }
    }

    Descriptor file_;
    Mapping mapping_;
    std::span<const TurnRow> turns_;
    std::span<const ConversationRow> conversations_;
};

}  // namespace

struct DatasetBuilder::Impl {
    Descriptor file;
    std::string gathered;   // not yet written
    std::size_t total = 0;  // bytes of all bodies
    std::string words;      // ids and texts
    std::vector<TurnRow> turns;
    std::vector<ConversationRow> conversations;

    void flush() {
        if (!file) {
            file = process::create_memory_file("aiperf-dataset");
        }
        process::append(file, gathered);
        gathered.clear();
    }

    /// What stands behind the bodies; returns the size of all.
    std::size_t write_index() {
        const std::size_t turns_offset = round_up(total + k_body_padding);
        const std::size_t words_offset =
            turns_offset + turns.size() * sizeof(TurnRow) + conversations.size() * sizeof(ConversationRow);
        for (TurnRow& row : turns) {
            row.text_offset += words_offset;
        }
        for (ConversationRow& row : conversations) {
            row.id_offset += words_offset;
        }
        gathered.append(turns_offset - total, '\0');
        append_rows(turns);
        append_rows(conversations);
        gathered.append(words);
        gathered.append(round_up(words_offset + words.size()) - words_offset - words.size(), '\0');
        append_rows(std::vector{Footer{turns_offset, turns.size(), conversations.size(), k_magic}});
        flush();
        return round_up(words_offset + words.size()) + sizeof(Footer);
    }

private:
    template <class Row>
    void append_rows(const std::vector<Row>& rows) {
        gathered.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(Row));  // NOLINT: bytes
    }
};

DatasetBuilder::DatasetBuilder()
    : impl_(std::make_unique<Impl>()) {}

DatasetBuilder::~DatasetBuilder() = default;
DatasetBuilder::DatasetBuilder(DatasetBuilder&&) noexcept = default;
DatasetBuilder& DatasetBuilder::operator=(DatasetBuilder&&) noexcept = default;

void DatasetBuilder::add(std::string_view conversation_id,
                         std::string_view body,
                         std::int32_t input_tokens,
                         std::int32_t requested_tokens) {
    begin(conversation_id);
    add_turn({.body = body, .input_tokens = input_tokens, .requested_tokens = requested_tokens, .text = {}});
}

void DatasetBuilder::begin(std::string_view conversation_id) {
    impl_->conversations.push_back({impl_->turns.size(), 0, impl_->words.size(), conversation_id.size()});
    impl_->words += conversation_id;
}

void DatasetBuilder::add_turn(const Dataset::Entry& turn) {
    impl_->turns.push_back({impl_->total,
                            turn.body.size(),
                            turn.message_at,
                            turn.message_bytes,
                            impl_->words.size(),
                            turn.text.size(),
                            turn.delay.count(),
                            turn.input_tokens,
                            turn.requested_tokens});
    ++impl_->conversations.back().turns;
    impl_->words += turn.text;
    impl_->gathered += turn.body;
    impl_->total += turn.body.size();
    if (impl_->gathered.size() >= k_write_at) {
        impl_->flush();
    }
}

std::shared_ptr<const Dataset> DatasetBuilder::seal() {
    Impl built = std::exchange(*impl_, Impl{});
    const std::size_t size = built.write_index();
    process::seal(built.file);
    return std::make_shared<SealedDataset>(std::move(built.file), size);
}

std::shared_ptr<const Dataset> open_dataset(int descriptor) {
    Descriptor file(descriptor);

    struct stat facts {};

    // A kernel may add seals of its own (against execution), so those of a data set are a part of what is there.
    if (::fstat(descriptor, &facts) != 0 || facts.st_size < static_cast<off_t>(sizeof(Footer)) ||
        !process::is_sealed(file)) {
        throw base::RunError("not a data set: it is not sealed");
    }
    return std::make_shared<SealedDataset>(std::move(file), static_cast<std::size_t>(facts.st_size));
}

}  // namespace aiperf::dataset
