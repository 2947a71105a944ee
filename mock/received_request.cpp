#include "aiperf/mock/received_request.hpp"

#include "aiperf/mock/json_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

namespace aiperf::mock {

namespace {

using Json = nlohmann::ordered_json;

/// Milliseconds with three decimals.
double to_ms(std::int64_t ns) {
    return std::round(static_cast<double>(ns) / 1e3) / 1e3;
}

/// More levels than a value can have that is worth showing as JSON; writing recurses. Brackets in strings count too.
bool is_nested_too_deep(std::string_view text) {
    constexpr int k_max_depth = 500;
    int depth = 0;
    return std::any_of(text.begin(), text.end(), [&](char c) {
        depth += c == '[' || c == '{' ? 1 : c == ']' || c == '}' ? -1 : 0;
        return depth > k_max_depth;
    });
}

Json body_of(const ReceivedRequest& request) {
    if (request.body.empty()) {
        return nullptr;
    }
    if (is_nested_too_deep(request.body)) {
        return replace_invalid_utf8(request.body);
    }
    Json parsed = Json::parse(request.body, nullptr, false);
    return parsed.is_discarded() ? Json(replace_invalid_utf8(request.body)) : parsed;
}

Json headers_of(const ReceivedRequest& request) {
    Json headers = Json::array();
    for (const auto& [name, value] : request.headers) {
        headers.push_back(Json::array({replace_invalid_utf8(name), replace_invalid_utf8(value)}));
    }
    return headers;
}

char lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

}  // namespace

std::string_view ReceivedRequest::header(std::string_view name) const noexcept {
    const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& header) {
        return std::equal(header.first.begin(), header.first.end(), name.begin(), name.end(), [](char a, char b) {
            return lower(a) == lower(b);
        });
    });
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

std::string to_json_line(const ReceivedRequest& request, std::int64_t first_arrival_ns) {
    Json line;
    line["i"] = request.index;
    line["t_ms"] = to_ms(request.arrival_ns - first_arrival_ns);
    line["conn"] = request.connection;
    line["method"] = replace_invalid_utf8(request.method);
    line["target"] = replace_invalid_utf8(request.target);
    line["headers"] = headers_of(request);
    line["body"] = body_of(request);
    line["answer"] = request.answer ? Json(*request.answer) : Json(nullptr);
    if (request.headers_sent_ns) {
        line["headers_sent_ms"] = to_ms(*request.headers_sent_ns - request.arrival_ns);
    }
    if (!request.action.empty()) {
        line["mock_action"] = request.action;
    }
    line["sent_ms"] = Json::array();
    for (const std::int64_t at_ns : request.sent_ns) {
        line["sent_ms"].push_back(to_ms(at_ns - request.arrival_ns));
    }
    if (request.client_closed_ns) {
        line["client_closed_ms"] = to_ms(*request.client_closed_ns - request.arrival_ns);
    }
    const std::string_view id = request.header("x-request-id");
    line["x_request_id"] = id.empty() ? Json(nullptr) : Json(replace_invalid_utf8(id));
    line["body_bytes"] = request.body.size();
    line["at_ns"] = request.arrival_ns;
    line["first_byte_ns"] = request.first_byte_ns;
    return to_python_json(line);
}

}  // namespace aiperf::mock
