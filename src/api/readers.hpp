#pragma once

#include "aiperf/api/hold.hpp"

#include <map>
#include <mutex>
#include <string>

namespace aiperf::api {

/// Who has asked how the run ends, and who knows it: what a hold that ends when everybody knows goes by. A poller of
/// /api/results, a WebSocket and an event stream are all noted here. A client is whatever calls itself by one name; see
/// client_of(). *Thread safety*: all calls from any thread.
class Readers {
public:
    /// The client wants to know, and was told that the run lasts.
    void asked(const std::string& client, base::Instant now);

    /// The client was told how the run has ended.
    void read(const std::string& client, base::Instant now);

    /// Somebody fetches results: files, or what of them there is.
    void active(base::Instant now);

    [[nodiscard]] Audience audience() const;

private:
    struct Reader {
        bool knows = false;
        base::Instant last_asked{};
    };

    Reader* note(const std::string& client, base::Instant now);  ///< null: too many

    mutable std::mutex mutex_;
    std::map<std::string, Reader> readers_;
    base::Instant last_active_{};
};

}  // namespace aiperf::api
