#include "aiperf/api/status_file.hpp"
#include "aiperf/base/error.hpp"
#include "aiperf/control/run.hpp"
#include "aiperf/dataset/synthetic.hpp"
#include "aiperf/dataset/tokenizer.hpp"
#include "aiperf/record/journal_reader.hpp"
#include "aiperf/report/artifacts.hpp"
#include "aiperf/report/atomic_file.hpp"
#include "ending.hpp"
#include "journal_folder.hpp"
#include "outcome.hpp"
#include "preparation.hpp"
#include "prompt_counter.hpp"
#include "token_counter.hpp"

#include <algorithm>
#include <unistd.h>
#include <utility>
#include <vector>

namespace aiperf::control {

namespace {

/// Counts the answers that the run had no time to count, where its tokenizer can still be opened.
void count_missing(record::JournalReader& records, const config::RunConfig& config, const Environment& environment) {
    if (config.use_server_token_count) {
        return;
    }
    std::shared_ptr<const dataset::Tokenizer> tokenizer;
    for (std::size_t slot = 0; slot < records.records().size(); ++slot) {
        record::Record& record = records.at(slot);
        if (record.state != static_cast<std::uint16_t>(record::State::committed) || !wants_count(record)) {
            continue;
        }
        if (tokenizer == nullptr) {
            tokenizer = tokenizer_for(config, environment);
        }
        count_tokens(record, records.output_text(record), records.reasoning_text(record), *tokenizer);
    }
}

/// Counts the prompts of later turns. What was said in them is made anew from the run's seed: the journal has the
/// answers only.
void count_later_turns(record::JournalReader& records,
                       const RunDescription& description,
                       const Environment& environment) {
    const config::RunConfig& config = description.config;
    std::vector<record::Record*> committed;
    std::uint64_t entries = 0;
    for (std::size_t slot = 0; slot < records.records().size(); ++slot) {
        record::Record& record = records.at(slot);
        if (record.state == static_cast<std::uint16_t>(record::State::committed)) {
            committed.push_back(&record);
            entries = std::max(entries, std::uint64_t{record.conversation} + 1);
        }
    }
    const std::vector<SessionRecords> sessions = sessions_in(committed);
    if (sessions.empty() || config.use_server_token_count) {
        return;
    }
    const auto tokenizer = tokenizer_for(config, environment);
    const auto conversations = dataset::synthetic_conversations(
        synthetic_options(config, records.info().seed, std::min(entries, description.entries)), tokenizer.get());
    const SpokenTexts texts{
        [&conversations](std::uint32_t conversation, std::uint16_t turn) -> std::string_view {
            if (conversation >= conversations.size() || turn >= conversations[conversation].turns.size()) {
                return {};
            }
            return conversations[conversation].turns[turn].text;
        },
        [&records](const record::Record& record) { return records.output_text(record); }};
    for (const SessionRecords& session : sessions) {
        count_prompts(session, texts, *tokenizer);
    }
}

/// The run itself had no time to say in status.json how it ended.
void write_status(const Result& result) {
    api::RunFacts facts;
    facts.run_id = result.benchmark_id;
    facts.pid = ::getpid();
    facts.started_at_ns = result.records->info().anchor.wall_ns;
    api::RunState state(std::move(facts));
    state.publish(ending_of(result),
                  [&result](const std::string& body) { api::write_status_file(result.artifact_directory, body); });
}

}  // namespace

Result recover(const std::filesystem::path& artifact_directory, const Environment& environment) {
    Result result;
    result.artifact_directory = whole_path(artifact_directory, environment);
    const auto journal = journal_directory(artifact_directory, environment);
    const std::unique_ptr<JournalFolder> folder = JournalFolder::lock(journal);
    report::remove_unfinished_files(result.artifact_directory);
    if (std::filesystem::exists(result.artifact_directory / report::k_ready_marker)) {
        throw base::RunError(result.artifact_directory.string() +
                             ": this run ended in good order and has its artifacts");
    }
    const auto records = std::make_shared<record::JournalReader>(journal);
    const RunDescription description = RunDescription::read(journal);
    result.config = description.config;
    result.benchmark_id = description.benchmark_id;
    result.validity.thresholds =
        validity::thresholds_from(settings::Settings::from(environment.variables).validity.thresholds);
    const std::uint64_t lost = records->settle_lost();
    result.status = Status::incomplete;
    result.error_type = "RunError";
    result.error = records->finished() ? std::string("recovered from the journal of a run that ended without artifacts")
                                       : "recovered from the journal of an interrupted run; " + std::to_string(lost) +
                                             " requests were in flight";
    count_missing(*records, result.config, environment);
    count_later_turns(*records, description, environment);
    result.records = records;
    fill_result(result, nullptr, description.entries, true);
    write_status(result);
    return result;
}

}  // namespace aiperf::control
