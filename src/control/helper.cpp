#include "aiperf/control/helper.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/process/child_link.hpp"
#include "helper_roles.hpp"
#include "helper_words.hpp"

namespace aiperf::control {

int run_helper(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& variables) {
    process::ChildLink link = process::ChildLink::from_environment(variables);
    process::ChildLink::ignore_interrupts();
    if (arguments.size() == 3 && arguments[0] == k_worker_role) {
        return work(link, static_cast<std::uint32_t>(std::stoul(arguments[1])), arguments[2]);
    }
    if (arguments.size() == 1 && arguments[0] == k_results_role) {
        return serve_results(link);
    }
    throw base::RunError("this program is started by aiperf itself, as 'worker' or 'results-server'");
}

}  // namespace aiperf::control
