#include "aiperf/process/channel.hpp"

#include "aiperf/base/clock.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace aiperf;
using namespace aiperf::process;

namespace {

base::Instant hang_limit() {
    return base::now() + std::chrono::seconds(60);
}

struct Ends {
    Ends()
        : Ends(Channel::make_pair()) {}

    explicit Ends(std::pair<Descriptor, Descriptor> sockets)
        : ours(std::move(sockets.first)),
          theirs(std::move(sockets.second)) {}

    Channel ours;
    Channel theirs;
};

}  // namespace

TEST_CASE("what one end sends the other receives, in order") {
    Ends ends;
    CHECK(ends.ours.send("one"));
    CHECK(ends.ours.send("two"));
    CHECK(ends.theirs.receive_until(hang_limit()) == "one");
    CHECK(ends.theirs.receive_until(hang_limit()) == "two");
    CHECK(ends.theirs.receive().empty());
    CHECK(ends.theirs.state() == ChannelState::open);
}

TEST_CASE("more than a socket takes is queued and written as the peer reads") {
    Ends ends;
    const std::string large(k_max_frame_bytes, 'l');
    CHECK(ends.ours.send(large));
    CHECK(ends.ours.send("after it"));
    CHECK(ends.ours.wants_write());
    std::vector<std::optional<std::string>> received;
    std::thread reader([&] {
        received.push_back(ends.theirs.receive_until(hang_limit()));
        received.push_back(ends.theirs.receive_until(hang_limit()));
    });
    const bool flushed = ends.ours.flush_until(hang_limit());
    reader.join();
    CHECK(flushed);
    CHECK((received == std::vector<std::optional<std::string>>{large, "after it"}));
    CHECK_FALSE(ends.ours.wants_write());
}

TEST_CASE("a peer that does not read cannot make the queue grow without end") {
    Ends ends;
    const std::string large(k_max_frame_bytes, 'l');
    int taken = 0;
    while (ends.ours.send(large)) {
        REQUIRE(++taken < 100);
    }
    CHECK(taken >= 3);
    CHECK(ends.ours.state() == ChannelState::open);
    CHECK_FALSE(ends.ours.flush_until(base::now()));
}

TEST_CASE("payloads of no or too many bytes are refused, and the channel stays usable") {
    Ends ends;
    CHECK_FALSE(ends.ours.send(""));
    CHECK_FALSE(ends.ours.send(std::string(k_max_frame_bytes + 1, 'x')));
    CHECK(ends.ours.send("fine"));
    CHECK(ends.theirs.receive_until(hang_limit()) == "fine");
}

TEST_CASE("the last words of a peer that has gone are read before its end") {
    Ends ends;
    CHECK(ends.theirs.send("last words"));
    ends.theirs.close();
    CHECK_FALSE(ends.ours.send("too late"));
    CHECK(ends.ours.receive() == std::vector<std::string>{"last words"});
    CHECK(ends.ours.state() == ChannelState::peer_gone);
    CHECK_FALSE(ends.ours.receive_until(hang_limit()));
}

TEST_CASE("a peer that ends in mid-frame, or sends a length no frame has, damages the channel") {
    auto [ours, theirs] = Channel::make_pair();
    Channel channel(std::move(ours));
    SECTION("mid-frame") {
        const std::string half = encode_frame("payload").substr(0, 6);
        REQUIRE(::write(theirs.get(), half.data(), half.size()) == 6);
        theirs.reset();
    }
    SECTION("length") {
        REQUIRE(::write(theirs.get(), "\xff\xff\xff\xff", 4) == 4);
    }
    CHECK_FALSE(channel.receive_until(hang_limit()));
    CHECK(channel.state() == ChannelState::damaged);
    CHECK_FALSE(channel.send("hello"));
}

TEST_CASE("waiting for a message ends at its deadline") {
    Ends ends;
    CHECK_FALSE(ends.ours.receive_until(base::now()));
    CHECK(ends.ours.state() == ChannelState::open);
}
