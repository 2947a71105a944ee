#include "websocket_frames.hpp"

#include "parsed_web_socket.hpp"
#include "web_socket_fixture.hpp"

#include <catch2/catch.hpp>

#include <initializer_list>

using namespace aiperf;
using namespace aiperf::test;
using api::CloseCode;
using api::WebSocketEvent;
using Kind = api::WebSocketEvent::Kind;

namespace {

/// A fault, and everything that must not change it: cuts.
std::optional<CloseCode> failure_of(const std::string& bytes, std::size_t most = 1000) {
    const ParsedWebSocket whole = web_socket_of(bytes, {}, most);
    for_all_cuts(bytes.size(), 60, [&](const Cuts& cuts) { REQUIRE(web_socket_of(bytes, cuts, most) == whole); });
    return whole.failure;
}

std::string part(std::uint8_t opcode, std::string_view payload, bool is_final) {
    FrameShape shape;
    shape.is_final = is_final;
    return client_frame(opcode, payload, shape);
}

std::string text_of(const std::string& bytes) {
    const ParsedWebSocket parsed = web_socket_of(bytes);
    REQUIRE(parsed.events.size() == 1);
    REQUIRE(parsed.events[0].kind == Kind::text);
    return parsed.events[0].payload;
}

}  // namespace

TEST_CASE("messages of every form of length are read, however they are cut") {
    for (const std::size_t size : {0U, 1U, 125U, 126U, 127U, 65535U, 65536U}) {
        const std::string text(size, 'a');
        CAPTURE(size);
        REQUIRE(text_of(client_frame(k_text, text)) == text);
    }
    const std::string bytes = client_frame(k_text, std::string(130, 'b')) + client_frame(k_ping, "are you there") +
                              client_frame(k_close, close_payload(1000, "bye"));
    const ParsedWebSocket whole = web_socket_of(bytes);
    REQUIRE(whole.events == std::vector<WebSocketEvent>{{Kind::text, std::string(130, 'b'), {}},
                                                        {Kind::ping, "are you there", {}},
                                                        {Kind::close, "bye", 1000}});
    REQUIRE(whole.closed);
    for_all_cuts(bytes.size(), 0, [&](const Cuts& cuts) { REQUIRE(web_socket_of(bytes, cuts) == whole); });
}

TEST_CASE("a message in several frames is one, with control frames between them told at once") {
    const std::string bytes = part(k_text, "one ", false) + client_frame(k_ping, "p") +
                              part(k_continuation, "", false) + client_frame(k_pong) +
                              part(k_continuation, "two", true);
    REQUIRE(web_socket_of(bytes).events ==
            std::vector<WebSocketEvent>{{Kind::ping, "p", {}}, {Kind::pong, "", {}}, {Kind::text, "one two", {}}});
    REQUIRE_FALSE(failure_of(bytes));
    const std::string binary = part(k_binary, "\xff", false) + part(k_continuation, "\xfe", true);
    REQUIRE(web_socket_of(binary).events == std::vector<WebSocketEvent>{{Kind::binary, "\xff\xfe", {}}});
}

TEST_CASE("a character may be cut by a frame's end, but not by a message's") {
    const std::string text = "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        REQUIRE(text_of(part(k_text, text.substr(0, cut), false) + part(k_continuation, text.substr(cut), true)) ==
                text);
    }
    REQUIRE(failure_of(client_frame(k_text, text.substr(0, 1))) == CloseCode::invalid_text);
    REQUIRE(failure_of(part(k_text, text.substr(0, 4), false) + part(k_continuation, "", true)) ==
            CloseCode::invalid_text);
}

TEST_CASE("text that is not UTF-8 is refused before its end has come") {
    for (const std::string& bad : {std::string("\x80"),
                                   std::string("\xc0\xaf"),
                                   std::string("\xc1\x80"),
                                   std::string("\xe0\x9f\xbf"),
                                   std::string("\xed\xa0\x80"),
                                   std::string("\xf0\x8f\xbf\xbf"),
                                   std::string("\xf4\x90\x80\x80"),
                                   std::string("\xf5\x80\x80\x80"),
                                   std::string("\xff"),
                                   std::string("\xe2\x82z"),
                                   std::string("\xc3\xc3")}) {
        CAPTURE(bad);
        FrameShape open;
        open.claimed_more = 50;
        REQUIRE(failure_of(client_frame(k_text, bad, open)) == CloseCode::invalid_text);
        REQUIRE_FALSE(failure_of(client_frame(k_binary, bad)));
    }
    for (const std::string& good : {std::string("\x7f"),
                                    std::string("\xc2\x80"),
                                    std::string("\xdf\xbf"),
                                    std::string("\xe0\xa0\x80"),
                                    std::string("\xed\x9f\xbf"),
                                    std::string("\xee\x80\x80"),
                                    std::string("\xf0\x90\x80\x80"),
                                    std::string("\xf4\x8f\xbf\xbf")}) {
        REQUIRE(text_of(client_frame(k_text, good)) == good);
    }
}

TEST_CASE("what is no frame of a client is a protocol error") {
    struct Case {
        const char* name;
        std::string bytes;
    };

    const auto shaped = [](std::uint8_t opcode, std::string_view payload, auto... change) {
        FrameShape shape;
        (change(shape), ...);
        return client_frame(opcode, payload, shape);
    };
    const auto unmasked = [](FrameShape& shape) { shape.masked = false; };
    const auto cut_short = [](FrameShape& shape) { shape.is_final = false; };
    const auto length = [](unsigned bytes) { return [bytes](FrameShape& shape) { shape.length_bytes = bytes; }; };
    const auto reserved = [](std::uint8_t bit) { return [bit](FrameShape& shape) { shape.reserved = bit; }; };
    for (const Case& each : {Case{"not masked", shaped(k_text, "x", unmasked)},
                             Case{"reserved bit 1", shaped(k_text, "x", reserved(0x40))},
                             Case{"reserved bit 2", shaped(k_text, "x", reserved(0x20))},
                             Case{"reserved bit 3", shaped(k_text, "x", reserved(0x10))},
                             Case{"opcode 3", client_frame(0x3, "x")},
                             Case{"opcode 7", client_frame(0x7, "x")},
                             Case{"opcode 11", client_frame(0xb, "x")},
                             Case{"opcode 15", client_frame(0xf, "x")},
                             Case{"a long ping", client_frame(k_ping, std::string(126, 'x'))},
                             Case{"a ping in two", shaped(k_ping, "x", cut_short)},
                             Case{"a close in two", shaped(k_close, "", cut_short)},
                             Case{"a continuation of nothing", client_frame(k_continuation, "x")},
                             Case{"a message in a message", part(k_text, "x", false) + client_frame(k_text, "y")},
                             Case{"binary in a text", part(k_text, "x", false) + client_frame(k_binary, "y")},
                             Case{"2 bytes of length for 125", shaped(k_text, std::string(125, 'x'), length(2))},
                             Case{"8 bytes of length for 65535", shaped(k_binary, std::string(300, 'x'), length(8))},
                             Case{"a length with its highest bit", std::string("\x82\xff\x80\0\0\0\0\0\0\0....", 14)},
                             Case{"a close of one byte", client_frame(k_close, "x")}}) {
        CAPTURE(each.name);
        REQUIRE(failure_of(each.bytes) == CloseCode::protocol_error);
    }
}

TEST_CASE("a close has a code that may be sent, and a reason in UTF-8") {
    for (const std::uint16_t code :
         std::initializer_list<std::uint16_t>{1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 4999}) {
        const ParsedWebSocket parsed = web_socket_of(client_frame(k_close, close_payload(code)));
        REQUIRE(parsed.closed);
        REQUIRE(parsed.events == std::vector<WebSocketEvent>{{Kind::close, "", code}});
    }
    for (const std::uint16_t code :
         std::initializer_list<std::uint16_t>{0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
        CAPTURE(code);
        REQUIRE(failure_of(client_frame(k_close, close_payload(code))) == CloseCode::protocol_error);
    }
    REQUIRE(web_socket_of(client_frame(k_close)).events == std::vector<WebSocketEvent>{{Kind::close, "", {}}});
    REQUIRE(failure_of(client_frame(k_close, close_payload(1000, "\xc3"))) == CloseCode::invalid_text);
}

TEST_CASE("a message beyond the limit is refused by its head, also in pieces and in many empty ones") {
    FrameShape giant;
    giant.claimed_more = 1ULL << 40U;
    REQUIRE(failure_of(client_frame(k_text, "", giant)) == CloseCode::too_big);
    REQUIRE_FALSE(failure_of(client_frame(k_text, std::string(1000, 'x')), 1000));
    REQUIRE(failure_of(client_frame(k_text, std::string(1001, 'x')), 1000) == CloseCode::too_big);
    const std::string half = part(k_text, std::string(600, 'x'), false);
    REQUIRE(failure_of(half + part(k_continuation, std::string(401, 'x'), true)) == CloseCode::too_big);
    std::string flood = part(k_text, "", false);
    for (std::size_t i = 0; i <= api::WebSocketReader::k_most_fragments; ++i) {
        flood += part(k_continuation, "", false);
    }
    REQUIRE(web_socket_of(flood).failure == CloseCode::too_big);
}

TEST_CASE("after a failure or a close nothing is read any more") {
    const std::string more = client_frame(k_text, "more");
    REQUIRE(web_socket_of(client_frame(k_continuation) + more).events.empty());
    REQUIRE(web_socket_of(client_frame(k_close) + more).events.size() == 1);
}

TEST_CASE("frames of the server are whole, not masked, with the shortest length") {
    REQUIRE(api::text_frame("hi") == "\x81\x02hi");
    REQUIRE(api::text_frame(std::string(126, 'x')).starts_with(std::string("\x81\x7e\x00\x7e", 4)));
    REQUIRE(api::text_frame(std::string(65536, 'x')).starts_with(std::string("\x81\x7f\0\0\0\0\0\1\0\0", 10)));
    REQUIRE(api::ping_frame() == std::string("\x89\0", 2));
    REQUIRE(api::pong_frame("p") == "\x8a\x01p");
    REQUIRE(api::close_frame(CloseCode::going_away, "end") ==
            "\x88\x05\x03\xe9"
            "end");
    REQUIRE(api::close_answer(1000) == "\x88\x02\x03\xe8");
    REQUIRE(api::close_answer({}) == std::string("\x88\0", 2));
}
