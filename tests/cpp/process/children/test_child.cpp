// A process that behaves, or misbehaves, as its first argument says. Started by the tests of this folder.
#include "aiperf/base/clock.hpp"
#include "aiperf/process/bell.hpp"
#include "aiperf/process/child_link.hpp"
#include "aiperf/process/message.hpp"
#include "aiperf/process/spawn.hpp"
#include "aiperf/process/supervisor.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace aiperf;
using process::ChildLink;
using process::ServiceState;

constexpr int k_report_fd = process::k_first_inherited_fd;

base::Instant hang_limit() {
    return base::now() + std::chrono::seconds(60);
}

std::map<std::string, std::string> own_environment() {
    std::map<std::string, std::string> variables;
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        const std::string text{*entry};
        const auto equals = text.find('=');
        variables[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return variables;
}

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// Tells the test, by the pipe it passed down, which process this is.
void report_pid() {
    write_all(k_report_fd, std::to_string(::getpid()) + "\n");
}

[[noreturn]] void wait_for_ever() {
    for (;;) {
        ::pause();
    }
}

ChildLink registered_link() {
    ChildLink link = ChildLink::from_environment(own_environment());
    link.claim(ServiceState::running);
    link.register_service();
    return link;
}

int leave(ChildLink& link) {
    link.claim(ServiceState::stopping);
    link.claim(ServiceState::stopped);
    link.channel().flush_until(hang_limit());
    return 0;
}

/// Sends back what is not for supervision, until asked to stop or left alone.
int serve() {
    ChildLink link = registered_link();
    while (const auto payload = link.channel().receive_until(hang_limit())) {
        const auto message = process::parse_message(*payload);
        if (message && message->kind == process::Message::Kind::stop) {
            return leave(link);
        }
        link.channel().send(*payload);
    }
    return 0;
}

/// Asked to stop, it says that it stays for half a minute; it leaves when told "go".
int hold() {
    ChildLink link = registered_link();
    while (const auto payload = link.channel().receive_until(hang_limit())) {
        const auto message = process::parse_message(*payload);
        if (message && message->kind == process::Message::Kind::stop) {
            link.claim(ServiceState::stopping);
            link.leave_by(base::now() + std::chrono::seconds(30));
        } else if (message && message->type == "go") {
            return leave(link);
        }
    }
    return 4;
}

/// Lets go of all its descriptors and lives on.
int let_go() {
    const ChildLink link = registered_link();
    for (int fd = 0; fd <= process::k_channel_fd; ++fd) {
        ::close(fd);
    }
    wait_for_ever();
}

int ignore_term() {
    ChildLink::ignore_interrupts();
    const ChildLink link = registered_link();
    wait_for_ever();
}

/// Dies of SIGTERM, but does not listen to its channel.
int deaf() {
    const ChildLink link = registered_link();
    wait_for_ever();
}

int silent() {
    ChildLink link = ChildLink::from_environment(own_environment());
    while (link.channel().receive_until(hang_limit())) {
    }
    return 0;
}

/// Rings the bell it inherits.
int ring() {
    const process::Bell bell(process::Descriptor(process::k_first_inherited_fd));
    bell.ring();
    return 0;
}

int grandchild(bool leave_at_once) {
    ChildLink link = ChildLink::from_environment(own_environment());
    const pid_t forked = ::fork();
    if (forked == 0) {
        std::signal(SIGTERM, SIG_IGN);
        report_pid();
        wait_for_ever();
    }
    link.claim(ServiceState::running);
    link.register_service();
    link.channel().flush_until(hang_limit());
    if (!leave_at_once) {
        wait_for_ever();
    }
    // The grandchild may have left the group's leader alone only after it has told its pid.
    while (link.channel().receive_until(hang_limit())) {
        break;
    }
    return 0;
}

int flood() {
    for (int i = 0; i < 20000; ++i) {
        write_all(STDERR_FILENO, "line " + std::to_string(i) + std::string(200, '.') + "\n");
    }
    return 3;
}

int crash() {
    const rlimit none{};
    ::setrlimit(RLIMIT_CORE, &none);
    write_all(STDERR_FILENO, "about to fail\n");
    std::raise(SIGABRT);
    return 0;
}

int damaged_frame() {
    write_all(process::k_channel_fd, "\x7f\xff\xff\xff and so on");
    const ChildLink link = ChildLink::from_environment(own_environment());
    wait_for_ever();
}

/// What a process finds when it is started.
int describe() {
    nlohmann::json found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const auto target = std::filesystem::read_symlink(entry.path(), gone);
        if (!gone && target.string().find("/proc/") != 0) {
            found["descriptors"].push_back(std::stoi(entry.path().filename().string()));
        }
    }
    sigset_t mask;
    ::sigprocmask(SIG_SETMASK, nullptr, &mask);

    struct sigaction usr2 {};

    ::sigaction(SIGUSR2, nullptr, &usr2);
    found["usr1_blocked"] = ::sigismember(&mask, SIGUSR1) == 1;
    found["usr2_ignored"] = usr2.sa_handler == SIG_IGN;
    found["leads_group"] = ::getpgrp() == ::getpid();
    found["directory"] = std::filesystem::current_path().string();
    found["type"] = "description";
    ChildLink link = ChildLink::from_environment(own_environment());
    found["name"] = link.name();
    found["environment"] = own_environment();
    link.channel().send(found.dump());
    link.channel().flush_until(hang_limit());
    return 0;
}

process::SpawnOptions below(const char* program, const char* behaviour) {
    process::SpawnOptions options;
    options.name = behaviour;
    options.executable = program;
    options.arguments = {behaviour};
    options.inherited = {k_report_fd};
    return options;
}

/// A supervisor of its own, with one child.
int parent(const char* program) {
    const ChildLink link = registered_link();
    process::Supervisor supervisor;
    supervisor.start({.spawn = below(program, "report_and_stay"), .stop = {}});
    wait_for_ever();
}

int report_and_stay() {
    const ChildLink link = registered_link();
    ChildLink::ignore_interrupts();
    report_pid();
    wait_for_ever();
}

int parent_of_late_one(const char* program) {
    const ChildLink link = registered_link();
    const process::SpawnedProcess started = process::spawn(below(program, "arm_late"));
    wait_for_ever();
}

/// Arms the death signal only once the parent has ended.
int arm_late() {
    const process::Descriptor parent = process::open_pidfd(::getppid());
    pollfd parent_ended{.fd = parent.get(), .events = POLLIN, .revents = 0};
    report_pid();
    ::poll(&parent_ended, 1, 60'000);
    const ChildLink link = ChildLink::from_environment(own_environment());
    return 5;
}

int behave(const std::string& behaviour, const char* program) {
    const std::map<std::string, int (*)()> simple{
        {"exit_0", [] { return 0; }},
        {"exit_3", [] { return 3; }},
        {"serve", serve},
        {"hold", hold},
        {"deaf", deaf},
        {"ring", ring},
        {"let_go", let_go},
        {"ignore_term", ignore_term},
        {"silent", silent},
        {"flood", flood},
        {"crash", crash},
        {"damaged_frame", damaged_frame},
        {"describe", describe},
        {"report_and_stay", report_and_stay},
        {"arm_late", arm_late},
        {"grandchild", [] { return grandchild(false); }},
        {"leave_grandchild", [] { return grandchild(true); }},
    };
    if (const auto found = simple.find(behaviour); found != simple.end()) {
        return found->second();
    }
    if (behaviour == "parent") {
        return parent(program);
    }
    return behaviour == "parent_of_late_one" ? parent_of_late_one(program) : 99;
}

}  // namespace

int main(int argc, char** argv) {
    return argc < 2 ? 99 : behave(argv[1], argv[0]);
}
