#include "aiperf/mock/json_text.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace aiperf::mock;

namespace {

std::string python_float(double value) {
    std::string out;
    append_python_float(out, value);
    return out;
}

}  // namespace

TEST_CASE("floats are written as Python's repr writes them") {
    CHECK(python_float(1.0) == "1.0");
    CHECK(python_float(-0.5) == "-0.5");
    CHECK(python_float(-0.0) == "-0.0");
    CHECK(python_float(0.1) == "0.1");
    CHECK(python_float(0.0001) == "0.0001");
    CHECK(python_float(0.00001) == "1e-05");
    CHECK(python_float(1.5e-7) == "1.5e-07");
    CHECK(python_float(1e15) == "1000000000000000.0");
    CHECK(python_float(1e16) == "1e+16");
    CHECK(python_float(1.2345e300) == "1.2345e+300");
    CHECK(python_float(123456.789) == "123456.789");
    CHECK(python_float(5e-324) == "5e-324");
}

TEST_CASE("JSON is written as Python's json.dumps writes it without ASCII escapes") {
    const auto value = nlohmann::ordered_json::parse(
        R"({"z": 1, "a": [true, null, 2.50, -7], "text": "é\u4e16 \"q\" \\ \n\t\b\f\r\u0001\u007f/", "e": {}, "l": []})");
    CHECK(to_python_json(value) ==
          "{\"z\": 1, \"a\": [true, null, 2.5, -7], "
          "\"text\": \"é世 \\\"q\\\" \\\\ \\n\\t\\b\\f\\r\\u0001\x7f/\", \"e\": {}, \"l\": []}");
}

TEST_CASE("bytes that are not UTF-8 are replaced, others stay") {
    CHECK(replace_invalid_utf8("plain é 世") == "plain é 世");
    CHECK(replace_invalid_utf8("a\xff"
                               "b\xc3") ==
          "a\xEF\xBF\xBD"
          "b\xEF\xBF\xBD");
}
