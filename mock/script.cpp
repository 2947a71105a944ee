#include "aiperf/mock/script.hpp"

#include "aiperf/base/text.hpp"

#include <algorithm>

namespace aiperf::mock {

Script::Script(std::vector<ScriptRoute> routes)
    : routes_(std::move(routes)),
      taken_(routes_.size()) {}

Reply Script::next(std::string_view method, std::string_view path, Framing framing, std::string_view request_id) {
    const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const ScriptRoute& route) {
        return route.method == method && route.path == path;
    });
    if (found == routes_.end()) {
        return {make_error_answer(404, "the script has no such route", framing), {}, {}, 0};
    }
    const auto route = static_cast<std::size_t>(found - routes_.begin());
    const std::uint64_t count = found->answers.size();
    const std::uint64_t turn = take(route, request_id);
    const std::uint64_t index = found->last ? std::min(turn, count - 1) : turn % count;
    return {found->answers[index][index_of(framing)], static_cast<std::uint32_t>(index), {}, 0};
}

bool Script::wants_headers() const noexcept {
    return std::any_of(routes_.begin(), routes_.end(), [](const ScriptRoute& route) { return route.same_again; });
}

std::uint64_t Script::take(std::size_t route, std::string_view request_id) {
    if (!routes_[route].same_again || request_id.empty()) {
        return taken_[route].fetch_add(1, std::memory_order_relaxed);
    }
    const std::scoped_lock lock(mutex_);
    const auto known = turn_of_.find(request_id);
    if (known != turn_of_.end()) {
        return known->second;
    }
    return turn_of_.emplace(request_id, taken_[route].fetch_add(1, std::memory_order_relaxed)).first->second;
}

Reply ScriptResponder::reply(const Request& request, Framing framing) {
    const auto id = std::find_if(request.headers.begin(), request.headers.end(), [](const auto& header) {
        return base::equals_ignoring_case(header.first, "X-Request-ID");
    });
    return script_.next(
        request.method, request.path, framing, id == request.headers.end() ? std::string_view{} : id->second);
}

}  // namespace aiperf::mock
