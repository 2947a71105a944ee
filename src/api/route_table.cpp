#include "route_table.hpp"

#include <array>

namespace aiperf::api {

namespace {

constexpr std::string_view k_json = "application/json";
constexpr std::string_view k_text = "text/plain";
constexpr std::string_view k_any_text = R"({"type":"string"})";

// Parts between slashes that do not begin with a dot; no backslashes, no control characters.
constexpr std::string_view k_plain_path =
    R"({"type":"string","maxLength":1024,"examples":["profile_export_aiperf.csv"],)"
    R"("pattern":"^[^./\\\u0000-\u001f\u007f][^/\\\u0000-\u001f\u007f]*)"
    R"((/[^./\\\u0000-\u001f\u007f][^/\\\u0000-\u001f\u007f]*)*$"})";

constexpr Parameter k_run_id{
    "run_id", Place::query, k_any_text, "The run that is meant; the server of another one answers 409."};

constexpr Parameter k_if_none_match{
    "If-None-Match", Place::header, k_any_text, "Tags (`ETag`) of what the client has: 304 where it is still that."};
constexpr Parameter k_range{"Range",
                            Place::header,
                            k_any_text,
                            "`bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`: 206 with that part, uncompressed; "
                            "several ranges get the whole."};
constexpr Parameter k_if_range{
    "If-Range", Place::header, k_any_text, "Tag or date the part must belong to; else the whole is sent."};
constexpr Parameter k_accept_encoding{
    "Accept-Encoding", Place::header, k_any_text, "`zstd`, `gzip`, with weights; bodies from 1 KiB are compressed."};

constexpr std::array k_of_results{
    Parameter{"wait",
              Place::query,
              R"({"type":"number","minimum":0})",
              "Seconds, 300 at most: while the run lasts the answer comes at its end, or after this time."},
    k_if_none_match,
    k_accept_encoding};
constexpr std::array k_of_file{
    Parameter{"path", Place::path, k_plain_path, "Name in `/api/results/list`, with its folders; percent-encoded."},
    k_range,
    k_if_range,
    k_if_none_match,
    k_accept_encoding};
constexpr std::array k_of_archive{Parameter{"format",
                                            Place::query,
                                            R"({"type":"string","enum":["tar","tar.gz","tar.zst"]})",
                                            "`tar` where it is not said; only that has parts and a length."},
                                  k_range,
                                  k_if_range,
                                  k_if_none_match,
                                  k_accept_encoding};
constexpr std::array k_of_body{k_accept_encoding};

constexpr std::array k_of_events{
    Parameter{
        "types", Place::query, k_any_text, "Types of messages, with commas between them; all where it is not said."},
    Parameter{
        "Last-Event-ID", Place::header, k_any_text, "The last event the client has: the stream goes on behind it."}};
constexpr std::array k_of_web_socket{Parameter{"Upgrade", Place::header, k_any_text, "`websocket`."},
                                     Parameter{"Sec-WebSocket-Version", Place::header, k_any_text, "`13`."},
                                     Parameter{"Sec-WebSocket-Key", Place::header, k_any_text, "16 bytes in base64."}};

constexpr Outcome k_bad{400, "A parameter cannot be read, or is not allowed.", k_json, "Detail"};
constexpr Outcome k_known{304, "The client has it.", {}, {}};
constexpr Outcome k_part{206, "The part that was asked for.", "*/*", {}};
constexpr Outcome k_no_part{416, "No byte of it is there; `Content-Range` has its size.", k_json, "Detail"};

constexpr std::array k_results{
    Outcome{200, "The status, with every number of the run once it has ended.", k_json, "Results"}, k_known, k_bad};
constexpr std::array k_list{Outcome{200, "The files; none before all are there.", k_json, "List"}};
constexpr std::array k_file{Outcome{200, "The file.", "*/*", {}},
                            k_part,
                            k_known,
                            Outcome{400, "A path that is not allowed.", k_json, "Detail"},
                            Outcome{404, "No such file, or the run has not ended.", k_json, "Detail"},
                            k_no_part};
constexpr std::array k_archive{Outcome{200, "The archive.", "*/*", {}},
                               k_part,
                               k_known,
                               k_bad,
                               Outcome{404, "The run has not ended.", k_json, "Detail"},
                               k_no_part,
                               Outcome{503, "Too many bodies are being compressed.", k_json, "Detail"}};
constexpr std::array k_progress{Outcome{200, "Phases and workers.", k_json, "Progress"}};
constexpr std::array k_metrics{Outcome{200, "Live numbers, and the final ones after the end.", k_json, "Metrics"}};
constexpr std::array k_workers{Outcome{200, "Workers by name.", k_json, "Workers"}};
constexpr std::array k_config{Outcome{200, "The configuration in force.", k_json, "Config"}};
constexpr std::array k_run{Outcome{200, "What the run is.", k_json, "Run"}};
constexpr std::array k_prometheus{Outcome{200, "Text format, version 0.0.4.", k_text, {}}};
constexpr std::array k_events{
    Outcome{200, "Events, until the one that says how the run has ended.", "text/event-stream", {}},
    Outcome{204, "The client has had the last event.", {}, {}},
    Outcome{503, "There are as many clients of streams as may be.", k_json, "Detail"}};
constexpr std::array k_web_socket{Outcome{101, "The connection is a WebSocket now.", {}, {}},
                                  Outcome{400, "The handshake is not whole.", k_json, "Detail"},
                                  Outcome{426, "It is none, or of another version.", k_json, "Detail"}};
constexpr std::array k_health{Outcome{200, "`ok`.", k_text, {}}};
constexpr std::array k_readiness{Outcome{200, "`ok`.", k_text, {}}, Outcome{503, "Why not.", k_text, {}}};
constexpr std::array k_shutdown{Outcome{200, "The hold ends soon after this answer.", k_json, "Shutdown"},
                                Outcome{409, "The run lasts, or its owner takes no such request.", k_json, "Detail"}};
constexpr std::array k_openapi{Outcome{200, "OpenAPI 3.1.", k_json, "Document"}};
constexpr std::array k_docs{Outcome{200, "A page without any request to elsewhere.", "text/html", {}}};

constexpr std::array k_everywhere{
    Outcome{401, "A token is needed: `Authorization: Bearer TOKEN`.", k_json, "Detail"},
    Outcome{403, "The host is not this server, or a page of another origin has asked.", k_json, "Detail"},
    Outcome{409, "This is another run.", k_json, "Detail"},
    Outcome{413, "The body is too long.", k_json, "Detail"},
    Outcome{414, "The target is too long.", k_json, "Detail"},
    Outcome{431, "The headers are too long or too many.", k_json, "Detail"},
};

}  // namespace

std::string_view to_string(Place place) noexcept {
    switch (place) {
        case Place::path: return "path";
        case Place::query: return "query";
        case Place::header: return "header";
    }
    return "?";
}

std::span<const Route> Routes::table() noexcept {
    static constexpr std::array k_routes{
        Route{"GET",
              "/api/results",
              "How the run has ended, or that it lasts",
              k_of_results,
              k_results,
              &Routes::results},
        Route{"GET", "/api/results/list", "The artifacts with their sizes", k_of_body, k_list, &Routes::list},
        Route{"GET", "/api/results/files/{path}", "An artifact", k_of_file, k_file, &Routes::file},
        Route{"GET", "/api/results/archive", "All artifacts as one file", k_of_archive, k_archive, &Routes::archive},
        Route{"GET", "/api/progress", "How far the run is", k_of_body, k_progress, &Routes::progress},
        Route{"GET", "/api/metrics", "Live numbers", k_of_body, k_metrics, &Routes::metrics},
        Route{"GET", "/api/workers", "What each worker has done", k_of_body, k_workers, &Routes::workers},
        Route{"GET", "/api/config", "The configuration, secrets redacted", k_of_body, k_config, &Routes::config},
        Route{"GET", "/api/run", "The run's identity", k_of_body, k_run, &Routes::run},
        Route{"POST", "/api/shutdown", "Ends the hold after the run's end", {}, k_shutdown, &Routes::shutdown},
        Route{"GET", "/metrics", "The same for Prometheus", k_of_body, k_prometheus, &Routes::prometheus},
        Route{"GET",
              "/api/events",
              "What happens, while it happens, as server-sent events",
              k_of_events,
              k_events,
              nullptr},
        Route{"GET", "/ws", "The same over a WebSocket", k_of_web_socket, k_web_socket, nullptr},
        Route{"GET", "/healthz", "Whether the server answers", {}, k_health, &Routes::health},
        Route{"GET", "/readyz", "Whether the run measures or has ended", {}, k_readiness, &Routes::readiness},
        Route{"GET", "/openapi.json", "This table as a document", k_of_body, k_openapi, &Routes::openapi},
        Route{"GET", "/docs", "The same for people", k_of_body, k_docs, &Routes::docs},
    };
    return k_routes;
}

std::optional<std::string_view> Route::rest_of(std::string_view of_path) const noexcept {
    const std::size_t brace = path.find('{');
    if (brace == std::string_view::npos) {
        return of_path == path ? std::optional<std::string_view>("") : std::nullopt;
    }
    return of_path.starts_with(path.substr(0, brace)) ? std::optional(of_path.substr(brace)) : std::nullopt;
}

const Parameter& common_parameter() noexcept {
    return k_run_id;
}

std::span<const Outcome> common_outcomes() noexcept {
    return k_everywhere;
}

}  // namespace aiperf::api
