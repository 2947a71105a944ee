#include "patient_http2.hpp"

#include "aiperf/base/error.hpp"
#include "aiperf/load/http2.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

namespace aiperf::control {

namespace {

constexpr std::size_t k_longest_answer = 16UL << 20U;

struct Hearing final : load::Http2Session::Listener {
    Http2Answer answer;
    bool over = false;
    std::string failure;

    void on_head(load::ExchangeId /*id*/, const http::ResponseHead& head) override {
        answer.status = head.status;
        answer.coding = head.coding;
    }

    void on_body(load::ExchangeId /*id*/, char* data, std::size_t size) override {
        answer.body.append(data, std::min(size, k_longest_answer - std::min(k_longest_answer, answer.body.size())));
    }

    void on_end(load::ExchangeId /*id*/) override { over = true; }

    void on_reset(load::ExchangeId /*id*/, std::string_view why, bool /*refused*/) override {
        over = true;
        failure = why;
    }
};

/// Carries frames until `enough`.
void converse(PatientConnection& connection,
              load::Http2Session& session,
              Hearing& hearing,
              const std::function<bool()>& enough) {
    std::array<char, 16384> buffer{};
    while (true) {
        std::string frames;
        session.fill(frames, hearing);
        if (!frames.empty()) {
            connection.write(frames);
        }
        if (enough()) {
            return;
        }
        const std::size_t got = connection.read(buffer.data(), buffer.size());
        if (got == 0 || session.over() || !session.feed(buffer.data(), got, hearing)) {
            connection.close();
            throw base::RunError("no HTTP/2: " + (session.error().empty()
                                                      ? "the server closed the connection; does it speak it?"
                                                      : session.error()));
        }
    }
}

}  // namespace

void expect_http2(PatientConnection& connection) {
    load::Http2Session session;
    Hearing hearing;
    converse(connection, session, hearing, [&session] { return session.ready(); });
    connection.close();
}

Http2Answer ask_over_http2(PatientConnection& connection, const std::string& request, bool tls) {
    load::Http2Session session;
    Hearing hearing;
    const std::size_t head = request.find("\r\n\r\n") + 4;
    session.submit(
        static_cast<load::ExchangeId>(0), request.substr(0, head), std::string_view(request).substr(head), tls);
    converse(connection, session, hearing, [&hearing] { return hearing.over; });
    connection.close();
    if (!hearing.failure.empty()) {
        throw base::RunError(hearing.failure);
    }
    return hearing.answer;
}

}  // namespace aiperf::control
