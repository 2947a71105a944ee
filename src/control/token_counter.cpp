#include "token_counter.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"

#include <algorithm>
#include <sched.h>

namespace aiperf::control {

namespace {

constexpr auto k_look_again = std::chrono::milliseconds(20);
constexpr std::size_t k_most_passed_over = 4096;

bool is_committed(record::Record& record) noexcept {
    return std::atomic_ref<std::uint16_t>(record.state).load(std::memory_order_acquire) ==
           static_cast<std::uint16_t>(record::State::committed);
}

}  // namespace

bool wants_count(const record::Record& record) noexcept {
    return record.error == 0 && (record.flags & record::flag::text_kept) != 0 &&
           record.output_tokens == record::k_absent && record.reasoning_tokens == record::k_absent;
}

void count_tokens(record::Record& record,
                  std::string_view output,
                  std::string_view reasoning,
                  const dataset::Tokenizer& tokenizer) {
    const auto tokens = [&tokenizer](std::string_view text) {
        try {
            return text.empty() ? record::k_absent : static_cast<std::int32_t>(tokenizer.count(text));
        } catch (const base::RunError&) {
            return record::k_absent;
        }
    };
    record.output_tokens = tokens(output);
    record.reasoning_tokens = tokens(reasoning);
}

TokenCounter::TokenCounter(record::Journal& journal,
                           std::shared_ptr<const dataset::Tokenizer> tokenizer,
                           std::function<std::uint64_t()> claimed)
    : journal_(journal),
      tokenizer_(std::move(tokenizer)),
      claimed_(std::move(claimed)),
      thread_([this] { follow(); }) {}

TokenCounter::~TokenCounter() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

void TokenCounter::count(record::Record& record) const {
    if (wants_count(record)) {
        count_tokens(record, journal_.output_text(record), journal_.reasoning_text(record), *tokenizer_);
    }
}

void TokenCounter::follow() {
    base::name_this_thread("token counter");
    const sched_param lowest{};
    ::sched_setscheduler(0, SCHED_IDLE, &lowest);  // of this thread; where refused, it competes, no more
    while (true) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait_for(lock, k_look_again, [this] { return stopping_; });
            if (stopping_) {
                return;
            }
        }
        const std::uint64_t allowed = std::min(claimed_(), journal_.readable_slots());
        std::erase_if(passed_over_, [this](std::uint64_t slot) {
            record::Record& record = journal_.at(slot);
            const bool done = is_committed(record);
            if (done) {
                count(record);
            }
            return done;
        });
        for (; next_ < allowed && passed_over_.size() < k_most_passed_over; ++next_) {
            record::Record& record = journal_.at(next_);
            if (is_committed(record)) {
                count(record);
            } else {
                passed_over_.push_back(next_);
            }
            if (const std::scoped_lock lock(mutex_); stopping_) {
                return;
            }
        }
    }
}

std::uint64_t TokenCounter::finish(std::uint64_t slots, const std::function<bool()>& enough) {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
    constexpr std::uint64_t k_batch = 64;
    std::atomic<std::uint64_t> next{0};
    std::atomic<std::uint64_t> left{0};
    const auto work = [&] {
        for (std::uint64_t from = next.fetch_add(k_batch); from < slots; from = next.fetch_add(k_batch)) {
            const bool late = enough();
            for (std::uint64_t slot = from; slot < std::min(from + k_batch, slots); ++slot) {
                record::Record& record = journal_.at(slot);
                if (!is_committed(record)) {
                    continue;
                }
                if (late) {
                    left += wants_count(record) ? 1U : 0U;
                } else {
                    count(record);
                }
            }
        }
    };
    std::vector<std::thread> helpers;
    const unsigned cores = slots < 4 * k_batch ? 1U : std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 1; i < cores; ++i) {
        helpers.emplace_back([&work] {
            base::name_this_thread("token helper");
            work();
        });
    }
    work();
    for (std::thread& helper : helpers) {
        helper.join();
    }
    return left;
}

}  // namespace aiperf::control
