#include "routes.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/report/artifacts.hpp"
#include "archive.hpp"
#include "artifact_files.hpp"
#include "bodies.hpp"
#include "docs_page.hpp"
#include "openapi.hpp"
#include "route_table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

namespace aiperf::api {

namespace {

using Json = nlohmann::ordered_json;

bool has_marker(const RunState& state) {
    std::error_code error;
    return std::filesystem::is_regular_file(state.facts().artifact_directory / report::k_ready_marker, error);
}

/// A file's name as it may stand in quotes in a header.
std::string header_safe(std::string name) {
    std::replace_if(
        name.begin(),
        name.end(),
        [](char c) { return c == '"' || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e; },
        '_');
    return name;
}

Answer as_download(Answer answer, const std::string& file_name) {
    const std::string name = header_safe(file_name);
    answer.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + name + "\"");
    answer.headers.emplace_back("X-Filename", name);
    answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return answer;
}

/// What ?format= of an archive may be.
struct Format {
    std::string_view name;
    std::string_view content_type;
    http::Coding coding;
};

constexpr std::array<Format, 3> k_formats{{{"tar", "application/x-tar", http::Coding::none},
                                           {"tar.gz", "application/gzip", http::Coding::gzip},
                                           {"tar.zst", "application/zstd", http::Coding::zstd}}};

}  // namespace

Routes::Routes(const RunState& state, Options options)
    : state_(state),
      options_(std::move(options)) {}

Answer Routes::refusal(int status, const std::string& detail) const {
    Answer answer = json_answer(detail_json(detail));
    answer.status = status;
    answer.headers.emplace_back("X-AIPerf-Run-Id", state_.facts().run_id);
    return answer;
}

Answer Routes::answer(const Request& request, bool may_wait, bool closing) const {
    const Target target(request.target);
    Answer answer = shaped(routed({request, target, {}, may_wait, closing}), request, options_.compression);
    const auto named = [](const auto& header) { return header.first == "X-AIPerf-Run-Id"; };
    if (std::none_of(answer.headers.begin(), answer.headers.end(), named)) {
        answer.headers.emplace_back("X-AIPerf-Run-Id", state_.facts().run_id);
    }
    return answer;
}

Answer Routes::routed(const Call& call) const {
    const std::string_view method = call.request.method == "HEAD" ? "GET" : std::string_view(call.request.method);
    std::string allowed;
    for (const Route& route : table()) {
        const auto rest = route.rest_of(call.target.path);
        if (!rest || route.handler == nullptr) {
            continue;
        }
        if (route.method == method) {
            const std::string* const run_id = call.target.find("run_id");
            if (run_id != nullptr && *run_id != state_.facts().run_id) {
                return refusal(409, "This is run " + state_.facts().run_id + ", not " + *run_id);
            }
            return (this->*route.handler)({call.request, call.target, *rest, call.may_wait, call.closing});
        }
        allowed += allowed.empty() ? "" : ", ";
        allowed += route.method == "GET" ? "GET, HEAD" : route.method;
    }
    if (allowed.empty()) {
        return refusal(404, "Not Found");
    }
    Answer answer = refusal(405, "Method Not Allowed");
    answer.headers.emplace_back("Allow", allowed);
    return answer;
}

Answer Routes::results(const Call& call) const {
    std::optional<base::Nanoseconds> wait;
    if (const std::string* const text = call.target.find("wait")) {
        const std::optional<double> asked = base::parse_number(*text);
        if (!asked || !std::isfinite(*asked) || *asked < 0.0) {
            return refusal(400, "wait: '" + *text + "' is not allowed; a number of seconds from 0 to 300");
        }
        const double longest = std::chrono::duration<double>(options_.longest_wait).count();
        wait = base::Nanoseconds(static_cast<std::int64_t>(std::min(*asked, longest) * 1e9));
    }
    const RunState::View view = state_.view();
    Answer answer = json_answer(view.status_body);
    answer.tells = view.status;
    if (view.status == Status::running) {
        answer.headers.emplace_back("Retry-After", "1");
        if (wait && call.may_wait && wait->count() > 0) {
            answer.wait = wait;
            return answer;
        }
    }
    answer.headers.emplace_back("Cache-Control", "no-cache");
    answer.etag = "\"" + state_.facts().run_id + "-" + std::to_string(view.seq) + "\"";
    return answer;
}

Answer Routes::list(const Call& /*call*/) const {
    // Files and status are one picture: before the terminal status is visible nothing is listed.
    const RunState::View view = state_.view();
    const bool ended = view.status != Status::running;
    Json files = Json::array();
    if (ended) {
        for (const ListedFile& file : list_artifacts(state_.facts().artifact_directory)) {
            files.push_back(Json{{"name", file.name}, {"size", file.size}});
        }
    }
    const Json body{{"files", std::move(files)},
                    {"ready", ended && has_marker(state_)},
                    {"processing", view.progress.system_state == SystemState::processing && !ended},
                    {"partial", view.partial},
                    {"failed_exporters", view.failed_exporters}};
    return json_answer(body.dump(-1, ' ', false, Json::error_handler_t::replace));
}

Answer Routes::not_ready() const {
    return refusal(404, "Results not ready; retry when /api/results has a terminal status");
}

Answer Routes::file(const Call& call) const {
    if (call.rest.empty()) {
        return refusal(404, "Result file not found: ");
    }
    const std::optional<std::string> path = percent_decoded(call.rest);
    if (!path || !is_artifact_path(*path)) {
        return refusal(400,
                       "Invalid filename '" + path.value_or(std::string(call.rest)).substr(0, 256) +
                           "': path traversal or reserved marker name");
    }
    if (state_.status() == Status::running) {
        return not_ready();
    }
    const std::shared_ptr<ArtifactFile> file = open_artifact(state_.facts().artifact_directory, *path);
    if (file == nullptr) {
        return refusal(404, "Result file not found: " + *path);
    }
    Answer answer = content_answer(std::string(content_type_of(file->name())), file);
    answer.etag = file->etag();
    answer.modified_s = file->modified_s();
    return as_download(std::move(answer), file->name());
}

Answer Routes::archive(const Call& call) const {
    const std::string* const asked = call.target.find("format");
    const std::string_view name = asked == nullptr ? k_formats.front().name : std::string_view(*asked);
    const auto* const format =
        std::find_if(k_formats.begin(), k_formats.end(), [&](const Format& one) { return one.name == name; });
    if (format == k_formats.end()) {
        return refusal(400, "format: '" + std::string(name) + "' is not allowed; one of tar, tar.gz, tar.zst");
    }
    if (state_.status() == Status::running) {
        return not_ready();
    }
    if (format->coding != http::Coding::none && !call.request.may_compress) {
        Answer busy = refusal(503, "As many bodies as may be are being compressed; ask again, or for format=tar");
        busy.headers.emplace_back("Retry-After", "1");
        return busy;
    }
    const auto archive = std::make_shared<Archive>(state_.facts().artifact_directory);
    Answer answer = content_answer(std::string(format->content_type), archive);
    answer.coding = format->coding;
    answer.etag = archive->etag();
    answer.etag.insert(1, std::string(format->name) + "-");
    answer.modified_s = archive->modified_s();
    return as_download(std::move(answer), "aiperf-" + state_.facts().run_id + "." + std::string(format->name));
}

Answer Routes::progress(const Call& /*call*/) const {
    return json_answer(progress_json(state_.view()));
}

Answer Routes::metrics(const Call& /*call*/) const {
    return json_answer(metrics_json(state_.facts(), state_.view()));
}

Answer Routes::workers(const Call& /*call*/) const {
    return json_answer(workers_json(state_.view()));
}

Answer Routes::config(const Call& /*call*/) const {
    return json_answer(state_.facts().config_json);
}

Answer Routes::run(const Call& /*call*/) const {
    return json_answer(run_json(state_.facts()));
}

Answer Routes::prometheus(const Call& /*call*/) const {
    return text_answer(200, prometheus_text(state_.facts(), state_.view()));
}

Answer Routes::health(const Call& /*call*/) const {  // NOLINT(*-static): a handler of the table
    return text_answer(200, "ok");
}

Answer Routes::readiness(const Call& call) const {
    const RunState::View view = state_.view();
    const bool ended = view.status != Status::running;
    const SystemState at = view.progress.system_state;
    const bool measures = at == SystemState::profiling || at == SystemState::processing;
    if (call.closing) {
        return text_answer(503, "not ready: closing");
    }
    if (ended || measures) {
        return text_answer(200, "ok");
    }
    return text_answer(503, std::string("not ready: ") + to_string(at));
}

Answer Routes::shutdown(const Call& /*call*/) const {
    if (state_.status() == Status::running) {
        return refusal(409, "Benchmark is still running. Cannot shut down API service.");
    }
    if (!options_.on_shutdown_request || !options_.on_shutdown_request()) {
        return refusal(409, "The owner of this server takes no shutdown request.");
    }
    return json_answer(R"({"status":"shutting_down"})");
}

Answer Routes::openapi(const Call& /*call*/) const {  // NOLINT(*-static): a handler of the table
    return json_answer(openapi_json());
}

Answer Routes::docs(const Call& /*call*/) const {  // NOLINT(*-static): a handler of the table
    Answer answer = text_answer(200, std::string(docs_page()));
    answer.content_type = "text/html; charset=utf-8";
    // The page is one document: whatever it might be made to fetch from elsewhere is refused by the browser.
    answer.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
                                "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
    return answer;
}

}  // namespace aiperf::api
