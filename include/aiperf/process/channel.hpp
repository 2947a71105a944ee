#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/process/descriptor.hpp"
#include "aiperf/process/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::process {

/// Whether a channel can be used, and if not, why.
enum class ChannelState : std::uint8_t {
    open,
    peer_gone,  ///< the other end was closed; frames that had arrived whole were delivered
    damaged,    ///< a length no frame can have, or an end in mid-frame
};

/// One end of a control channel: frames of bytes over a stream socket, non-blocking, never a SIGPIPE.
/// Not for the hot path. *Thread safety*: none; one thread owns an end.
class Channel {
public:
    /// What may wait for a peer that does not read; beyond it send() refuses.
    static constexpr std::size_t k_max_queued_bytes = std::size_t{64} << 20U;

    /// Takes a connected stream socket and makes it non-blocking.
    explicit Channel(Descriptor socket, std::size_t max_payload_bytes = k_max_frame_bytes);

    /// Both ends, close-on-exec. Throws base::SystemError.
    [[nodiscard]] static std::pair<Descriptor, Descriptor> make_pair();

    /// Queues a payload of 1 to max_payload_bytes bytes and writes as much as the socket takes. False, and nothing is
    /// queued, when the channel is not open, the queue is full, or the size is not allowed.
    bool send(std::string_view payload);

    /// Writes what is queued, as far as the socket takes it.
    void flush();

    /// True while something is queued: then wait for writability too and call flush().
    [[nodiscard]] bool wants_write() const noexcept { return queued_bytes_ > 0 && state_ == ChannelState::open; }

    /// The payloads that have arrived; reads at most 256 KiB per call, so that one peer cannot keep the caller busy.
    [[nodiscard]] std::vector<std::string> receive();

    /// Waits until a payload is there, the channel is not open any more, or `deadline` has passed.
    [[nodiscard]] std::optional<std::string> receive_until(base::Instant deadline);

    /// Waits until everything queued was written. False: deadline, or the peer is gone.
    bool flush_until(base::Instant deadline);

    /// Open, or why it is not.
    [[nodiscard]] ChannelState state() const noexcept { return state_; }

    /// To be waited for; -1 once closed.
    [[nodiscard]] int fd() const noexcept { return socket_.get(); }

    /// Closes this end: the peer sees the end of the stream.
    void close() noexcept;

private:
    void read_some(std::vector<std::string>& payloads);
    void end_of_stream() noexcept;

    Descriptor socket_;
    FrameParser parser_;
    std::size_t max_payload_bytes_;
    std::deque<std::string> queue_;  // whole frames; the first `written_` bytes of the front are gone
    std::size_t written_ = 0;
    std::size_t queued_bytes_ = 0;
    bool write_failed_ = false;
    std::deque<std::string> arrived_;  // for receive_until, one at a time
    ChannelState state_ = ChannelState::open;
};

}  // namespace aiperf::process
