#pragma once

#include "restinio_parts.hpp"

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

namespace aiperf::api {

/// Requests that wait for the end of the run, each for its own time at the longest (?wait=). *Thread safety*: none.
class LongPolls {
public:
    /// Answers a request whose waiting is over.
    using OnOver = std::function<void(const RequestHandle& handle, const Request& request)>;

    LongPolls(asio::io_context& io, OnOver on_over)
        : io_(io),
          on_over_(std::move(on_over)) {}

    void add(RequestHandle handle, Request request, base::Nanoseconds wait) {
        const std::uint64_t id = next_++;
        One& one = waiting_.emplace(id, One{std::move(handle), std::move(request), asio::steady_timer(io_, wait)})
                       .first->second;
        one.timer.async_wait([this, id](const asio::error_code& error) {
            if (!error) {
                end(id);
            }
        });
    }

    void end_all() {
        while (!waiting_.empty()) {
            end(waiting_.begin()->first);
        }
    }

private:
    struct One {
        RequestHandle handle;
        Request request;
        asio::steady_timer timer;
    };

    void end(std::uint64_t id) {
        const auto node = waiting_.extract(id);
        if (!node.empty()) {
            on_over_(node.mapped().handle, node.mapped().request);
        }
    }

    asio::io_context& io_;
    OnOver on_over_;
    std::map<std::uint64_t, One> waiting_;
    std::uint64_t next_ = 0;
};

}  // namespace aiperf::api
