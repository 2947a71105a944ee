// Benchmarks an API that the library does not know: how a request is written and an answer is read is said here. As
// an example, a completions server that is asked for nothing but text.
//
//   own_endpoint ADDRESS MODEL

#include <nlohmann/json.hpp>

#include <aiperf/aiperf.hpp>
#include <cstdio>
#include <memory>
#include <string>

namespace {

using Json = nlohmann::json;

/// Reads {"choices": [{"text": "…"}]}: one message of a stream, or a whole answer.
class TextReader final : public aiperf::endpoint::AnswerReader {
public:
    bool read(const char* json, std::size_t size, aiperf::endpoint::Delta& delta) override {
        const Json message = Json::parse(json, json + size, nullptr, false);
        const Json::json_pointer place("/choices/0/text");
        if (!message.is_object() || !message.contains(place) || !message[place].is_string()) {
            return false;
        }
        text_ = message[place].get<std::string>();
        delta.output = text_;  // a view, good until the next call
        return true;
    }

private:
    std::string text_;
};

class PlainText final : public aiperf::endpoint::Endpoint {
public:
    [[nodiscard]] std::string_view path() const noexcept override { return "/v1/completions"; }

    [[nodiscard]] std::string body(const aiperf::dataset::Turn& turn,
                                   const aiperf::RunConfig& config,
                                   const aiperf::settings::Endpoint& /*settings*/) const override {
        Json body{{"model", config.model_names.at(0)}, {"prompt", turn.text}, {"stream", config.streaming}};
        if (turn.max_tokens) {
            body["max_tokens"] = *turn.max_tokens;
        }
        return aiperf::endpoint::finished_body(body.dump(), config);
    }

    [[nodiscard]] std::unique_ptr<aiperf::endpoint::AnswerReader> reader() const override {
        return std::make_unique<TextReader>();
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::fputs("usage: own_endpoint ADDRESS MODEL\n", stderr);
        return 2;
    }
    aiperf::RunConfig config;
    config.urls = {argv[1]};
    config.model_names = {argv[2]};
    config.tokenizer = "builtin";
    config.streaming = true;
    config.concurrency = 4;
    config.request_count = 20;
    config.osl_mean = 16;
    auto environment = aiperf::Environment::of_process();
    environment.endpoint = std::make_shared<const PlainText>();
    try {
        const auto result = aiperf::run(config, environment);
        const auto* tokens = result.summary.find("output_sequence_length");
        std::printf("%llu good answers of %.0f tokens\n",
                    static_cast<unsigned long long>(result.summary.valid),
                    tokens == nullptr ? 0.0 : tokens->statistics.avg);
        return result.exit_code();
    } catch (const aiperf::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
