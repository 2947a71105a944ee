#include "ending.hpp"

namespace aiperf::control {

namespace {

api::Status status_of(Status status) noexcept {
    switch (status) {
        case Status::complete: return api::Status::complete;
        case Status::cancelled: return api::Status::cancelled;
        case Status::running:
        case Status::incomplete: break;
    }
    return api::Status::incomplete;
}

}  // namespace

api::Ending ending_of(const Result& result) {
    api::Ending ending;
    ending.status = status_of(result.status);
    ending.exit_code = result.exit_code();
    if (!result.error.empty()) {
        ending.error = api::RunFailure{result.error_type, result.error};
    }
    if (result.records != nullptr && !result.records->records().empty()) {
        const bool whole = result.status == Status::complete;
        ending.results_json =
            api::results_json(result.summary, result.status == Status::cancelled, whole ? std::string{} : result.error);
    }
    ending.partial = result.artifacts.empty() || !result.failed_exporters.empty();
    ending.failed_exporters = result.failed_exporters;
    return ending;
}

}  // namespace aiperf::control
