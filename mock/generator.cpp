#include "aiperf/mock/generator.hpp"

#include "aiperf/mock/json_text.hpp"

#include <algorithm>
#include <string_view>

namespace aiperf::mock {

namespace {

constexpr std::size_t k_cache_budget_bytes = 32U << 20U;
constexpr std::size_t k_max_models = 1000;
constexpr std::size_t k_health = 0;
constexpr std::size_t k_models = 1;

std::string models_body(const Options& options, std::int64_t created_s) {
    std::string body = R"({"object":"list","data":[)";
    for (const std::string& model : options.models) {
        body += body.back() == '[' ? "" : ",";
        body += "{\"id\":";
        append_json_string(body, model);
        body += ",\"object\":\"model\",\"created\":" + std::to_string(created_s) + ",\"owned_by\":\"aiperf-mock\"}";
    }
    return body + "]}";
}

bool any_jitter(const Options& options) {
    return options.ttft_jitter.count() > 0 || options.itl_jitter.count() > 0;
}

bool any_fault(const Options& options) {
    return options.error_rate + options.reset_rate + options.close_rate + options.stall_rate > 0;
}

}  // namespace

GeneratedResponder::GeneratedResponder(const Options& options,
                                       std::int64_t created_s,
                                       std::atomic<std::uint64_t>& next_number)
    : options_(options),
      created_s_(created_s),
      next_number_(next_number),
      reads_body_(options.stream == StreamMode::request || options.usage != UsageMode::never ||
                  !options.ignore_max_tokens),
      draws_(any_jitter(options) || any_fault(options)),
      models_body_(models_body(options, created_s)) {
    facts_.model = options.models.front();
}

Reply GeneratedResponder::reply(const Request& request, Framing framing) {
    const std::string_view path = request.path;
    const bool reading = request.method == "GET" || request.method == "HEAD";
    const auto refuse_method = [&] {
        return Reply{make_error_answer(405, "this path does not take that method", framing), {}, {}, 0};
    };
    if (path.ends_with("/completions")) {
        if (request.method != "POST") {
            return refuse_method();
        }
        return complete(path.ends_with("/chat/completions") ? Api::chat : Api::completions, request, framing);
    }
    if (path.ends_with("/models")) {
        return reading ? Reply{fixed(k_models, framing, models_body_), {}, {}, 0} : refuse_method();
    }
    if (path.ends_with("/health")) {
        return reading ? Reply{fixed(k_health, framing, R"({"status":"ok"})"), {}, {}, 0} : refuse_method();
    }
    return {make_error_answer(404, "nothing is served at this path", framing), {}, {}, 0};
}

Reply GeneratedResponder::complete(Api api, const Request& request, Framing framing) {
    if (reads_body_) {
        const std::string refusal = reader_.read(request.body, facts_);
        if (!refusal.empty()) {
            return {make_error_answer(400, refusal, framing), {}, {}, 0};
        }
        if (facts_.model.empty()) {
            facts_.model = options_.models.front();
        }
    }
    AnswerKey key = key_of(api, request, framing);
    key.model = model_number(facts_.model);
    if (!draws_) {
        return {cached(key), {}, {}, 0};
    }
    const std::uint64_t number = next_number_.fetch_add(1, std::memory_order_relaxed);
    base::Rng rng(base::derive_seed(options_.seed, "request") ^ base::mix64(number));
    const double draw = 1.0 - rng.uniform();  // in [0, 1)
    Reply reply;
    reply.jitter_seed = rng();
    reply.answer = draw < options_.error_rate ? drawn_error(framing) : cached(key);
    if (draw >= options_.error_rate) {
        reply.fault = draw_fault(draw - options_.error_rate, *reply.answer);
    }
    return reply;
}

AnswerKey GeneratedResponder::key_of(Api api, const Request& request, Framing framing) const {
    AnswerKey key;
    key.api = api;
    key.framing = framing;
    key.stream = options_.stream == StreamMode::always || (options_.stream == StreamMode::request && facts_.stream);
    key.usage = options_.usage == UsageMode::always ||
                (options_.usage == UsageMode::request && (!key.stream || facts_.include_usage));
    const bool limit_counts = !options_.ignore_max_tokens && facts_.max_tokens.has_value();
    key.limited = limit_counts;
    key.tokens = limit_counts ? *facts_.max_tokens : options_.output_tokens;
    if (key.usage) {
        const std::size_t bytes = reads_body_ ? facts_.prompt_bytes : request.body.size();
        key.prompt_tokens = static_cast<std::uint32_t>((bytes + 3) / 4);
    }
    return key;
}

AnswerPtr GeneratedResponder::cached(const AnswerKey& key) {
    const auto found = answers_.find(key);
    if (found != answers_.end()) {
        return found->second;
    }
    AnswerPtr answer = make_answer(options_, key, model_names_[key.model], created_s_);
    const std::size_t bytes = answer->bytes.size() + answer->steps.size() * sizeof(Step);
    if (bytes > k_cache_budget_bytes / 4) {
        return answer;
    }
    if (answer_bytes_ + bytes > k_cache_budget_bytes) {
        answers_.clear();
        answer_bytes_ = 0;
    }
    answer_bytes_ += bytes;
    answers_.emplace(key, answer);
    return answer;
}

AnswerPtr GeneratedResponder::fixed(std::size_t which, Framing framing, const std::string& body) {
    AnswerPtr& answer = fixed_[which][index_of(framing)];
    if (answer == nullptr) {
        HeadFields head;
        head.content_type = "application/json";
        answer = AnswerBuilder(head, framing).whole(body, 0);
    }
    return answer;
}

AnswerPtr GeneratedResponder::drawn_error(Framing framing) {
    return make_error_answer(options_.error_status,
                             "an error asked for by --error-rate",
                             framing,
                             options_.ttft.count(),
                             static_cast<double>(options_.ttft_jitter.count()));
}

Fault GeneratedResponder::draw_fault(double draw, const Answer& answer) const {
    Fault fault;
    if (draw < options_.reset_rate) {
        fault.kind = FaultKind::reset;
    } else if (draw < options_.reset_rate + options_.close_rate) {
        fault.kind = FaultKind::close;
    } else if (draw < options_.reset_rate + options_.close_rate + options_.stall_rate) {
        fault.kind = FaultKind::stall;
        fault.stall_ns = options_.stall_time.count();
    }
    // Step 0 of a stream is its head and the last one its end mark; other answers have two halves.
    const auto last = static_cast<std::uint32_t>(answer.steps.size() - 1);
    const std::uint32_t after = options_.fault_after_events;
    fault.step = after == 0 ? 0 : std::min(answer.stream ? after + 1 : 1U, last);
    return fault;
}

std::uint32_t GeneratedResponder::model_number(std::string_view model) {
    const auto found = std::find(model_names_.begin(), model_names_.end(), model);
    if (found != model_names_.end()) {
        return static_cast<std::uint32_t>(found - model_names_.begin());
    }
    if (model_names_.size() >= k_max_models) {
        model_names_.clear();
        answers_.clear();
        answer_bytes_ = 0;
    }
    model_names_.emplace_back(model);
    return static_cast<std::uint32_t>(model_names_.size() - 1);
}

}  // namespace aiperf::mock
