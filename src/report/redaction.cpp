#include "redaction.hpp"

#include "aiperf/config/redact.hpp"

#include <string_view>

namespace aiperf::report {
namespace {

void replace_all(std::string& text, std::string_view what) {
    if (what.empty()) {
        return;
    }
    for (std::size_t at = text.find(what); at != std::string::npos;
         at = text.find(what, at + config::k_redacted.size())) {
        text.replace(at, what.size(), config::k_redacted);
    }
}

}  // namespace

std::string redact_url(std::string url) {
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t authority_end = url.find_first_of("/?#", begin);
    const std::size_t at = url.substr(0, authority_end).rfind('@');
    if (at != std::string::npos && at >= begin) {
        url.replace(begin, at - begin, config::k_redacted);
    }
    return url;
}

std::string redact_text(std::string text, const config::RunConfig& config) {
    replace_all(text, config.api_key.value_or(""));
    for (const auto& [name, value] : config.headers) {
        if (config::is_secret_header(name)) {
            replace_all(text, value);
        }
    }
    return text;
}

}  // namespace aiperf::report
