#include "aiperf/mock/server.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"
#include "aiperf/mock/generator.hpp"
#include "aiperf/mock/listener.hpp"
#include "aiperf/mock/script.hpp"
#include "aiperf/mock/worker.hpp"

#include <csignal>
#include <exception>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>
#include <utility>

namespace aiperf::mock {

namespace {

/// Blocks every signal in this thread, and so in the threads it starts, while it lives: signals belong to the program.
class SignalsBlocked {
public:
    SignalsBlocked() {
        sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }

    ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;

private:
    sigset_t before_{};
};

Options checked(Options options) {
    validate(options);
    return options;
}

std::optional<std::vector<ScriptRoute>> routes_of(const Options& options) {
    if (options.script.empty()) {
        return std::nullopt;
    }
    return parse_script(options.script);
}

}  // namespace

class Server::Impl {
public:
    explicit Impl(Options options)
        : options_(checked(std::move(options))) {
        if (auto routes = routes_of(options_)) {
            script_.emplace(std::move(*routes));
        }
        Listeners listeners = open_listeners(options_.host, options_.port, options_.workers);
        port_ = listeners.port;
        const SignalsBlocked blocked;
        if (options_.keep_requests || !options_.dump_path.empty()) {
            log_.emplace(options_.dump_path, options_.keep_requests);
        }
        const WorkerContext context{options_, log_ ? &*log_ : nullptr, next_connection_};
        for (FileDescriptor& listener : listeners.sockets) {
            workers_.push_back(std::make_unique<Worker>(context, std::move(listener), make_responder()));
        }
        try {
            for (const auto& worker : workers_) {
                threads_.emplace_back([this, &worker] { serve(*worker); });
            }
        } catch (...) {
            join();  // those that did start
            throw;
        }
    }

    ~Impl() { join(); }

    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void stop() {
        const std::lock_guard lock(stop_mutex_);
        join();
        const bool written = !log_ || log_->close();
        if (const std::exception_ptr failure = std::exchange(failure_, nullptr)) {
            std::rethrow_exception(failure);
        }
        if (!written && !std::exchange(told_, true)) {
            throw base::RunError("the dump '" + options_.dump_path + "' could not be written in full");
        }
    }

    [[nodiscard]] const Options& options() const noexcept { return options_; }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    [[nodiscard]] const RequestLog* log() const noexcept { return log_ ? &*log_ : nullptr; }

    [[nodiscard]] Counters counters() const {
        Counters sum;
        for (const auto& worker : workers_) {
            const WorkerCounters& part = worker->counters();
            sum.connections += part.connections.get();
            sum.connections_refused += part.connections_refused.get();
            sum.requests += part.requests.get();
            sum.answered += part.answered.get();
            sum.cut += part.cut.get();
            sum.client_closed += part.client_closed.get();
            sum.error_answers += part.error_answers.get();
            sum.bad_requests += part.bad_requests.get();
            sum.events += part.events.get();
            sum.bytes_written += part.bytes_written.get();
        }
        return sum;
    }

private:
    std::unique_ptr<Responder> make_responder() {
        if (script_) {
            return std::make_unique<ScriptResponder>(*script_);
        }
        return std::make_unique<GeneratedResponder>(options_, created_s_, next_number_);
    }

    void serve(Worker& worker) {
        base::name_this_thread("mock worker");
        try {
            worker.run();
        } catch (...) {
            const std::lock_guard lock(failure_mutex_);
            failure_ = std::current_exception();
        }
    }

    void join() noexcept {
        for (const auto& worker : workers_) {
            worker->stop();
        }
        for (std::thread& thread : threads_) {
            if (thread.joinable()) {
                thread.join();
            }
        }
    }

    const Options options_;
    const std::int64_t created_s_ = base::WallAnchor::take().wall_ns / 1'000'000'000;
    std::uint16_t port_ = 0;
    std::optional<Script> script_;
    std::optional<RequestLog> log_;
    std::atomic<std::uint64_t> next_connection_{0};
    std::atomic<std::uint64_t> next_number_{0};
    std::mutex stop_mutex_;
    std::mutex failure_mutex_;
    std::exception_ptr failure_;
    bool told_ = false;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::vector<std::thread> threads_;
};

Server::Server(Options options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

Server::~Server() = default;

std::uint16_t Server::port() const noexcept {
    return impl_->port();
}

std::string Server::url() const {
    const std::string& host = impl_->options().host;
    const bool v6 = host.find(':') != std::string::npos;
    return "http://" + (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port());
}

void Server::stop() {
    impl_->stop();
}

std::vector<ReceivedRequest> Server::received() const {
    return impl_->log() == nullptr ? std::vector<ReceivedRequest>() : impl_->log()->snapshot();
}

bool Server::wait_arrived(std::size_t count, base::Nanoseconds timeout) const {
    return impl_->log() != nullptr && impl_->log()->wait_arrived(count, timeout);
}

bool Server::wait_over(std::size_t count, base::Nanoseconds timeout) const {
    return impl_->log() != nullptr && impl_->log()->wait_over(count, timeout);
}

Counters Server::counters() const {
    return impl_->counters();
}

}  // namespace aiperf::mock
