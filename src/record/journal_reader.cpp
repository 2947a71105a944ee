#include "aiperf/record/journal_reader.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/record/layout.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace aiperf::record {

namespace {

/// How many of the first `count` slots of a records file reach up to the last one ever claimed. Reads the file and not
/// its mapping: a journal that is closed just now is cut, and the mapping behind the cut would kill the reader.
std::size_t count_claimed(int fd, std::size_t count) {
    constexpr std::size_t k_batch = 1024;
    std::vector<Record> batch(k_batch);
    while (count > 0) {
        const std::size_t first = (count - 1) / k_batch * k_batch;
        const std::size_t bytes = (count - first) * sizeof(Record);
        const ssize_t got =
            ::pread(fd, batch.data(), bytes, static_cast<off_t>(k_header_bytes + first * sizeof(Record)));
        const std::size_t there = got > 0 ? static_cast<std::size_t>(got) / sizeof(Record) : 0;
        for (count = std::min(count, first + there);
             count > first && batch[count - first - 1].state == static_cast<std::uint16_t>(State::free);
             --count) {
        }
        if (count > first) {
            return count;
        }
        count = first;
    }
    return 0;
}

}  // namespace

/// A whole file, mapped privately; an empty or missing file is an empty mapping.
class JournalReader::Mapping {
public:
    Mapping(const std::filesystem::path& path, bool required) {
        const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        struct stat facts = {};
        if (fd < 0 || ::fstat(fd, &facts) != 0) {
            const int number = errno;
            if (fd >= 0) {
                ::close(fd);
            }
            if (required) {
                throw base::SystemError("cannot read the journal " + path.string(), number);
            }
            return;
        }
        size_ = static_cast<std::size_t>(facts.st_size);
        void* map = size_ == 0 ? MAP_FAILED : ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
        if (required && size_ > k_header_bytes) {
            claimed_ = count_claimed(fd, (size_ - k_header_bytes) / sizeof(Record));
        }
        ::close(fd);
        if (map == MAP_FAILED) {
            size_ = 0;
            return;
        }
        data_ = static_cast<std::byte*>(map);
    }

    ~Mapping() {
        if (data_ != nullptr) {
            ::munmap(data_, size_);
        }
    }

    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    [[nodiscard]] std::byte* data() const noexcept { return data_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Slots up to the last one ever claimed, where this is the records file.
    [[nodiscard]] std::size_t claimed() const noexcept { return claimed_; }

    /// Bytes [offset, offset + size), or nullptr where they are not all there.
    [[nodiscard]] const std::byte* range(std::uint64_t offset, std::uint64_t size) const noexcept {
        return offset <= size_ && size <= size_ - offset ? data_ + offset : nullptr;
    }

private:
    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t claimed_ = 0;
};

namespace {

constexpr std::uint32_t k_most_workers = 65535;

void check(const FileHeader& header, const std::string& path) {
    if (std::memcmp(header.magic, k_magic, sizeof(k_magic)) != 0) {
        throw base::RunError(path + ": not a journal");
    }
    if (header.endian_mark != k_endian_mark) {
        throw base::RunError(path + ": written on a machine of the other byte order");
    }
    if (header.version != k_version || header.schema_hash != schema_hash() || header.record_bytes != sizeof(Record) ||
        header.event_bytes != sizeof(Event) || header.header_bytes != k_header_bytes) {
        throw base::RunError(path + ": layout version " + std::to_string(header.version) + ", this build reads " +
                             std::to_string(k_version));
    }
    if (header.phase_count > k_max_phases || header.workers > k_most_workers) {
        throw base::RunError(path + ": the header is damaged");
    }
}

RunInfo info_of(const FileHeader& header) {
    RunInfo info;
    info.run_key = header.run_key;
    info.seed = header.seed;
    info.anchor = {header.anchor_monotonic_ns, header.anchor_wall_ns};
    info.workers = header.workers;
    for (std::uint32_t i = 0; i < header.phase_count; ++i) {
        const PhaseHeader& phase = header.phases[i];
        info.phases.push_back({std::string(phase.name, ::strnlen(phase.name, sizeof(phase.name))),
                               phase.profiling != 0,
                               phase.first_slot,
                               phase.start_ns,
                               phase.end_ns});
    }
    return info;
}

}  // namespace

JournalReader::JournalReader(const std::filesystem::path& directory) {
    const std::filesystem::path path = directory / "records";
    mappings_.push_back(std::make_unique<Mapping>(path, true));
    const Mapping& file = *mappings_.front();
    if (file.size() < k_header_bytes) {
        throw base::RunError(path.string() + ": not a journal");
    }
    FileHeader header;
    std::memcpy(&header, file.data(), sizeof(header));
    check(header, path.string());
    info_ = info_of(header);
    finished_ = header.finished != 0;
    records_ = reinterpret_cast<Record*>(file.data() + k_header_bytes);  // NOLINT: the file's layout
    count_ = finished_ ? std::min<std::size_t>(file.claimed(), header.slots) : file.claimed();
    for (std::uint32_t worker = 0; worker < header.workers; ++worker) {
        mappings_.push_back(std::make_unique<Mapping>(directory / ("events." + std::to_string(worker)), false));
        mappings_.push_back(std::make_unique<Mapping>(directory / ("text." + std::to_string(worker)), false));
    }
}

JournalReader::~JournalReader() = default;

std::span<const Event> JournalReader::events(const Record& record) const noexcept {
    const std::size_t index = 1 + 2 * std::size_t{record.worker};
    if (index >= mappings_.size() || record.events_offset % alignof(Event) != 0) {
        return {};
    }
    const std::byte* bytes = mappings_[index]->range(record.events_offset, record.event_count * sizeof(Event));
    return bytes == nullptr ? std::span<const Event>{}
                            : std::span(reinterpret_cast<const Event*>(bytes), record.event_count);  // NOLINT
}

std::string_view JournalReader::text(const Record& record, std::uint64_t skip, std::uint64_t size) const noexcept {
    const std::size_t index = 2 + 2 * std::size_t{record.worker};
    const std::byte* bytes = index >= mappings_.size() || record.text_offset > UINT64_MAX - skip
                                 ? nullptr
                                 : mappings_[index]->range(record.text_offset + skip, size);
    return bytes == nullptr ? std::string_view{}
                            : std::string_view(reinterpret_cast<const char*>(bytes), size);  // NOLINT
}

std::string_view JournalReader::output_text(const Record& record) const noexcept {
    return text(record, 0, record.output_bytes);
}

std::string_view JournalReader::reasoning_text(const Record& record) const noexcept {
    return text(record, record.output_bytes, record.reasoning_bytes);
}

std::string_view JournalReader::error_text(const Record& record) const noexcept {
    return text(record, std::uint64_t{record.output_bytes} + record.reasoning_bytes, record.error_bytes);
}

std::uint64_t JournalReader::settle_lost() noexcept {
    std::uint64_t lost = 0;
    for (std::size_t slot = 0; slot < count_; ++slot) {
        Record& record = records_[slot];
        if (record.state != static_cast<std::uint16_t>(State::sent)) {
            continue;
        }
        record.error = static_cast<std::uint8_t>(ErrorKind::lost);
        record.end_ns = std::max({record.send_start_ns, record.send_end_ns, record.first_byte_ns, record.headers_ns});
        record.event_count = 0;
        record.output_bytes = record.reasoning_bytes = record.error_bytes = 0;
        record.state = static_cast<std::uint16_t>(State::committed);
        ++lost;
    }
    return lost;
}

}  // namespace aiperf::record
