#include "aiperf/base/error.hpp"

#include <system_error>

namespace aiperf::base {

SystemError::SystemError(const std::string& what, int error_number)
    : RunError(what + ": " + std::generic_category().message(error_number)),
      error_number_(error_number) {}

}  // namespace aiperf::base
