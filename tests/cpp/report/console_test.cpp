#include "aiperf/report/console.hpp"

#include "report_fixture.hpp"

#include <catch2/catch.hpp>

using namespace aiperf;
using test::GoldenRun;

namespace {

/// The lines below the title that ends with `title`, down to the table's last.
std::vector<std::string> table_below(const std::string& text, const std::string& title) {
    std::vector<std::string> out;
    bool inside = false;
    for (const std::string& line : test::split_lines(text)) {
        const std::size_t end = line.find_last_not_of(' ') + 1;
        if (!inside) {
            inside = end >= title.size() && line.compare(end - title.size(), title.size(), title) == 0;
            continue;
        }
        out.push_back(line);
        if (line.rfind("└", 0) == 0) {
            break;
        }
    }
    return out;
}

}  // namespace

TEST_CASE("the metric tables are AIPerf's to the byte") {
    const GoldenRun run(GENERATE("chat_stream_usage",
                                 "chat_nonstream",
                                 "completions_stream",
                                 "rate_poisson",
                                 "server_token_count",
                                 "extra_inputs_headers",
                                 "chat_stream_reasoning",
                                 "chat_stream_no_usage"));
    const std::filesystem::path golden = run.golden.directory / "console.txt";
    INFO(golden.string());
    REQUIRE(std::filesystem::exists(golden));
    const std::string recorded = test::read_file(golden);
    const std::string ours = report::console_report(run.input());
    for (const char* title : {" | LLM Metrics", " | LLM Metrics: Usage"}) {
        INFO(title);
        CHECK(table_below(ours, title) == table_below(recorded, title));
    }
    CHECK(table_below(ours, " | LLM Metrics").size() > 8);
}

TEST_CASE("errors are told first, in the order they happened") {
    const GoldenRun run("errors_mixed");
    const std::string ours = report::console_report(run.input());
    const std::string recorded = test::read_file(run.golden.directory / "console.txt");
    CHECK(table_below(ours, " | Error Summary") == table_below(recorded, " | Error Summary"));
    CHECK(ours.find("Error Summary") < ours.find("LLM Metrics"));
}

TEST_CASE("the footer gives the command, the duration and the files") {
    const GoldenRun run("chat_stream_usage");
    report::ReportInput input = run.input();
    input.artifacts = {"out/inputs.json",
                       "out/profile_export.jsonl",
                       "out/profile_export_aiperf.csv",
                       "out/profile_export_aiperf.json",
                       "out/.aiperf_results_ready.json"};
    const std::string ours = report::console_report(input);
    const std::size_t footer = ours.find("CLI Command: " + run.config.cli_command + "\n");
    REQUIRE(footer != std::string::npos);
    CHECK(ours.substr(footer + 13 + run.config.cli_command.size() + 1) ==
          "Benchmark Duration: 0.43 sec\n"
          "Inputs: out/inputs.json\n"
          "Records: out/profile_export.jsonl\n"
          "CSV Export: out/profile_export_aiperf.csv\n"
          "JSON Export: out/profile_export_aiperf.json\n");
}

TEST_CASE("a run that did not end well says so below its tables") {
    const GoldenRun run("sigint_once");
    const std::string cancelled = report::console_report(run.input());
    CHECK_THAT(cancelled, Catch::Contains("The run was cancelled") && Catch::Contains("0.78 sec (cancelled early)"));
    report::ReportInput input = run.input();
    input.ending = report::Ending::incomplete;
    input.error = "the disk is full";
    CHECK_THAT(report::console_report(input),
               Catch::Contains("The run is incomplete") && Catch::Contains("Error: the disk is full\n"));
}

TEST_CASE("escape sequences appear only where colours are asked for, and change nothing else") {
    const GoldenRun run("errors_mixed");
    const std::string plain = report::console_report(run.input());
    CHECK(plain.find('\x1b') == std::string::npos);
    std::string colored = report::console_report(run.input(), {.width = 140, .ansi = true});
    CHECK(colored.find('\x1b') != std::string::npos);
    for (std::size_t at = colored.find('\x1b'); at != std::string::npos; at = colored.find('\x1b')) {
        colored.erase(at, colored.find('m', at) - at + 1);
    }
    CHECK(colored == plain);
}
