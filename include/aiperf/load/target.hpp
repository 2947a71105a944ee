#pragma once

#include "aiperf/base/ids.hpp"
#include "aiperf/load/address.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace aiperf::load {

/// Where requests go: its addresses and the head every request to it begins with.
struct Target {
    std::vector<Address> addresses;           ///< those that answered; connections begin with each in turn
    std::string name;                         ///< "host:port" or the socket's path, for messages
    std::string host;                         ///< what a certificate must be for
    std::string origin;                       ///< config::Url::origin()
    bool tls = false;                         ///< requests go through TLS
    bool http2 = false;                       ///< many requests share a connection
    std::string tunnel;                       ///< sent first, where a proxy leads there: a whole CONNECT request
    std::string proxy;                        ///< "host:port" of that, or of a proxy asked with whole URLs; else empty
    std::string head;                         ///< request line and headers up to and including "Content-Length: "
    std::size_t request_id_at = 0;            ///< offset into `head` of the 36 characters of the request's id
    std::vector<std::size_t> session_ids_at;  ///< and of each place for the session's id

    /// The whole head of one request: `out` is overwritten.
    void write_head(std::string& out,
                    const base::IdSource& ids,
                    std::uint64_t slot,
                    std::uint64_t session,
                    std::size_t body_bytes) const;
};

/// For each target the first one whose connections it can use: the same server, reached in the same way.
[[nodiscard]] std::vector<std::uint16_t> pools_of(const std::vector<Target>& targets);

/// What a request's head says, apart from its address.
struct HeadOptions {
    std::string host;                 ///< Host header
    std::string path = "/";           ///< request target; a whole URL for a proxy
    std::string user_agent;           ///< User-Agent header
    std::string proxy_authorization;  ///< value of the header for a proxy asked with whole URLs; empty = none
    bool streaming = false;           ///< Accept: text/event-stream, else application/json
    std::string session_header = "X-Correlation-ID";                      ///< carries the session's id
    std::vector<std::string> more_session_headers{"X-Session-Affinity"};  ///< the same value again; behind all others
};

/// Fills `target.head`. User headers come after the ids, in their order; one that names User-Agent replaces ours;
/// Accept, Content-Type and Content-Length are always ours.
void build_head(Target& target,
                const HeadOptions& options,
                const std::vector<std::pair<std::string, std::string>>& user_headers);

}  // namespace aiperf::load
