// What a client may write into the headers that shape an answer: parts, codings, conditions.
#include "api_fixture.hpp"
#include "codings.hpp"
#include "input.hpp"
#include "route_table.hpp"

#include <algorithm>

using namespace aiperf;  // NOLINT: a program of its own

namespace {

/// A run that is over, with one artifact that is worth compressing.
struct World {
    test::ApiRun run;
    api::Routes routes{run.state, {}};

    World() {
        run.write("lines.txt", std::string(3000, 'x'));
        run.finish();
    }
};

std::string line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string text(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const World world;
    fuzz::Input input(data, size);
    api::Request request;
    const std::uint8_t way = input.byte();
    request.method = (way & 1U) != 0 ? "HEAD" : "GET";
    request.may_compress = (way & 2U) == 0;
    request.target = (way & 4U) != 0 ? "/api/results/archive" : "/api/results/files/lines.txt";
    std::string_view rest = input.rest();
    for (std::string* const header : {&request.range,
                                      &request.if_range,
                                      &request.if_none_match,
                                      &request.if_modified_since,
                                      &request.accept_encoding}) {
        *header = line(rest);
    }
    const api::Answer answer = world.routes.answer(request, true, false);
    const auto is_one = [&](std::initializer_list<int> statuses) {
        return std::find(statuses.begin(), statuses.end(), answer.status) != statuses.end();
    };
    fuzz::require(is_one({200, 206, 304, 416}), "a file is given, in part, not again, or not there");
    fuzz::require(answer.content == nullptr || (answer.part.first <= answer.content->size() &&
                                                answer.part.count <= answer.content->size() - answer.part.first),
                  "a part lies within its content");
    fuzz::require(answer.status != 206 || (answer.part.count > 0 && answer.coding == http::Coding::none),
                  "a part has bytes, and they are the content's own");
    fuzz::require(request.may_compress || answer.coding == http::Coding::none,
                  "nothing is compressed where it may not");
    return 0;
}
