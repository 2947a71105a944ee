#include "status_source.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/http/response_parser.hpp"

#include <asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace aiperf::programs {

namespace {

using Json = nlohmann::json;

constexpr auto k_answer_time = std::chrono::seconds(10);

std::optional<RunStatus> read(const Json& body) {
    if (!body.is_object() || !body.contains("status") || !body["status"].is_string()) {
        return std::nullopt;
    }
    RunStatus status;
    status.status = body["status"];
    const auto code = body.find("exit_code");  // null while it runs
    status.exit_code = code != body.end() && code->is_number_integer() ? code->get<int>() : 1;
    if (const auto error = body.find("error"); error != body.end() && error->is_object()) {
        status.error = error->value("message", "");
    }
    return status;
}

class Directory final : public StatusSource {
public:
    explicit Directory(std::filesystem::path path)
        : file_(std::move(path) / "status.json") {}

    std::optional<RunStatus> look() override {
        const bool was_dead = writer_is_dead();  // before reading: its last word may come between
        std::ifstream file(file_);
        const std::string text(std::istreambuf_iterator<char>(file), {});
        const Json body = Json::parse(text, nullptr, false);
        const std::optional<RunStatus> status = read(body);
        if (status && status->status == "running") {
            const auto pid = body.find("pid");
            pid_ = pid != body.end() && pid->is_number_integer() ? pid->get<pid_t>() : 0;
            if (was_dead) {
                throw base::RunError("wait: the run (pid " + std::to_string(pid_) +
                                     ") is gone without a last word; aiperf-cpp recover may give its results");
            }
        }
        return status;
    }

private:
    [[nodiscard]] bool writer_is_dead() const noexcept { return pid_ > 0 && ::kill(pid_, 0) != 0 && errno == ESRCH; }

    std::filesystem::path file_;
    pid_t pid_ = 0;  // of the writer, once known
};

class Server final : public StatusSource {
public:
    explicit Server(const std::string& url)
        : url_(config::parse_url(url, "wait")) {}

    std::optional<RunStatus> look() override {
        asio::ip::tcp::iostream stream;
        stream.expires_after(k_answer_time);
        stream.connect(url_.host, std::to_string(url_.port));
        stream << "GET /api/results HTTP/1.1\r\nHost: " << url_.host << "\r\nConnection: close\r\n\r\n" << std::flush;
        std::string bytes(std::istreambuf_iterator<char>(stream), {});
        std::optional<RunStatus> status = read(Json::parse(body_of(bytes), nullptr, false));
        if (!status && seen_) {
            throw base::RunError("wait: " + url_.text() + " has gone without a last word");
        }
        seen_ = seen_ || status.has_value();
        return status;
    }

private:
    static std::string body_of(std::string& bytes) {
        struct Body {
            std::string text;

            void on_head(const http::ResponseHead&) {}

            void on_body(char* data, std::size_t size) { text.append(data, size); }
        } body;

        http::ResponseParser parser;
        parser.feed(bytes.data(), bytes.size(), body);
        return body.text;
    }

    config::Url url_;
    bool seen_ = false;
};

}  // namespace

std::unique_ptr<StatusSource> status_source(const std::string& what) {
    if (what.starts_with("http://")) {
        return std::make_unique<Server>(what);
    }
    return std::make_unique<Directory>(what);
}

}  // namespace aiperf::programs
