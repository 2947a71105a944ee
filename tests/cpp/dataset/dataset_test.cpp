#include "aiperf/dataset/dataset.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <sys/mman.h>
#include <unistd.h>

using namespace aiperf::dataset;

namespace {

/// Descriptors of this process that are data-set memfds.
std::vector<int> dataset_descriptors() {
    std::vector<int> found;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (!gone && target.find("memfd:aiperf-dataset") != std::string::npos) {
            found.push_back(std::atoi(entry.path().filename().c_str()));
        }
    }
    return found;
}

}  // namespace

TEST_CASE("a sealed data set gives back every body, id and count in order") {
    DatasetBuilder builder;
    builder.add("session_000000", R"({"a":1})", 12, 34);
    builder.add("session_000001", "", -1, -1);
    builder.add("session_000002", std::string("nul\0inside", 10), 5, -1);
    const auto data = builder.seal();
    REQUIRE(data->size() == 3);
    REQUIRE(data->entry(0).body == R"({"a":1})");
    REQUIRE(data->entry(0).input_tokens == 12);
    REQUIRE(data->entry(0).requested_tokens == 34);
    REQUIRE(data->entry(1).body.empty());
    REQUIRE(data->entry(1).input_tokens == -1);
    REQUIRE(data->entry(2).body == std::string_view("nul\0inside", 10));
    REQUIRE(data->conversation_id(2) == "session_000002");
}

TEST_CASE("bodies of many megabytes keep their bytes and lie back to back") {
    DatasetBuilder builder;
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < 50; ++i) {
        std::string body(100000 + i * 777, '\0');
        std::iota(body.begin(), body.end(), static_cast<char>(i));
        builder.add("c", body, 1, 1);
        bodies.push_back(std::move(body));
    }
    const auto data = builder.seal();
    REQUIRE(data->size() == bodies.size());
    const char* at = data->entry(0).body.data();
    for (std::size_t i = 0; i < bodies.size(); ++i) {
        REQUIRE(data->entry(i).body.data() == at);
        REQUIRE(data->entry(i).body == bodies[i]);
        at += bodies[i].size();
    }
}

TEST_CASE("padding follows the last body even where it ends on a page") {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    DatasetBuilder builder;
    builder.add("c", std::string(page, 'x'), 1, 1);
    const auto data = builder.seal();
    const std::string_view body = data->entry(0).body;
    for (std::size_t i = 0; i < k_body_padding; ++i) {
        REQUIRE(body.data()[body.size() + i] == '\0');
    }
}

TEST_CASE("the memfd of a data set is sealed against any change and closed with it") {
    REQUIRE(dataset_descriptors().empty());
    {
        DatasetBuilder builder;
        builder.add("c", "body", 1, 1);
        const auto data = builder.seal();
        const std::vector<int> files = dataset_descriptors();
        REQUIRE(files.size() == 1);
        REQUIRE(::fcntl(files[0], F_GET_SEALS) == (F_SEAL_FUTURE_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL));
        REQUIRE((::fcntl(files[0], F_GETFD) & FD_CLOEXEC) != 0);
        REQUIRE(::pwrite(files[0], "x", 1, 0) == -1);
        REQUIRE(::ftruncate(files[0], 1) == -1);
        REQUIRE(::mmap(nullptr, 4, PROT_WRITE, MAP_SHARED, files[0], 0) == MAP_FAILED);
        REQUIRE(data->entry(0).body == "body");
    }
    REQUIRE(dataset_descriptors().empty());
}

TEST_CASE("a builder is empty after sealing and can be used again; an empty data set is one") {
    DatasetBuilder builder;
    builder.add("first", "one", 1, 1);
    const auto first = builder.seal();
    REQUIRE(builder.seal()->size() == 0);
    builder.add("second", "two", 1, 1);
    DatasetBuilder moved = std::move(builder);
    const auto second = moved.seal();
    REQUIRE(first->ready() == 1);
    REQUIRE(first->entry(0).body == "one");
    REQUIRE(second->size() == 1);
    REQUIRE(second->entry(0).body == "two");
}

TEST_CASE("a conversation gives back its turns, their messages, texts and delays") {
    DatasetBuilder builder;
    builder.add("one", R"({"a":1})", 1, 2);
    CHECK_FALSE(builder.seal()->multi_turn());
    builder.add("one", R"({"a":1})", 1, 2);
    builder.begin("two");
    builder.add_turn({.body = "[x]", .input_tokens = 3, .message_at = 1, .message_bytes = 1, .text = "ex"});
    builder.add_turn({.body = "[yy]",
                      .requested_tokens = 4,
                      .message_at = 1,
                      .message_bytes = 2,
                      .text = "why",
                      .delay = std::chrono::milliseconds(5)});
    builder.add("three", "last", -1, -1);
    const auto data = builder.seal();
    CHECK(data->multi_turn());
    REQUIRE(data->size() == 3);
    CHECK((data->turns(0) == 1 && data->turns(1) == 2 && data->turns(2) == 1));
    CHECK((data->conversation_id(1) == "two" && data->conversation_id(2) == "three"));
    CHECK(data->entry(1).body == "[x]");
    const Dataset::Entry second = data->turn(1, 1);
    CHECK((second.body == "[yy]" && second.message() == "yy" && second.text == "why"));
    CHECK((second.input_tokens == -1 && second.requested_tokens == 4));
    CHECK(second.delay == std::chrono::milliseconds(5));
    CHECK((data->turn(1, 0).text == "ex" && data->turn(1, 0).delay.count() == 0));
    CHECK((data->entry(2).body == "last" && data->entry(2).message().empty() && data->entry(2).text.empty()));
}
