#include "aiperf/api/server.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"
#include "doors.hpp"
#include "long_polls.hpp"
#include "readers.hpp"
#include "restinio_parts.hpp"
#include "restinio_streams.hpp"
#include "streams.hpp"

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <netinet/tcp.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace aiperf::api {

namespace {

using namespace std::chrono_literals;
using asio::ip::tcp;

constexpr auto k_tick = 100ms;
constexpr auto k_closing_tick = 5ms;
constexpr auto k_patience = 500ms;  // for requests that are on their way when the server closes
constexpr auto k_farewell = 1s;     // for clients of streams to take the last of them
constexpr auto k_last_second = 1s;  // before the announced end, in which connections are no longer kept

}  // namespace

class Server::Impl {
public:
    Impl(RunState& state, ServerOptions options)
        : state_(state),
          options_(std::move(options)),
          logger_(options_.logger ? options_.logger : std::make_shared<spdlog::logger>("api")),
          routes_(state, {options_.limits.longest_wait, options_.on_shutdown_request, options_.compression}) {}

    ~Impl() { close(base::Instant::max()); }

    void start();
    void close(base::Instant deadline);

    [[nodiscard]] std::string url() const {
        const std::lock_guard lock(mutex_);
        return url_;
    }

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    [[nodiscard]] bool is_listening() const noexcept { return listening_; }

    [[nodiscard]] Audience audience() const { return readers_.audience(); }

    void announce_end(base::Instant end) noexcept { announced_end_ns_ = end.time_since_epoch().count(); }

private:
    using Headers = std::vector<std::pair<std::string, std::string>>;

    void release();

    // What follows runs in the server's thread.
    void run();
    void make_factory();
    void welcome(Visitor visitor);
    void tick();
    void tell_audience();
    void begin_close(base::Instant deadline);
    [[nodiscard]] bool is_settled(base::Instant now);

    Handled on_request(RequestHandle handle);
    void begin_answer(const RequestHandle& handle);
    [[nodiscard]] bool begin_stream(const RequestHandle& handle);
    [[nodiscard]] Headers common_headers(const RequestHandle& handle) const;
    [[nodiscard]] Answer answer_to(const RequestHandle& handle, const Request& request, bool may_wait);
    void note(const RequestHandle& handle, const Answer& answer);
    void answer_poll(const RequestHandle& handle, const Request& request);
    void send(const RequestHandle& handle, Answer answer);
    [[nodiscard]] bool keeps_connection(const RequestHandle& handle) const;
    [[nodiscard]] std::shared_ptr<Connection> connection_of(const RequestHandle& handle) const;

    RunState& state_;
    const ServerOptions options_;
    const std::shared_ptr<spdlog::logger> logger_;
    const Routes routes_;

    std::atomic<std::uint16_t> port_{0};
    std::atomic<bool> listening_{false};
    std::atomic<std::int64_t> announced_end_ns_{std::numeric_limits<std::int64_t>::max()};
    mutable std::mutex mutex_;  // url_, started_
    std::string url_;
    bool started_ = false;
    std::mutex close_mutex_;  // one closes, the others wait for it

    // The library's objects below hold references to these, so these go last.
    Connections connections_;
    std::map<tcp::endpoint, std::weak_ptr<Connection>> by_peer_;
    NoLimiter no_limiter_{nullptr,
                          restinio::connection_count_limits::max_parallel_connections_t{0},
                          restinio::connection_count_limits::max_active_accepts_t{0}};
    std::unique_ptr<asio::io_context> io_;
    std::shared_ptr<ConnectionFactory> factory_;
    std::shared_ptr<ConnectionSettings> settings_;
    std::unique_ptr<Doors> doors_;
    std::optional<Access> access_;  ///< made by start()
    std::unique_ptr<asio::steady_timer> ticker_;
    std::unique_ptr<LongPolls> polls_;
    Readers readers_;
    Audience told_;  ///< as the owner knows it
    std::unique_ptr<Downloads> downloads_;
    std::unique_ptr<Streams> streams_;
    bool closing_ = false;
    base::Instant patience_{};
    base::Instant deadline_ = base::Instant::max();
    std::thread thread_;
};

void Server::Impl::start() {
    const std::lock_guard lock(mutex_);
    if (started_) {
        throw base::RunError("the results server was started before");
    }
    io_ = std::make_unique<asio::io_context>(1);
    doors_ = std::make_unique<Doors>(*io_, options_, logger_);
    started_ = true;
    port_ = doors_->port();
    url_ = doors_->url();
    access_.emplace(options_.access, options_.host, doors_->is_loopback());
    downloads_ = std::make_unique<Downloads>(*io_);
    polls_ = std::make_unique<LongPolls>(
        *io_, [this](const RequestHandle& handle, const Request& request) { answer_poll(handle, request); });
    make_factory();
    doors_->open([this](Visitor visitor) { welcome(std::move(visitor)); });
    ticker_ = std::make_unique<asio::steady_timer>(*io_);
    const LiveOptions live{options_.limits.stream_queue_bytes, options_.limits.stream_silence};
    streams_ = std::make_unique<Streams>(*io_, state_, live, options_.limits.streams);
    tick();
    state_.on_terminal([this] {
        asio::post(*io_, [this] {
            polls_->end_all();
            streams_->look(base::now());
        });
    });
    listening_ = true;
    thread_ = std::thread([this] { run(); });
    logger_->info("results server listens on {}", url_);
}

void Server::Impl::make_factory() {
    ServerSettings settings;
    settings.buffer_size(16 * 1024)
        .incoming_http_msg_limits(hard_limits(options_.limits))
        .read_next_http_message_timelimit(options_.limits.idle_time + options_.limits.request_time)
        .write_http_response_timelimit(options_.limits.write_time)
        .handle_request_timeout(options_.limits.longest_wait + 60s)
        .max_pipelined_requests(1)
        .request_handler([this](RequestHandle handle) { return on_request(std::move(handle)); });
    auto timers = settings.timer_factory()->create(*io_);
    settings_ = std::make_shared<ConnectionSettings>(settings, parser_settings(), std::move(timers));
    factory_ = std::make_shared<ConnectionFactory>(settings_, settings.socket_options_setter());
}

void Server::Impl::run() {
    base::name_this_thread("results server");
    while (true) {
        try {
            io_->run();
            break;
        } catch (const std::exception& error) {
            // One request's trouble; the others go on.
            logger_->error("results server: {}", error.what());
        }
    }
    listening_ = false;
}

void Server::Impl::close(base::Instant deadline) {
    const std::lock_guard lock(close_mutex_);
    if (!thread_.joinable()) {
        return;
    }
    const base::Instant limit = std::min(deadline, base::now() + options_.shutdown_timeout);
    state_.on_terminal({});
    asio::post(*io_, [this, limit] { begin_close(limit); });
    thread_.join();
    release();
    logger_->info("results server on {} has closed", url());
}

void Server::Impl::release() {
    polls_.reset();
    downloads_.reset();
    streams_.reset();
    doors_.reset();
    ticker_.reset();
    io_.reset();  // and with it the connections that were cut off
    factory_.reset();
    settings_.reset();
}

void Server::Impl::welcome(Visitor visitor) {
    const int fd = visitor.socket.get();
    if (connections_.count() >= options_.limits.connections && !connections_.make_room()) {
        const std::string full = bare_refusal("503 Service Unavailable", "Too many connections", "Retry-After: 1\r\n");
        static_cast<void>(::send(fd, full.data(), full.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
        return;
    }
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::shared_ptr<Connection> connection = connections_.add(fd, base::now());
    connection->way = visitor.way;
    connection->from = std::move(visitor.from);
    tcp::socket socket(*io_);
    asio::error_code error;
    socket.assign(visitor.peer.protocol(), fd, error);  // whatever it is: bytes are bytes
    if (!error) {
        static_cast<void>(visitor.socket.release());
        socket.non_blocking(true, error);  // a read that finds nothing comes back
    }
    if (error) {
        connection->fd = -1;
        return;
    }
    std::erase_if(by_peer_, [](const auto& entry) { return entry.second.expired(); });
    by_peer_[visitor.peer] = connection;
    factory_
        ->create_new_connection(
            TrackedSocket(std::move(socket), connection), std::move(visitor.peer), Lifetime(&no_limiter_))
        ->init();
}

void Server::Impl::tick() {
    const base::Instant now = base::now();
    streams_->look(now);
    streams_->beat(now);
    if (closing_ && is_settled(now)) {
        io_->stop();
        return;
    }
    if (!closing_) {
        connections_.sweep(now, options_.limits);
        doors_->go_on();
    }
    tell_audience();
    ticker_->expires_after(closing_ ? base::Nanoseconds(k_closing_tick) : base::Nanoseconds(k_tick));
    ticker_->async_wait([this](const asio::error_code& error) {
        if (!error) {
            tick();
        }
    });
}

/// Nobody waits for it before the end.
void Server::Impl::tell_audience() {
    if (!options_.on_audience || state_.status() == Status::running) {
        return;
    }
    if (const Audience now = readers_.audience(); now != told_) {
        told_ = now;
        options_.on_audience(now);
    }
}

bool Server::Impl::is_settled(base::Instant now) {
    if (now >= deadline_) {
        logger_->warn("results server: {} connections are cut off at the end of the shutdown timeout",
                      std::max(connections_.count(), doors_->count()));
        connections_.cut_all();
        doors_->cut_all();
        return true;
    }
    connections_.settle(now, patience_);
    if (now >= patience_) {
        doors_->end_handshakes();
    }
    return connections_.count() == 0 && doors_->count() == 0;
}

void Server::Impl::begin_close(base::Instant deadline) {
    closing_ = true;
    deadline_ = deadline;
    patience_ = std::min(deadline, base::now() + k_patience);
    doors_->close();
    listening_ = false;
    polls_->end_all();
    streams_->close(std::min(deadline, base::now() + k_farewell));
    ticker_->cancel();
    tick();
}

Handled Server::Impl::on_request(RequestHandle handle) {
    if (const auto connection = connection_of(handle)) {
        connection->request_arrived();
    }
    // Not from here: an answer in mid-call makes the library read the next request twice.
    asio::post(*io_, [this, handle = std::move(handle)] { begin_answer(handle); });
    return restinio::request_accepted();
}

void Server::Impl::begin_answer(const RequestHandle& handle) {
    if (auto refusal = access_->decide(asking_of(handle, connection_of(handle).get()))) {
        Answer answer = routes_.refusal(refusal->status, refusal->detail);
        std::move(refusal->headers.begin(), refusal->headers.end(), std::back_inserter(answer.headers));
        send(handle, std::move(answer));
        return;
    }
    if (begin_stream(handle)) {
        return;
    }
    Request request = request_of(handle);
    if (request.target.starts_with("/api/results/")) {
        readers_.active(base::now());
    }
    request.may_compress = downloads_->may_code();
    Answer answer = answer_to(handle, request, !closing_);
    note(handle, answer);
    if (answer.wait) {
        polls_->add(handle, std::move(request), *answer.wait);
        // Published between the look at the state and now: nobody else will wake it.
        if (state_.status() != Status::running) {
            polls_->end_all();
        }
    } else {
        send(handle, std::move(answer));
    }
}

/// True: the request was one of a stream's.
bool Server::Impl::begin_stream(const RequestHandle& handle) {
    const StreamPlan plan = streams_->admitted(plan_stream(stream_request_of(handle), state_.facts().run_id));
    if (plan.kind == StreamPlan::Kind::none) {
        return false;
    }
    if (plan.kind == StreamPlan::Kind::refusal) {
        Answer answer = routes_.refusal(plan.status, plan.detail);
        if (plan.status == 204) {
            answer.body.clear();
        }
        answer.headers.insert(answer.headers.end(), plan.headers.begin(), plan.headers.end());
        send(handle, std::move(answer));
        return true;
    }
    Headers headers = common_headers(handle);
    const std::string client = client_of(handle, connection_of(handle).get());
    if (plan.kind == StreamPlan::Kind::events) {
        readers_.asked(client, base::now());  // by a WebSocket the end is told only if it is subscribed to
    }
    const auto on_end_read = [this, client] { readers_.read(client, base::now()); };
    streams_->open(plan, {take_socket(handle), std::move(headers), on_end_read});
    return true;
}

/// Of answers that do not go through send().
Server::Impl::Headers Server::Impl::common_headers(const RequestHandle& handle) const {
    Headers headers = access_->answer_headers(field_of(handle, restinio::http_field::origin));
    headers.emplace_back("X-AIPerf-Run-Id", state_.facts().run_id);
    return headers;
}

Answer Server::Impl::answer_to(const RequestHandle& handle, const Request& request, bool may_wait) {
    const Limits& limits = options_.limits;
    if (handle->header().http_major() != 1) {
        return routes_.refusal(505, "HTTP/1.1 and HTTP/1.0 are spoken here");
    }
    if (request.target.size() > limits.request_line_bytes) {
        return routes_.refusal(
            414, "The request's target is longer than " + std::to_string(limits.request_line_bytes) + " bytes");
    }
    if (handle->header().fields_count() > limits.header_count || header_bytes(handle) > limits.header_bytes) {
        return routes_.refusal(431,
                               "More than " + std::to_string(limits.header_count) + " headers or " +
                                   std::to_string(limits.header_bytes) + " bytes of them");
    }
    if (handle->body().size() > limits.body_bytes) {
        return routes_.refusal(413, "The body is longer than " + std::to_string(limits.body_bytes) + " bytes");
    }
    try {
        return routes_.answer(request, may_wait, closing_);
    } catch (const std::exception& error) {
        logger_->error("results server: {} {}: {}", request.method, request.target, error.what());
        return routes_.refusal(500, error.what());
    }
}

/// Who has asked for the run's status, and who knows its end.
void Server::Impl::note(const RequestHandle& handle, const Answer& answer) {
    if (!answer.tells) {
        return;
    }
    const std::string client = client_of(handle, connection_of(handle).get());
    if (*answer.tells == Status::running || handle->header().method() != restinio::http_method_get()) {
        readers_.asked(client, base::now());
    } else {
        readers_.read(client, base::now());
    }
}

void Server::Impl::answer_poll(const RequestHandle& handle, const Request& request) {
    Answer answer = answer_to(handle, request, false);
    note(handle, answer);
    send(handle, std::move(answer));
}

bool Server::Impl::keeps_connection(const RequestHandle& handle) const {
    const auto& header = handle->header();
    const std::int64_t last_second = announced_end_ns_ - base::Nanoseconds(k_last_second).count();
    return header.should_keep_alive() && !closing_ && base::now_ns() < last_second &&
           !header.has_field(restinio::http_field::upgrade);
}

std::shared_ptr<Connection> Server::Impl::connection_of(const RequestHandle& handle) const {
    const auto found = by_peer_.find(handle->remote_endpoint());
    return found == by_peer_.end() ? nullptr : found->second.lock();
}

void Server::Impl::send(const RequestHandle& handle, Answer answer) {
    const std::shared_ptr<Connection> connection = connection_of(handle);
    const Framing framing = framing_of(handle, answer);
    const bool keep = keeps_connection(handle) && framing != Framing::to_the_end && answer.status < 500 &&
                      answer.status != 413 && answer.status != 431;
    auto builder = handle->create_response<FramedOutput>(restinio::http_status_line_t{
        restinio::http_status_code_t{static_cast<std::uint16_t>(answer.status)}, reason_of(answer.status)});
    if (keep) {
        builder.connection_keep_alive();
    } else {
        builder.connection_close();
    }
    builder.append_header_date_field();
    if (!answer.content_type.empty() && !is_bodiless(answer.status)) {
        builder.append_header(restinio::http_field::content_type, answer.content_type);
    }
    for (auto& [name, value] : answer.headers) {
        builder.append_header(name, value);
    }
    for (auto& [name, value] : access_->answer_headers(field_of(handle, restinio::http_field::origin))) {
        builder.append_header(name, value);
    }
    builder.frame(framing);
    if (const auto length = answer.length(); length && !is_bodiless(answer.status)) {
        builder.announce_length(*length);
    }
    if (answer.content && framing != Framing::none) {
        BodyStream body(std::move(answer.content), answer.part, answer.coding, options_.compression);
        downloads_->begin(std::move(builder), std::move(body), connection);
        return;
    }
    builder.finish(std::move(answer.body));
}

Server::Server(RunState& state, ServerOptions options)
    : impl_(std::make_unique<Impl>(state, std::move(options))) {}

Server::~Server() = default;

void Server::start() {
    impl_->start();
}

std::string Server::url() const {
    return impl_->url();
}

std::uint16_t Server::port() const noexcept {
    return impl_->port();
}

bool Server::is_listening() const noexcept {
    return impl_->is_listening();
}

Audience Server::audience() const {
    return impl_->audience();
}

void Server::announce_end(base::Instant end) noexcept {
    impl_->announce_end(end);
}

void Server::close(base::Instant deadline) {
    impl_->close(deadline);
}

}  // namespace aiperf::api
