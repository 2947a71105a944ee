#include "server_fixture.hpp"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace aiperf;
using namespace std::chrono_literals;
using api::ServerOptions;
using test::RawAnswer;
using test::RawHttpClient;
using test::RunningServer;

namespace {

using Statuses = std::vector<int>;

/// A client that does what no client should, and what it gets for it.
struct Fault {
    std::string name;
    std::string bytes;
    Statuses answers;                                                                        ///< in order
    enum class Then : std::uint8_t { ends, ends_after_silence, goes_on } then = Then::ends;  ///< the connection
};

std::string repeated(const std::string& text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += text;
    }
    return out;
}

constexpr Fault::Then k_goes_on = Fault::Then::goes_on;
constexpr Fault::Then k_ends_after_silence = Fault::Then::ends_after_silence;

/// Bytes with zeros in them.
template <std::size_t Size>
std::string raw(const char (&bytes)[Size]) {
    return {bytes, Size - 1};
}

std::vector<Fault> half_requests() {
    return {
        {"says nothing", "", {}, k_ends_after_silence},
        {"half a method", "GE", {408}},
        {"half a target", "GET /heal", {408}},
        {"half a header", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Lon", {408}},
        {"no empty line", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n", {408}},
        {"a body that is shorter than its length",
         "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n12345",
         {408}},
        {"chunks without an end",
         "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
         {408}},
        {"half a chunk", "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n12345", {408}},
        {"one request and a half",
         "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /hea",
         {200},
         k_ends_after_silence},
    };
}

std::vector<Fault> too_much() {
    const std::string get = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    return {
        {"a target over the limit",
         "GET /" + std::string(9'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
         {414},
         k_goes_on},
        {"a giant target", "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}},
        {"headers over the limit", get + repeated("X: y\r\n", 65) + "\r\n", {431}},
        {"endless headers", get + repeated("X: y\r\n", 50'000), {400}},
        {"a header over the limit", get + "X: " + std::string(40'000, 'a') + "\r\n\r\n", {431}},
        {"a giant header", get + "X: " + std::string(500'000, 'a'), {400}},
        {"a giant name", get + std::string(100'000, 'X'), {400}},
        {"a body over the limit",
         "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 70000\r\n\r\n" + std::string(70'000, 'b'),
         {413}},
        {"a giant body",
         "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n" + std::string(900'000, 'b'),
         {400}},
        {"a length beyond all numbers",
         "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n",
         {400}},
    };
}

std::vector<Fault> smuggled() {
    const std::string post = "POST /api/results HTTP/1.1\r\nHost: localhost\r\n";
    const std::string chunked = "Transfer-Encoding: chunked\r\n";
    return {
        {"a length and chunks",
         post + "Content-Length: 5\r\n" + chunked + "\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: localhost\r\n\r\n",
         {400}},
        {"chunks and a length", post + chunked + "Content-Length: 5\r\n\r\n0\r\n\r\n", {400}},
        {"two lengths", post + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", {400}},
        {"a length twice", post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab", {400}},
        {"a negative length", post + "Content-Length: -1\r\n\r\n", {400}},
        {"a length with a sign", post + "Content-Length: +5\r\n\r\n12345", {400}},
        {"a length of no digits", post + "Content-Length: five\r\n\r\n", {400}},
        {"two lengths in one", post + "Content-Length: 1, 1\r\n\r\na", {400}},
        {"a coding that ends in no chunks", post + "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", {400}},
        {"a coding like chunks", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", {400}},
        {"a chunk of no size", post + chunked + "\r\n\r\n12345\r\n", {400}},
        {"a chunk of no digits", post + chunked + "\r\nzz\r\n12345\r\n", {400}},
        {"a chunk beyond all numbers", post + chunked + "\r\nffffffffffffffffff\r\n", {400}},
        {"a chunk longer than it says", post + chunked + "\r\n2\r\n12345\r\n0\r\n\r\n", {408}},
        {"a request in a body",
         "GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 22\r\n\r\nGET /nope HTTP/1.1\r\n\r\n",
         {200},
         k_goes_on},
        {"a control character in a value", "GET / HTTP/1.1\r\nHost: localhost\r\nX: a\x01z\r\n\r\n", {400}},
        {"a blank before the colon", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\n", {400}},
    };
}

std::vector<Fault> no_http() {
    return {
        {"another protocol", "SSH-2.0-OpenSSH_9.2\r\n", {400}},
        {"a hello of TLS", raw("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), {400}},
        {"HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400}},
        {"HTTP/2.0 in words", "GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", {505}},
        {"a version that is none", "GET /healthz HTTP/x.y\r\n\r\n", {400}},
        {"words after the version", "GET /healthz HTTP/1.1 or so\r\n\r\n", {400}},
        {"a method in small letters", "get /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}},
        {"a method nobody knows", "FETCH /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}},
        {"a zero in the method", raw("GE\0T / HTTP/1.1\r\nHost: localhost\r\n\r\n"), {400}},
        {"a zero in the target", raw("GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n"), {400}},
        {"a zero in a name", raw("GET / HTTP/1.1\r\nHost: localhost\r\nX\0Y: z\r\n\r\n"), {400}},
        {"zeros", std::string(5'000, '\0'), {400}},
        {"ones", std::string(5'000, '\xff'), {400}},
        {"a good request, then none", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nnonsense\r\n\r\n", {200}},
    };
}

std::vector<Fault> odd_but_answered() {
    const std::string get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
    return {
        {"bad percents in a path", "GET /%zz%/%00%2 HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}, k_goes_on},
        {"bad percents in a name", "GET /api/results/files/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}, k_goes_on},
        {"bad percents in a query", "GET /api/results?wait=%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", {400}, k_goes_on},
        {"a path out of here",
         "GET /api/results/files/..%2f..%2fetc%2fpasswd HTTP/1.1\r\nHost: localhost\r\n\r\n",
         {400},
         k_goes_on},
        {"a whole URL of elsewhere",
         "GET http://elsewhere.example/healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
         {200},
         k_goes_on},
        {"OPTIONS of everything", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", {404}, k_goes_on},
        {"TRACE", "TRACE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", {405}, k_goes_on},
        {"lines that end in LF alone", "GET /healthz HTTP/1.1\nHost: localhost\n\n", {200}, k_goes_on},
        {"empty lines before a request", "\r\n\r\n" + get + "\r\n", {200}, k_goes_on},
        {"a range of nonsense", get + "Range: bytes=9-1,-,x\r\nIf-Range: \"\r\n\r\n", {200}, k_goes_on},
        {"codings of nonsense", get + "Accept-Encoding: ;;q=,gzip;q=9,\xff\r\n\r\n", {200}, k_goes_on},
        {"tags of nonsense",
         "GET /api/results HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: W/\",,\"\\\r\n\r\n",
         {200},
         k_goes_on},
        {"a thousand requests at once", repeated(get + "\r\n", 1000), Statuses(1000, 200), k_goes_on},
        {"good and bad ones in order",
         repeated("GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n" + get + "\r\n", 2),
         {404, 200, 404, 200},
         k_goes_on},
        {"nothing after Connection: close", get + "Connection: close\r\n\r\n" + get + "\r\n", {200}},
    };
}

void check(const Fault& fault) {
    ServerOptions options;
    options.limits.request_time = 150ms;
    options.limits.idle_time = fault.then == k_ends_after_silence ? 150ms : 60s;
    RunningServer s(std::move(options));
    s.run.finish();
    RawHttpClient before(s.server.port());
    REQUIRE(before.get("/healthz").status == 200);
    RawHttpClient client(s.server.port());
    client.send(fault.bytes);
    Statuses got;
    for (std::size_t i = 0; i < fault.answers.size(); ++i) {
        const RawAnswer answer = client.read_answer();
        CAPTURE(answer.head, answer.body);
        REQUIRE(answer.complete);
        REQUIRE((answer.status < 400 || nlohmann::json::parse(answer.body).contains("detail")));
        got.push_back(answer.status);
    }
    REQUIRE(got == fault.answers);
    REQUIRE(s.get("/healthz").status == 200);
    if (fault.then == k_goes_on) {
        REQUIRE(client.get("/healthz").status == 200);
    } else {
        REQUIRE(client.ends());
    }
    if (fault.then != k_ends_after_silence) {
        REQUIRE(before.get("/healthz").status == 200);
    }
    s.server.close();
    REQUIRE(s.refuses());
}

/// Clients in a process of their own, which has descriptors of its own. It is forked before there is a second thread.
class Crowd {
public:
    explicit Crowd(int clients) {
        REQUIRE(::pipe2(port_.data(), O_CLOEXEC) == 0);
        child_ = ::fork();
        REQUIRE(child_ >= 0);
        if (child_ == 0) {
            std::uint16_t port = 0;
            const bool told = ::read(port_[0], &port, sizeof port) == sizeof port;
            ::_exit(told && ask_all(port, clients) ? 0 : 1);
        }
        ::close(port_[0]);
    }

    /// True: all of them were connected at once, and all were answered.
    bool meets(std::uint16_t port) {
        const bool told = ::write(port_[1], &port, sizeof port) == sizeof port;
        ::close(port_[1]);
        int status = -1;
        return ::waitpid(child_, &status, 0) == child_ && told && status == 0;
    }

private:
    static bool ask_all(std::uint16_t port, int clients) {
        try {
            std::vector<std::unique_ptr<RawHttpClient>> all;
            for (int i = 0; i < clients; ++i) {
                all.push_back(std::make_unique<RawHttpClient>(port));
            }
            return std::all_of(all.begin(), all.end(), [](auto& one) { return one->get("/healthz").status == 200; });
        } catch (const std::exception&) {
            return false;
        }
    }

    std::array<int, 2> port_{-1, -1};
    pid_t child_ = -1;
};

}  // namespace

TEST_CASE("bad clients get what they deserve, in order, and the others their answers; then the server closes") {
    std::size_t count = 0;
    for (const auto& faults : {half_requests(), too_much(), smuggled(), no_http(), odd_but_answered()}) {
        for (const Fault& fault : faults) {
            INFO(fault.name);
            check(fault);
            ++count;
        }
    }
    REQUIRE(count >= 60);
}

TEST_CASE("clients that never read, or reset, delay neither others nor the close") {
    ServerOptions options;
    options.shutdown_timeout = 100ms;
    RunningServer s(std::move(options));
    s.run.write("big.txt", std::string(16UL << 20U, 'b'));
    s.run.finish();
    std::vector<std::unique_ptr<RawHttpClient>> clients;
    for (const char* const target :
         {"/api/results/files/big.txt", "/api/results/archive", "/api/results/archive?format=tar.gz"}) {
        for (int i = 0; i < 10; ++i) {
            clients.push_back(std::make_unique<RawHttpClient>(s.server.port()));
            clients.back()->request("GET", target);
            if (i % 2 == 0) {
                REQUIRE_FALSE(clients.back()->read_some().empty());
            }
            if (i % 5 == 0) {
                clients.back()->close();
            }
        }
        REQUIRE(s.get("/healthz").status == 200);
    }
    RawHttpClient pipelining(s.server.port());
    pipelining.send(repeated("GET /api/results/files/big.txt HTTP/1.1\r\nHost: localhost\r\n\r\n", 100));
    REQUIRE(s.get("/healthz").status == 200);
    s.server.close();
    REQUIRE(s.refuses());
}

// Takes its time: hidden, and run by a slow test of tests/python/test_api_faults.py.
TEST_CASE("ten thousand connections are open, and each is answered", "[.][crowd]") {
    constexpr int k_clients = 10'000;
    rlimit old{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
    if (old.rlim_max < k_clients + 100) {
        WARN("this machine does not allow so many descriptors");
        return;
    }
    rlimit more = old;
    more.rlim_cur = old.rlim_max;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &more) == 0);
    {
        ServerOptions options;
        options.limits.connections = 2 * k_clients;
        Crowd crowd(k_clients);
        const RunningServer s(std::move(options));
        REQUIRE(crowd.meets(s.server.port()));
        REQUIRE(s.get("/healthz").status == 200);
    }
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
}
