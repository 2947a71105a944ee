#pragma once

#include "aiperf/mock/body_facts.hpp"

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace aiperf::mock {

/// Bytes received and not yet consumed, in one piece, with k_body_padding readable bytes behind them.
class Buffer {
public:
    [[nodiscard]] char* data() noexcept { return memory_.get() + begin_; }

    [[nodiscard]] std::size_t size() const noexcept { return end_ - begin_; }

    /// Makes room for at least `wanted` more bytes.
    void reserve(std::size_t wanted) {
        if (capacity_ - end_ >= wanted) {
            return;
        }
        if (begin_ > 0) {
            std::memmove(memory_.get(), data(), size());
            end_ -= std::exchange(begin_, 0);
        }
        if (capacity_ - end_ < wanted) {
            grow(end_ + wanted);
        }
    }

    [[nodiscard]] char* space() noexcept { return memory_.get() + end_; }

    [[nodiscard]] std::size_t space_size() const noexcept { return capacity_ - end_; }

    /// `count` bytes were written into space().
    void commit(std::size_t count) noexcept { end_ += count; }

    /// Drops the first `count` bytes.
    void consume(std::size_t count) noexcept {
        begin_ += count;
        if (begin_ == end_) {
            begin_ = end_ = 0;
            if (capacity_ > k_keep_bytes) {
                memory_.reset();
                capacity_ = 0;
            }
        }
    }

    void clear() noexcept { consume(size()); }

private:
    struct Free {
        void operator()(char* memory) const noexcept { std::free(memory); }
    };

    /// An empty buffer larger than this gives its memory back.
    static constexpr std::size_t k_keep_bytes = 1U << 20U;

    void grow(std::size_t wanted) {
        std::size_t capacity = capacity_ > 0 ? capacity_ : 8192;
        while (capacity < wanted) {
            capacity *= 2;
        }
        void* memory = std::realloc(memory_.get(), capacity + k_body_padding);
        if (memory == nullptr) {
            throw std::bad_alloc();
        }
        static_cast<void>(memory_.release());
        memory_.reset(static_cast<char*>(memory));
        std::memset(memory_.get() + capacity, 0, k_body_padding);
        capacity_ = capacity;
    }

    std::unique_ptr<char, Free> memory_;
    std::size_t capacity_ = 0;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

}  // namespace aiperf::mock
