#include "redaction.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace aiperf::report {
namespace {

constexpr std::array<std::string_view, 9> k_credential_headers{
    "authorization",
    "proxy-authorization",
    "x-api-key",
    "api-key",
    "ocp-apim-subscription-key",
    "x-goog-api-key",
    "x-functions-key",
    "aeg-sas-key",
    "x-amz-security-token",
};

void replace_all(std::string& text, std::string_view what) {
    if (what.empty()) {
        return;
    }
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + k_redacted.size())) {
        text.replace(at, what.size(), k_redacted);
    }
}

}  // namespace

bool is_credential_header(std::string_view name) {
    std::string lower(name);
    std::transform(
        lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::find(k_credential_headers.begin(), k_credential_headers.end(), lower) != k_credential_headers.end();
}

std::string redact_url(std::string url) {
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t authority_end = url.find_first_of("/?#", begin);
    const std::size_t at = url.substr(0, authority_end).rfind('@');
    if (at != std::string::npos && at >= begin) {
        url.replace(begin, at - begin, k_redacted);
    }
    return url;
}

std::string redact_text(std::string text, const config::RunConfig& config) {
    replace_all(text, config.api_key.value_or(""));
    for (const auto& [name, value] : config.headers) {
        if (is_credential_header(name)) {
            replace_all(text, value);
        }
    }
    return text;
}

}  // namespace aiperf::report
