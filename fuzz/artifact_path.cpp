// What a client asks the results server for: paths of files, and whole targets with their queries.
#include "aiperf/api/run_state.hpp"
#include "input.hpp"
#include "open_path.hpp"
#include "routes.hpp"

using namespace aiperf;  // NOLINT: a program of its own

namespace {

struct World {
    test::GuardedDirectory directory;
    api::RunState running{facts()};
    api::RunState ended{facts()};

    World() { ended.publish({.error = {}, .results_json = {}, .failed_exporters = {}}); }

    [[nodiscard]] api::RunFacts facts() const {
        api::RunFacts facts;
        facts.run_id = "0123456789ab";
        facts.artifact_directory = directory.path();
        return facts;
    }
};

void check_answer(const api::Answer& answer) {
    fuzz::require(answer.status >= 200 && answer.status < 600, "an answer has a status");
    const auto* const file = dynamic_cast<const api::ArtifactFile*>(answer.content.get());
    fuzz::require(file == nullptr || test::GuardedDirectory::is_allowed(*file),
                  "no answer has a file that must not be seen");
    fuzz::require(answer.content == nullptr || test::GuardedDirectory::shows_no_secret(*answer.content),
                  "no archive has one either");
    for (const auto& [name, value] : answer.headers) {
        fuzz::require(value.find_first_of("\r\n") == std::string::npos, "no request adds a header to its answer");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const World world;
    fuzz::Input input(data, size);
    static constexpr std::string_view k_methods[] = {"GET", "HEAD", "POST", "PUT"};
    const std::uint8_t way = input.byte();
    const std::string_view path = input.rest();
    fuzz::require(world.directory.keeps_inside(path), "no path leaves the artifact directory");
    const std::string method(k_methods[way & 3U]);
    for (const api::RunState* state : {&world.running, &world.ended}) {
        const api::Routes routes(*state, {std::chrono::seconds(1), [] { return true; }});
        const std::string target(path);
        check_answer(routes.answer({method, target, target, {}}, (way & 4U) != 0, (way & 8U) != 0));
        check_answer(routes.answer({method, "/api/results/files/" + target, {}, target}, false, false));
        check_answer(routes.answer({method, "/api/results?wait=" + target, {}, {}}, true, false));
    }
    return 0;
}
