#include "composer.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"

#include <algorithm>
#include <exception>
#include <sys/resource.h>
#include <utility>

namespace aiperf::control {

namespace {

constexpr int k_niceness = 5;  // a worker that wakes goes before it; whoever shares the machine does not starve it
constexpr auto k_look_again = std::chrono::milliseconds(50);
constexpr base::Nanoseconds k_head_start = std::chrono::milliseconds(20);
constexpr base::Nanoseconds k_soon = std::chrono::milliseconds(500);  // what is whole by then is waited for

std::vector<dataset::ConversationShape> shapes_of(const dataset::SyntheticConversations& drawn) {
    std::vector<dataset::ConversationShape> shapes;
    shapes.reserve(drawn.size());
    for (std::size_t index = 0; index < drawn.size(); ++index) {
        shapes.push_back({dataset::SyntheticConversations::id(index), drawn.turns(index)});
    }
    return shapes;
}

std::size_t threads_for(const config::RunConfig& config, std::size_t conversations) {
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t left = cores - std::min<std::size_t>(cores, config.workers_max.value_or(1));
    return std::min(std::max<std::size_t>(1, left), conversations);
}

std::int32_t count_of(const std::optional<std::uint32_t>& tokens) noexcept {
    return tokens ? static_cast<std::int32_t>(*tokens) : record::k_absent;
}

}  // namespace

Composer::Composer(const Preparation& preparation, std::function<void()> on_failure)
    : preparation_(preparation),
      drawn_(synthetic_options(
                 preparation.config, *preparation.config.random_seed, *preparation.config.num_dataset_entries),
             preparation.tokenizer.get()),
      growing_(shapes_of(drawn_)),
      on_failure_(std::move(on_failure)) {
    if (drawn_.size() == 0) {
        growing_.finish();
    }
    try {
        for (std::size_t thread = threads_for(preparation.config, drawn_.size()); thread > 0; --thread) {
            threads_.emplace_back([this] { compose(); });
        }
    } catch (const std::system_error& error) {
        stop();
        throw base::SystemError("cannot start making prompts", error.code().value());
    }
}

Composer::~Composer() {
    stop();
}

void Composer::stop() noexcept {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

bool Composer::wait_for(std::size_t conversations, base::Instant until, const std::function<bool()>& enough) {
    std::unique_lock lock(mutex_);
    const auto over = [&] { return added_ >= conversations || stopping_ || !failure_.empty(); };
    awaited_ = conversations;
    while (!over() && !enough() && base::now() < until) {
        changed_.wait_until(lock, std::min<base::Instant>(until, base::now() + k_look_again), over);
    }
    return added_ >= conversations;
}

void Composer::wait_for_start(const std::function<bool()>& enough) {
    wait_for(1, base::Instant::max(), enough);
    wait_for(drawn_.size(), base::now() + k_head_start, enough);
    const std::size_t ready = std::max<std::size_t>(1, growing_.dataset()->ready());
    const std::chrono::duration<double> each = (base::now() - began_) / static_cast<double>(ready);
    if (each * static_cast<double>(drawn_.size() - ready) < k_soon) {
        wait_for(drawn_.size(), base::now() + 2 * k_soon, enough);
    }
}

void Composer::stand_back() noexcept {
    const std::scoped_lock lock(mutex_);
    standing_back_ = true;
}

std::string Composer::failure() const {
    const std::scoped_lock lock(mutex_);
    return failure_;
}

void Composer::compose() noexcept {
    base::name_this_thread("prompts");
    try {
        dataset::PromptSource source(preparation_.tokenizer.get());
        bool stands_back = false;
        while (const auto index = take()) {
            hand_in(*index, make(*index, source));
            const std::scoped_lock lock(mutex_);
            if (standing_back_ && !std::exchange(stands_back, true)) {
                ::setpriority(PRIO_PROCESS, 0, k_niceness);  // of this thread
            }
        }
    } catch (const std::exception& error) {
        fail(error.what());
    } catch (...) {
        fail("an unknown exception");
    }
}

std::optional<std::size_t> Composer::take() {
    const std::scoped_lock lock(mutex_);
    return next_ < drawn_.size() && !stopping_ && failure_.empty() ? std::optional(next_++) : std::nullopt;
}

/// Only where conversations have several turns is there a place for a history in the bodies.
Composer::Made Composer::make(std::size_t index, dataset::PromptSource& source) const {
    const config::RunConfig& config = preparation_.config;
    const settings::Endpoint& settings = preparation_.settings.endpoint;
    Made made{drawn_.make(index, source), {}};
    for (const dataset::Turn& turn : made.conversation.turns) {
        made.bodies.push_back(config.has_turns()
                                  ? preparation_.endpoint->turn_body(turn, config, settings)
                                  : endpoint::TurnBody{preparation_.endpoint->body(turn, config, settings)});
    }
    return made;
}

/// Adds a conversation, and those behind it that were made earlier.
void Composer::hand_in(std::size_t index, Made made) {
    bool enough = false;
    {
        const std::scoped_lock lock(mutex_);
        const std::size_t before = added_;
        early_.emplace(index, std::move(made));
        for (auto first = early_.begin(); first != early_.end() && first->first == added_; first = early_.begin()) {
            add(first->second);
            early_.erase(first);
            ++added_;
        }
        if (added_ == drawn_.size()) {
            growing_.finish();
        }
        enough = before < awaited_ && added_ >= awaited_;
    }
    if (enough) {
        changed_.notify_all();
    }
}

/// A text is kept only where conversations have several turns, for the count of later prompts.
void Composer::add(const Made& made) {
    const bool several = preparation_.config.has_turns();
    std::vector<dataset::Dataset::Entry> entries;
    for (std::size_t number = 0; number < made.bodies.size(); ++number) {
        const dataset::Turn& turn = made.conversation.turns[number];
        const endpoint::TurnBody& body = made.bodies[number];
        entries.push_back({.body = body.body,
                           .input_tokens = count_of(turn.input_tokens),
                           .requested_tokens = count_of(turn.max_tokens),
                           .message_at = body.message_at,
                           .message_bytes = body.message_bytes,
                           .text = several ? std::string_view(turn.text) : std::string_view{},
                           .delay = turn.delay});
    }
    growing_.add(entries);
}

void Composer::fail(const std::string& why) noexcept {
    {
        const std::scoped_lock lock(mutex_);
        if (!failure_.empty()) {
            return;
        }
        failure_ = why.empty() ? "no prompt could be made" : why;
    }
    changed_.notify_all();
    on_failure_();
}

}  // namespace aiperf::control
