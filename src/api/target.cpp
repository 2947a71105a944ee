#include "target.hpp"

#include "aiperf/base/text.hpp"
#include "artifact_files.hpp"

#include <algorithm>

namespace aiperf::api {

Target::Target(std::string_view text) {
    // A proxy may send the whole URL.
    if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos && text.front() != '/') {
        const std::size_t slash = text.find('/', scheme + 3);
        text = slash == std::string_view::npos ? "/" : text.substr(slash);
    }
    const std::size_t mark = text.find('?');
    path = text.substr(0, mark);
    if (mark == std::string_view::npos) {
        return;
    }
    for (const std::string_view pair : base::split(text.substr(mark + 1), '&')) {
        const std::size_t equals = pair.find('=');
        const bool has_value = equals != std::string_view::npos;
        query.emplace_back(percent_decoded(pair.substr(0, equals)).value_or(""),
                           percent_decoded(has_value ? pair.substr(equals + 1) : "").value_or("%"));
    }
}

const std::string* Target::find(std::string_view key) const {
    const auto found = std::find_if(query.begin(), query.end(), [&](const auto& pair) { return pair.first == key; });
    return found == query.end() ? nullptr : &found->second;
}

}  // namespace aiperf::api
