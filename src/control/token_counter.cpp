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

/// Calls `work` for [0, count) on all cores, each index once, in batches.
void on_all_cores(std::uint64_t count, const std::function<void(std::uint64_t)>& work) {
    constexpr std::uint64_t k_batch = 64;
    std::atomic<std::uint64_t> next{0};
    const auto share = [&] {
        for (std::uint64_t from = next.fetch_add(k_batch); from < count; from = next.fetch_add(k_batch)) {
            for (std::uint64_t index = from; index < std::min(from + k_batch, count); ++index) {
                work(index);
            }
        }
    };
    std::vector<std::thread> helpers;
    const unsigned cores = count < 4 * k_batch ? 1U : std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 1; i < cores; ++i) {
        helpers.emplace_back([&share] {
            base::name_this_thread("token helper");
            share();
        });
    }
    share();
    for (std::thread& helper : helpers) {
        helper.join();
    }
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
                           std::shared_ptr<const dataset::Dataset> dataset,
                           std::function<std::uint64_t()> claimed)
    : journal_(journal),
      tokenizer_(std::move(tokenizer)),
      dataset_(std::move(dataset)),
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
    return count_answers(slots, enough) + (dataset_ == nullptr ? 0 : count_sessions(slots, enough));
}

std::uint64_t TokenCounter::count_answers(std::uint64_t slots, const std::function<bool()>& enough) const {
    std::atomic<std::uint64_t> left{0};
    on_all_cores(slots, [&](std::uint64_t slot) {
        record::Record& record = journal_.at(slot);
        if (!is_committed(record) || !wants_count(record)) {
            return;
        }
        if (enough()) {
            ++left;
        } else {
            count(record);
        }
    });
    return left;
}

std::uint64_t TokenCounter::count_sessions(std::uint64_t slots, const std::function<bool()>& enough) const {
    std::vector<record::Record*> records;
    for (std::uint64_t slot = 0; slot < slots; ++slot) {
        if (is_committed(journal_.at(slot))) {
            records.push_back(&journal_.at(slot));
        }
    }
    const std::vector<SessionRecords> sessions = sessions_in(records);
    const SpokenTexts texts{
        [this](std::uint32_t conversation, std::uint16_t turn) { return dataset_->turn(conversation, turn).text; },
        [this](const record::Record& record) { return journal_.output_text(record); }};
    std::atomic<std::uint64_t> left{0};
    on_all_cores(sessions.size(), [&](std::uint64_t index) {
        if (enough()) {
            ++left;
        } else {
            count_prompts(sessions[index], texts, *tokenizer_);
        }
    });
    return left;
}

}  // namespace aiperf::control
