#include "load_run.hpp"

#include <algorithm>
#include <chrono>

namespace aiperf::test {

load::Target target_on(std::uint16_t port) {
    load::Target target;
    target.addresses = {load::Address::of_ip("127.0.0.1", port)};
    target.name = "127.0.0.1:" + std::to_string(port);
    target.host = "127.0.0.1";
    target.origin = "http://" + target.name;
    load::HeadOptions options;
    options.host = target.name;
    options.path = "/v1/chat/completions";
    options.user_agent = "test";
    build_head(target, options, {});
    return target;
}

std::shared_ptr<const dataset::Dataset> talks(const std::vector<std::size_t>& turns, base::Nanoseconds delay) {
    dataset::DatasetBuilder builder;
    for (std::size_t i = 0; i < turns.size(); ++i) {
        builder.begin("session_" + std::to_string(i));
        for (std::size_t j = 0; j < turns[i]; ++j) {
            const std::string text = std::to_string(i) + "." + std::to_string(j);
            const std::string before = "{\"messages\":[";
            const std::string message = "{\"user\":\"" + text + "\"}";
            builder.add_turn({.body = before + message + "],\"n\":1}",
                              .input_tokens = static_cast<std::int32_t>(100 + i),
                              .requested_tokens = 5,
                              .message_at = before.size(),
                              .message_bytes = message.size(),
                              .text = text,
                              .delay = j == 0 ? base::Nanoseconds{0} : delay});
        }
    }
    return builder.seal();
}

load::LoadPlan plan_for(const std::vector<const ScriptedServer*>& servers, std::vector<schedule::Phase> phases) {
    load::LoadPlan plan;
    plan.phases = std::move(phases);
    for (const ScriptedServer* server : servers) {
        plan.targets.push_back(target_on(server->port()));
    }
    plan.dataset = std::make_shared<Bodies>(std::vector<std::string>{"{\"n\":0}", "{\"n\":1}", "{\"n\":2}"});
    plan.endpoint = &endpoint::endpoint_of(config::EndpointType::chat);
    plan.ids = base::IdSource(77);
    return plan;
}

LoadRun::LoadRun(load::LoadPlan plan)
    : LoadRun(std::move(plan), {}) {}

LoadRun::LoadRun(load::LoadPlan plan, const std::filesystem::path& directory)
    : plan_(std::move(plan)),
      shared_(plan_.workers) {
    record::JournalPlan journal_plan;
    journal_plan.info.workers = plan_.workers;
    journal_ = std::make_unique<record::Journal>(directory.empty() ? directory_.path() : directory, journal_plan);
    for (std::uint32_t number = 0; number < plan_.workers; ++number) {
        workers_.push_back(std::make_unique<Worker>(number, plan_, state(), journal_->writer(number), [this] {
            const std::scoped_lock lock(mutex_);
            changed_.notify_all();
        }));
    }
    for (const auto& worker : workers_) {
        threads_.emplace_back([&worker = *worker] { worker.run(); });
    }
}

LoadRun::~LoadRun() {
    send_home();
}

void LoadRun::announce(std::uint32_t index) {
    state().next_phase.store(index + 1, std::memory_order_release);
    wake_all();
}

bool LoadRun::make_ready(std::uint32_t index) {
    announce(index);
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [this, index] {
        for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
            if (!state().is_ready(worker, index)) {
                return false;
            }
        }
        return true;
    });
}

std::int64_t LoadRun::begin(std::uint32_t index, base::Nanoseconds ago) {
    phase_ = index;
    const std::int64_t start = base::now_ns() - ago.count();
    journal_->begin_phase({plan_.phases[index].name, plan_.phases[index].profiling, slots_, start, 0});
    state().reset_claims();
    state().first_slot.store(slots_);
    state().phase_start_ns.store(start);

    state().phase.store(index + 1, std::memory_order_release);
    wake_all();
    return start;
}

bool LoadRun::all_through() {
    for (std::uint32_t worker = 0; worker < plan_.workers; ++worker) {
        if (!state().is_through(worker, phase_)) {
            return false;
        }
    }
    return true;
}

bool LoadRun::wait() {
    bool over = false;
    {
        std::unique_lock lock(mutex_);
        over = changed_.wait_for(lock, std::chrono::seconds(30), [this] { return all_through(); });
    }
    if (!over) {
        stop(load::Stop::in_flight);
        return false;
    }
    const std::uint64_t claimed = state().next_index.load();
    slots_ += std::min(claimed, plan_.phases[phase_].requests.value_or(claimed));
    return true;
}

void LoadRun::stop(load::Stop level) {
    state().stop.store(static_cast<std::uint32_t>(level));
    wake_all();
}

void LoadRun::wake_all() {
    for (const auto& worker : workers_) {
        worker->wake();
    }
}

void LoadRun::send_home() {
    stop(load::Stop::in_flight);
    state().phase.store(load::SharedState::k_quit, std::memory_order_release);
    wake_all();
    for (std::thread& thread : threads_) {
        thread.join();
    }
    threads_.clear();
}

const record::RecordSet& LoadRun::records() {
    if (reader_ == nullptr) {
        send_home();
        const auto directory = journal_->directory();
        journal_->finish(std::min(slots_, journal_->readable_slots()));
        workers_.clear();
        journal_.reset();
        reader_ = std::make_unique<record::JournalReader>(directory);
    }
    return *reader_;
}

std::uint64_t LoadRun::total(std::atomic<std::uint64_t> load::WorkerCounters::*counter) {
    std::uint64_t sum = 0;
    for (std::uint32_t number = 0; number < plan_.workers; ++number) {
        sum += (state().counters(number).*counter).load();
    }
    return sum;
}

}  // namespace aiperf::test
