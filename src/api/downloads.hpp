#pragma once

#include "body_stream.hpp"
#include "connections.hpp"
#include "framed_output.hpp"

#include <asio/io_context.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <set>

namespace aiperf::api {

using Builder = restinio::response_builder_t<FramedOutput>;

/// Bodies on their way to clients. One piece of one of them is made in each turn of the event loop, so that no number
/// of them, nor their compression, delays other answers by more than a piece. It owns them: the library keeps the
/// callbacks of a write that never ends, and these must not keep a connection. *Thread safety*: none.
class Downloads {
public:
    /// More bodies than this are not compressed at once: each takes some MiB.
    static constexpr std::size_t k_most_coded = 16;

    explicit Downloads(asio::io_context& io)
        : io_(io) {}

    /// Sends a body of at least one piece. `connection` null: it is not tracked, and goes on when it can.
    void begin(Builder builder, BodyStream body, std::shared_ptr<Connection> connection);

    /// Whether one more may be compressed.
    [[nodiscard]] bool may_code() const noexcept { return coded_ < k_most_coded; }

private:
    struct One {
        Builder builder;
        BodyStream body;
        std::shared_ptr<Connection> connection;
    };

    void wait_for_turn(const std::shared_ptr<One>& one);
    void take_turn();
    void send_piece(const std::shared_ptr<One>& one);
    void drop(const std::shared_ptr<One>& one);

    asio::io_context& io_;
    std::set<std::shared_ptr<One>> all_;
    std::deque<std::weak_ptr<One>> waiting_;
    std::size_t coded_ = 0;
    bool has_turn_ = false;  ///< a turn is to come
};

}  // namespace aiperf::api
