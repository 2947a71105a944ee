#pragma once

#include "aiperf/base/rng.hpp"
#include "aiperf/mock/buffer.hpp"
#include "aiperf/mock/file_descriptor.hpp"
#include "aiperf/mock/request_log.hpp"
#include "aiperf/mock/request_parser.hpp"
#include "aiperf/mock/responder.hpp"

#include <cstddef>
#include <cstdint>

namespace aiperf::mock {

/// One answer on its way: what is due, what may be written, what has been.
struct Exchange {
    bool active = false;
    AnswerPtr answer;
    Fault fault;
    base::Rng rng{0};
    std::size_t step = 0;       ///< next step to release
    std::size_t marked = 0;     ///< next step whose mark has not been noted
    std::size_t released = 0;   ///< bytes that may go
    std::size_t sent = 0;       ///< bytes handed to the system
    std::size_t limit = 0;      ///< where the answer ends (HEAD: behind the head)
    std::int64_t due_ns = 0;    ///< of `step`
    std::int64_t pause_ns = 0;  ///< no write before this (slow bytes)
    bool head_only = false;     ///< HEAD: the answer ends behind its head
    bool close_after = false;
    RequestLog::Entry log;
};

/// A client's connection: a slot of a worker's slab, reused with another generation.
struct Connection {
    explicit Connection(ParserLimits limits)
        : parser(limits) {}

    FileDescriptor socket;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint64_t number = 0;
    Buffer input;
    RequestParser parser;
    Exchange exchange;
    std::int64_t read_ns = 0;        ///< of the last read
    std::int64_t first_byte_ns = 0;  ///< of the request being read; 0 while none is
    bool write_blocked = false;      ///< the system took less than offered
    bool input_paused = false;       ///< too much was pipelined; reading goes on after the answer
    bool input_ended = false;        ///< the client sends no more
    bool lingering = false;          ///< only waiting for the client to close, dropping what it sends
};

}  // namespace aiperf::mock
