#pragma once

#include "aiperf/record/record_set.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

namespace aiperf::record {

/// A journal read back: of a finished run, of one that died, or (a snapshot) of a live one. Maps the files privately:
/// nothing is copied, and nothing done here changes them. Offsets in a damaged journal that point outside their file
/// give empty spans.
class JournalReader final : public RecordSet {
public:
    /// Throws base::RunError for what is no journal, one of another version or byte order, or one cut short in its
    /// header.
    explicit JournalReader(const std::filesystem::path& directory);
    ~JournalReader() override;

    [[nodiscard]] const RunInfo& info() const noexcept override { return info_; }

    [[nodiscard]] std::span<const Record> records() const noexcept override { return {records_, count_}; }

    [[nodiscard]] std::span<const Event> events(const Record& record) const noexcept override;
    [[nodiscard]] std::string_view output_text(const Record& record) const noexcept override;
    [[nodiscard]] std::string_view reasoning_text(const Record& record) const noexcept override;
    [[nodiscard]] std::string_view error_text(const Record& record) const noexcept override;

    /// True where the run closed the journal in good order.
    [[nodiscard]] bool finished() const noexcept { return finished_; }

    /// Turns every slot that was `sent` by a worker that died into an error record (ErrorKind::lost) ending at its last
    /// known stamp. In this view only. Returns how many. Call before anybody else looks at the set.
    std::uint64_t settle_lost() noexcept;

    /// A record of this view, to be completed (token counts). In this view only.
    [[nodiscard]] Record& at(std::size_t slot) noexcept { return records_[slot]; }

private:
    class Mapping;

    [[nodiscard]] std::string_view text(const Record& record, std::uint64_t skip, std::uint64_t size) const noexcept;

    std::vector<std::unique_ptr<Mapping>> mappings_;  // records, then events.0, text.0, events.1, …
    RunInfo info_;
    Record* records_ = nullptr;
    std::size_t count_ = 0;
    bool finished_ = false;
};

}  // namespace aiperf::record
