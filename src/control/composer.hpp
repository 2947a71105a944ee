#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/dataset/growing_dataset.hpp"
#include "aiperf/dataset/synthetic.hpp"
#include "preparation.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace aiperf::control {

/// Makes the texts and bodies of a run's data set while the run goes on: on the processors that the workers leave,
/// behind them once requests are sent. What comes out is the same for any number of threads and at any pace;
/// conversations get ready in order. A worker that comes to one that is not ready waits for it.
///
/// *Thread safety*: any thread. The destructor ends the threads, also where conversations are missing.
class Composer {
public:
    /// Draws what the conversations are like, and begins. `preparation` outlives it; `on_failure` is called on a thread
    /// of it, once, where a conversation cannot be made. Throws base::SystemError.
    Composer(const Preparation& preparation, std::function<void()> on_failure);
    ~Composer();
    Composer(const Composer&) = delete;
    Composer& operator=(const Composer&) = delete;

    /// What is made.
    [[nodiscard]] std::shared_ptr<const dataset::Dataset> dataset() const noexcept { return growing_.dataset(); }

    /// Waits until there is something to begin with: a first conversation and what a moment more brings, or all where
    /// that takes half a second. `enough` ends it early.
    void wait_for_start(const std::function<bool()>& enough);

    /// Waits until all is made; `enough` ends it early. True where all is there.
    bool wait_for_all(const std::function<bool()>& enough) {
        return wait_for(drawn_.size(), base::Instant::max(), enough);
    }

    /// From now on it stands back behind the workers.
    void stand_back() noexcept;

    /// Makes nothing more: the data set stays as it is. Idempotent.
    void stop() noexcept;

    /// Why a conversation could not be made; empty = nothing is wrong.
    [[nodiscard]] std::string failure() const;

private:
    /// A conversation ready to be added.
    struct Made {
        dataset::Conversation conversation;
        std::vector<endpoint::TurnBody> bodies;
    };

    bool wait_for(std::size_t conversations, base::Instant until, const std::function<bool()>& enough);
    void compose() noexcept;
    [[nodiscard]] std::optional<std::size_t> take();
    [[nodiscard]] Made make(std::size_t index, dataset::PromptSource& source) const;
    void hand_in(std::size_t index, Made made);
    void add(const Made& made);
    void fail(const std::string& why) noexcept;

    const Preparation& preparation_;
    dataset::SyntheticConversations drawn_;
    dataset::GrowingDataset growing_;
    std::function<void()> on_failure_;
    base::Instant began_ = base::now();
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t next_ = 0;               // to be made; guarded by mutex_, as is the rest
    std::size_t added_ = 0;              // conversations in the data set
    std::size_t awaited_ = 0;            // of them: the waiting thread is woken by this many
    std::map<std::size_t, Made> early_;  // made before one in front of them
    bool stopping_ = false;
    bool standing_back_ = false;
    std::string failure_;
    std::vector<std::thread> threads_;  // the constructor's and stop()'s
};

}  // namespace aiperf::control
