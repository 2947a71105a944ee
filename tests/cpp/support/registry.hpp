#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <sstream>
#include <string>

namespace aiperf::test {

/// The text of a file below tests/; the test fails where it cannot be read.
inline std::string read_test_file(const std::string& name) {
    std::ifstream file(std::string(AIPERF_TEST_DATA) + "/" + name);
    REQUIRE(file);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

/// A file of tests/golden/registries: what AIPerf's own tables say.
inline nlohmann::json registry(const std::string& name) {
    return nlohmann::json::parse(read_test_file("golden/registries/" + name));
}

}  // namespace aiperf::test
