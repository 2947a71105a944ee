#include "stream_request.hpp"

#include "aiperf/base/text.hpp"
#include "target.hpp"

#include <algorithm>
#include <array>
#include <openssl/evp.h>

namespace aiperf::api {

namespace {

constexpr std::string_view k_version = "13";

StreamPlan refusal(int status, std::string detail) {
    StreamPlan plan;
    plan.kind = StreamPlan::Kind::refusal;
    plan.status = status;
    plan.detail = std::move(detail);
    return plan;
}

bool has_token(std::string_view list, std::string_view token) {
    const std::vector<std::string_view> parts = base::split(list, ',');
    return std::any_of(parts.begin(), parts.end(), [token](std::string_view part) {
        return base::equals_ignoring_case(base::trim(part), token);
    });
}

/// 16 bytes in base64.
bool is_key(std::string_view key) {
    constexpr std::size_t k_digits = 22;
    const auto is_digit = [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    };
    return key.size() == k_digits + 2 && key.ends_with("==") &&
           std::all_of(key.begin(), key.begin() + k_digits, is_digit);
}

StreamPlan plan_web_socket(const StreamRequest& request) {
    const bool upgrades = has_token(request.upgrade, "websocket") && has_token(request.connection, "upgrade");
    if (!upgrades || (!request.version.empty() && base::trim(request.version) != k_version)) {
        StreamPlan plan = refusal(426, "Only WebSocket, version 13, is spoken here");
        plan.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", std::string(k_version)}};
        return plan;
    }
    const std::string_view key = base::trim(request.key);
    if (request.version.empty() || !is_key(key)) {
        return refusal(400, "Sec-WebSocket-Version, or a Sec-WebSocket-Key of 16 bytes, is missing");
    }
    StreamPlan plan;
    plan.kind = StreamPlan::Kind::web_socket;
    plan.accept = accept_of(key);
    return plan;
}

StreamPlan plan_events(const StreamRequest& request, const Target& target) {
    StreamPlan plan;
    plan.kind = StreamPlan::Kind::events;
    plan.last_id = base::parse_unsigned(base::trim(request.last_event_id));
    if (const std::string* const types = target.find("types")) {
        for (const std::string_view type : base::split(*types, ',')) {
            plan.types.emplace(base::trim(type));
        }
    }
    plan.types.erase("");
    if (plan.types.contains("*")) {
        plan.types.clear();
    }
    return plan;
}

}  // namespace

std::string accept_of(std::string_view key) {
    const std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return {encoded.begin(), encoded.begin() + length};
}

StreamPlan plan_stream(const StreamRequest& request, std::string_view run_id) {
    const Target target(request.target);
    if (target.path != k_web_socket_path && target.path != k_events_path) {
        return {};
    }
    if (const std::string* const asked_for = target.find("run_id"); asked_for != nullptr && *asked_for != run_id) {
        return refusal(409, "This is run " + std::string(run_id) + ", not " + *asked_for);
    }
    if (request.method != "GET") {
        StreamPlan plan = refusal(405, "Method Not Allowed");
        plan.headers = {{"Allow", "GET"}};
        return plan;
    }
    return target.path == k_web_socket_path ? plan_web_socket(request) : plan_events(request, target);
}

}  // namespace aiperf::api
