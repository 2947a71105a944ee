#include "aiperf/report/table.hpp"

#include "golden_case.hpp"

#include <catch2/catch.hpp>

using namespace aiperf::report;
using aiperf::test::Json;

TEST_CASE("columns a terminal gives to text") {
    CHECK(display_width("") == 0);
    CHECK(display_width("abc") == 3);
    CHECK(display_width("é") == 1);
    CHECK(display_width("e\xcc\x81") == 1);
    CHECK(display_width("日本") == 4);
    CHECK(display_width("🙂") == 2);
    CHECK(display_width("┃") == 1);
    CHECK(display_width("\xff\xe6") == 2);
}

TEST_CASE("a table of errors is laid out like AIPerf's, message wrapped at words") {
    const auto golden = aiperf::test::load_golden_case("errors_mixed");
    Table table;
    table.title = "NVIDIA AIPerf | Error Summary";
    table.columns = {{"Code", Align::right, false, {}},
                     {"Type", Align::right, false, {}},
                     {"Message", Align::left, true, {}},
                     {"Count", Align::right, false, {}}};
    for (const Json& item : golden.summary.at("error_summary")) {
        const Json& details = item.at("error_details");
        const int code = details.value("code", 0);
        table.rows.push_back({code != 0 ? std::to_string(code) : "N/A",
                              details.at("type").get<std::string>(),
                              details.at("message").get<std::string>(),
                              std::to_string(item.at("count").get<int>())});
    }
    const std::string ours = render_table(table, 140, false);
    const std::string console = aiperf::test::read_file(golden.directory / "console.txt");
    CHECK(console.substr(0, ours.size()) == ours);
}

TEST_CASE("wide characters keep the borders in line") {
    Table table;
    table.title = "t";
    table.columns = {{"a", Align::left, false, {}}, {"b", Align::right, false, {}}};
    table.rows = {{"日本", "1"}, {"x", "22"}};
    CHECK(render_table(table, 80, false) ==
          "      t      \n"
          "┏━━━━━━┳━━━━┓\n"
          "┃ a    ┃  b ┃\n"
          "┡━━━━━━╇━━━━┩\n"
          "│ 日本 │  1 │\n"
          "│ x    │ 22 │\n"
          "└──────┴────┘\n");
}

TEST_CASE("a word longer than its column is cut, a line break in a cell kept") {
    Table table;
    table.columns = {{"m", Align::left, true, {}}};
    table.rows = {{"ab abcdefghijklmnop cd\nnext"}};
    CHECK(render_table(table, 14, false) ==
          "              \n"
          "┏━━━━━━━━━━━━┓\n"
          "┃ m          ┃\n"
          "┡━━━━━━━━━━━━┩\n"
          "│ ab         │\n"
          "│ abcdefghij │\n"
          "│ klmnop cd  │\n"
          "│ next       │\n"
          "└────────────┘\n");
}

TEST_CASE("a cell cannot send control sequences to the terminal") {
    Table table;
    table.columns = {{"m", Align::left, true, {}}};
    table.rows = {{"\x1b[31mred\x07 \xc2\x9b \xff"}};
    const std::string text = render_table(table, 80, false);
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find("?[31mred? ? ?") != std::string::npos);
}

TEST_CASE("colours wrap the text of a cell, never its padding") {
    Table table;
    table.title = "t";
    table.columns = {{"m", Align::right, false, "32"}};
    table.rows = {{"1"}, {"10"}};
    const std::string text = render_table(table, 80, true);
    CHECK(text.find("│  \x1b[32m1\x1b[0m │") != std::string::npos);
    CHECK(text.find("\x1b[1mt\x1b[0m") != std::string::npos);
}
