#pragma once

#include "aiperf/api/run_state.hpp"
#include "aiperf/api/server.hpp"

#include <string>
#include <string_view>

namespace aiperf::api {

/// What a results server in another process is told, as bytes for a channel between two processes of the same build.
/// The readers throw base::RunError for anything else.
[[nodiscard]] std::string encode(const Progress& progress);
/// As bytes, for another process.
[[nodiscard]] std::string encode(const Ending& ending);
/// What encode() made. Throws base::RunError for anything else.
[[nodiscard]] Progress decode_progress(std::string_view text);
/// What encode() made. Throws base::RunError for anything else.
[[nodiscard]] Ending decode_ending(std::string_view text);

/// How such a server begins: the run's facts and the server's options, but for callbacks and logger.
struct Opening {
    RunFacts facts;         ///< of the run
    ServerOptions options;  ///< of the server
};

/// As bytes, for another process.
[[nodiscard]] std::string encode(const Opening& opening);
/// What encode() made. Throws base::RunError for anything else.
[[nodiscard]] Opening decode_opening(std::string_view text);

}  // namespace aiperf::api
