#pragma once

#include "live_client.hpp"

#include <set>
#include <string>

namespace aiperf::api {

/// A client of /api/events: server-sent events until the end of the run. *Thread safety*: none.
class EventClient final : public LiveClient {
public:
    /// `types` empty: all. The end is told in any case.
    EventClient(asio::io_context& io,
                LiveVisitor visitor,
                std::shared_ptr<const LiveOptions> options,
                std::set<std::string, std::less<>> types);

    /// What comes before the first event: `newest` is where to go on from, should the connection break at once.
    void greet(std::uint64_t newest);

    /// Events that this client should have had are not there any more.
    void tell_gap(std::uint64_t last_id, std::uint64_t forgotten);

    void tell(const LiveEventPtr& event) override;
    void beat(base::Instant now) override;
    void farewell(base::Instant deadline) override;

private:
    void on_bytes(std::string_view bytes) override;
    void on_overflow() override;

    std::set<std::string, std::less<>> types_;
    std::size_t unasked_ = 0;  // bytes behind the request
    base::Instant closed_by_ = base::Instant::max();
};

}  // namespace aiperf::api
