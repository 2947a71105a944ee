#include "error_causes.hpp"

#include "aiperf/load/error_text.hpp"

#include <charconv>
#include <string_view>

namespace aiperf::report {
namespace {

constexpr std::string_view k_with_code = "SSEResponseError";  // the one failure that has a code

/// The error a broken connection is made from, by its number: "ClientOSError(104, ...".
std::string cause_of_os_error(std::string_view message) {
    int number = 0;
    const std::size_t open = message.find('(');
    if (open == std::string_view::npos) {
        return {};
    }
    const std::string_view digits = message.substr(open + 1);
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return failure == std::errc{} && number > 0 ? load::os_error_text(number) : std::string{};
}

/// What a refused connection's message ends with: "...=None), ConnectionRefusedError(...))".
std::string cause_of_connect_error(std::string_view message) {
    constexpr std::string_view k_before = "), ";
    const std::size_t cut = message.find(k_before);
    return cut == std::string_view::npos || !message.ends_with(')')
               ? std::string{}
               : std::string(message.substr(cut + k_before.size(), message.size() - cut - k_before.size() - 1));
}

/// The framing error between angle brackets.
std::string cause_of_payload_error(std::string_view message) {
    const std::size_t from = message.find('<');
    const std::size_t to = message.find('>', from);
    return to == std::string_view::npos ? std::string{} : std::string(message.substr(from, to - from + 1));
}

std::string cause_of(const record::ErrorDetails& details) {
    if (details.type == "ClientOSError") {
        return cause_of_os_error(details.message);
    }
    if (details.type == "ClientConnectorError") {
        return cause_of_connect_error(details.message);
    }
    return details.type == "ClientPayloadError" ? cause_of_payload_error(details.message) : std::string{};
}

/// "ConnectionResetError(104, ...)" and "<TransferEncodingError: 400, ...>" begin with a name.
std::string name_in(std::string_view cause) {
    const std::size_t from = cause.starts_with('<') ? 1 : 0;
    return std::string(cause.substr(from, cause.find_first_of("(:", from) - from));
}

}  // namespace

ErrorCauses causes_of(const record::ErrorDetails& details) {
    ErrorCauses out;
    if (details.code != 0 && details.type != k_with_code) {
        return out;
    }
    out.cause = cause_of(details);
    out.chain.push_back(details.type);
    if (!out.cause.empty()) {
        out.chain.push_back(name_in(out.cause));
    }
    return out;
}

}  // namespace aiperf::report
