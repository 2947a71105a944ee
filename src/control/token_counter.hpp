#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/dataset/tokenizer.hpp"
#include "aiperf/record/journal.hpp"
#include "prompt_counter.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

namespace aiperf::control {

/// True for a good answer whose text was kept and not counted yet.
[[nodiscard]] bool wants_count(const record::Record& record) noexcept;

/// Counts one answer; a kind of text that is not there, or that its tokenizer gives up on, stays absent.
void count_tokens(record::Record& record,
                  std::string_view output,
                  std::string_view reasoning,
                  const dataset::Tokenizer& tokenizer);

/// Counts the tokens of answers: in the background of the run, at idle priority, in slot order as records are
/// committed; the rest at the end, and then the prompts of later turns. What is not counted in time stays absent.
class TokenCounter {
public:
    /// `claimed` tells how many slots have been claimed so far, from any thread. `dataset`: what was sent; null where
    /// no conversation has several turns. `journal` outlives the counter.
    TokenCounter(record::Journal& journal,
                 std::shared_ptr<const dataset::Tokenizer> tokenizer,
                 std::shared_ptr<const dataset::Dataset> dataset,
                 std::function<std::uint64_t()> claimed);
    ~TokenCounter();
    TokenCounter(const TokenCounter&) = delete;
    TokenCounter& operator=(const TokenCounter&) = delete;

    /// Counts what is left in slots [0, slots), on all cores, until `enough` says so. No record is being written any
    /// more. Returns the number of good answers left uncounted; of sessions, each that was left counts as one.
    std::uint64_t finish(std::uint64_t slots, const std::function<bool()>& enough);

private:
    void follow();
    void count(record::Record& record) const;
    [[nodiscard]] std::uint64_t count_answers(std::uint64_t slots, const std::function<bool()>& enough) const;
    [[nodiscard]] std::uint64_t count_sessions(std::uint64_t slots, const std::function<bool()>& enough) const;

    record::Journal& journal_;
    std::shared_ptr<const dataset::Tokenizer> tokenizer_;
    std::shared_ptr<const dataset::Dataset> dataset_;
    std::function<std::uint64_t()> claimed_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;                   // guarded by mutex_
    std::uint64_t next_ = 0;                  // first slot that follow() has not passed
    std::vector<std::uint64_t> passed_over_;  // slots that were still open when follow() came by
    std::thread thread_;
};

}  // namespace aiperf::control
