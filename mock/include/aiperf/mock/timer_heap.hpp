#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

namespace aiperf::mock {

/// At most one due time per slot, the earliest first: a binary heap that knows where each slot is, so that setting,
/// moving and cancelling cost O(log n). *Thread safety*: none.
class TimerHeap {
public:
    /// Due time of an empty heap.
    static constexpr std::int64_t k_never = std::numeric_limits<std::int64_t>::max();

    [[nodiscard]] std::int64_t earliest() const noexcept { return heap_.empty() ? k_never : heap_.front().due_ns; }

    [[nodiscard]] std::uint32_t earliest_slot() const noexcept { return heap_.front().slot; }

    /// Sets or moves the slot's due time.
    void set(std::uint32_t slot, std::int64_t due_ns) {
        if (slot >= place_.size()) {
            place_.resize(slot + 1, k_absent);
        }
        if (place_[slot] == k_absent) {
            place_[slot] = heap_.size();
            heap_.push_back({due_ns, slot});
        } else {
            heap_[place_[slot]].due_ns = due_ns;
        }
        settle(place_[slot]);
    }

    /// Does nothing where none is set.
    void cancel(std::uint32_t slot) {
        if (slot >= place_.size() || place_[slot] == k_absent) {
            return;
        }
        const std::size_t hole = std::exchange(place_[slot], k_absent);
        const Timer last = heap_.back();
        heap_.pop_back();
        if (hole < heap_.size()) {
            heap_[hole] = last;
            place_[last.slot] = hole;
            settle(hole);
        }
    }

private:
    struct Timer {
        std::int64_t due_ns;
        std::uint32_t slot;
    };

    static constexpr std::size_t k_absent = static_cast<std::size_t>(-1);

    void settle(std::size_t at) {
        while (at > 0 && heap_[at].due_ns < heap_[(at - 1) / 2].due_ns) {
            exchange(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
        for (;;) {
            std::size_t least = at;
            for (const std::size_t child : {2 * at + 1, 2 * at + 2}) {
                if (child < heap_.size() && heap_[child].due_ns < heap_[least].due_ns) {
                    least = child;
                }
            }
            if (least == at) {
                return;
            }
            exchange(at, least);
            at = least;
        }
    }

    void exchange(std::size_t a, std::size_t b) {
        std::swap(heap_[a], heap_[b]);
        place_[heap_[a].slot] = a;
        place_[heap_[b].slot] = b;
    }

    std::vector<Timer> heap_;
    std::vector<std::size_t> place_;  ///< per slot, k_absent without a timer
};

}  // namespace aiperf::mock
