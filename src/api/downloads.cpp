#include "downloads.hpp"

#include <asio/post.hpp>

#include <exception>
#include <utility>

namespace aiperf::api {

void Downloads::begin(Builder builder, BodyStream body, std::shared_ptr<Connection> connection) {
    auto one = std::make_shared<One>(One{std::move(builder), std::move(body), std::move(connection)});
    coded_ += one->body.is_coded() ? 1U : 0U;
    wait_for_turn(one);
    all_.insert(std::move(one));
}

void Downloads::wait_for_turn(const std::shared_ptr<One>& one) {
    waiting_.push_back(one);
    if (!std::exchange(has_turn_, true)) {
        asio::post(io_, [this] { take_turn(); });
    }
}

void Downloads::take_turn() {
    has_turn_ = false;
    if (waiting_.empty()) {
        return;
    }
    const std::shared_ptr<One> one = waiting_.front().lock();
    waiting_.pop_front();
    if (!waiting_.empty()) {
        has_turn_ = true;
        asio::post(io_, [this] { take_turn(); });
    }
    if (one) {
        send_piece(one);
    }
}

void Downloads::send_piece(const std::shared_ptr<One>& one) {
    BodyStream::Piece piece;
    const bool is_open = one->connection == nullptr || one->connection->fd >= 0;
    try {
        piece = is_open ? one->body.next() : BodyStream::Piece{{}, true, true};
    } catch (const std::exception&) {
        piece.failed = true;  // no memory for its coder, say
    }
    if (piece.failed) {
        // What was promised cannot be kept: a visibly short body, not a padded one.
        if (one->connection) {
            one->connection->cut();
        }
        drop(one);
    } else if (piece.last) {
        one->builder.finish(std::move(piece.bytes));
        drop(one);
    } else if (piece.bytes.empty()) {
        wait_for_turn(one);
    } else {
        one->builder.send(std::move(piece.bytes), [this, weak = std::weak_ptr(one)](const asio::error_code& error) {
            const std::shared_ptr<One> sent = weak.lock();
            if (sent && error) {
                drop(sent);
            } else if (sent) {
                wait_for_turn(sent);
            }
        });
    }
}

void Downloads::drop(const std::shared_ptr<One>& one) {
    coded_ -= one->body.is_coded() ? 1U : 0U;
    all_.erase(one);
}

}  // namespace aiperf::api
