#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::test {

/// An answer as it came over the wire.
struct RawAnswer {
    int status = 0;
    std::string head;  ///< status line and headers, with the empty line
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;                                                ///< joined
    std::vector<std::string> chunks;                                 ///< of a chunked body, without the last, empty one
    std::vector<std::chrono::steady_clock::time_point> chunk_times;  ///< when the end of each chunk was read
    bool complete = false;  ///< ended as its framing says (close-delimited bodies: by FIN)

    /// Value of the first header of that name (lower case), or nothing.
    [[nodiscard]] std::optional<std::string> header(std::string_view lower_case_name) const;
};

/// A blocking HTTP/1.1 client on one raw socket to 127.0.0.1, for tests that care about bytes. No call blocks longer
/// than 20 s. Throws std::runtime_error where the system refuses or the time is over.
class RawHttpClient {
public:
    explicit RawHttpClient(std::uint16_t port);
    ~RawHttpClient();

    RawHttpClient(const RawHttpClient&) = delete;
    RawHttpClient& operator=(const RawHttpClient&) = delete;

    /// Writes all of `bytes`.
    void send(std::string_view bytes);

    /// Writes a request with Content-Length.
    void request(std::string_view method,
                 std::string_view target,
                 std::string_view body = {},
                 std::string_view extra_headers = {});

    /// Reads one answer. A broken connection leaves what came, with `complete` false; ask was_reset().
    RawAnswer read_answer(bool head_only = false);

    RawAnswer post(std::string_view target, std::string_view body) {
        request("POST", target, body);
        return read_answer();
    }

    RawAnswer get(std::string_view target) {
        request("GET", target);
        return read_answer();
    }

    /// Waits for bytes and returns what one read gives; empty at the end of the stream or after a reset.
    std::string read_some();

    /// True where the server ends the connection (FIN or RST) without sending another byte.
    bool ends();

    /// True once a read or write found the connection reset.
    [[nodiscard]] bool was_reset() const noexcept { return was_reset_; }

    /// Ends the sending side.
    void finish_sending();

    /// Closes the socket at once.
    void close();

private:
    bool read_head(RawAnswer& answer);
    void read_chunked(RawAnswer& answer);
    bool read_line(std::string& line);
    bool need(std::size_t size);

    int socket_ = -1;
    std::string buffer_;  ///< read, not yet consumed
    bool was_reset_ = false;
};

}  // namespace aiperf::test
