#include "aiperf/mock/script.hpp"

#include <algorithm>

namespace aiperf::mock {

Script::Script(std::vector<ScriptRoute> routes)
    : routes_(std::move(routes)),
      taken_(routes_.size()) {}

Reply Script::next(std::string_view method, std::string_view path, Framing framing) {
    const auto found = std::find_if(routes_.begin(), routes_.end(), [&](const ScriptRoute& route) {
        return route.method == method && route.path == path;
    });
    if (found == routes_.end()) {
        return {make_error_answer(404, "the script has no such route", framing), {}, {}, 0};
    }
    const auto route = static_cast<std::size_t>(found - routes_.begin());
    const std::uint64_t count = found->answers.size();
    const std::uint64_t turn = taken_[route].fetch_add(1, std::memory_order_relaxed);
    const std::uint64_t index = found->last ? std::min(turn, count - 1) : turn % count;
    return {found->answers[index][index_of(framing)], static_cast<std::uint32_t>(index), {}, 0};
}

}  // namespace aiperf::mock
