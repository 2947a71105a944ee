#include "aiperf/base/clock.hpp"
#include "aiperf/mock/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <sys/socket.h>

namespace aiperf::mock {

namespace {

constexpr std::size_t k_min_read = 4096;

/// More pipelined bytes than this wait in the system's buffer until the answer in progress is done.
constexpr std::size_t k_max_pipelined = 256U << 10U;

}  // namespace

void Worker::on_readable(Connection& connection, bool ended) {
    if (connection.lingering) {
        drop_input(connection);
        return;
    }
    for (;;) {
        if (connection.exchange.active && connection.input.size() >= k_max_pipelined) {
            connection.input_paused = true;
            if (ended) {
                client_left(connection);
            }
            return;
        }
        connection.input.reserve(k_min_read);
        const std::size_t space = connection.input.space_size();
        const ssize_t count = ::recv(connection.socket.get(), connection.input.space(), space, 0);
        if (count > 0) {
            connection.read_ns = base::now_ns();
            connection.input.commit(static_cast<std::size_t>(count));
            process(connection);
            const bool drained = static_cast<std::size_t>(count) < space && !ended;
            if (!connection.socket.is_open() || connection.lingering || drained) {
                return;
            }
        } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
            client_left(connection);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

void Worker::drop_input(Connection& connection) {
    for (;;) {
        connection.input.reserve(k_min_read);
        const ssize_t count =
            ::recv(connection.socket.get(), connection.input.space(), connection.input.space_size(), 0);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
            close(connection);
            return;
        }
        if (count < 0 && errno == EAGAIN) {
            return;
        }
    }
}

void Worker::process(Connection& connection) {
    while (connection.socket.is_open() && !connection.exchange.active && !connection.lingering &&
           connection.input.size() > 0) {
        if (connection.first_byte_ns == 0) {
            connection.first_byte_ns = connection.read_ns;
            timers_.cancel(connection.slot);  // no longer idle
        }
        switch (connection.parser.advance(connection.input.data(), connection.input.size())) {
            case RequestParser::Status::need_more:
                if (connection.parser.take_expect_continue()) {
                    send_continue(connection);
                }
                return;
            case RequestParser::Status::failed: refuse_request(connection); return;
            case RequestParser::Status::complete: start_exchange(connection); break;
        }
    }
}

void Worker::resume(Connection& connection) {
    if (!connection.socket.is_open() || connection.exchange.active || connection.lingering) {
        return;
    }
    process(connection);
    if (connection.socket.is_open() && !connection.exchange.active && connection.input_paused) {
        connection.input_paused = false;
        on_readable(connection, false);
    }
}

void Worker::start_exchange(Connection& connection) {
    const Options& options = context_.options;
    const Request& request = connection.parser.request();
    counters_.requests.add();
    Framing framing;
    framing.legacy = request.legacy;
    framing.close = !request.keep_alive || (options.announce_close && options.close == CloseMode::always);
    framing.close_stream = options.announce_close && options.close == CloseMode::after_stream;
    Reply reply = responder_->reply(request, framing);

    Exchange& exchange = connection.exchange;
    if (context_.log != nullptr) {
        log_arrival(connection, reply);
    }
    exchange.active = true;
    exchange.head_only = request.method == "HEAD" && reply.answer->status != 0;
    exchange.close_after = reply.answer->close_after || framing.close || options.close == CloseMode::always ||
                           (options.close == CloseMode::after_stream && reply.answer->stream);
    exchange.limit = exchange.head_only ? reply.answer->head_end : reply.answer->bytes.size();
    exchange.fault = reply.fault;
    exchange.rng = base::Rng(reply.jitter_seed);
    exchange.answer = std::move(reply.answer);
    exchange.due_ns = connection.read_ns;
    connection.input.consume(connection.parser.consumed());
    connection.parser.reset();
    connection.first_byte_ns = 0;
    schedule_step(exchange);
    play(connection, connection.read_ns);
}

void Worker::log_arrival(Connection& connection, const Reply& reply) {
    const Request& request = connection.parser.request();
    ReceivedRequest received;
    received.connection = connection.number;
    received.method = request.method;
    received.target = request.target;
    received.headers.assign(request.headers.begin(), request.headers.end());
    received.body = request.body;
    received.first_byte_ns = connection.first_byte_ns;
    received.arrival_ns = connection.read_ns;
    received.answer = reply.index;
    connection.exchange.log = context_.log->begin(std::move(received));
}

void Worker::refuse_request(Connection& connection) {
    counters_.bad_requests.add();
    const AnswerPtr answer = make_error_answer(
        connection.parser.error_status(), connection.parser.error_message(), Framing{false, true, false});
    // A few hundred bytes into a socket where nothing else is waiting; a client that leaves no room for them loses
    // only the explanation.
    const ssize_t sent = ::send(connection.socket.get(), answer->bytes.data(), answer->bytes.size(), MSG_NOSIGNAL);
    counters_.bytes_written.add(static_cast<std::uint64_t>(std::max<ssize_t>(sent, 0)));
    linger(connection);
}

void Worker::send_continue(Connection& connection) {
    constexpr std::string_view k_continue = "HTTP/1.1 100 Continue\r\n\r\n";
    const ssize_t sent = ::send(connection.socket.get(), k_continue.data(), k_continue.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(k_continue.size())) {
        close(connection);
    }
}

}  // namespace aiperf::mock
