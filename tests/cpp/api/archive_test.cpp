#include "archive.hpp"

#include "open_path.hpp"
#include "temporary_directory.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using namespace aiperf;
using api::Archive;
using api::tar_head;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::string whole(const Archive& archive) {
    return archive.read(0, static_cast<std::size_t>(archive.size()));
}

/// A field of a header, up to its first zero.
std::string field(const std::string& block, std::size_t at, std::size_t size) {
    return block.substr(at, size).c_str();
}

std::string block_number(const std::string& bytes, std::size_t number) {
    return bytes.substr(number * 512, 512);
}

}  // namespace

TEST_CASE("a tar header has POSIX's fields, and nothing of this machine") {
    const std::string head = tar_head("phases/warmup/a.json", 1234, 1795552735);
    REQUIRE(head.size() == 512);
    REQUIRE(field(head, 0, 100) == "phases/warmup/a.json");
    REQUIRE(field(head, 100, 8) == "0000644");
    REQUIRE(field(head, 108, 8) == "0000000");
    REQUIRE(field(head, 124, 12) == "00000002322");
    REQUIRE(field(head, 136, 12) == "15301372737");
    REQUIRE(head[156] == '0');
    REQUIRE(head.substr(257, 8) == std::string("ustar\0"
                                               "00",
                                               8));
    unsigned sum = 8U * ' ';
    for (std::size_t i = 0; i < head.size(); ++i) {
        sum += i >= 148 && i < 156 ? 0U : static_cast<unsigned char>(head[i]);
    }
    REQUIRE(std::stoul(field(head, 148, 8), nullptr, 8) == sum);
    REQUIRE(head[155] == ' ');
}

TEST_CASE("a name that is long is split at a folder, and one that fits nowhere has a record of its own") {
    const std::string folder(120, 'd');
    const std::string split = tar_head(folder + "/" + std::string(80, 'n'), 0, 0);
    REQUIRE(split.size() == 512);
    REQUIRE(field(split, 0, 100) == std::string(80, 'n'));
    REQUIRE(field(split, 345, 155) == folder);
    for (const std::string& name : {std::string(101, 'n'), std::string("\xc3\xa9.csv"), std::string(200, 'd') + "/x"}) {
        const std::string head = tar_head(name, 0, 0);
        CAPTURE(name);
        REQUIRE(head.size() == 3 * 512);
        REQUIRE(head[156] == 'x');
        const std::string records = block_number(head, 1);
        REQUIRE(records.find(" path=" + name + "\n") != std::string::npos);
        REQUIRE(std::stoul(records) == records.find('\n') + 1);
        REQUIRE(block_number(head, 2)[156] == '0');
    }
}

TEST_CASE("a file beyond 8 GiB has its size in a record") {
    const std::string head = tar_head("big", 1ULL << 33U, 0);
    REQUIRE(head.size() == 3 * 512);
    REQUIRE(block_number(head, 1).starts_with("19 size=8589934592\n"));
    REQUIRE(tar_head("big", (1ULL << 33U) - 1, 0).size() == 512);
}

TEST_CASE("an archive can be read anywhere and in any pieces, and ends in two empty blocks") {
    const test::TemporaryDirectory directory;
    write(directory.path() / "b.csv", std::string(700, 'b'));
    write(directory.path() / "a.json", "{}");
    write(directory.path() / "empty.txt", "");
    write(directory.path() / "phases" / "warmup" / "c.json", std::string(512, 'c'));
    write(directory.path() / "logs" / "not.log", "x");
    write(directory.path() / ".hidden", "x");
    const Archive archive(directory.path());
    const std::string bytes = whole(archive);
    REQUIRE(bytes.size() == archive.size());
    REQUIRE(bytes.size() == 512 * (2 + 3 + 1 + 2 + 2));
    REQUIRE(field(bytes, 0, 100) == "a.json");
    REQUIRE(block_number(bytes, 1) == "{}" + std::string(510, '\0'));
    REQUIRE(field(block_number(bytes, 2), 0, 100) == "b.csv");
    REQUIRE(field(block_number(bytes, 5), 0, 100) == "empty.txt");
    REQUIRE(field(block_number(bytes, 6), 0, 100) == "phases/warmup/c.json");
    REQUIRE(bytes.ends_with(std::string(1024, '\0')));
    for (const std::size_t step : {1UL, 7UL, 511UL, 513UL, 4096UL}) {
        std::string pieces;
        for (std::size_t at = 0; at < bytes.size(); at += step) {
            pieces += archive.read(at, step);
        }
        REQUIRE(pieces == bytes);
    }
    REQUIRE(archive.read(bytes.size(), 10).empty());
    REQUIRE(whole(Archive(directory.path())) == bytes);
    REQUIRE(Archive(directory.path()).etag() == archive.etag());
}

TEST_CASE("an archive of nothing is an archive, and a changed file gives another tag") {
    const test::TemporaryDirectory directory;
    const Archive empty(directory.path());
    REQUIRE(whole(empty) == std::string(1024, '\0'));
    REQUIRE_FALSE(empty.modified_s());
    write(directory.path() / "a.json", "{}");
    const Archive one(directory.path());
    REQUIRE(one.etag() != empty.etag());
    REQUIRE(one.modified_s());
}

TEST_CASE("a file that changes while its archive is read makes it short, and never a mixture") {
    const test::TemporaryDirectory directory;
    write(directory.path() / "a.json", std::string(2000, 'a'));
    write(directory.path() / "b.json", "{}");
    const Archive archive(directory.path());
    write(directory.path() / "a.json", std::string(3000, 'x'));
    REQUIRE(whole(archive).size() == 512);
    std::filesystem::remove(directory.path() / "b.json");
    const Archive gone(directory.path());
    std::filesystem::remove(directory.path() / "a.json");
    REQUIRE(whole(gone).size() == 512);
}

TEST_CASE("no archive has what lies behind a link, or is hidden") {
    const test::GuardedDirectory guarded;
    std::filesystem::create_directories(guarded.path() / "phases");
    std::filesystem::create_directory_symlink("../../door_target", guarded.path() / "phases" / "door");
    const Archive archive(guarded.path());
    REQUIRE(test::GuardedDirectory::shows_no_secret(archive));
    REQUIRE(whole(archive).find("inside") != std::string::npos);
}
