#include "body.hpp"
#include "completion_reader.hpp"
#include "endpoints.hpp"

namespace aiperf::endpoint {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view k_before_message = R"({"messages":[)";

Json message_of(const char* role, const std::string& text, const settings::Endpoint& settings) {
    Json content = text;
    if (settings.force_content_parts) {
        content = Json::array({{{"type", "text"}, {"text", text}}});
    }
    return Json{{"role", role}, {"content", std::move(content)}};
}

std::string text_of(const Json& message) {
    return message.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class Chat final : public Endpoint {
public:
    [[nodiscard]] std::optional<config::EndpointType> type() const noexcept override {
        return config::EndpointType::chat;
    }

    [[nodiscard]] std::string_view path() const noexcept override { return "/v1/chat/completions"; }

    [[nodiscard]] std::string body(const dataset::Turn& turn,
                                   const config::RunConfig& config,
                                   const settings::Endpoint& settings) const override {
        Json body;
        body["messages"] = Json::array({message_of("user", turn.text, settings)});
        body["model"] = config.model_names.at(0);
        body["stream"] = config.streaming;
        if (turn.max_tokens) {
            body[config.use_legacy_max_tokens ? "max_tokens" : "max_completion_tokens"] = *turn.max_tokens;
        }
        return finish_body(std::move(body), config);
    }

    [[nodiscard]] TurnBody turn_body(const dataset::Turn& turn,
                                     const config::RunConfig& config,
                                     const settings::Endpoint& settings) const override {
        TurnBody result{body(turn, config, settings)};
        // An extra input may have replaced the messages: then there is nothing to put a history before.
        const std::string message = text_of(message_of("user", turn.text, settings));
        if (result.body.starts_with(std::string(k_before_message) + message + "]")) {
            result.message_at = k_before_message.size();
            result.message_bytes = message.size();
        }
        return result;
    }

    [[nodiscard]] AnswerFrame answer_frame(const settings::Endpoint& settings) const override {
        const std::string mark = "*";
        const std::string message = text_of(message_of("assistant", mark, settings));
        const std::size_t at = message.find(mark);
        return {message.substr(0, at), message.substr(at + mark.size())};
    }

    [[nodiscard]] std::unique_ptr<AnswerReader> reader() const override { return completion_reader(ChoiceShape::chat); }
};

}  // namespace

const Endpoint& chat() {
    static const Chat endpoint;
    return endpoint;
}

}  // namespace aiperf::endpoint
