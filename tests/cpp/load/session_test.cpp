#include "aiperf/load/session.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace aiperf;  // NOLINT: a test
using dataset::Dataset;
using load::Session;

namespace {

const endpoint::AnswerFrame k_frame{R"({"role":"assistant","content":")", R"("})"};

/// A turn that says `text`; `body` must live as long as it does.
Dataset::Entry turn_in(std::string& body, const std::string& text) {
    const std::string before = R"({"messages":[)";
    const std::string message = R"({"role":"user","content":")" + text + R"("})";
    body = before + message + R"(],"stream":true})";
    return {.body = body, .message_at = before.size(), .message_bytes = message.size(), .text = {}};
}

Session begun() {
    Session session;
    session.begin(3, 1, 2);
    return session;
}

}  // namespace

TEST_CASE("The first turn is sent as it is, without a copy") {
    Session session = begun();
    std::string body;
    const Dataset::Entry entry = turn_in(body, "one");
    CHECK(session.body_of(entry).data() == body.data());
    CHECK(session.body_of(entry).size() == body.size());
}

TEST_CASE("Later turns hold what was said before: the user's messages, the answers, in order") {
    Session session = begun();
    std::string one;
    std::string two;
    std::string three;
    session.remember(turn_in(one, "one"), "first", k_frame);
    CHECK(session.body_of(turn_in(two, "two")) ==
          R"({"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"first"},)"
          R"({"role":"user","content":"two"}],"stream":true})");
    session.remember(turn_in(two, "two"), "second", k_frame);
    CHECK(session.body_of(turn_in(three, "three")) ==
          R"({"messages":[{"role":"user","content":"one"},{"role":"assistant","content":"first"},)"
          R"({"role":"user","content":"two"},{"role":"assistant","content":"second"},)"
          R"({"role":"user","content":"three"}],"stream":true})");
}

TEST_CASE("A turn without an answer stays in the history alone") {
    Session session = begun();
    std::string one;
    std::string two;
    session.remember(turn_in(one, "one"), "", k_frame);
    CHECK(session.body_of(turn_in(two, "two")) ==
          R"({"messages":[{"role":"user","content":"one"},{"role":"user","content":"two"}],"stream":true})");
}

TEST_CASE("An answer is escaped as the inside of a JSON string") {
    Session session = begun();
    std::string one;
    session.remember(turn_in(one, "one"), "a \"b\"\\\n\x01 \xc3\xa9", k_frame);
    CHECK(session.history ==
          "{\"role\":\"user\",\"content\":\"one\"},"
          "{\"role\":\"assistant\",\"content\":\"a \\\"b\\\"\\\\\\n\\u0001 \xc3\xa9\"},");
}

TEST_CASE("Where answers have no form, or a body no place, there is nothing of them") {
    Session session = begun();
    std::string one;
    std::string two;
    session.remember(turn_in(one, "one"), "first", {});
    CHECK(session.history == R"({"role":"user","content":"one"},)");
    Dataset::Entry fixed = turn_in(two, "two");
    fixed.message_bytes = 0;
    CHECK(session.body_of(fixed) == two);
    session.remember(fixed, "second", k_frame);
    CHECK(session.history == R"({"role":"user","content":"one"},)");
}

TEST_CASE("A session that begins knows nothing of the one before") {
    Session session = begun();
    std::string one;
    session.remember(turn_in(one, "one"), "first", k_frame);
    session.turn = 2;
    session.begin(4, 0, 1);
    CHECK((session.number == 4 && session.conversation == 0 && session.target == 1 && session.turn == 0));
    CHECK(session.history.empty());
}
