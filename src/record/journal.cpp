#include "aiperf/record/journal.hpp"

#include "aiperf/base/clock.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/vfs.h>
#include <system_error>

namespace aiperf::record {

namespace {

constexpr std::uint64_t k_first_side_bytes = 64 * 1024;
constexpr std::uint64_t k_first_slots_at_most = 128 * 1024;
constexpr std::uint64_t k_kick_bytes = 256 * 1024;  // how much is used between two looks of the extender

void refuse_nfs(const std::filesystem::path& directory) {
    constexpr auto k_nfs_magic = 0x6969;
    struct statfs facts = {};
    if (::statfs(directory.c_str(), &facts) == 0 && facts.f_type == k_nfs_magic) {
        throw base::ConfigError("AIPERF_JOURNAL_DIR",
                                directory.string(),
                                "a directory on a local file system is (a mapped journal is not safe on NFS)");
    }
}

FileHeader header_of(const JournalPlan& plan) {
    FileHeader header;
    std::memcpy(header.magic, k_magic, sizeof(k_magic));
    header.version = k_version;
    header.endian_mark = k_endian_mark;
    header.header_bytes = k_header_bytes;
    header.record_bytes = sizeof(Record);
    header.event_bytes = sizeof(Event);
    header.workers = plan.info.workers;
    header.schema_hash = schema_hash();
    header.run_key = plan.info.run_key;
    header.seed = plan.info.seed;
    header.anchor_monotonic_ns = plan.info.anchor.monotonic_ns;
    header.anchor_wall_ns = plan.info.anchor.wall_ns;
    return header;
}

FileHeader& header_at(GrowingFile& file) noexcept {
    return *reinterpret_cast<FileHeader*>(file.data());  // NOLINT: the file's layout
}

void set_state(Record& record, State state) noexcept {
    std::atomic_ref<std::uint16_t>(record.state).store(static_cast<std::uint16_t>(state), std::memory_order_release);
}

/// Sets every field but the state, which others may be looking at.
void clear_but_state(Record& record) noexcept {
    static constexpr Record k_fresh{};
    constexpr std::size_t k_state_bytes = sizeof(k_fresh.state);
    static_assert(offsetof(Record, state) == 0);
    std::memcpy(reinterpret_cast<std::byte*>(&record) + k_state_bytes,         // NOLINT: bytes of a plain struct
                reinterpret_cast<const std::byte*>(&k_fresh) + k_state_bytes,  // NOLINT
                sizeof(Record) - k_state_bytes);
}

/// memcpy that may be told to copy nothing from nowhere.
void copy(std::byte* to, const void* from, std::size_t bytes) noexcept {
    if (bytes > 0) {
        std::memcpy(to, from, bytes);
    }
}

}  // namespace

Journal::Journal(const std::filesystem::path& directory, const JournalPlan& plan)
    : directory_(directory),
      shared_(plan.shared) {
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (failure) {
        throw base::SystemError("cannot make the directory " + directory.string(), failure.value());
    }
    refuse_nfs(directory);
    const std::uint64_t slots = std::clamp<std::uint64_t>(plan.expected_slots, 64, k_first_slots_at_most);
    records_ = std::make_unique<GrowingFile>(directory / "records", k_header_bytes + slots * sizeof(Record));
    header_at(*records_) = header_of(plan);
    for (std::uint32_t worker = 0; worker < plan.info.workers; ++worker) {
        writers_.push_back(std::make_unique<Writer>(*this, worker, directory, Writer::Files::create));
    }
    extender_ = std::thread([this] { extend_loop(); });
}

std::unique_ptr<Journal> Journal::join(const std::filesystem::path& directory, std::uint32_t worker) {
    std::unique_ptr<Journal> journal(new Journal);
    journal->directory_ = directory;
    journal->records_ = std::make_unique<GrowingFile>(directory / "records");
    journal->first_worker_ = worker;
    journal->writers_.push_back(std::make_unique<Writer>(*journal, worker, directory, Writer::Files::existing));
    journal->extender_ = std::thread([raw = journal.get()] { raw->extend_loop(); });
    return journal;
}

Journal::~Journal() {
    if (!extender_.joinable()) {
        return;
    }
    stopping_.store(true);
    kick();
    extender_.join();
}

void Journal::begin_phase(const PhaseInfo& phase) {
    FileHeader& header = header_at(*records_);
    if (header.phase_count == k_max_phases) {
        throw base::RunError("a run has at most " + std::to_string(k_max_phases) + " phases");
    }
    PhaseHeader& slot = header.phases[header.phase_count];
    const std::size_t length = std::min(phase.name.size(), sizeof(slot.name) - 1);
    std::memcpy(slot.name, phase.name.data(), length);
    slot.profiling = phase.profiling ? 1 : 0;
    slot.first_slot = phase.first_slot;
    slot.start_ns = phase.start_ns;
    ++header.phase_count;
}

void Journal::end_phase(std::int64_t end_ns) noexcept {
    FileHeader& header = header_at(*records_);
    header.phases[header.phase_count - 1].end_ns = end_ns;
}

void Journal::finish(std::uint64_t slots) noexcept {
    FileHeader& header = header_at(*records_);
    header.slots = slots;
    header.finished = 1;
    records_->finish(k_header_bytes + slots * sizeof(Record));
    for (std::uint32_t worker = 0; worker < writers_.size() && !shared_; ++worker) {
        finish_worker(worker);
    }
}

void Journal::finish_worker(std::uint32_t worker) noexcept {
    const Writer& used = writer(worker);
    used.events_->finish(used.events_end_);
    used.text_->finish(used.text_end_);
}

std::uint64_t Journal::settle_lost(const Loss& loss, std::string_view text) {
    const std::int64_t now = base::now_ns();
    const std::uint64_t end = std::min(loss.first + loss.count, readable_slots());
    std::optional<std::uint64_t> text_offset;
    std::uint64_t lost = 0;
    for (std::uint64_t slot = loss.first; slot < end; ++slot) {
        Record& record = at(slot);
        const auto state = static_cast<State>(std::atomic_ref(record.state).load(std::memory_order_acquire));
        if (state == State::free) {
            if (!loss.unsent || loss.several_turns) {
                continue;
            }
            clear_but_state(record);
            record.worker = static_cast<std::uint16_t>(loss.worker);
            record.phase = loss.phase;
            record.session = static_cast<std::uint32_t>(slot - loss.first);
            record.conversation = record.session % loss.entries;
            record.planned_ns = record.acquired_ns = now;
        } else if ((state != State::sent && !(state == State::claimed && loss.unsent)) ||
                   record.worker != loss.worker) {
            continue;
        }
        if (!text_offset) {
            text_offset = writer(loss.worker).append_text(text);
        }
        record.error = static_cast<std::uint8_t>(ErrorKind::lost);
        record.end_ns = now;
        record.event_count = record.output_bytes = record.reasoning_bytes = 0;
        record.text_offset = *text_offset;
        record.error_bytes = *text_offset == 0 ? 0 : static_cast<std::uint32_t>(text.size());
        set_state(record, State::committed);
        ++lost;
    }
    return lost;
}

std::string_view Journal::output_text(const Record& record) const noexcept {
    const auto* text =
        reinterpret_cast<const char*>(writers_[record.worker]->text_->data());  // NOLINT: bytes of a file
    return {text + record.text_offset, record.output_bytes};
}

std::string_view Journal::reasoning_text(const Record& record) const noexcept {
    const auto* text =
        reinterpret_cast<const char*>(writers_[record.worker]->text_->data());  // NOLINT: bytes of a file
    return {text + record.text_offset + record.output_bytes, record.reasoning_bytes};
}

std::string_view Journal::error_text(const Record& record) const noexcept {
    const auto* text =
        reinterpret_cast<const char*>(writers_[record.worker]->text_->data());  // NOLINT: bytes of a file
    return {text + record.text_offset + record.output_bytes + record.reasoning_bytes, record.error_bytes};
}

std::span<const Event> Journal::events(const Record& record) const noexcept {
    const std::byte* events = writers_[record.worker]->events_->data() + record.events_offset;
    return {reinterpret_cast<const Event*>(events), record.event_count};  // NOLINT: the file's layout
}

std::string Journal::failure() const {
    const auto describe = [](const GrowingFile& file) {
        return file.error() == 0 ? std::string{}
                                 : file.path().string() + ": " + std::generic_category().message(file.error());
    };
    if (std::string text = describe(*records_); !text.empty()) {
        return text;
    }
    for (const auto& writer : writers_) {
        for (const GrowingFile* file : {writer->events_.get(), writer->text_.get()}) {
            if (std::string text = describe(*file); !text.empty()) {
                return text;
            }
        }
    }
    return {};
}

void Journal::kick() noexcept {
    kicks_.fetch_add(1, std::memory_order_release);
    kicks_.notify_one();
}

void Journal::extend_loop() {
    base::name_this_thread("journal");
    while (!stopping_.load()) {
        const std::uint32_t seen = kicks_.load(std::memory_order_acquire);
        records_->grow_ahead();
        for (const auto& writer : writers_) {
            writer->events_->grow_ahead();
            writer->text_->grow_ahead();
        }
        if (!stopping_.load()) {
            kicks_.wait(seen, std::memory_order_acquire);
        }
    }
}

Journal::Writer::Writer(Journal& journal, std::uint32_t worker, const std::filesystem::path& directory, Files files)
    : journal_(journal),
      worker_(static_cast<std::uint16_t>(worker)) {
    const auto open = [&](const char* kind) {
        const std::filesystem::path path = directory / (kind + std::to_string(worker));
        if (files == Files::existing) {
            return std::make_unique<GrowingFile>(path);
        }
        auto file = std::make_unique<GrowingFile>(path, k_first_side_bytes);
        std::memcpy(file->data(), k_magic, sizeof(k_magic));
        return file;
    };
    events_ = open("events.");
    text_ = open("text.");
}

int Journal::Writer::error() const noexcept {
    for (const GrowingFile* file : {journal_.records_.get(), events_.get(), text_.get()}) {
        if (file->error() != 0) {
            return file->error();
        }
    }
    return 0;
}

/// Puts a text at the end of the file, behind whatever a worker that is dead has written; 0 = no room.
std::uint64_t Journal::Writer::append_text(std::string_view text) noexcept {
    const std::uint64_t at = text_end_ > k_side_header_bytes ? text_end_ : text_->look_again();
    if (!text_->ensure(at + text.size())) {
        return 0;
    }
    copy(text_->data() + at, text.data(), text.size());
    text_end_ = at + text.size();
    return at;
}

Record* Journal::Writer::claim(std::uint64_t slot) noexcept {
    const std::uint64_t end = k_header_bytes + (slot + 1) * sizeof(Record);
    if (!journal_.records_->ensure(end)) {
        return nullptr;
    }
    if (end > records_end_ + k_kick_bytes) {
        records_end_ = end;
        journal_.records_->note_used(end);
        journal_.kick();
    }
    Record& record = journal_.at(slot);
    clear_but_state(record);
    record.worker = worker_;
    set_state(record, State::claimed);
    return &record;
}

void Journal::Writer::mark_sent(Record& record) noexcept {
    set_state(record, State::sent);
}

bool Journal::Writer::commit(Record& record,
                             std::span<const Event> events,
                             std::string_view output,
                             std::string_view reasoning,
                             std::string_view error) noexcept {
    const std::uint64_t events_end = events_end_ + events.size_bytes();
    const std::uint64_t text_end = text_end_ + output.size() + reasoning.size() + error.size();
    if (!events_->ensure(events_end) || !text_->ensure(text_end)) {
        return false;
    }
    copy(events_->data() + events_end_, events.data(), events.size_bytes());
    std::byte* at = text_->data() + text_end_;
    for (const std::string_view text : {output, reasoning, error}) {
        copy(at, text.data(), text.size());
        at += text.size();
    }
    record.events_offset = events_end_;
    record.event_count = static_cast<std::uint32_t>(events.size());
    record.text_offset = text_end_;
    record.output_bytes = static_cast<std::uint32_t>(output.size());
    record.reasoning_bytes = static_cast<std::uint32_t>(reasoning.size());
    record.error_bytes = static_cast<std::uint32_t>(error.size());
    set_state(record, State::committed);
    const bool look =
        events_end / k_kick_bytes != events_end_ / k_kick_bytes || text_end / k_kick_bytes != text_end_ / k_kick_bytes;
    events_end_ = events_end;
    text_end_ = text_end;
    if (look) {
        events_->note_used(events_end_);
        text_->note_used(text_end_);
        journal_.kick();
    }
    return true;
}

}  // namespace aiperf::record
