#include "aiperf/process/thread_report.hpp"

#include "aiperf/base/thread_name.hpp"
#include "aiperf/process/supervisor.hpp"
#include "child_support.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <functional>
#include <future>
#include <poll.h>
#include <semaphore>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <thread>

using namespace aiperf;
using process::thread_line;
using process::thread_report;

namespace {

bool has_line(pid_t pid, const std::string& begin, const std::string& part) {
    const auto lines = thread_report(pid);
    return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
        return line.starts_with(begin) && line.find(part) != std::string::npos;
    });
}

/// True once a line of that kind is there; false: it never was.
bool comes(pid_t pid, const std::string& begin, const std::string& part) {
    const base::Instant limit = process::test::hang_limit();
    while (!has_line(pid, begin, part)) {
        if (base::now() > limit) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

/// Of the thread of that name; 0 where there is none.
double cpu_seconds(pid_t pid, const std::string& name) {
    for (const std::string& line : thread_report(pid)) {
        if (line.starts_with(name + " (tid ")) {
            return std::stod(line.substr(line.rfind(", ") + 2));
        }
    }
    return 0;
}

/// A thread that does `work`, under a name, until the test lets it go by writing to `descriptor`.
class NamedThread {
public:
    NamedThread(const char* name, const std::function<void(int)>& work)
        : event_(::eventfd(0, EFD_CLOEXEC)),
          thread_([this, name, work] {
              base::name_this_thread(name);
              work(event_.get());
          }) {}

    ~NamedThread() {
        const std::uint64_t one = 1;
        static_cast<void>(::write(event_.get(), &one, sizeof(one)));
        thread_.join();
    }

    NamedThread(const NamedThread&) = delete;
    NamedThread& operator=(const NamedThread&) = delete;

private:
    process::Descriptor event_;
    std::thread thread_;
};

void wait_in_epoll(int fd) {
    const process::Descriptor set{::epoll_create1(EPOLL_CLOEXEC)};
    epoll_event wanted{.events = EPOLLIN, .data = {.fd = fd}};
    ::epoll_ctl(set.get(), EPOLL_CTL_ADD, fd, &wanted);
    epoll_event event{};
    while (::epoll_wait(set.get(), &event, 1, -1) < 0) {
    }
}

void wait_in_read(int fd) {
    std::uint64_t value = 0;
    static_cast<void>(::read(fd, &value, sizeof(value)));
}

void turn(int fd) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    while (::poll(&one, 1, 0) == 0) {
    }
}

const std::string k_stat = "4711 (a (b) c) S 1 2 3 0 -1 4194304 129 0 0 0 120 15 0 0 20 0 1 0 123 4567 89";

}  // namespace

TEST_CASE("each thread is named with what it does") {
    const NamedThread poller("poller", wait_in_epoll);
    const NamedThread reader("reader", wait_in_read);
    const NamedThread runner("runner", turn);
    REQUIRE(comes(::getpid(), "poller (tid ", "): sleeping in epoll_"));
    REQUIRE(comes(::getpid(), "reader (tid ", "): sleeping in read, 0."));
    REQUIRE(comes(::getpid(), "runner (tid ", "): running, "));
}

TEST_CASE("a thread's CPU time is told") {
    const NamedThread runner("runner", turn);
    const base::Instant limit = process::test::hang_limit();
    while (cpu_seconds(::getpid(), "runner") < 0.05) {
        REQUIRE(base::now() < limit);
    }
    REQUIRE(cpu_seconds(::getpid(), "runner") < 60);
}

TEST_CASE("a name is cut at what the system keeps") {
    const NamedThread reader("a name of twenty-one", wait_in_read);
    REQUIRE(comes(::getpid(), "a name of twent (tid ", "sleeping in read"));
}

TEST_CASE("a thread that waits for a lock is seen in futex") {
    std::binary_semaphore semaphore(0);
    std::jthread waiter([&] {
        base::name_this_thread("waiter");
        semaphore.acquire();
    });
    CHECK(comes(::getpid(), "waiter (tid ", "sleeping in futex"));
    semaphore.release();
}

TEST_CASE("the lines are in the order of the thread ids, the process's first thread first") {
    const NamedThread reader("reader", wait_in_read);
    const auto lines = thread_report(::getpid());
    REQUIRE(lines.size() >= 2);
    REQUIRE(lines.front().find("(tid " + std::to_string(::getpid()) + ")") != std::string::npos);
}

TEST_CASE("the threads of a child process are seen, running and stopped") {
    process::Supervisor supervisor;
    const auto child = supervisor.start({.spawn = process::test::child_that("deaf"), .stop = {}});
    const pid_t pid = supervisor.pid(child);
    REQUIRE(comes(pid, "process_test_ch (tid " + std::to_string(pid) + ")", "sleeping in p"));  // pause, ppoll
    supervisor.signal_all(SIGSTOP);
    REQUIRE(comes(pid, "process_test_ch", "): stopped, "));
    REQUIRE(process::is_stopped(pid));
    supervisor.signal_all(SIGCONT);
    REQUIRE(comes(pid, "process_test_ch", "sleeping in "));
    REQUIRE_FALSE(process::is_stopped(pid));
    supervisor.kill(child);
    REQUIRE(supervisor.wait_ended(child, process::test::hang_limit()));
    REQUIRE(thread_report(pid).empty());
    REQUIRE(process::is_stopped(pid));
}

TEST_CASE("a name with brackets and spaces does not mislead the reader of the state") {
    const std::string futex = std::to_string(SYS_futex) + " 0x1 0x2 0x0 0x0 0x0 0x0 0x7ff 0x7fe\n";
    REQUIRE(thread_line(4711, {"a (b) c\n", k_stat, "futex_wait_queue", futex}) ==
            "a (b) c (tid 4711): sleeping in futex, 1.35 s of CPU");
}

TEST_CASE("where the system call is not told the kernel's function is, or nothing") {
    const std::string begin = "x (tid 1): sleeping";
    REQUIRE(thread_line(1, {"x\n", k_stat, "do_wait", ""}) == begin + " in the kernel's do_wait, 1.35 s of CPU");
    REQUIRE(thread_line(1, {"x\n", k_stat, "do_wait", "-1 0x7ff 0x7fe\n"}) ==
            begin + " in the kernel's do_wait, 1.35 s of CPU");
    REQUIRE(thread_line(1, {"x\n", k_stat, "0", "running\n"}) == begin + ", 1.35 s of CPU");
    REQUIRE(thread_line(1, {"x\n", k_stat, "", "9999 0x0 0x0 0x0 0x0 0x0 0x0 0x1 0x2\n"}) ==
            begin + " in system call 9999, 1.35 s of CPU");
}

TEST_CASE("a damaged or missing state gives no line") {
    REQUIRE(thread_line(1, {"x\n", "", "", ""}).empty());
    REQUIRE(thread_line(1, {"x\n", "1 (x) S 1 2", "", ""}).empty());
}
