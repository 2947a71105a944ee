#include "run_impl.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/base/thread_name.hpp"
#include "aiperf/process/supervisor.hpp"
#include "aiperf/validity/machine.hpp"
#include "journal_folder.hpp"

#include <limits>
#include <system_error>

namespace aiperf::control {

namespace {

constexpr auto k_count_after_cancel = std::chrono::seconds(5);
constexpr auto k_longest_close = std::chrono::seconds(30);    // of what a cancel has interrupted, beyond its own time
constexpr auto k_longest_export = std::chrono::seconds(600);  // writing, not counting

}  // namespace

void Run::Impl::enter(const char* stage, const schedule::Phase* phase, std::optional<base::Nanoseconds> longest) {
    const std::scoped_lock lock(mutex_);
    stage_ = stage;
    if (phase != nullptr) {
        if (driver_ != nullptr) {
            progress_.freeze(*driver_, phase_, phase_start_);  // of the phase before this one, while its counters stand
        }
        phase_ = *phase;
        phase_start_ = base::now();
        progress_.begin(*phase);
    }
    if (!longest && cancelled()) {
        longest = time_to_cancel();
    }
    watchdog_->enter(stage_, longest ? base::now() + *longest : deadline_of(phase));
}

base::Nanoseconds Run::Impl::time_to_cancel() const noexcept {
    return prepared_.settings.timing.cancel_drain_timeout + k_count_after_cancel + k_longest_close;
}

/// Absent: as long as the work takes, which only the work knows.
std::optional<base::Instant> Run::Impl::deadline_of(const schedule::Phase* phase) const noexcept {
    if (phase == nullptr || !phase->duration || !phase->grace) {
        return std::nullopt;
    }
    return base::now() + *phase->duration + *phase->grace + time_to_cancel();
}

void Run::Impl::execute() noexcept {
    base::name_this_thread("run");
    Outcome outcome(prepared_);
    try {
        outcome.folder = JournalFolder::take(prepared_);
        start_supervisor();
        open_window();
        put_load(outcome);
    } catch (const base::ProcessError& error) {
        outcome.fail(error.what(), "ProcessError");
    } catch (const std::exception& error) {
        outcome.fail(error.what());
    }
    prepared_.tokenizer.reset();  // all is made and counted: statistics come instead of it, not beside it
    finish(outcome);
    show_end();
}

void Run::Impl::start_supervisor() {
    if (prepared_.helper.empty()) {
        return;
    }
    auto supervisor = std::make_shared<process::Supervisor>();
    const std::scoped_lock lock(mutex_);
    supervisor_ = std::move(supervisor);
}

std::optional<ProcessKit> Run::Impl::kit() const {
    if (supervisor_ == nullptr) {
        return std::nullopt;
    }
    ProcessKit kit{*supervisor_, prepared_.helper, environment_.variables, prepared_.settings.service, [this] {
                       return cancelled();
                   }};
    std::erase_if(kit.environment, [](const auto& variable) { return variable.first.starts_with("AIPERF_"); });
    return kit;
}

MakeCrew Run::Impl::crew() const {
    if (const auto kit = this->kit()) {
        return [kit = *kit](const CrewTools& tools) { return make_process_crew(tools, kit); };
    }
    return make_thread_crew;
}

void Run::Impl::open_window() {
    auto window = std::make_unique<ResultsWindow>(
        prepared_,
        [this] { return look(); },
        [this](spdlog::level::level_enum level, const std::string& text) { log(level, text); });
    {
        const std::scoped_lock lock(mutex_);
        window_ = std::move(window);  // first: if it cannot listen, status.json still says how the run ended
    }
    const auto kit = this->kit();
    window_->open(prepared_, kit ? &*kit : nullptr);
    if (const std::string url = window_->url(); !url.empty()) {
        log(spdlog::level::info, "results server: " + url + (url.starts_with("unix:") ? "" : "/api/results"));
    }
}

/// Summary, artifacts, status: after it the result is there for everybody.
void Run::Impl::finish(Outcome& outcome) noexcept {
    outcome.cancelled = cancelled();
    outcome.result.cancel_code = cancel_code_.load() == 0 ? k_interrupted : cancel_code_.load();
    enter("exporting", nullptr, k_longest_export);
    try {
        // Without the folder the directory is another run's: nothing of it is touched.
        outcome.conclude(outcome.folder != nullptr && wish_.load() != Wish::abort);
    } catch (const std::exception& error) {
        outcome.fail(error.what());
        outcome.result.status = Status::incomplete;
        outcome.result.error = outcome.error;
        outcome.result.error_type = outcome.error_type;
    }
    if (!outcome.result.error.empty()) {
        log(spdlog::level::err, outcome.result.error);
    }
    try {
        if (window_ != nullptr) {
            watchdog_->enter("publishing", base::now() + k_longest_close);
            window_->publish(outcome.result);
        }
    } catch (const std::exception& error) {
        log(spdlog::level::err, std::string("status.json: ") + error.what());
    }
    outcome.folder.reset();  // who sees the end may recover the journal
    const std::scoped_lock lock(mutex_);
    result_ = std::move(outcome.result);
    stage_ = "done";
    done_ = true;
    changed_.notify_all();
}

/// The grace, then the server's end. `window_` is changed by this thread only.
void Run::Impl::show_end() noexcept {
    if (window_ != nullptr) {
        if (wish_.load() == Wish::abort) {
            window_->end_hold();
        }
        // Who sends SIGTERM sends SIGKILL after a while.
        const std::optional<base::Nanoseconds> longest = window_->longest_hold();
        watchdog_->enter("holding the results server",
                         longest ? std::optional(base::now() + *longest + k_longest_close) : std::nullopt);
        const bool terminated = result_.status == Status::cancelled && result_.cancel_code != k_interrupted;
        window_->hold_and_close(terminated ? base::Instant(base::Nanoseconds(cancelled_ns_.load())) +
                                                 prepared_.settings.stop.timeout
                                           : base::Instant::max());
    }
    std::unique_ptr<ResultsWindow> window;
    {
        const std::scoped_lock lock(mutex_);
        window = std::move(window_);
    }
    window.reset();  // joins its threads, which look at this run
    const std::shared_ptr<process::Supervisor> supervisor = supervisor_;
    if (supervisor != nullptr) {
        watchdog_->enter("stopping the processes", base::now() + k_longest_close);
        supervisor->shutdown();
    }
    watchdog_->leave();
    const std::scoped_lock lock(mutex_);
    supervisor_.reset();
    closed_ = true;
    changed_.notify_all();
}

api::Progress Run::Impl::look() const {
    const std::scoped_lock lock(mutex_);
    return progress_.look(stage_, driver_, phase_, phase_start_);
}

void Run::Impl::put_load(Outcome& outcome) {
    if (cancelled()) {
        return;
    }
    if (const std::string& moved = outcome.folder->moved_aside(); !moved.empty()) {
        log(spdlog::level::warn, "the journal of an interrupted run was kept as " + moved);
    }
    Composer composer(prepared_, [this] { stop_sending(); });
    outcome.plan = make_plan(
        prepared_,
        composer.dataset(),
        [this] { return cancelled(); },
        [this](const std::string& line) { log(spdlog::level::info, line); });
    record::JournalPlan journal_plan;
    journal_plan.info.run_key = prepared_.run_key;
    journal_plan.info.seed = *prepared_.config.random_seed;
    journal_plan.info.anchor = base::WallAnchor::take();
    journal_plan.info.workers = outcome.plan.workers;
    journal_plan.shared = !prepared_.helper.empty();
    for (const schedule::Phase& phase : outcome.plan.phases) {
        journal_plan.expected_slots += phase.requests.value_or(0);
    }
    record::Journal journal(prepared_.journal_directory, journal_plan);
    outcome.folder->describe(prepared_);
    drive(outcome, composer, journal);
}

void Run::Impl::drive(Outcome& outcome, Composer& composer, record::Journal& journal) {
    const load::LoadPlan& plan = outcome.plan;
    WorkerRules rules;
    rules.abort_on_death = prepared_.config.on_worker_death == config::OnWorkerDeath::abort;
    rules.drain_timeout = prepared_.settings.timing.cancel_drain_timeout;
    rules.stale_after = prepared_.settings.worker.stale_time;
    rules.warn = [this](const std::string& text) { log(spdlog::level::warn, text); };
    LoadDriver driver(plan, journal, crew(), std::move(rules));
    {
        const std::scoped_lock lock(mutex_);
        driver_ = &driver;
    }
    std::unique_ptr<TokenCounter> counter;
    if (prepared_.tokenizer != nullptr && !prepared_.config.use_server_token_count) {
        counter = std::make_unique<TokenCounter>(
            journal, prepared_.tokenizer, plan.dataset->multi_turn() ? plan.dataset : nullptr, [&driver] {
                return driver.state().first_slot.load() + driver.state().next_index.load();
            });
    }
    std::unique_ptr<RecordSink> sink;
    if (environment_.on_record) {
        sink = std::make_unique<RecordSink>(
            journal,
            RecordSink::Rules{
                environment_.on_record,
                plan.phases,
                {.streaming = prepared_.config.streaming,
                 .use_server_token_count = prepared_.config.use_server_token_count},
                [&driver] { return driver.state().first_slot.load() + driver.state().next_index.load(); }});
    }
    std::uint64_t slots = 0;
    std::exception_ptr failure;
    try {
        await_first_prompts(composer);
        slots = run_phases(driver, composer, outcome, journal);
    } catch (...) {
        failure = std::current_exception();
    }
    const Snapshot last = snapshot();
    {
        const std::scoped_lock lock(mutex_);
        progress_.freeze(driver, phase_, phase_start_);
        driver_ = nullptr;
        last_ = last;
    }
    driver.send_home();
    enter("exporting");
    slots = std::min(slots, journal.readable_slots());
    deliver(sink.get(), slots, outcome);
    count_tokens(counter.get(), slots);
    if (failure) {
        std::rethrow_exception(failure);
    }
    journal.finish(slots);
    if (!driver.failure().empty()) {
        outcome.fail(driver.failure(), "ProcessError");
    }
    if (driver.state().too_many_failures.load() != 0) {
        outcome.fail("more than " + base::number_text(*plan.failed_request_threshold * 100) +
                         " % of the requests failed (--failed-request-threshold)",
                     k_too_many_failures);
    }
    if (const int number = driver.state().journal_error.load(); number != 0) {
        outcome.fail("the journal cannot grow: " + journal.directory().string() + ": " +
                     std::generic_category().message(number));
    }
    if (outcome.error.empty()) {
        await_prompts(composer, outcome);
    }
}

/// Returns the number of slots claimed.
std::uint64_t Run::Impl::run_phases(LoadDriver& driver,
                                    Composer& composer,
                                    Outcome& outcome,
                                    record::Journal& journal) {
    const load::LoadPlan& plan = outcome.plan;
    validity::Evidence& evidence = outcome.result.validity.evidence;
    validity::LoopFigures loops;
    validity::MachineWatch machine;
    std::uint64_t slots = 0;
    std::uint64_t unready = 0;
    for (std::uint32_t index = 0; index < plan.phases.size(); ++index) {
        if (cancelled() || !composer.failure().empty() || !driver.failure().empty() ||
            driver.state().journal_error.load() != 0) {
            break;
        }
        const schedule::Phase& phase = plan.phases[index];
        enter(phase.name.c_str(), &phase);
        const std::int64_t start_ns = driver.make_ready(index);
        journal.begin_phase({phase.name, phase.profiling, slots, start_ns, 0});
        if (cancelled() || !composer.failure().empty()) {  // since the test above
            driver.stop(load::Stop::in_flight);
        }
        if (phase.profiling) {
            machine.begin_once();
        }
        slots += driver.run_phase(index, slots, start_ns, [&machine] { machine.look(); });
        journal.end_phase(base::now_ns());
        if (phase.profiling) {
            loops.add(driver.loop_figures(index));
            unready += driver.unready();
        }
    }
    note_unready(unready, outcome);
    machine.end(evidence);
    validity::add_loops(loops, evidence);
    outcome.result.worker_cpu_s = loops.cpu_s;
    return slots;
}

void Run::Impl::deliver(RecordSink* sink, std::uint64_t slots, Outcome& outcome) {
    if (sink == nullptr) {
        return;
    }
    std::optional<base::Instant> last_moment;
    const std::uint64_t left = sink->finish(slots, [&] {
        if (cancelled() && !last_moment) {
            last_moment = base::now() + k_count_after_cancel;
        }
        return wish_.load() == Wish::abort || (last_moment && base::now() >= *last_moment);
    });
    outcome.result.record_sink_error = sink->error();
    if (!sink->error().empty()) {
        log(spdlog::level::err, "the record sink has failed and is not called any more: " + sink->error());
    } else if (left > 0) {
        log(spdlog::level::warn, std::to_string(left) + " records did not come to the record sink: the run was ended");
    }
}

void Run::Impl::count_tokens(TokenCounter* counter, std::uint64_t slots) {
    if (counter == nullptr || wish_.load() == Wish::abort) {
        return;
    }
    // A cancel gives what is left a few seconds, wherever it comes; an abort none.
    std::atomic<std::int64_t> last_moment{std::numeric_limits<std::int64_t>::max()};
    const auto enough = [&] {
        if (cancelled() && last_moment.load() == std::numeric_limits<std::int64_t>::max()) {
            last_moment.store((base::now() + k_count_after_cancel).time_since_epoch().count());
        }
        return wish_.load() == Wish::abort || base::now_ns() >= last_moment.load();
    };
    if (const std::uint64_t left = counter->finish(slots, enough); left > 0) {
        log(spdlog::level::warn, std::to_string(left) + " answers were left uncounted: the run was cancelled");
    }
}

Snapshot Run::Impl::snapshot() const {
    const std::scoped_lock lock(mutex_);
    if (driver_ == nullptr || phase_start_ == base::Instant{}) {
        Snapshot snapshot = last_;
        snapshot.phase = stage_;
        snapshot.status = done_ ? result_.status : Status::running;
        return snapshot;
    }
    return live_snapshot(driver_->state(), phase_, phase_start_, stage_);
}

void Run::Impl::pass_signal(int signal) noexcept {
    const std::scoped_lock lock(mutex_);
    if (supervisor_ != nullptr) {
        supervisor_->signal_all(signal);
    }
}

std::vector<std::string> Run::Impl::where() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> lines{watchdog_ == nullptr ? stage_ : watchdog_->where(base::now())};
    if (supervisor_ != nullptr) {
        const std::vector<std::string> children = supervisor_->describe();
        lines.insert(lines.end(), children.begin(), children.end());
    }
    return lines;
}

std::vector<pid_t> Run::Impl::children() const {
    const std::scoped_lock lock(mutex_);
    return supervisor_ == nullptr ? std::vector<pid_t>{} : supervisor_->pids();
}

}  // namespace aiperf::control
