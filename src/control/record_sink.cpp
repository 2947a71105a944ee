#include "record_sink.hpp"

#include "aiperf/base/thread_name.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace aiperf::control {

namespace {

constexpr auto k_look_again = std::chrono::milliseconds(20);
constexpr std::size_t k_most_open = 1'000'000;  // at once in flight: more than one address has ports for
constexpr int k_niceness = 10;                  // workers come first

bool is_committed(const record::Record& record) noexcept {
    // The standard has no atomic_ref of a const object before C++26.
    auto& state = const_cast<std::uint16_t&>(record.state);  // NOLINT
    return std::atomic_ref<std::uint16_t>(state).load(std::memory_order_acquire) ==
           static_cast<std::uint16_t>(record::State::committed);
}

/// All but the two counts that another thread may be writing.
record::Record copy_uncounted(const record::Record& original) noexcept {
    constexpr std::size_t k_counts = offsetof(record::Record, output_tokens);
    constexpr std::size_t k_rest = offsetof(record::Record, requested_tokens);
    static_assert(offsetof(record::Record, reasoning_tokens) == k_counts + sizeof(std::int32_t));
    static_assert(k_rest == k_counts + 2 * sizeof(std::int32_t));
    record::Record copy;
    const auto* from = reinterpret_cast<const std::byte*>(&original);  // NOLINT: bytes of a plain struct
    auto* to = reinterpret_cast<std::byte*>(&copy);                    // NOLINT
    std::memcpy(to, from, k_counts);
    std::memcpy(to + k_rest, from + k_rest, sizeof(record::Record) - k_rest);
    return copy;
}

}  // namespace

/// The journal as formulas see a set of records.
class RecordSink::LiveSet final : public record::RecordSet {
public:
    explicit LiveSet(const record::Journal& journal)
        : journal_(journal) {}

    [[nodiscard]] const record::RunInfo& info() const noexcept override { return info_; }

    [[nodiscard]] std::span<const record::Record> records() const noexcept override { return {}; }

    [[nodiscard]] std::span<const record::Event> events(const record::Record& record) const noexcept override {
        return journal_.events(record);
    }

    [[nodiscard]] std::string_view output_text(const record::Record& record) const noexcept override {
        return journal_.output_text(record);
    }

    [[nodiscard]] std::string_view reasoning_text(const record::Record& record) const noexcept override {
        return journal_.reasoning_text(record);
    }

    [[nodiscard]] std::string_view error_text(const record::Record& record) const noexcept override {
        return journal_.error_text(record);
    }

private:
    const record::Journal& journal_;
    record::RunInfo info_;
};

RecordSink::RecordSink(const record::Journal& journal, Rules rules)
    : journal_(journal),
      rules_(std::move(rules)),
      set_(std::make_unique<LiveSet>(journal)),
      thread_([this] { follow(); }) {}

RecordSink::~RecordSink() {
    enough_.store(true);
    stop();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void RecordSink::stop() noexcept {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
}

void RecordSink::follow() noexcept {
    base::name_this_thread("record sink");
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), k_niceness);  // where refused, it competes, no more
    std::uint64_t end = 0;
    while (true) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, k_look_again, [this] { return stopping_; });
        const bool last = stopping_;
        end = all_in_ ? end_ : rules_.claimed();
        lock.unlock();
        look(std::min(end, journal_.readable_slots()));
        if (last) {
            break;
        }
    }
    const std::scoped_lock lock(mutex_);
    left_ = static_cast<std::uint64_t>(std::count_if(
        open_.begin(), open_.end(), [this](std::uint64_t slot) { return is_committed(journal_.at(slot)); }));
    for (; next_ < end; ++next_) {
        left_ += is_committed(journal_.at(next_)) ? 1U : 0U;
    }
    followed_ = true;
    changed_.notify_all();
}

/// Hands on what is over below `end`.
void RecordSink::look(std::uint64_t end) {
    std::erase_if(open_, [this](std::uint64_t slot) { return take(slot); });
    for (; next_ < end && open_.size() < k_most_open && !failed_ && !enough_.load(); ++next_) {
        if (!take(next_)) {
            open_.push_back(next_);
        }
    }
}

/// False where the slot's request is not over, or is not to be handed on.
bool RecordSink::take(std::uint64_t slot) {
    const record::Record& record = journal_.at(slot);
    if (failed_ || enough_.load() || !is_committed(record)) {
        return false;
    }
    try {
        hand_on(slot, record);
    } catch (const std::exception& error) {
        failed_ = true;
        error_ = error.what();
    } catch (...) {
        failed_ = true;
        error_ = "an unknown exception";
    }
    return true;
}

void RecordSink::hand_on(std::uint64_t slot, const record::Record& original) {
    const record::Record record = copy_uncounted(original);
    const schedule::Phase& phase = rules_.phases.at(record.phase);
    FinishedRequest request{.slot = slot,
                            .phase = phase.name,
                            .profiling = phase.profiling,
                            .record = record,
                            .measured = metric::RecordView(*set_, record, rules_.context),
                            .events = set_->events(record),
                            .output_text = set_->output_text(record),
                            .reasoning_text = set_->reasoning_text(record),
                            .error = std::nullopt};
    if (record.error != 0) {
        request.error = record::error_details(*set_, record);
    }
    rules_.on_record(request);
}

std::uint64_t RecordSink::finish(std::uint64_t slots, const std::function<bool()>& enough) {
    {
        const std::scoped_lock lock(mutex_);
        end_ = slots;
        all_in_ = true;
    }
    stop();
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, k_look_again, [this] { return followed_; })) {
        lock.unlock();
        if (enough()) {
            enough_.store(true);
        }
        lock.lock();
    }
    lock.unlock();
    thread_.join();
    return left_;
}

}  // namespace aiperf::control
