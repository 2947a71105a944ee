#include "print_report.hpp"

#include <ostream>

namespace aiperf::programs {

void print_report(const control::Result& result, std::size_t width, bool ansi, std::ostream& out) {
    out << control::console_text(result, width, ansi);
    out.flush();
}

}  // namespace aiperf::programs
