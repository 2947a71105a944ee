#include "aiperf/report/atomic_file.hpp"

#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <set>
#include <string>

using namespace aiperf;

namespace {

std::set<std::string> names_in(const std::filesystem::path& directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        names.insert(entry.path().filename().string());
    }
    return names;
}

}  // namespace

TEST_CASE("A file appears whole or not at all") {
    const auto durable = GENERATE(report::Durable::yes, report::Durable::no);
    const test::TemporaryDirectory directory;
    const auto target = directory.path() / "file.json";
    {
        report::AtomicFile file(target);
        file.append("half");
        CHECK(names_in(directory.path()).count("file.json") == 0);
    }
    CHECK(names_in(directory.path()).empty());
    report::AtomicFile file(target);
    file.append("whole");
    file.publish(durable);
    CHECK(names_in(directory.path()) == std::set<std::string>{"file.json"});
}

TEST_CASE("What killed programs have left is removed, and nothing else") {
    const test::TemporaryDirectory directory;
    const std::set<std::string> others{
        ".a.1-.tmp", ".a.b-2.tmp", ".a.tmp", ".1-2.tmp", ".tmp", "a.1-2.tmp", ".a.1-2.tmp.json", "a.json", ".a"};
    for (const std::string& name : others) {
        std::ofstream(directory.path() / name) << "kept";
    }
    std::filesystem::create_directory(directory.path() / "folder");
    std::ofstream(directory.path() / "folder" / ".a.1-2.tmp") << "another's";
    report::AtomicFile file(directory.path() / "a.b.json");
    CHECK(names_in(directory.path()).size() == others.size() + 2);

    report::remove_unfinished_files(directory.path());
    std::set<std::string> left = names_in(directory.path());
    CHECK(left.erase("folder") == 1);
    CHECK(left == others);
    CHECK(std::filesystem::exists(directory.path() / "folder" / ".a.1-2.tmp"));
}

TEST_CASE("Removing what was left in a directory that is not there does nothing") {
    const test::TemporaryDirectory directory;
    CHECK_NOTHROW(report::remove_unfinished_files(directory.path() / "none"));
}
