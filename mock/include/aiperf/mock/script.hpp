#pragma once

#include "aiperf/mock/answer.hpp"
#include "aiperf/mock/responder.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace aiperf::mock {

/// One scripted answer in every framing.
using ScriptAnswer = std::array<AnswerPtr, k_framings>;

/// One route: requests of that method and path get its answers in turn.
struct ScriptRoute {
    std::string method;
    std::string path;
    std::vector<ScriptAnswer> answers;  ///< at least one
    bool last = false;                  ///< after the last answer: that one for ever (else the first again)
    bool same_again = false;            ///< a request whose X-Request-ID was seen before gets the answer of that time
};

/// Reads {"routes": [...]}, or an object whose member "mock" is that. Throws base::ConfigError naming the place
/// ("routes[0].answers[2].events[3]") and what is wrong there.
[[nodiscard]] std::vector<ScriptRoute> parse_script(std::string_view json_text);

/// A script being played: which answer comes next is counted over all workers. *Thread safety*: `next` may be called
/// from any thread.
class Script {
public:
    explicit Script(std::vector<ScriptRoute> routes);

    /// The next answer for that method and path; 404 where no route fits.
    Reply next(std::string_view method, std::string_view path, Framing framing, std::string_view request_id = {});

    /// True where a route looks at X-Request-ID.
    [[nodiscard]] bool wants_headers() const noexcept;

private:
    [[nodiscard]] std::uint64_t take(std::size_t route, std::string_view request_id);

    std::vector<ScriptRoute> routes_;
    std::vector<std::atomic<std::uint64_t>> taken_;  ///< per route
    std::mutex mutex_;
    std::map<std::string, std::uint64_t, std::less<>> turn_of_;  ///< by request id; guarded by mutex_
};

/// Answers out of a script shared by all workers; it must outlive the responder.
class ScriptResponder final : public Responder {
public:
    explicit ScriptResponder(Script& script)
        : script_(script) {}

    Reply reply(const Request& request, Framing framing) override;

    [[nodiscard]] bool wants_headers() const noexcept override { return script_.wants_headers(); }

private:
    Script& script_;
};

}  // namespace aiperf::mock
