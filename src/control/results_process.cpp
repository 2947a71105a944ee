#include "aiperf/api/server.hpp"
#include "aiperf/api/wire.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/base/text.hpp"
#include "aiperf/process/bell.hpp"
#include "aiperf/process/memory_file.hpp"
#include "aiperf/process/message.hpp"
#include "aiperf/process/spawn.hpp"
#include "helper_roles.hpp"
#include "helper_words.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <cerrno>
#include <poll.h>

namespace aiperf::control {

namespace {

std::string plain_message(const char* type) {
    return nlohmann::json{{"type", type}}.dump();
}

std::string audience_message(const api::Audience& audience) {
    return nlohmann::json{{"type", k_audience},
                          {"clients", audience.clients},
                          {"unread", audience.unread},
                          {"last_unread_ns", audience.last_unread.time_since_epoch().count()},
                          {"last_active_ns", audience.last_active.time_since_epoch().count()}}
        .dump();
}

/// The server's end of the channel: what the run says becomes what clients see.
class ResultsProcess {
public:
    ResultsProcess(process::ChildLink& link, api::Opening opening)
        : link_(link),
          state_(std::move(opening.facts)),
          server_(state_, options_of(std::move(opening.options))) {}

    int serve() {
        try {
            server_.start();
        } catch (const base::RunError& error) {
            link_.register_service(error.what());
            link_.channel().flush_until(base::now() + std::chrono::seconds(1));
            return 1;
        }
        process::ChildLink::ignore_interrupts();  // again: behind whatever the server's library has installed
        link_.channel().send(
            nlohmann::json{{"type", k_listening}, {"url", server_.url()}, {"port", server_.port()}}.dump());
        link_.claim(process::ServiceState::running);
        link_.register_service();
        while (link_.channel().state() == process::ChannelState::open && !stopped_) {
            wait();
            for (const std::string& payload : link_.channel().receive()) {
                take(payload);
            }
            if (asked_.take()) {
                link_.channel().send(plain_message(k_shutdown));
            }
            if (audience_changed_.take()) {
                link_.channel().send(audience_message(server_.audience()));
            }
        }
        if (!stopped_) {
            return process::k_orphan_exit_code;  // the run is gone, and nobody will say how it ended
        }
        server_.close();
        return 0;
    }

private:
    api::ServerOptions options_of(api::ServerOptions options) {
        options.on_shutdown_request = [this] {
            asked_.ring();
            return true;
        };
        options.on_audience = [this](const api::Audience& /*audience*/) { audience_changed_.ring(); };
        return options;
    }

    void wait() {
        const short events = link_.channel().wants_write() ? POLLIN | POLLOUT : POLLIN;
        std::array<pollfd, 3> watched{{{link_.channel().fd(), events, 0},
                                       {asked_.descriptor(), POLLIN, 0},
                                       {audience_changed_.descriptor(), POLLIN, 0}}};
        if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
            throw base::SystemError("cannot wait for the run", errno);
        }
        link_.channel().flush();
    }

    void take(const std::string& payload) {
        if (const auto message = process::parse_message(payload)) {
            stopped_ = stopped_ || message->kind == process::Message::Kind::stop;
            return;
        }
        const std::size_t cut = payload.find('\n');
        if (cut == std::string::npos) {
            return;
        }
        const std::string_view kind = std::string_view(payload).substr(0, cut);
        const std::string_view body = std::string_view(payload).substr(cut + 1);
        if (kind == k_progress) {
            state_.set_progress(api::decode_progress(body));
            link_.channel().send(plain_message(k_taken));
        } else if (kind == k_publish) {
            state_.publish(api::decode_ending(body));
            link_.channel().send(audience_message(server_.audience()));  // the hold begins with who is known by now
            link_.channel().send(plain_message(k_published));
        } else if (kind == k_end_at) {
            server_.announce_end(base::Instant(base::Nanoseconds(base::parse_integer(body).value_or(0))));
        }
    }

    process::ChildLink& link_;
    process::Bell asked_;
    process::Bell audience_changed_;
    api::RunState state_;
    api::Server server_;
    bool stopped_ = false;
};

}  // namespace

int serve_results(process::ChildLink& link) {
    const process::Descriptor file(process::k_first_inherited_fd);
    return ResultsProcess(link, api::decode_opening(process::read_memory_file(file))).serve();
}

}  // namespace aiperf::control
