#include "aiperf/dataset/growing_dataset.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/process/memory_file.hpp"
#include "dataset_file.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace aiperf::dataset {

namespace {

constexpr std::size_t k_step = 256UL * 1024;           // the file grows by
constexpr std::size_t k_least_reserved = 64UL << 20U;  // of addresses

/// Bytes of addresses: what the machine's memory holds, as that is where a data set lies.
std::size_t machine_memory() noexcept {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const long page = ::sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? static_cast<std::size_t>(pages) * static_cast<std::size_t>(page) : 0;
}

void grow(const process::Descriptor& file, std::size_t from, std::size_t bytes) {
    int failure = EINTR;
    while (failure == EINTR) {
        failure = ::posix_fallocate(file.get(), static_cast<off_t>(from), static_cast<off_t>(bytes));
    }
    if (failure != 0) {
        throw base::SystemError("no memory for more request bodies", failure);
    }
}

/// Header, turns still empty, conversations and ids, as they stand at the beginning.
std::string beginning(const std::vector<ConversationShape>& shapes, FileHeader& header) {
    std::string ids;
    std::vector<ConversationRow> rows;
    rows.reserve(shapes.size());
    for (const ConversationShape& shape : shapes) {
        rows.push_back({header.turns, shape.turns, ids.size(), shape.id.size()});
        header.turns += shape.turns;
        ids += shape.id;
    }
    header.magic = k_magic;
    header.conversations = rows.size();
    header.id_bytes = ids.size();
    const std::size_t rows_at = sizeof(header) + header.turns * sizeof(TurnRow);
    const std::size_t ids_at = rows_at + rows.size() * sizeof(ConversationRow);
    for (ConversationRow& row : rows) {
        row.id_offset += ids_at;
    }
    std::string bytes(rows_at, '\0');
    bytes.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(ConversationRow));  // NOLINT: bytes
    bytes.append(ids);
    bytes.resize(round_up(bytes.size()));
    return bytes;
}

}  // namespace

struct GrowingDataset::Impl {
    std::shared_ptr<MappedDataset> made;
    std::size_t end = 0;         // of what is written
    std::size_t file_bytes = 0;  // of the file
    std::size_t next = 0;        // conversation
    bool finished = false;

    explicit Impl(const std::vector<ConversationShape>& shapes) {
        FileHeader header;
        const std::string begin = beginning(shapes, header);
        process::Descriptor file = process::create_memory_file("aiperf-dataset");
        file_bytes = round_up(begin.size() + k_body_padding, k_step);
        grow(file, 0, file_bytes);
        end = begin.size();
        map(std::move(file), header);
        std::memcpy(
            made->mapping().data() + sizeof(header), begin.data() + sizeof(header), begin.size() - sizeof(header));
        made->header() = header;
        process::seal_growing(made->file());
    }

    /// Reserves as many addresses as there are: a limit on them (ulimit -v) leaves fewer.
    void map(process::Descriptor file, FileHeader& header) {
        const std::size_t least = file_bytes + k_least_reserved;
        for (std::size_t bytes = std::max(machine_memory(), least);; bytes = std::max(bytes / 2, least)) {
            try {
                header.reserved_bytes = bytes;
                made = std::make_shared<MappedDataset>(
                    process::Descriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0)), bytes, header);
                return;
            } catch (const base::SystemError&) {
                if (bytes == least) {
                    throw;
                }
            }
        }
    }

    /// Makes room for so many bytes, and for the padding behind them.
    void reserve(std::size_t bytes) {
        const std::size_t wanted = end + bytes + k_body_padding;
        if (wanted > made->mapping().size()) {
            throw base::RunError("the request bodies need more than " + std::to_string(made->mapping().size()) +
                                 " bytes of addresses");
        }
        if (wanted > file_bytes) {
            const std::size_t more = std::min(round_up(wanted, k_step), made->mapping().size()) - file_bytes;
            grow(made->file(), file_bytes, more);
            file_bytes += more;
        }
    }

    std::size_t append(std::string_view bytes) {
        std::copy(bytes.begin(), bytes.end(), made->mapping().data() + end);
        return std::exchange(end, end + bytes.size());
    }
};

GrowingDataset::GrowingDataset(const std::vector<ConversationShape>& shapes)
    : impl_(std::make_unique<Impl>(shapes)) {}

GrowingDataset::~GrowingDataset() = default;

void GrowingDataset::add(const std::vector<Dataset::Entry>& turns) {
    std::size_t bytes = 0;
    for (const Dataset::Entry& turn : turns) {
        bytes += turn.body.size() + turn.text.size();
    }
    impl_->reserve(bytes);
    for (std::size_t number = 0; number < turns.size(); ++number) {
        const Dataset::Entry& turn = turns[number];
        TurnRow& row = impl_->made->row(impl_->next, number);
        row.offset = impl_->append(turn.body);
        row.size = turn.body.size();
        row.message_at = turn.message_at;
        row.message_bytes = turn.message_bytes;
        row.text_offset = impl_->append(turn.text);
        row.text_size = turn.text.size();
        row.delay_ns = turn.delay.count();
        row.input_tokens = turn.input_tokens;
        row.requested_tokens = turn.requested_tokens;
    }
    std::atomic_ref(impl_->made->header().ready).store(++impl_->next, std::memory_order_release);
}

void GrowingDataset::finish() {
    if (std::exchange(impl_->finished, true)) {
        return;
    }
    impl_->made->header().file_bytes = impl_->file_bytes;
    impl_->made->mapping().end_writing();
    process::seal_grown(impl_->made->file());
}

std::shared_ptr<const Dataset> GrowingDataset::dataset() const noexcept {
    return impl_->made;
}

}  // namespace aiperf::dataset
