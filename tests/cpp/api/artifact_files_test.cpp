#include "artifact_files.hpp"

#include "open_path.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <string>
#include <sys/stat.h>

using namespace aiperf;
using api::is_artifact_path;
using api::list_artifacts;
using api::open_artifact;
using api::percent_decoded;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("percent signs are decoded once, and half ones are refused") {
    REQUIRE(percent_decoded("a%20b%2fC%2E") == "a b/C.");
    REQUIRE(percent_decoded("%252e%252e%252f") == "%2e%2e%2f");
    REQUIRE(percent_decoded("") == "");
    REQUIRE(percent_decoded("%00") == std::string(1, '\0'));
    for (const char* const bad : {"%", "a%", "%1", "%g1", "%1g", "%%41", "%-1", "%+1"}) {
        CAPTURE(bad);
        REQUIRE_FALSE(percent_decoded(bad));
    }
}

TEST_CASE("a path is looked for only if it stays inside and shows nothing hidden") {
    for (const char* const good : {"a", "a.json", "logs/aiperf.log", "a..b", "run 1/x", "%2e%2e", "\xc3\xa9.csv"}) {
        CAPTURE(good);
        REQUIRE(is_artifact_path(good));
    }
    for (const std::string& bad : {std::string(),
                                   std::string("/a"),
                                   std::string("a/"),
                                   std::string("a//b"),
                                   std::string("."),
                                   std::string(".."),
                                   std::string("a/../b"),
                                   std::string("a/./b"),
                                   std::string(".aiperf_results_ready.json"),
                                   std::string("logs/.x"),
                                   std::string("a\\b"),
                                   std::string("a\0b", 3),
                                   std::string("a\nb"),
                                   std::string("\x7f"),
                                   std::string(256, 'a'),
                                   std::string(2000, 'a')}) {
        CAPTURE(bad);
        REQUIRE_FALSE(is_artifact_path(bad));
    }
    REQUIRE(is_artifact_path(std::string(255, 'a')));
}

TEST_CASE("no symbolic link is followed, wherever it stands or points") {
    const test::GuardedDirectory guarded;
    for (const char* const path : {"a.json", "logs/run.log", "%2e%2e", "logs/old/x"}) {
        CAPTURE(path);
        const auto file = open_artifact(guarded.path(), path);
        REQUIRE(file != nullptr);
        REQUIRE(test::GuardedDirectory::is_allowed(*file));
    }
    for (const char* const path :
         {"link", "door/x", "alias.json", "door", "logs", "logs/up/secret", "a.json/x", "missing"}) {
        CAPTURE(path);
        REQUIRE(open_artifact(guarded.path(), path) == nullptr);
        REQUIRE(guarded.keeps_inside(path));
    }
}

TEST_CASE("a pipe or a directory is no file, and opening it does not wait") {
    const test::TemporaryDirectory directory;
    REQUIRE(::mkfifo((directory.path() / "pipe").c_str(), 0600) == 0);
    REQUIRE(open_artifact(directory.path(), "pipe") == nullptr);
    REQUIRE(list_artifacts(directory.path()).empty());
    REQUIRE(open_artifact(directory.path() / "gone", "x") == nullptr);
    REQUIRE(list_artifacts(directory.path() / "gone").empty());
}

TEST_CASE("the list has the regular files at the top, sorted, without hidden ones and links") {
    const test::TemporaryDirectory directory;
    write(directory.path() / "b.csv", "12345");
    write(directory.path() / "a.json", "{}");
    write(directory.path() / ".aiperf_results_ready.json", "{}");
    write(directory.path() / "logs" / "c.log", "x");
    std::filesystem::create_symlink("a.json", directory.path() / "z.json");
    const auto files = list_artifacts(directory.path());
    REQUIRE(files.size() == 2);
    REQUIRE(files[0].name == "a.json");
    REQUIRE(files[1].name == "b.csv");
    REQUIRE(files[1].size == 5);
}

TEST_CASE("the files of phases are listed with their folders, at any depth") {
    const test::TemporaryDirectory directory;
    write(directory.path() / "a.json", "{}");
    write(directory.path() / "phases" / "warmup" / "b.json", "{}");
    write(directory.path() / "phases" / "warmup" / ".b.json.tmp", "{}");
    write(directory.path() / "phases" / ".old" / "c.json", "{}");
    write(directory.path() / "profiling" / "d.json", "{}");
    std::filesystem::create_directory_symlink("warmup", directory.path() / "phases" / "alias");
    const auto files = list_artifacts(directory.path());
    REQUIRE(files.size() == 2);
    REQUIRE(files[1].name == "phases/warmup/b.json");
    REQUIRE(open_artifact(directory.path(), files[1].name)->etag() == files[1].etag);
}

TEST_CASE("a file's tag changes with its content") {
    const test::TemporaryDirectory directory;
    write(directory.path() / "a", "one");
    const auto first = open_artifact(directory.path(), "a");
    write(directory.path() / "a", "three");
    REQUIRE(open_artifact(directory.path(), "a")->etag() != first->etag());
    REQUIRE(first->etag().front() == '"');
}

TEST_CASE("types follow the ending") {
    REQUIRE(api::content_type_of("a.json") == "application/json");
    REQUIRE(api::content_type_of("a.jsonl") == "application/x-ndjson");
    REQUIRE(api::content_type_of("a.csv") == "text/csv; charset=utf-8");
    REQUIRE(api::content_type_of("a.parquet") == "application/vnd.apache.parquet");
    REQUIRE(api::content_type_of("a.txt") == "text/plain; charset=utf-8");
    REQUIRE(api::content_type_of("a.log") == "application/octet-stream");
    REQUIRE(api::content_type_of("json") == "application/octet-stream");
}
