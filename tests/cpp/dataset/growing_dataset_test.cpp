#include "aiperf/dataset/growing_dataset.hpp"

#include "aiperf/base/error.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace aiperf;
using dataset::ConversationShape;
using dataset::Dataset;
using dataset::GrowingDataset;
using dataset::open_dataset;

namespace {

std::string body_of(std::size_t number) {
    return "{\"n\":" + std::to_string(number) + "}" + std::string(number % 977, 'x');
}

std::vector<ConversationShape> shapes(std::size_t count) {
    std::vector<ConversationShape> shapes;
    for (std::size_t number = 0; number < count; ++number) {
        shapes.push_back({"session_" + std::to_string(number), 1});
    }
    return shapes;
}

void add(GrowingDataset& growing, std::size_t number) {
    const std::string body = body_of(number);
    growing.add({{.body = body, .input_tokens = static_cast<std::int32_t>(number), .text = {}}});
}

/// True where all that is ready is as add() makes it.
bool is_right(const Dataset& data) {
    const std::size_t ready = data.ready();
    for (std::size_t number = 0; number < ready; ++number) {
        const Dataset::Entry entry = data.entry(number);
        if (entry.body != body_of(number) || entry.input_tokens != static_cast<std::int32_t>(number) ||
            std::string(entry.body.data() + entry.body.size(), dataset::k_body_padding).size() !=
                dataset::k_body_padding) {
            return false;
        }
    }
    return true;
}

}  // namespace

TEST_CASE("How many conversations and turns there are, and their ids, is known before the first is made") {
    const GrowingDataset growing({{"one", 1}, {"two", 3}, {"", 1}});
    const auto made = growing.dataset();
    const auto opened = open_dataset(::dup(made->descriptor()));
    for (const auto& data : {made, opened}) {
        CHECK(data->ready() == 0);
        REQUIRE(data->size() == 3);
        CHECK((data->turns(0) == 1 && data->turns(1) == 3 && data->turns(2) == 1));
        CHECK(data->multi_turn());
        CHECK((data->conversation_id(0) == "one" && data->conversation_id(1) == "two"));
        CHECK(data->conversation_id(2).empty());
    }
}

TEST_CASE("A conversation is ready once it was added, for who has opened the data set before, too") {
    GrowingDataset growing({{"one", 1}, {"two", 2}});
    const auto opened = open_dataset(::dup(growing.dataset()->descriptor()));
    growing.add({{.body = "first", .input_tokens = 7, .requested_tokens = 8, .text = {}}});
    CHECK(opened->ready() == 1);
    CHECK((opened->entry(0).body == "first" && opened->entry(0).input_tokens == 7));
    growing.add({{.body = "[x]", .message_at = 1, .message_bytes = 1, .text = "ex"},
                 {.body = "[yy]", .message_at = 1, .message_bytes = 2, .text = "why", .delay = base::Nanoseconds(5)}});
    CHECK(opened->ready() == 2);
    CHECK((opened->turn(1, 0).message() == "x" && opened->turn(1, 0).text == "ex"));
    CHECK((opened->turn(1, 1).message() == "yy" && opened->turn(1, 1).delay == base::Nanoseconds(5)));
    CHECK(opened->entry(0).body == "first");
    growing.finish();
    growing.finish();
    CHECK(opened->turn(1, 1).text == "why");
    CHECK(open_dataset(::dup(opened->descriptor()))->turn(1, 1).text == "why");
}

TEST_CASE("A reader beside the maker sees whole conversations only, and what it has seen does not move") {
    constexpr std::size_t k_count = 5000;  // 2.4 MB: the file grows several times
    GrowingDataset growing(shapes(k_count));
    const auto opened = open_dataset(::dup(growing.dataset()->descriptor()));
    std::thread maker([&growing] {
        for (std::size_t number = 0; number < k_count; ++number) {
            add(growing, number);
        }
        growing.finish();
    });
    std::string_view first;
    bool right = true;
    while (right && opened->ready() < k_count) {
        right = is_right(*opened);
        first = opened->ready() > 0 ? opened->entry(0).body : first;
    }
    maker.join();
    CHECK(right);
    CHECK(is_right(*opened));
    CHECK(is_right(*growing.dataset()));
    CHECK((first.empty() || first == body_of(0)));
}

TEST_CASE("Another process reads what is made after it has opened the data set") {
    GrowingDataset growing(shapes(2));
    add(growing, 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        try {
            const auto opened = open_dataset(::dup(growing.dataset()->descriptor()));
            bool right = opened->ready() >= 1;
            while (opened->ready() < 2) {
                std::this_thread::yield();
            }
            ::_exit(right && is_right(*opened) ? 0 : 1);
        } catch (...) {
            ::_exit(2);
        }
    }
    add(growing, 1);
    growing.finish();
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("Who opens a growing data set cannot write to it or cut it; a finished one, nobody can change") {
    GrowingDataset growing(shapes(2));
    add(growing, 0);
    const int file = growing.dataset()->descriptor();
    const auto changed = [file] {
        return ::pwrite(file, "x", 1, 0) != -1 || ::ftruncate(file, 1) != -1 ||
               ::mmap(nullptr, 4, PROT_WRITE, MAP_SHARED, file, 0) != MAP_FAILED;
    };
    CHECK_FALSE(changed());
    add(growing, 1);
    growing.finish();
    CHECK_FALSE(changed());
    CHECK(::ftruncate(file, 1L << 30U) == -1);
    CHECK(is_right(*growing.dataset()));
}

TEST_CASE("What was not made when its maker stops is not ready, and what was is") {
    std::shared_ptr<const Dataset> data;
    {
        GrowingDataset growing(shapes(3));
        add(growing, 0);
        growing.finish();
        data = growing.dataset();
    }
    CHECK((data->size() == 3 && data->ready() == 1));
    CHECK(is_right(*data));
    CHECK(open_dataset(::dup(data->descriptor()))->ready() == 1);
}

// Sanitizers need more addresses than such a limit leaves.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("A limit on addresses leaves a data set fewer, and more bodies than fit are refused") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const rlimit few{1UL << 30U, 1UL << 30U};
        if (::setrlimit(RLIMIT_AS, &few) != 0) {
            ::_exit(3);
        }
        try {
            GrowingDataset growing(shapes(10000));
            add(growing, 0);
            if (!is_right(*growing.dataset())) {
                ::_exit(1);
            }
            const std::string large(8UL << 20U, 'x');
            for (int number = 1; number < 1000; ++number) {
                growing.add({{.body = large, .text = {}}});
            }
            ::_exit(4);
        } catch (const base::RunError& error) {
            ::_exit(std::string(error.what()).find("bytes of addresses") != std::string::npos ? 0 : 5);
        } catch (...) {
            ::_exit(2);
        }
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}
#endif
