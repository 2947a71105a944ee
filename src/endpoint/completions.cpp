#include "body.hpp"
#include "completion_reader.hpp"
#include "endpoints.hpp"

namespace aiperf::endpoint {

namespace {

class Completions final : public Endpoint {
public:
    [[nodiscard]] std::optional<config::EndpointType> type() const noexcept override {
        return config::EndpointType::completions;
    }

    [[nodiscard]] std::string_view path() const noexcept override { return "/v1/completions"; }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& /*settings*/) const override {
        nlohmann::ordered_json body;
        body["prompt"] = turn.text;
        body["model"] = config.model_names.at(0);
        body["stream"] = config.streaming;
        if (turn.max_tokens.value_or(0) != 0) {
            body["max_tokens"] = *turn.max_tokens;
        }
        return finish_body(std::move(body), config);
    }

    [[nodiscard]] std::unique_ptr<AnswerReader> reader() const override {
        return completion_reader(ChoiceShape::completion);
    }
};

}  // namespace

const Endpoint& completions() {
    static const Completions endpoint;
    return endpoint;
}

}  // namespace aiperf::endpoint
