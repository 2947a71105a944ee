#include "wait_for_model.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/http/response_parser.hpp"
#include "network.hpp"
#include "patient_io.hpp"

#include <asio/ip/tcp.hpp>
#include <asio/write.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <string_view>
#include <thread>

namespace aiperf::control {

namespace {

using asio::ip::tcp;
using Json = nlohmann::ordered_json;

constexpr auto k_nap = std::chrono::milliseconds(50);
constexpr std::size_t k_longest_answer = 16UL << 20U;

/// One question and how the answer is judged: an empty text = good.
struct Question {
    std::string what;  ///< "GET http://host/v1/models"
    std::string request;
    std::function<std::string(int status, const std::string& body)> judge;
};

struct AnswerSink {
    int status = 0;
    std::string body;

    void on_head(const http::ResponseHead& head) { status = head.status; }

    void on_body(const char* data, std::size_t size) {
        body.append(data, std::min(size, k_longest_answer - std::min(k_longest_answer, body.size())));
    }
};

/// A connection for questions. Closed after a failure.
class Exchange {
public:
    Exchange(base::Instant deadline, const std::function<bool()>& cancelled)
        : deadline_(deadline),
          cancelled_(cancelled) {}

    /// Throws base::RunError.
    void connect(const load::Target& target) {
        tcp::endpoint endpoint;
        std::memcpy(endpoint.data(), &target.address, target.address_length);
        endpoint.resize(target.address_length);
        socket_.async_connect(endpoint, [this](const std::error_code& error) { failure_ = error; });
        finish();
    }

    /// True where another question may be asked.
    [[nodiscard]] bool is_open() const { return socket_.is_open(); }

    /// Throws base::RunError where no whole answer comes.
    AnswerSink ask(const std::string& request) {
        asio::async_write(socket_, asio::buffer(request), [this](const std::error_code& error, std::size_t /*bytes*/) {
            failure_ = error;
        });
        finish();
        return read();
    }

private:
    AnswerSink read() {
        AnswerSink sink;
        http::ResponseParser parser;
        while (parser.state() != http::ResponseParser::State::done) {
            std::size_t got = 0;
            socket_.async_read_some(asio::buffer(buffer_), [&](const std::error_code& error, std::size_t bytes) {
                failure_ = error;
                got = bytes;
            });
            if (!run_until(io_, deadline_, cancelled_)) {
                give_up("no answer in time");
            }
            if (failure_) {
                parser.finish();
            } else {
                parser.feed(buffer_.data(), got, sink);
            }
            if (parser.state() == http::ResponseParser::State::failed) {
                give_up(std::string(http::message(parser.error())));
            }
        }
        if (!parser.keep_alive()) {
            close();
        }
        return sink;
    }

    void finish() {
        if (!run_until(io_, deadline_, cancelled_)) {
            give_up("no answer in time");
        }
        if (failure_) {
            give_up(failure_.message());
        }
    }

    void close() {
        std::error_code ignored;
        socket_.close(ignored);
    }

    /// The handlers refer to what the caller holds: they have run when this ends.
    [[noreturn]] void give_up(const std::string& reason) {
        close();
        io_.restart();
        io_.run();
        throw base::RunError(reason);
    }

    base::Instant deadline_;
    const std::function<bool()>& cancelled_;
    asio::io_context io_;
    tcp::socket socket_{io_};
    std::error_code failure_;
    std::array<char, 16384> buffer_{};
};

std::string judge_status(int status) {
    return status >= 200 && status < 300 ? std::string{} : "status " + std::to_string(status);
}

std::string judge_models(int status, const std::string& body, const std::string& model) {
    if (std::string bad = judge_status(status); !bad.empty()) {
        return bad;
    }
    const Json answer = Json::parse(body, nullptr, false);
    const auto list = answer.is_object() ? answer.find("data") : answer.end();
    if (list == answer.end() || !list->is_array()) {
        return "the answer is no list of models";
    }
    const bool there = std::any_of(list->begin(), list->end(), [&](const Json& entry) {
        return entry.is_object() && entry.value("id", Json()) == Json(model);
    });
    return there ? std::string{} : "'" + model + "' is not among the models";
}

/// Headers of the run that a server may insist on.
std::string more_headers(const config::RunConfig& config) {
    constexpr std::array<std::string_view, 5> k_ours{
        "Accept", "Content-Type", "Content-Length", "Transfer-Encoding", "Host"};
    std::string text;
    for (const auto& [name, value] : config.headers) {
        const auto same = [&name = name](std::string_view ours) { return base::equals_ignoring_case(name, ours); };
        if (std::none_of(k_ours.begin(), k_ours.end(), same)) {
            text.append(name).append(": ").append(value).append("\r\n");
        }
    }
    if (config.api_key) {
        text.append("Authorization: Bearer ").append(*config.api_key).append("\r\n");
    }
    return text;
}

/// A request for one token.
std::string short_body(const config::RunConfig& config,
                       const endpoint::Endpoint& endpoint,
                       const settings::Settings& settings) {
    config::RunConfig plain = config;
    plain.extra_inputs.clear();
    dataset::Turn turn;
    turn.text = "Hi";
    const Json full = Json::parse(endpoint.body(turn, plain, settings.endpoint));
    Json body = Json::object();
    for (const auto& [key, value] : full.items()) {
        if (key != "model" && key != "stream" && key != "stream_options") {
            body[key] = value;
        }
    }
    body["max_tokens"] = 1;
    body["model"] = config.model_names.front();
    return body.dump();
}

Question models_question(const config::RunConfig& config, const config::Url& url) {
    const std::string path = join_path(url.path, "/v1/models");
    Question question;
    question.what = "GET " + path;
    question.request = "GET " + path + " HTTP/1.1\r\nHost: " + host_header(url) + "\r\nAccept: */*\r\n" +
                       more_headers(config) + "\r\n";
    question.judge = [model = config.model_names.front()](int status, const std::string& body) {
        return judge_models(status, body, model);
    };
    return question;
}

Question inference_question(const config::RunConfig& config,
                            const endpoint::Endpoint& endpoint,
                            const settings::Settings& settings,
                            const config::Url& url) {
    const std::string path = request_path(config, endpoint, url);
    const std::string body = short_body(config, endpoint, settings);
    Question question;
    question.what = "POST " + path;
    question.request = "POST " + path + " HTTP/1.1\r\nHost: " + host_header(url) +
                       "\r\nContent-Type: application/json\r\nAccept: */*\r\n" + more_headers(config) +
                       "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    question.judge = [](int status, const std::string& /*body*/) { return judge_status(status); };
    return question;
}

/// The wait for one server.
class Wait {
public:
    Wait(const settings::Settings& settings,
         base::Instant deadline,
         base::Nanoseconds interval,
         const std::function<bool()>& cancelled,
         const std::function<void(const std::string&)>& say)
        : settings_(settings),
          deadline_(deadline),
          interval_(interval),
          cancelled_(cancelled),
          say_(say) {}

    /// Throws base::RunError where the answer stays away.
    void until_good(const Question& question, const config::Url& url) {
        std::string last;
        while (true) {
            const std::string reason = ask(question, url);
            if (reason.empty()) {
                return;
            }
            if (cancelled_()) {
                throw base::RunError("cancelled");
            }
            const std::string sentence = url.text() + ": " + question.what + ": " + reason;
            if (reason != last) {
                say_("waiting for the model: " + sentence);
            }
            last = reason;
            if (!pause()) {
                throw base::RunError("the model did not answer within --wait-for-model-timeout: " + sentence);
            }
        }
    }

private:
    std::string ask(const Question& question, const config::Url& url) {
        try {
            if (exchange_ == nullptr || !exchange_->is_open()) {
                settings::Http http = settings_.http;
                http.connect_timeout =
                    std::max<base::Nanoseconds>(k_nap, std::min(http.connect_timeout, deadline_ - base::now()));
                const load::Target target = reach(url, http, cancelled_);
                exchange_ = std::make_unique<Exchange>(deadline_, cancelled_);
                exchange_->connect(target);
            }
            const AnswerSink answer = exchange_->ask(question.request);
            return question.judge(answer.status, answer.body);
        } catch (const base::RunError& error) {
            return error.what();
        }
    }

    /// False where there is no time for another question.
    [[nodiscard]] bool pause() const {
        const base::Instant next = base::now() + interval_;
        while (base::now() < std::min(next, deadline_) && !cancelled_()) {
            std::this_thread::sleep_for(std::min<base::Nanoseconds>(k_nap, next - base::now()));
        }
        return base::now() < deadline_ || cancelled_();
    }

    const settings::Settings& settings_;
    base::Instant deadline_;
    base::Nanoseconds interval_;
    const std::function<bool()>& cancelled_;
    const std::function<void(const std::string&)>& say_;
    std::unique_ptr<Exchange> exchange_;
};

base::Nanoseconds in_nanoseconds(double seconds) {
    return base::Nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace

void wait_for_model(const config::RunConfig& config,
                    const endpoint::Endpoint& endpoint,
                    const settings::Settings& settings,
                    const std::function<bool()>& cancelled,
                    const std::function<void(const std::string&)>& say) {
    if (config.wait_for_model_timeout <= 0) {
        return;
    }
    const base::Instant deadline = base::now() + in_nanoseconds(config.wait_for_model_timeout);
    for (const std::string& text : config.urls) {
        Wait wait(settings, deadline, in_nanoseconds(config.wait_for_model_interval), cancelled, say);
        const config::Url url = config::parse_url(text);
        if (config.wait_for_model_mode != config::WaitForModelMode::inference) {
            wait.until_good(models_question(config, url), url);
        }
        if (config.wait_for_model_mode != config::WaitForModelMode::models) {
            wait.until_good(inference_question(config, endpoint, settings, url), url);
        }
    }
}

}  // namespace aiperf::control
