#include "wait_for_model.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/config/url.hpp"
#include "aiperf/endpoint/endpoint.hpp"
#include "aiperf/http/content_decoder.hpp"
#include "aiperf/http/response_parser.hpp"
#include "network.hpp"
#include "patient_connection.hpp"
#include "patient_http2.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>

namespace aiperf::control {

namespace {

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
    std::unique_ptr<http::ContentDecoder> decoder;

    void on_head(const http::ResponseHead& head) {
        status = head.status;
        decoder.reset();
        if (head.coding != http::Coding::none) {
            decoder = std::make_unique<http::ContentDecoder>(head.coding);
        }
    }

    void on_body(const char* data, std::size_t size) {
        if (decoder == nullptr) {
            return keep(data, size);
        }
        decoder->give(data, size);
        for (const char* piece = decoder->next(size); size > 0; piece = decoder->next(size)) {
            keep(piece, size);
        }
    }

    void keep(const char* data, std::size_t size) {
        body.append(data, std::min(size, k_longest_answer - std::min(k_longest_answer, body.size())));
    }
};

/// Asks on an open connection. Throws base::RunError where no whole answer comes.
AnswerSink answer_of(PatientConnection& connection, const std::string& request) {
    connection.write(request);
    AnswerSink sink;
    http::ResponseParser parser;
    std::array<char, 16384> buffer{};
    while (parser.state() != http::ResponseParser::State::done) {
        const std::size_t got = connection.read(buffer.data(), buffer.size());
        if (got == 0) {
            parser.finish();
        } else {
            parser.feed(buffer.data(), got, sink);
        }
        if (parser.state() == http::ResponseParser::State::failed) {
            connection.close();
            throw base::RunError(std::string(http::message(parser.error())));
        }
    }
    if (!parser.keep_alive()) {
        connection.close();
    }
    return sink;
}

AnswerSink answer_over_http2(PatientConnection& connection, const std::string& request, bool tls) {
    const Http2Answer answer = ask_over_http2(connection, request, tls);
    AnswerSink sink;
    http::ResponseHead head;
    head.status = answer.status;
    head.coding = answer.coding;
    sink.on_head(head);
    sink.on_body(answer.body.data(), answer.body.size());
    return sink;
}

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

/// The path, or the whole URL where a proxy is asked.
std::string request_target(const Proxies& proxies, const config::Url& url, const std::string& path) {
    return (proxies.leading_to(url) != nullptr && !url.is_tls() ? "http://" + host_header(url) : "") + path;
}

std::string proxy_header(const Proxies& proxies, const config::Url& url) {
    const Proxy* const proxy = proxies.leading_to(url);
    return proxy == nullptr || proxy->authorization.empty() || url.is_tls()
               ? std::string{}
               : "Proxy-Authorization: " + proxy->authorization + "\r\n";
}

Question models_question(const config::RunConfig& config, const Proxies& proxies, const config::Url& url) {
    const std::string path = join_path(url.path, "/v1/models");
    Question question;
    question.what = "GET " + path;
    question.request = "GET " + request_target(proxies, url, path) + " HTTP/1.1\r\nHost: " + host_header(url) +
                       "\r\nAccept: */*\r\n" + proxy_header(proxies, url) + more_headers(config) + "\r\n";
    question.judge = [model = config.model_names.front()](int status, const std::string& body) {
        return judge_models(status, body, model);
    };
    return question;
}

Question inference_question(const config::RunConfig& config,
                            const endpoint::Endpoint& endpoint,
                            const Surroundings& surroundings,
                            const config::Url& url) {
    const Proxies& proxies = surroundings.proxies;
    const std::string path = request_path(config, endpoint, url);
    const std::string body = short_body(config, endpoint, surroundings.settings);
    Question question;
    question.what = "POST " + path;
    question.request = "POST " + request_target(proxies, url, path) + " HTTP/1.1\r\nHost: " + host_header(url) +
                       "\r\nContent-Type: application/json\r\nAccept: */*\r\n" + proxy_header(proxies, url) +
                       more_headers(config) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    question.judge = [](int status, const std::string& /*body*/) { return judge_status(status); };
    return question;
}

/// The wait for one server.
class Wait {
public:
    Wait(const Reach& reach,
         base::Nanoseconds connect_timeout,
         base::Instant deadline,
         base::Nanoseconds interval,
         const std::function<bool()>& cancelled,
         const std::function<void(const std::string&)>& say)
        : reach_(reach),
          connect_timeout_(connect_timeout),
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
            if (connection_ == nullptr || !connection_->is_open()) {
                const load::Target target = reach_(
                    url, std::max<base::Nanoseconds>(k_nap, std::min(connect_timeout_, deadline_ - base::now())));
                connection_ = std::make_unique<PatientConnection>(reach_.manner(), deadline_, cancelled_);
                http2_ = target.http2;
                tls_ = target.tls;
                connection_->open(target, http2_ ? config::HttpVersion::v2 : config::HttpVersion::v1_1);
            }
            const AnswerSink answer = http2_ ? answer_over_http2(*connection_, question.request, tls_)
                                             : answer_of(*connection_, question.request);
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

    const Reach& reach_;
    base::Nanoseconds connect_timeout_;
    base::Instant deadline_;
    base::Nanoseconds interval_;
    const std::function<bool()>& cancelled_;
    const std::function<void(const std::string&)>& say_;
    std::unique_ptr<PatientConnection> connection_;
    bool http2_ = false;
    bool tls_ = false;
};

base::Nanoseconds in_nanoseconds(double seconds) {
    return base::Nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace

void wait_for_model(const config::RunConfig& config,
                    const endpoint::Endpoint& endpoint,
                    const Surroundings& surroundings,
                    const std::function<bool()>& cancelled,
                    const std::function<void(const std::string&)>& say) {
    if (config.wait_for_model_timeout <= 0) {
        return;
    }
    const base::Instant deadline = base::now() + in_nanoseconds(config.wait_for_model_timeout);
    const Reach reach(config, surroundings, cancelled, [](const std::string& /*sentence*/) {});
    for (const std::string& text : config.urls) {
        Wait wait(reach,
                  surroundings.settings.http.connect_timeout,
                  deadline,
                  in_nanoseconds(config.wait_for_model_interval),
                  cancelled,
                  say);
        const config::Url url = config::parse_url(text);
        if (config.wait_for_model_mode != config::WaitForModelMode::inference) {
            wait.until_good(models_question(config, surroundings.proxies, url), url);
        }
        if (config.wait_for_model_mode != config::WaitForModelMode::models) {
            wait.until_good(inference_question(config, endpoint, surroundings, url), url);
        }
    }
}

}  // namespace aiperf::control
