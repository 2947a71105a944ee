#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/api/server.hpp"

#include <string>
#include <string_view>

namespace aiperf::api {

/// What a results server in another process is told, as bytes for a channel between two processes of the same build.
/// The readers throw base::RunError for anything else.
[[nodiscard]] std::string encode(const Progress& progress);
[[nodiscard]] std::string encode(const Ending& ending);
[[nodiscard]] Progress decode_progress(std::string_view text);
[[nodiscard]] Ending decode_ending(std::string_view text);

/// How such a server begins: the run's facts and the server's options, but for callbacks and logger.
struct Opening {
    RunFacts facts;
    ServerOptions options;
};

[[nodiscard]] std::string encode(const Opening& opening);
[[nodiscard]] Opening decode_opening(std::string_view text);

}  // namespace aiperf::api
