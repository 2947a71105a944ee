#include "aiperf/dataset/dataset.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/dataset/growing_dataset.hpp"
#include "aiperf/process/memory_file.hpp"
#include "dataset_file.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace aiperf::dataset {

namespace {

using process::Descriptor;

bool is_inside(std::uint64_t offset, std::uint64_t size, std::uint64_t end) noexcept {
    return offset <= end && size <= end - offset;
}

/// What is to be mapped of a file in memory.
struct Extent {
    std::size_t size = 0;
    bool whole = false;  // nothing is added any more
};

/// Of what claims to be a data set. Throws base::RunError where its header says otherwise.
Extent extent_of(const Descriptor& file) {
    FileHeader header;

    struct stat facts {};

    // The header first: of one that still grows, the size may be another a moment later.
    if (::pread(file.get(), &header, sizeof(header), 0) != sizeof(header) || header.magic != k_magic ||
        ::fstat(file.get(), &facts) != 0) {
        throw base::RunError("not a data set: its beginning is something else");
    }
    const auto file_bytes = static_cast<std::uint64_t>(facts.st_size);
    const bool whole = header.file_bytes != 0;
    if (whole ? header.file_bytes != file_bytes : header.reserved_bytes < file_bytes) {
        throw base::RunError("not a data set: it has another size than it says");
    }
    return {whole ? header.file_bytes : header.reserved_bytes, whole};
}

}  // namespace

Mapping::Mapping(const Descriptor& file, std::size_t size, Access access, bool whole)
    : size_(size) {
    const int rights = access == Access::write ? PROT_READ | PROT_WRITE : PROT_READ;
    void* start = ::mmap(nullptr, size, rights, MAP_SHARED | (whole ? MAP_POPULATE : 0), file.get(), 0);
    if (start == MAP_FAILED) {
        throw base::SystemError("cannot map " + std::to_string(size) + " bytes of request bodies", errno);
    }
    start_ = static_cast<char*>(start);
    if (!whole) {
        ::madvise(start, size, MADV_DONTDUMP);  // mostly nothing: a core file should not hold it
    }
}

Mapping::~Mapping() {
    ::munmap(start_, size_);
}

void Mapping::end_writing() noexcept {
    ::mprotect(start_, size_, PROT_READ);
}

MappedDataset::MappedDataset(Descriptor file)
    : file_(std::move(file)),
      mapping_([this] {
          const Extent extent = extent_of(file_);
          return Mapping(file_, extent.size, Mapping::Access::read, extent.whole);
      }()) {
    find_rows(header(), mapping_.size());
    check_conversations(mapping_.size());
    check_turns(mapping_.size());
}

MappedDataset::MappedDataset(Descriptor file, std::size_t reserved_bytes, const FileHeader& header)
    : file_(std::move(file)),
      mapping_(file_, reserved_bytes, Mapping::Access::write, false) {
    find_rows(header, reserved_bytes);
}

FileHeader& MappedDataset::header() const noexcept {
    return *reinterpret_cast<FileHeader*>(mapping_.data());  // NOLINT: the layout
}

TurnRow& MappedDataset::row(std::size_t index, std::size_t turn) noexcept {
    return turns_[conversations_[index].first_turn + turn];
}

Dataset::Entry MappedDataset::turn(std::size_t index, std::size_t turn) const noexcept {
    const TurnRow& row = turns_[conversations_[index].first_turn + turn];
    return {mapping_.view(row.offset, row.size),
            row.input_tokens,
            row.requested_tokens,
            row.message_at,
            row.message_bytes,
            mapping_.view(row.text_offset, row.text_size),
            base::Nanoseconds(row.delay_ns)};
}

void MappedDataset::find_rows(const FileHeader& header, std::uint64_t end) {
    const std::uint64_t left = end - sizeof(FileHeader);
    if (header.turns > left / sizeof(TurnRow) || header.conversations > left / sizeof(ConversationRow) ||
        !is_inside(header.turns * sizeof(TurnRow), header.conversations * sizeof(ConversationRow), left)) {
        throw base::RunError("not a data set: its index is not inside");
    }
    char* const begin = mapping_.data() + sizeof(FileHeader);
    turns_ = {reinterpret_cast<TurnRow*>(begin), header.turns};                         // NOLINT: the layout
    conversations_ = {reinterpret_cast<ConversationRow*>(begin + turns_.size_bytes()),  // NOLINT
                      header.conversations};
    if (header.ready > header.conversations) {
        throw base::RunError("not a data set: more is ready than there is");
    }
}

void MappedDataset::check_conversations(std::uint64_t end) const {
    for (const ConversationRow& row : conversations_) {
        if (row.turns == 0 || !is_inside(row.first_turn, row.turns, turns_.size()) ||
            !is_inside(row.id_offset, row.id_size, end)) {
            throw base::RunError("not a data set: a conversation is not inside");
        }
    }
}

/// Of the conversations that are ready.
void MappedDataset::check_turns(std::uint64_t end) const {
    const std::uint64_t bodies_end = end - std::min<std::uint64_t>(end, k_body_padding);
    for (std::size_t index = 0; index < ready(); ++index) {
        for (const TurnRow& row : turns_.subspan(conversations_[index].first_turn, conversations_[index].turns)) {
            if (!is_inside(row.offset, row.size, bodies_end) ||
                !is_inside(row.message_at, row.message_bytes, row.size) ||
                !is_inside(row.text_offset, row.text_size, end) || row.delay_ns < 0) {
                throw base::RunError("not a data set: a turn is not inside");
            }
        }
    }
}

struct DatasetBuilder::Impl {
    struct Turn {
        Dataset::Entry entry;  // its views are set in seal()
        std::size_t body_at = 0;
        std::size_t text_at = 0;
    };

    std::string bytes;  // bodies and texts
    std::vector<Turn> turns;
    std::vector<ConversationShape> conversations;
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
    impl_->conversations.push_back({std::string(conversation_id), 0});
}

void DatasetBuilder::add_turn(const Dataset::Entry& turn) {
    ++impl_->conversations.back().turns;
    impl_->turns.push_back({turn, impl_->bytes.size(), impl_->bytes.size() + turn.body.size()});
    impl_->bytes.append(turn.body).append(turn.text);
}

std::shared_ptr<const Dataset> DatasetBuilder::seal() {
    const Impl built = std::exchange(*impl_, Impl{});
    GrowingDataset growing(built.conversations);
    std::vector<Dataset::Entry> turns;
    std::size_t next = 0;
    for (const ConversationShape& conversation : built.conversations) {
        turns.clear();
        for (std::size_t turn = 0; turn < conversation.turns; ++turn, ++next) {
            const Impl::Turn& made = built.turns[next];
            Dataset::Entry& entry = turns.emplace_back(made.entry);
            entry.body = std::string_view(built.bytes).substr(made.body_at, made.entry.body.size());
            entry.text = std::string_view(built.bytes).substr(made.text_at, made.entry.text.size());
        }
        growing.add(turns);
    }
    growing.finish();
    return growing.dataset();
}

std::shared_ptr<const Dataset> open_dataset(int descriptor) {
    Descriptor file(descriptor);
    if (!process::cannot_shrink(file)) {
        throw base::RunError("not a data set: it can be cut");
    }
    return std::make_shared<MappedDataset>(std::move(file));
}

}  // namespace aiperf::dataset
