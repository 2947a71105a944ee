#include "print_report.hpp"

#include "aiperf/base/text.hpp"

#include <ostream>
#include <string>

namespace aiperf::programs {

void print_report(const control::Result& result, std::size_t width, bool ansi, std::ostream& out) {
    if (result.status != control::Status::complete || !result.error.empty()) {
        const std::string reason = result.error.empty() ? std::string{} : ": " + result.error;
        for (const std::string& line : base::wrap(std::string(to_string(result.status)) + reason, width)) {
            out << line << '\n';
        }
    }
    out << control::console_text(result, width, ansi);
    out.flush();
}

}  // namespace aiperf::programs
