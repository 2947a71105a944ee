#pragma once

#include "aiperf/mock/answer.hpp"
#include "aiperf/mock/request_parser.hpp"

#include <cstdint>
#include <optional>

namespace aiperf::mock {

/// What befalls an answer while it is sent.
enum class FaultKind : std::uint8_t { none, reset, close, stall };

struct Fault {
    FaultKind kind = FaultKind::none;
    std::uint32_t step = 0;     ///< before this step of the answer
    std::int64_t stall_ns = 0;  ///< 0: for ever
};

/// The decision about one request.
struct Reply {
    AnswerPtr answer;
    std::optional<std::uint32_t> index;  ///< which of a script route's answers
    Fault fault;
    std::uint64_t jitter_seed = 0;  ///< of the draws for Step::jitter_ns
};

/// Decides what a request is answered with. *Thread safety*: none; one per worker.
class Responder {
public:
    Responder() = default;
    virtual ~Responder() = default;
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;

    /// The request's body is followed by k_body_padding readable bytes.
    virtual Reply reply(const Request& request, Framing framing) = 0;

    /// True where Request::headers must be there.
    [[nodiscard]] virtual bool wants_headers() const noexcept { return false; }
};

}  // namespace aiperf::mock
