#include "aiperf/base/clock.hpp"
#include "aiperf/mock/worker.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>

namespace aiperf::mock {

void Worker::play(Connection& connection, std::int64_t now_ns) {
    Exchange& exchange = connection.exchange;
    while (exchange.active && !connection.write_blocked) {
        if (!release(connection, now_ns) || !flush(connection, now_ns)) {
            return;
        }
        const bool complete =
            exchange.head_only ? exchange.sent == exchange.limit : exchange.step == exchange.answer->steps.size();
        if (complete && exchange.sent == exchange.released) {
            finish_exchange(connection);
            return;
        }
        if (exchange.due_ns > now_ns) {
            now_ns = base::now_ns();
        }
        if (exchange.due_ns > now_ns) {
            if (exchange.due_ns != TimerHeap::k_never) {
                timers_.set(connection.slot, exchange.due_ns);
            }
            return;
        }
    }
}

/// Lets go of the steps that are due. False where the connection is gone.
bool Worker::release(Connection& connection, std::int64_t now_ns) {
    Exchange& exchange = connection.exchange;
    const Answer& answer = *exchange.answer;
    while (exchange.step < answer.steps.size() && exchange.due_ns <= now_ns) {
        const Step& step = answer.steps[exchange.step];
        const bool faulty = exchange.fault.kind != FaultKind::none && exchange.fault.step == exchange.step;
        if (faulty && exchange.fault.kind == FaultKind::stall) {
            const std::int64_t stall_ns = exchange.fault.stall_ns;
            exchange.fault.kind = FaultKind::none;
            exchange.due_ns = stall_ns > 0 ? exchange.due_ns + stall_ns : TimerHeap::k_never;
            continue;
        }
        if (faulty || step.action != Action::none) {
            if (exchange.sent < exchange.released) {
                return true;  // first what was released before
            }
            const bool reset = faulty ? exchange.fault.kind == FaultKind::reset : step.action == Action::reset;
            cut(connection, reset ? Action::reset : Action::close);
            return false;
        }
        exchange.released = std::min<std::size_t>(step.end, exchange.limit);
        if (++exchange.step < answer.steps.size()) {
            schedule_step(exchange);
        }
        if (answer.separate_writes) {
            return true;
        }
    }
    return true;
}

void Worker::schedule_step(Exchange& exchange) {
    const Step& step = exchange.answer->steps[exchange.step];
    std::int64_t delay_ns = step.delay_ns;
    if (step.jitter_ns > 0) {
        const double drawn = static_cast<double>(delay_ns) + step.jitter_ns * exchange.rng.normal();
        delay_ns = static_cast<std::int64_t>(std::max(drawn, 0.0));
    }
    exchange.due_ns += delay_ns;
}

/// Writes what was released. False where something stays behind: the system takes no more now, slow bytes wait for
/// their time, or the client is gone.
bool Worker::flush(Connection& connection, std::int64_t& now_ns) {
    Exchange& exchange = connection.exchange;
    const Options& options = context_.options;
    while (exchange.sent < exchange.released) {
        std::size_t size = exchange.released - exchange.sent;
        if (options.write_bytes > 0) {
            if (exchange.pause_ns > now_ns) {
                note_marks(exchange);
                timers_.set(connection.slot, exchange.pause_ns);
                return false;
            }
            size = std::min<std::size_t>(size, options.write_bytes);
        }
        const ssize_t count =
            ::send(connection.socket.get(), exchange.answer->bytes.data() + exchange.sent, size, MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            note_marks(exchange);
            if (errno == EAGAIN) {
                connection.write_blocked = true;
            } else {
                client_left(connection);
            }
            return false;
        }
        exchange.sent += static_cast<std::size_t>(count);
        counters_.bytes_written.add(static_cast<std::uint64_t>(count));
        if (options.write_bytes > 0) {
            now_ns = base::now_ns();
            exchange.pause_ns = now_ns + options.write_interval.count();
        }
    }
    note_marks(exchange);
    return true;
}

void Worker::note_marks(Exchange& exchange) {
    const Answer& answer = *exchange.answer;
    const RequestLog::Entry& log = exchange.log;
    const std::int64_t now_ns = log != nullptr ? base::now_ns() : 0;
    std::size_t events = 0;
    while (exchange.marked < exchange.step) {
        const Step& step = answer.steps[exchange.marked];
        if (std::min<std::size_t>(step.end, exchange.limit) > exchange.sent) {
            break;
        }
        events += step.mark == Mark::event ? 1 : 0;
        if (step.mark == Mark::head && log != nullptr) {
            context_.log->head_sent(log, now_ns);
        }
        ++exchange.marked;
    }
    if (events > 0 && log != nullptr) {
        context_.log->event_sent(log, now_ns, events);
    }
    counters_.events.add(answer.stream ? events : 0);
}

void Worker::finish_exchange(Connection& connection) {
    Exchange& exchange = connection.exchange;
    counters_.answered.add();
    counters_.error_answers.add(exchange.answer->status >= 400 ? 1 : 0);
    if (exchange.log != nullptr) {
        context_.log->finish(exchange.log);
    }
    const bool close_after = exchange.close_after;
    exchange = Exchange{};
    if (close_after && connection.input.size() > 0) {
        linger(connection);  // closing with unread input would reset the connection and could lose the answer
    } else if (close_after) {
        close(connection);
    } else if (context_.options.idle_timeout.count() > 0) {
        timers_.set(connection.slot, base::now_ns() + context_.options.idle_timeout.count());
    }
}

/// The server ends the connection in the middle of an answer, on purpose.
void Worker::cut(Connection& connection, Action action) {
    counters_.cut.add();
    if (connection.exchange.log != nullptr) {
        context_.log->server_action(connection.exchange.log, action == Action::reset ? "reset" : "close");
        context_.log->finish(connection.exchange.log);
    }
    if (action == Action::reset) {
        const struct ::linger reset_on_close = {1, 0};
        ::setsockopt(connection.socket.get(), SOL_SOCKET, SO_LINGER, &reset_on_close, sizeof reset_on_close);
    }
    close(connection);
}

/// The client closed the connection or broke it.
void Worker::client_left(Connection& connection) {
    if (connection.exchange.active) {
        counters_.client_closed.add();
        if (connection.exchange.log != nullptr) {
            context_.log->client_closed(connection.exchange.log, base::now_ns());
            context_.log->finish(connection.exchange.log);
        }
    }
    close(connection);
}

}  // namespace aiperf::mock
