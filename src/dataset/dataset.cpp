#include "aiperf/dataset/dataset.hpp"

#include "aiperf/base/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace aiperf::dataset {

namespace {

constexpr std::size_t k_write_at = 1U << 20U;  // bytes gathered before they are written

class Descriptor {
public:
    Descriptor() = default;

    explicit Descriptor(int value) noexcept
        : value_(value) {}

    Descriptor(Descriptor&& other) noexcept
        : value_(std::exchange(other.value_, -1)) {}

    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(value_, other.value_);
        return *this;
    }

    ~Descriptor() {
        if (value_ >= 0) {
            ::close(value_);
        }
    }

    [[nodiscard]] int get() const noexcept { return value_; }

    [[nodiscard]] bool open() const noexcept { return value_ >= 0; }

private:
    int value_ = -1;
};

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

struct IndexRow {
    std::size_t offset = 0;
    std::size_t size = 0;
    std::int32_t input_tokens = -1;
    std::int32_t requested_tokens = -1;
    std::string conversation_id;
};

class SealedDataset final : public Dataset {
public:
    SealedDataset(Descriptor file, std::size_t size, std::vector<IndexRow> rows)
        : file_(std::move(file)),
          bodies_(file_, size),
          rows_(std::move(rows)) {}

    [[nodiscard]] std::size_t size() const noexcept override { return rows_.size(); }

    [[nodiscard]] Entry entry(std::size_t index) const noexcept override {
        const IndexRow& row = rows_[index];
        return {bodies_.view(row.offset, row.size), row.input_tokens, row.requested_tokens};
    }

    [[nodiscard]] const std::string& conversation_id(std::size_t index) const override {
        return rows_[index].conversation_id;
    }

private:
    Descriptor file_;
    Mapping bodies_;
    std::vector<IndexRow> rows_;
};

Descriptor make_memfd() {
    const int file = ::memfd_create("aiperf-dataset", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) {
        throw base::SystemError("cannot make a memfd for the request bodies", errno);
    }
    return Descriptor(file);
}

void write_all(const Descriptor& file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written < 0 && errno != EINTR) {
            throw base::SystemError("cannot write request bodies to their memfd", errno);
        }
        bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
    }
}

}  // namespace

struct DatasetBuilder::Impl {
    Descriptor file;
    std::string gathered;   // not yet written
    std::size_t total = 0;  // bytes of all bodies
    std::vector<IndexRow> rows;

    void flush() {
        if (!file.open()) {
            file = make_memfd();
        }
        write_all(file, gathered);
        gathered.clear();
    }
};

DatasetBuilder::DatasetBuilder()
    : impl_(std::make_unique<Impl>()) {}

DatasetBuilder::~DatasetBuilder() = default;
DatasetBuilder::DatasetBuilder(DatasetBuilder&&) noexcept = default;
DatasetBuilder& DatasetBuilder::operator=(DatasetBuilder&&) noexcept = default;

void DatasetBuilder::add(std::string conversation_id,
                         std::string_view body,
                         std::int32_t input_tokens,
                         std::int32_t requested_tokens) {
    impl_->rows.push_back({impl_->total, body.size(), input_tokens, requested_tokens, std::move(conversation_id)});
    impl_->gathered += body;
    impl_->total += body.size();
    if (impl_->gathered.size() >= k_write_at) {
        impl_->flush();
    }
}

std::shared_ptr<const Dataset> DatasetBuilder::seal() {
    Impl built = std::exchange(*impl_, Impl{});
    built.gathered.append(k_body_padding, '\0');
    built.flush();
    constexpr int k_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
    if (::fcntl(built.file.get(), F_ADD_SEALS, k_seals) != 0) {
        throw base::SystemError("cannot seal the memfd of the request bodies", errno);
    }
    return std::make_shared<SealedDataset>(std::move(built.file), built.total + k_body_padding, std::move(built.rows));
}

}  // namespace aiperf::dataset
