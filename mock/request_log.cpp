#include "aiperf/mock/request_log.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/thread_name.hpp"

#include <cerrno>
#include <exception>

namespace aiperf::mock {

RequestLog::RequestLog(const std::string& dump_path, bool keep)
    : keep_(keep) {
    if (!dump_path.empty()) {
        file_.reset(std::fopen(dump_path.c_str(), "we"));
        if (file_ == nullptr) {
            throw base::SystemError("cannot write the dump '" + dump_path + "'", errno);
        }
        writer_ = std::thread([this] {
            base::name_this_thread("mock log");
            try {
                write_loop();
            } catch (const std::exception&) {
                write_failed_ = true;  // told by close()
            }
        });
    }
}

RequestLog::~RequestLog() {
    static_cast<void>(close());
}

RequestLog::Entry RequestLog::begin(ReceivedRequest request) {
    auto entry = std::make_shared<ReceivedRequest>(std::move(request));
    const std::lock_guard lock(mutex_);
    entry->index = arrived_++;
    if (entry->index == 0) {
        first_arrival_ns_ = entry->arrival_ns;
    }
    if (keep_) {
        kept_.push_back(entry);
    }
    if (file_ != nullptr) {
        unwritten_.push_back(entry);
    }
    changed_.notify_all();
    return entry;
}

void RequestLog::head_sent(const Entry& entry, std::int64_t at_ns) {
    const std::lock_guard lock(mutex_);
    entry->headers_sent_ns = at_ns;
}

void RequestLog::event_sent(const Entry& entry, std::int64_t at_ns, std::size_t count) {
    const std::lock_guard lock(mutex_);
    entry->sent_ns.insert(entry->sent_ns.end(), count, at_ns);
}

void RequestLog::server_action(const Entry& entry, const char* action) {
    const std::lock_guard lock(mutex_);
    entry->action = action;
}

void RequestLog::client_closed(const Entry& entry, std::int64_t at_ns) {
    const std::lock_guard lock(mutex_);
    entry->client_closed_ns = at_ns;
}

void RequestLog::finish(const Entry& entry) {
    const std::lock_guard lock(mutex_);
    entry->over = true;
    ++over_;
    changed_.notify_all();
    if (!unwritten_.empty() && unwritten_.front()->over) {
        writable_.notify_one();
    }
}

std::vector<ReceivedRequest> RequestLog::snapshot() const {
    const std::lock_guard lock(mutex_);
    std::vector<ReceivedRequest> requests;
    requests.reserve(kept_.size());
    for (const Entry& entry : kept_) {
        requests.push_back(*entry);
    }
    return requests;
}

bool RequestLog::wait_arrived(std::size_t count, base::Nanoseconds timeout) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return arrived_ >= count; });
}

bool RequestLog::wait_over(std::size_t count, base::Nanoseconds timeout) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [&] { return over_ >= count; });
}

bool RequestLog::close() {
    {
        const std::lock_guard lock(mutex_);
        closing_ = true;
        writable_.notify_one();
    }
    if (writer_.joinable()) {
        writer_.join();
    }
    if (file_ != nullptr && std::fclose(file_.release()) != 0) {
        write_failed_ = true;
    }
    return !write_failed_;
}

void RequestLog::write_loop() {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return !unwritten_.empty() && (closing_ || unwritten_.front()->over); };
    for (;;) {
        writable_.wait(lock, [&] { return closing_ || ready(); });
        if (!ready()) {
            return;  // closing, and nothing is left
        }
        while (ready()) {
            const Entry entry = std::move(unwritten_.front());
            unwritten_.pop_front();
            const ReceivedRequest copy = keep_ || !entry->over ? *entry : std::move(*entry);
            lock.unlock();
            write(copy);
            lock.lock();
        }
        lock.unlock();
        write_failed_ = std::fflush(file_.get()) != 0 || write_failed_;
        lock.lock();
    }
}

void RequestLog::write(const ReceivedRequest& request) {
    const std::string line = to_json_line(request, first_arrival_ns_) + "\n";
    if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size()) {
        write_failed_ = true;
    }
}

}  // namespace aiperf::mock
