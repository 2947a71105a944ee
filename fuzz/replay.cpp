// Drives a fuzz target without libFuzzer: the committed corpus, then mutations of it for a while.
//
//   fuzz_NAME CORPUS [--seconds S] [--rounds N] [--seed SEED]
//
// An input that ends the program is left as fuzz_NAME.input in the working directory. With the same seed, corpus and
// number of rounds the same inputs are tried.
#include "aiperf/base/clock.hpp"
#include "mutate.hpp"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));  // NOLINT: not our name

namespace {

using namespace aiperf;  // NOLINT: a program of its own

constexpr unsigned k_hang_limit_s = 60;

struct Options {
    std::filesystem::path corpus;
    double seconds = 1.0;
    std::uint64_t rounds = UINT64_MAX;
    std::uint64_t seed = std::random_device()();
};

std::string current_input;  // NOLINT: read when the program dies
std::string input_file;     // NOLINT

// Only what a signal handler may do.
void keep_input() {
    const int fd = ::open(input_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd >= 0 && ::write(fd, current_input.data(), current_input.size()) >= 0) {
        static constexpr char k_words[] = "\nthe input is kept in the working directory as ";
        static_cast<void>(!::write(STDERR_FILENO, k_words, sizeof(k_words) - 1));
        static_cast<void>(!::write(STDERR_FILENO, input_file.data(), input_file.size()));
        static_cast<void>(!::write(STDERR_FILENO, "\n", 1));
    }
}

void on_death(int signal) {
    keep_input();
    ::signal(signal, SIG_DFL);
    ::raise(signal);
}

void run(std::string input) {
    current_input = std::move(input);
    // A copy that is exactly so long: an instrumented build sees every byte read beyond it.
    const std::vector<std::uint8_t> bytes(current_input.begin(), current_input.end());
    ::alarm(k_hang_limit_s);
    LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

template <class Number>
Number number_of(const char* text) {
    Number number{};
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, number);
    if (error != std::errc{} || stop != end) {
        throw std::invalid_argument(std::string("not a number: ") + text);
    }
    return number;
}

Options options_of(int count, char** arguments) {
    if (count < 2 || count % 2 != 0) {
        throw std::invalid_argument("usage: fuzz_NAME CORPUS [--seconds S] [--rounds N] [--seed SEED]");
    }
    Options options;
    options.corpus = arguments[1];
    for (int i = 2; i < count; i += 2) {
        const std::string_view name = arguments[i];
        if (name == "--seconds") {
            options.seconds = number_of<double>(arguments[i + 1]);
        } else if (name == "--rounds") {
            options.rounds = number_of<std::uint64_t>(arguments[i + 1]);
            options.seconds = 1e9;
        } else if (name == "--seed") {
            options.seed = number_of<std::uint64_t>(arguments[i + 1]);
        } else {
            throw std::invalid_argument("unknown option " + std::string(name));
        }
    }
    return options;
}

/// The files of the corpus, in the order of their names; one file, where it is one.
std::vector<std::string> read_corpus(const std::filesystem::path& place) {
    std::vector<std::filesystem::path> paths;
    if (std::filesystem::is_regular_file(place)) {
        paths.push_back(place);
    } else {
        for (const auto& entry : std::filesystem::directory_iterator(place)) {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    std::vector<std::string> corpus;
    for (const auto& path : paths) {
        std::ifstream file(path, std::ios::binary);
        corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
    if (corpus.empty()) {
        throw std::invalid_argument("the corpus " + place.string() + " is empty");
    }
    return corpus;
}

void replay(const Options& options) {
    const std::vector<std::string> corpus = read_corpus(options.corpus);
    for (const std::string& input : corpus) {
        run(input);
    }
    std::printf("%zu inputs of the corpus; seed %llu\n", corpus.size(), static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);  // the seed is wanted most where this is the last word
    const auto end = base::now_ns() + static_cast<std::int64_t>(options.seconds * 1e9);
    std::uint64_t round = 0;
    for (; round < options.rounds && base::now_ns() < end; ++round) {
        base::Rng rng(base::mix64(options.seed) + round);
        run(fuzz::mutated(rng, corpus));
    }
    std::printf("%llu mutations\n", static_cast<unsigned long long>(round));
}

}  // namespace

int main(int count, char** arguments) {
    try {
        const Options options = options_of(count, arguments);
        input_file = std::filesystem::path(arguments[0]).filename().string() + ".input";
        for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGALRM}) {
            if (__sanitizer_set_death_callback == nullptr || signal == SIGABRT || signal == SIGALRM) {
                std::signal(signal, on_death);
            }
        }
        if (__sanitizer_set_death_callback != nullptr) {
            __sanitizer_set_death_callback(keep_input);
        }
        replay(options);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        keep_input();
        return 1;
    }
}
