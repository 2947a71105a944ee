#include "status_source.hpp"

#include "../control/patient_connection.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/http/response_parser.hpp"

#include <asio/ip/tcp.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <unistd.h>
#include <vector>

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

/// "host:port" as a header has it.
std::string host_of(const config::Url& url) {
    const bool literal_v6 = url.host.find(':') != std::string::npos;
    return (literal_v6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
}

/// Empty where the name is unknown.
std::vector<load::Address> addresses_of(const config::Url& url) {
    std::vector<load::Address> addresses;
    if (url.scheme == config::Scheme::unix_socket) {
        return {load::Address::of_path(url.socket)};
    }
    asio::io_context io;
    asio::error_code unknown;
    for (const auto& found : asio::ip::tcp::resolver(io).resolve(url.host, std::to_string(url.port), unknown)) {
        const asio::ip::tcp::endpoint endpoint = found.endpoint();
        load::Address& address = addresses.emplace_back();
        std::memcpy(&address.storage, endpoint.data(), endpoint.size());
        address.length = static_cast<socklen_t>(endpoint.size());
    }
    return addresses;
}

/// An answer as far as it came.
struct Reply {
    int status = 0;
    std::string body;

    void on_head(const http::ResponseHead& head) { status = head.status; }

    void on_body(const char* data, std::size_t size) { body.append(data, size); }
};

class Server final : public StatusSource {
public:
    Server(const std::string& url, const Pass& pass)
        : url_(config::parse_url(url, "wait")) {
        manner_.tls.ca_file = pass.ca_file;
        manner_.tls.verify = pass.verify_tls;
        target_.host = url_.host;
        target_.tls = url_.is_tls();
        request_ = "GET /api/results HTTP/1.1\r\nHost: " + host_of(url_) + "\r\nConnection: close\r\n" +
                   "X-AIPerf-Client: aiperf-cpp wait " + std::to_string(::getpid()) + "\r\n" +
                   (pass.token.empty() ? "" : "Authorization: Bearer " + pass.token + "\r\n") + "\r\n";
    }

    std::optional<RunStatus> look() override {
        const Reply reply = ask();
        const Json body = Json::parse(reply.body, nullptr, false);
        if (reply.status == k_unauthorized) {
            throw base::RunError("wait: " + url_.text() + " wants a token: --token, or AIPERF_API_SERVER_TOKEN");
        }
        if (reply.status == k_forbidden) {
            throw base::RunError("wait: " + url_.text() +
                                 " refuses: " + (body.is_object() ? body.value("detail", "") : std::string{}));
        }
        std::optional<RunStatus> status = read(body);
        if (!status && seen_) {
            throw base::RunError("wait: " + url_.text() + " has gone without a last word");
        }
        seen_ = seen_ || status.has_value();
        return status;
    }

private:
    static constexpr int k_unauthorized = 401;
    static constexpr int k_forbidden = 403;

    /// Status 0: nobody is there.
    Reply ask() {
        Reply reply;
        target_.addresses = addresses_of(url_);
        if (target_.addresses.empty()) {
            return reply;
        }
        const std::function<bool()> never = [] { return false; };
        control::PatientConnection connection(manner_, base::now() + k_answer_time, never);
        try {
            connection.open(target_);
            connection.write(request_);
            http::ResponseParser parser;
            std::array<char, 16384> buffer{};
            while (parser.state() != http::ResponseParser::State::done &&
                   parser.state() != http::ResponseParser::State::failed) {
                const std::size_t got = connection.read(buffer.data(), buffer.size());
                if (got == 0) {
                    break;
                }
                parser.feed(buffer.data(), got, reply);
            }
        } catch (const base::RunError& error) {
            if (!seen_ && std::string_view(error.what()).starts_with("TLS: ")) {
                throw base::RunError("wait: " + url_.text() + ": " + error.what());  // it will not get better
            }
        }
        return reply;
    }

    config::Url url_;
    control::Manner manner_;
    load::Target target_;
    std::string request_;
    bool seen_ = false;
};

}  // namespace

std::unique_ptr<StatusSource> status_source(const std::string& what, const Pass& pass) {
    for (const std::string_view scheme : {"http://", "https://", "unix://", "http+unix://"}) {
        if (what.starts_with(scheme)) {
            return std::make_unique<Server>(what, pass);
        }
    }
    return std::make_unique<Directory>(what);
}

}  // namespace aiperf::programs
