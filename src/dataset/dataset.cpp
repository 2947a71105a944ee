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

/// The memfd: bodies and padding, rows, ids, footer; rows and footer at multiples of 8.
struct IndexRow {
    std::uint64_t offset = 0;  // of the body
    std::uint64_t size = 0;
    std::uint64_t id_offset = 0;  // of the conversation's id
    std::uint64_t id_size = 0;
    std::int32_t input_tokens = -1;
    std::int32_t requested_tokens = -1;
};

struct Footer {
    std::uint64_t rows_offset = 0;
    std::uint64_t rows = 0;
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
        const std::uint64_t at = footer.rows_offset;
        if (at % alignof(IndexRow) != 0 || at > end || footer.rows > (end - at) / sizeof(IndexRow)) {
            throw base::RunError("not a data set: its index is not inside");
        }
        rows_ = {reinterpret_cast<const IndexRow*>(mapping_.view(at, 0).data()), footer.rows};  // NOLINT: the layout
        for (const IndexRow& row : rows_) {
            if (!is_inside(row.offset, row.size, at - std::min<std::uint64_t>(at, k_body_padding)) ||
                !is_inside(row.id_offset, row.id_size, end)) {
                throw base::RunError("not a data set: an entry is not inside");
            }
        }
    }

    [[nodiscard]] std::size_t size() const noexcept override { return rows_.size(); }

    [[nodiscard]] Entry entry(std::size_t index) const noexcept override {
        const IndexRow& row = rows_[index];
        return {mapping_.view(row.offset, row.size), row.input_tokens, row.requested_tokens};
    }

    [[nodiscard]] std::string_view conversation_id(std::size_t index) const noexcept override {
        return mapping_.view(rows_[index].id_offset, rows_[index].id_size);
    }

    [[nodiscard]] int descriptor() const noexcept override { return file_.get(); }

private:
    Descriptor file_;
    Mapping mapping_;
    std::span<const IndexRow> rows_;
};

}  // namespace

struct DatasetBuilder::Impl {
    Descriptor file;
    std::string gathered;   // not yet written
    std::size_t total = 0;  // bytes of all bodies
    std::string ids;
    std::vector<IndexRow> rows;

    void flush() {
        if (!file) {
            file = process::create_memory_file("aiperf-dataset");
        }
        process::append(file, gathered);
        gathered.clear();
    }

    /// What stands behind the bodies; returns the size of all.
    std::size_t write_index() {
        const std::size_t rows_offset = round_up(total + k_body_padding);
        const std::size_t ids_offset = rows_offset + rows.size() * sizeof(IndexRow);
        for (IndexRow& row : rows) {
            row.id_offset += ids_offset;
        }
        gathered.append(rows_offset - total, '\0');
        gathered.append(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(IndexRow));  // NOLINT: bytes
        gathered.append(ids);
        gathered.append(round_up(ids_offset + ids.size()) - ids_offset - ids.size(), '\0');
        const Footer footer{rows_offset, rows.size(), k_magic};
        gathered.append(reinterpret_cast<const char*>(&footer), sizeof(footer));  // NOLINT: bytes
        flush();
        return round_up(ids_offset + ids.size()) + sizeof(footer);
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
    impl_->rows.push_back(
        {impl_->total, body.size(), impl_->ids.size(), conversation_id.size(), input_tokens, requested_tokens});
    impl_->ids += conversation_id;
    impl_->gathered += body;
    impl_->total += body.size();
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
