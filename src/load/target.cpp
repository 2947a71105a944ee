#include "aiperf/load/target.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <tuple>

namespace aiperf::load {

namespace {

bool is_ours(std::string_view name) noexcept {
    constexpr std::array<std::string_view, 5> k_ours{
        "Accept", "Content-Type", "Content-Length", "Transfer-Encoding", "Host"};
    return std::any_of(
        k_ours.begin(), k_ours.end(), [name](std::string_view ours) { return base::equals_ignoring_case(name, ours); });
}

/// Appends "name: <36 characters to be filled in>" and returns where they are.
std::size_t add_id(std::string& head, std::string_view name) {
    head.append(name).append(": ");
    const std::size_t at = head.size();
    head.append(base::k_uuid_chars, '0').append("\r\n");
    return at;
}

}  // namespace

void build_head(Target& target,
                const HeadOptions& options,
                const std::vector<std::pair<std::string, std::string>>& user_headers) {
    const auto named = [](std::string_view name) {
        return [name](const std::pair<std::string, std::string>& header) {
            return base::equals_ignoring_case(header.first, name);
        };
    };
    std::string& head = target.head;
    head = "POST " + options.path + " HTTP/1.1\r\nHost: " + options.host + "\r\n";
    if (std::none_of(user_headers.begin(), user_headers.end(), named("User-Agent"))) {
        head += "User-Agent: " + options.user_agent + "\r\n";
    }
    if (!options.proxy_authorization.empty()) {
        head += "Proxy-Authorization: " + options.proxy_authorization + "\r\n";
    }
    target.request_id_at = add_id(head, "X-Request-ID");
    target.session_ids_at = {add_id(head, options.session_header)};
    for (const auto& [name, value] : user_headers) {
        if (!is_ours(name)) {
            head.append(name).append(": ").append(value).append("\r\n");
        }
    }
    head += options.streaming ? "Accept: text/event-stream\r\n" : "Accept: application/json\r\n";
    head += "Content-Type: application/json\r\n";
    for (const std::string& name : options.more_session_headers) {
        target.session_ids_at.push_back(add_id(head, name));
    }
    head += "Content-Length: ";
}

std::vector<std::uint16_t> pools_of(const std::vector<Target>& targets) {
    const auto way = [](const Target& target) {
        return std::tie(target.origin, target.name, target.host, target.tls, target.http2, target.tunnel);
    };
    std::vector<std::uint16_t> pools;
    for (const Target& target : targets) {
        const auto first = std::find_if(
            targets.begin(), targets.end(), [&](const Target& other) { return way(other) == way(target); });
        pools.push_back(static_cast<std::uint16_t>(first - targets.begin()));
    }
    return pools;
}

void Target::write_head(std::string& out,
                        const base::IdSource& ids,
                        std::uint64_t slot,
                        std::uint64_t session,
                        std::size_t body_bytes) const {
    std::array<char, 24> digits{};
    auto* const end = std::to_chars(digits.data(), digits.data() + digits.size(), body_bytes).ptr;
    out.assign(head);
    out.append(digits.data(), end).append("\r\n\r\n");
    ids.request_id(slot, out.data() + request_id_at);
    ids.correlation_id(session, out.data() + session_ids_at.front());
    for (const std::size_t at : session_ids_at) {
        std::memmove(out.data() + at, out.data() + session_ids_at.front(), base::k_uuid_chars);
    }
}

}  // namespace aiperf::load
