#pragma once

#include "aiperf/base/clock.hpp"
#include "aiperf/mock/received_request.hpp"

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace aiperf::mock {

/// Every request a server received, in order of arrival; writes them as JSON lines from a thread of its own, so that
/// the servers' threads never wait for a file. *Thread safety*: every method may be called from any thread.
class RequestLog {
public:
    using Entry = std::shared_ptr<ReceivedRequest>;

    /// Throws base::SystemError where `dump_path` (empty: no file) cannot be opened.
    RequestLog(const std::string& dump_path, bool keep);

    ~RequestLog();

    RequestLog(const RequestLog&) = delete;
    RequestLog& operator=(const RequestLog&) = delete;

    /// Notes an arrival and numbers it.
    Entry begin(ReceivedRequest request);

    void head_sent(const Entry& entry, std::int64_t at_ns);
    void event_sent(const Entry& entry, std::int64_t at_ns, std::size_t count);
    void server_action(const Entry& entry, const char* action);
    void client_closed(const Entry& entry, std::int64_t at_ns);

    /// Nothing more will happen to this request.
    void finish(const Entry& entry);

    [[nodiscard]] std::vector<ReceivedRequest> snapshot() const;
    [[nodiscard]] bool wait_arrived(std::size_t count, base::Nanoseconds timeout) const;
    [[nodiscard]] bool wait_over(std::size_t count, base::Nanoseconds timeout) const;

    /// Writes what is left, requests that are not over included, and closes the file. Idempotent. False where the
    /// file could not be written in full.
    [[nodiscard]] bool close();

private:
    struct CloseFile {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };

    void write_loop();
    void write(const ReceivedRequest& request);

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    std::condition_variable writable_;
    bool keep_;
    bool closing_ = false;
    bool write_failed_ = false;  ///< writer thread's, then close's
    std::size_t arrived_ = 0;
    std::size_t over_ = 0;
    std::int64_t first_arrival_ns_ = 0;
    std::deque<Entry> kept_;
    std::deque<Entry> unwritten_;
    std::unique_ptr<std::FILE, CloseFile> file_;
    std::thread writer_;
};

}  // namespace aiperf::mock
