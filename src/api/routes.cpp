#include "routes.hpp"

#include "aiperf/base/text.hpp"
#include "aiperf/report/artifacts.hpp"
#include "bodies.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

namespace aiperf::api {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view k_files = "/api/results/files/";
constexpr const char* k_text = "text/plain; charset=utf-8";

Answer json_answer(std::string body) {
    Answer answer;
    answer.body = std::move(body);
    return answer;
}

Answer text_answer(int status, std::string body) {
    Answer answer;
    answer.status = status;
    answer.content_type = k_text;
    answer.body = std::move(body);
    return answer;
}

using Route = Answer (*)(const RunState& state);

struct Row {
    std::string_view path;
    Route answer;
};

/// Routes that need nothing but the state.
constexpr std::array<Row, 7> k_plain{{
    {"/api/progress", [](const RunState& s) { return json_answer(progress_json(s.view())); }},
    {"/api/metrics", [](const RunState& s) { return json_answer(metrics_json(s.facts(), s.view())); }},
    {"/metrics", [](const RunState& s) { return text_answer(200, prometheus_text(s.facts(), s.view())); }},
    {"/api/workers", [](const RunState& s) { return json_answer(workers_json(s.view())); }},
    {"/api/config", [](const RunState& s) { return json_answer(s.facts().config_json); }},
    {"/api/run", [](const RunState& s) { return json_answer(run_json(s.facts())); }},
    {"/healthz", [](const RunState&) { return text_answer(200, "ok"); }},
}};

bool matches(const std::string& if_none_match, const std::string& etag) {
    for (std::string_view tag : base::split(if_none_match, ',')) {
        tag = base::trim(tag);
        if (tag.starts_with("W/")) {
            tag.remove_prefix(2);
        }
        if (tag == etag || tag == "*") {
            return true;
        }
    }
    return false;
}

Answer with_etag(Answer answer, const Request& request, const std::string& etag) {
    answer.headers.emplace_back("ETag", etag);
    if (matches(request.if_none_match, etag)) {
        answer.status = 304;
        answer.body.clear();
        answer.file.reset();
    }
    return answer;
}

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

}  // namespace

/// A request's target, taken apart.
struct Routes::Target {
    std::string path;  ///< still encoded
    std::vector<std::pair<std::string, std::string>> query;

    explicit Target(std::string_view text) {
        // A proxy may send the whole URL.
        if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos && text.front() != '/') {
            const std::size_t slash = text.find('/', scheme + 3);
            text = slash == std::string_view::npos ? "/" : text.substr(slash);
        }
        const std::size_t mark = text.find('?');
        path = text.substr(0, mark);
        if (mark == std::string_view::npos) {
            return;
        }
        for (const std::string_view pair : base::split(text.substr(mark + 1), '&')) {
            const std::size_t equals = pair.find('=');
            const bool has_value = equals != std::string_view::npos;
            query.emplace_back(percent_decoded(pair.substr(0, equals)).value_or(""),
                               percent_decoded(has_value ? pair.substr(equals + 1) : "").value_or("%"));
        }
    }

    [[nodiscard]] const std::string* find(std::string_view key) const {
        const auto found =
            std::find_if(query.begin(), query.end(), [&](const auto& pair) { return pair.first == key; });
        return found == query.end() ? nullptr : &found->second;
    }
};

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
    const std::string* const asked_for = target.find("run_id");
    if (asked_for != nullptr && *asked_for != state_.facts().run_id) {
        return refusal(409, "This is run " + state_.facts().run_id + ", not " + *asked_for);
    }
    Answer answer = routed(request, target, may_wait, closing);
    const auto named = [](const auto& header) { return header.first == "X-AIPerf-Run-Id"; };
    if (std::none_of(answer.headers.begin(), answer.headers.end(), named)) {
        answer.headers.emplace_back("X-AIPerf-Run-Id", state_.facts().run_id);
    }
    return answer;
}

Answer Routes::routed(const Request& request, const Target& target, bool may_wait, bool closing) const {
    const bool is_shutdown = target.path == "/api/shutdown";
    const bool is_file = target.path.starts_with(k_files);
    const auto plain =
        std::find_if(k_plain.begin(), k_plain.end(), [&](const Row& r) { return r.path == target.path; });
    const bool known = is_shutdown || is_file || plain != k_plain.end() || target.path == "/api/results" ||
                       target.path == "/api/results/list" || target.path == "/readyz";
    if (!known) {
        return refusal(404, "Not Found");
    }
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (is_shutdown ? request.method != "POST" : !reads) {
        Answer answer = refusal(405, "Method Not Allowed");
        answer.headers.emplace_back("Allow", is_shutdown ? "POST" : "GET, HEAD");
        return answer;
    }
    if (plain != k_plain.end()) {
        return plain->answer(state_);
    }
    if (is_file) {
        return file(request, std::string_view(target.path).substr(k_files.size()));
    }
    if (is_shutdown) {
        return shutdown();
    }
    if (target.path == "/readyz") {
        return readiness(closing);
    }
    return target.path == "/api/results" ? results(request, target, may_wait) : list();
}

Answer Routes::results(const Request& request, const Target& target, bool may_wait) const {
    std::optional<base::Nanoseconds> wait;
    if (const std::string* const text = target.find("wait")) {
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
        if (wait && may_wait && wait->count() > 0) {
            answer.wait = wait;
            return answer;
        }
    }
    answer.headers.emplace_back("Cache-Control", "no-cache");
    return with_etag(std::move(answer), request, "\"" + state_.facts().run_id + "-" + std::to_string(view.seq) + "\"");
}

Answer Routes::list() const {
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

Answer Routes::file(const Request& request, std::string_view encoded_path) const {
    if (encoded_path.empty()) {
        return refusal(404, "Result file not found: ");
    }
    const std::optional<std::string> path = percent_decoded(encoded_path);
    if (!path || !is_artifact_path(*path)) {
        return refusal(400,
                       "Invalid filename '" + path.value_or(std::string(encoded_path)).substr(0, 256) +
                           "': path traversal or reserved marker name");
    }
    if (state_.status() == Status::running) {
        return refusal(404, "Results not ready; retry when /api/results has a terminal status");
    }
    std::shared_ptr<ArtifactFile> file = open_artifact(state_.facts().artifact_directory, *path);
    if (file == nullptr) {
        return refusal(404, "Result file not found: " + *path);
    }
    Answer answer;
    answer.content_type = content_type_of(file->name());
    const std::string name = header_safe(file->name());
    answer.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + name + "\"");
    answer.headers.emplace_back("X-Filename", name);
    answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
    const std::string etag = file->etag();
    answer.file = std::move(file);
    return with_etag(std::move(answer), request, etag);
}

Answer Routes::readiness(bool closing) const {
    const RunState::View view = state_.view();
    const bool ended = view.status != Status::running;
    const SystemState at = view.progress.system_state;
    const bool measures = at == SystemState::profiling || at == SystemState::processing;
    if (closing) {
        return text_answer(503, "not ready: closing");
    }
    if (ended || measures) {
        return text_answer(200, "ok");
    }
    return text_answer(503, std::string("not ready: ") + to_string(at));
}

Answer Routes::shutdown() const {
    if (state_.status() == Status::running) {
        return refusal(409, "Benchmark is still running. Cannot shut down API service.");
    }
    if (!options_.on_shutdown_request || !options_.on_shutdown_request()) {
        return refusal(409, "The owner of this server takes no shutdown request.");
    }
    return json_answer(R"({"status":"shutting_down"})");
}

}  // namespace aiperf::api
