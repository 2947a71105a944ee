#include "body.hpp"
#include "completion_reader.hpp"
#include "endpoints.hpp"

namespace aiperf::endpoint {

namespace {

class Chat final : public Endpoint {
public:
    [[nodiscard]] std::optional<config::EndpointType> type() const noexcept override {
        return config::EndpointType::chat;
    }

    [[nodiscard]] std::string_view path() const noexcept override { return "/v1/chat/completions"; }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& settings) const override {
        nlohmann::ordered_json body;
        nlohmann::ordered_json content = turn.text;
        if (settings.force_content_parts) {
            content = nlohmann::ordered_json::array({{{"type", "text"}, {"text", turn.text}}});
        }
        body["messages"] = nlohmann::ordered_json::array({{{"role", "user"}, {"content", std::move(content)}}});
        body["model"] = config.model_names.at(0);
        body["stream"] = config.streaming;
        if (turn.max_tokens) {
            body[config.use_legacy_max_tokens ? "max_tokens" : "max_completion_tokens"] = *turn.max_tokens;
        }
        return finish_body(std::move(body), config);
    }

    [[nodiscard]] std::unique_ptr<AnswerReader> reader() const override { return completion_reader(ChoiceShape::chat); }
};

}  // namespace

const Endpoint& chat() {
    static const Chat endpoint;
    return endpoint;
}

}  // namespace aiperf::endpoint
