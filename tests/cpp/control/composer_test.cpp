#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/dataset/synthetic.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/mock/server.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace aiperf;
using namespace std::chrono_literals;
using control::Environment;
using control::Result;
using control::Run;
using control::Status;

namespace {

constexpr base::Nanoseconds k_hang = 60s;

/// Chat, whose bodies behind the first `free` wait at a gate; with `broken`, that one cannot be made.
class Gated final : public endpoint::Endpoint {
public:
    explicit Gated(std::size_t free, std::size_t broken = ~std::size_t{0})
        : free_(free),
          broken_(broken) {}

    [[nodiscard]] std::string_view path() const noexcept override { return chat_.path(); }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& settings) const override {
        const std::size_t number = asked_.fetch_add(1);
        if (number >= free_) {
            std::unique_lock lock(mutex_);
            opened_.wait_for(lock, k_hang, [this] { return open_; });
        }
        if (number == broken_) {
            throw base::RunError("no body for prompt " + std::to_string(number));
        }
        return chat_.body(turn, config, settings);
    }

    [[nodiscard]] std::unique_ptr<endpoint::AnswerReader> reader() const override { return chat_.reader(); }

    void open() {
        {
            const std::scoped_lock lock(mutex_);
            open_ = true;
        }
        opened_.notify_all();
    }

private:
    const endpoint::Endpoint& chat_ = endpoint::endpoint_of(config::EndpointType::chat);
    std::size_t free_;
    std::size_t broken_;
    mutable std::atomic<std::size_t> asked_{0};
    mutable std::mutex mutex_;
    mutable std::condition_variable opened_;
    bool open_ = false;
};

config::RunConfig config_for(const mock::Server& server, const std::filesystem::path& directory) {
    config::RunConfig config;
    config.model_names = {"m"};
    config.urls = {server.url()};
    config.tokenizer = std::string(AIPERF_TEST_DATA) + "/golden/tokenizer";
    config.isl_mean = 20;
    config.isl_stddev = 5;
    config.osl_mean = 4;
    config.request_count = 20;
    config.num_dataset_entries = 20;
    config.concurrency = 3;
    config.workers_max = 2;
    config.random_seed = 7;
    config.artifact_directory = directory.string();
    return config;
}

Environment with(Gated& gated) {
    Environment environment;
    environment.endpoint = std::shared_ptr<const endpoint::Endpoint>(std::shared_ptr<void>{}, &gated);
    return environment;
}

std::vector<std::string> sorted_bodies(const mock::Server& server) {
    std::vector<std::string> bodies;
    for (const mock::ReceivedRequest& request : server.received()) {
        bodies.push_back(request.body);
    }
    std::sort(bodies.begin(), bodies.end());
    return bodies;
}

std::string inputs_of(const Result& result) {
    std::ifstream file(result.artifact_directory / "inputs.json");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::size_t count_in(const std::string& text, const std::string& word) {
    std::size_t count = 0;
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        ++count;
    }
    return count;
}

/// Waits until so many answers were read. False where it hangs.
bool read(const Run& run, std::uint64_t answers) {
    const base::Instant limit = base::now() + k_hang;
    while (run.snapshot().completed < answers) {
        if (base::now() > limit || run.done()) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

/// Whether this process has a thread of that name.
bool has_thread(const std::string& name) {
    std::error_code ended;  // a thread, while it is looked at
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", ended)) {
        std::string found;
        std::getline(std::ifstream(task.path() / "comm"), found);
        if (found == name) {
            return true;
        }
    }
    return false;
}

/// Whether the second of two workers comes to work.
bool has_workers() {
    const base::Instant limit = base::now() + k_hang;
    while (!has_thread("worker 1") && base::now() < limit) {
        std::this_thread::yield();
    }
    return has_thread("worker 1");
}

/// Does something at its end, whatever happens: a run must not wait for a gate for ever.
struct Opened {
    Gated& gated;

    ~Opened() { gated.open(); }
};

}  // namespace

TEST_CASE("Requests are sent before the prompts behind them are made, and everything is as if all were made before") {
    const test::TemporaryDirectory directory;
    mock::Server first({});
    const Result before = control::run(config_for(first, directory.path() / "before"), {});
    mock::Server second({});
    Gated gated(3);
    const Opened opened{gated};
    config::RunConfig config = config_for(second, directory.path() / "while");
    config.concurrency = 4;
    config.workers_max = 1;  // that comes to the fourth before it reads an answer
    Run run(config, with(gated));
    run.start();
    REQUIRE(read(run, 3));
    gated.open();
    REQUIRE(run.wait_for(k_hang));
    const Result& made = run.result();
    CHECK((before.status == Status::complete && made.status == Status::complete));
    CHECK(made.summary.valid == 20);
    CHECK(sorted_bodies(second) == sorted_bodies(first));
    CHECK(inputs_of(made) == inputs_of(before));
    CHECK(count_in(inputs_of(made), "session_id") == 20);
    REQUIRE(made.notes.size() == 1);
    CHECK(made.notes.front().find("had to wait until their prompts were made") != std::string::npos);
}

TEST_CASE("Prompts that no request needed are made all the same") {
    const test::TemporaryDirectory directory;
    mock::Server server({});
    Gated gated(5);
    const Opened opened{gated};
    config::RunConfig config = config_for(server, directory.path() / "run");
    config.request_count = 5;
    Run run(config, with(gated));
    run.start();
    REQUIRE(read(run, 5));
    gated.open();
    REQUIRE(run.wait_for(k_hang));
    CHECK(run.result().status == Status::complete);
    CHECK(count_in(inputs_of(run.result()), "session_id") == 20);
}

TEST_CASE("Workers come to work while the first prompts are made") {
    const test::TemporaryDirectory directory;
    mock::Server server({});
    Gated gated(0);
    const Opened opened{gated};
    Run run(config_for(server, directory.path() / "run"), with(gated));
    run.start();
    CHECK(has_workers());
    CHECK(server.received().empty());
    gated.open();
    REQUIRE(run.wait_for(k_hang));
    CHECK(run.result().status == Status::complete);
    CHECK(run.result().notes.empty());
}

TEST_CASE("A cancel does not wait for the first prompt, with workers that wait for it") {
    const test::TemporaryDirectory directory;
    mock::Server server({});
    Gated gated(0);
    const Opened opened{gated};
    Run run(config_for(server, directory.path() / "run"), with(gated));
    run.start();
    CHECK(has_workers());
    run.cancel();
    gated.open();
    REQUIRE(run.wait_for(k_hang));
    CHECK(run.result().status == Status::cancelled);
    CHECK(server.received().empty());
}

TEST_CASE("A prompt that cannot be made ends the run, which says why and keeps what was measured") {
    const test::TemporaryDirectory directory;
    mock::Server server({});
    Gated gated(4, 8);
    const Opened opened{gated};
    Run run(config_for(server, directory.path() / "run"), with(gated));
    run.start();
    REQUIRE(read(run, 4));
    gated.open();
    REQUIRE(run.wait_for(k_hang));
    const Result& result = run.result();
    CHECK(result.status == Status::incomplete);
    CHECK(result.error == "no body for prompt 8");
    CHECK(result.exit_code() == 1);
    CHECK(result.summary.valid >= 4);
    CHECK(count_in(inputs_of(result), "session_id") >= 4);
    CHECK(count_in(inputs_of(result), "session_id") < 20);
}

TEST_CASE("Where the first prompt cannot be made nothing is sent") {
    const test::TemporaryDirectory directory;
    mock::Server server({});
    Gated gated(20, 0);
    const Result result = control::run(config_for(server, directory.path() / "run"), with(gated));
    CHECK(result.status == Status::incomplete);
    CHECK(result.error == "no body for prompt 0");
    CHECK(server.received().empty());
}

TEST_CASE("A cancel does not wait for prompts") {
    const test::TemporaryDirectory directory;
    mock::Server server({});
    Gated gated(4);
    const Opened opened{gated};
    Run run(config_for(server, directory.path() / "run"), with(gated));
    run.start();
    REQUIRE(read(run, 4));
    run.cancel();
    gated.open();
    REQUIRE(run.wait_for(k_hang));
    const Result& result = run.result();
    CHECK(result.status == Status::cancelled);
    CHECK(result.summary.valid >= 4);
    CHECK(count_in(inputs_of(result), "session_id") >= 4);
}

TEST_CASE("Many prompts are the same in whatever process they are sent") {
    const auto backend = GENERATE(config::Backend::thread, config::Backend::process);
    const test::TemporaryDirectory directory;
    mock::Server server({});
    config::RunConfig config = config_for(server, directory.path() / "run");
    config.backend = backend;
    config.isl_mean = 400;
    config.num_dataset_entries = 3000;  // more than the run waits for before it begins
    config.request_count = 3000;
    const Result result = control::run(config, {});
    CHECK(result.status == Status::complete);
    CHECK(result.summary.valid == 3000);
    const std::vector<std::string> bodies = sorted_bodies(server);
    CHECK(bodies.size() == 3000);
    CHECK(std::adjacent_find(bodies.begin(), bodies.end()) == bodies.end());
    const std::string inputs = inputs_of(result);
    CHECK(count_in(inputs, "session_id") == 3000);
    CHECK(inputs.find("session_002999") != std::string::npos);
}
