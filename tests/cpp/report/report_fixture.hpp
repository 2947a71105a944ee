#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/report/report_input.hpp"
#include "golden_case.hpp"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace aiperf::test {

/// The configuration the recorded command line asks for.
[[nodiscard]] config::RunConfig config_of(const GoldenCase& golden);

/// A data set held in memory.
class ListDataset final : public dataset::Dataset {
public:
    using Conversation = std::pair<std::string, std::vector<std::string>>;  ///< its id, and a body for each turn

    explicit ListDataset(std::vector<Conversation> entries)
        : entries_(std::move(entries)) {}

    [[nodiscard]] std::size_t size() const noexcept override { return entries_.size(); }

    [[nodiscard]] std::size_t turns(std::size_t index) const noexcept override { return entries_[index].second.size(); }

    [[nodiscard]] bool multi_turn() const noexcept override {
        return std::any_of(entries_.begin(), entries_.end(), [](const auto& entry) { return entry.second.size() > 1; });
    }

    [[nodiscard]] Entry turn(std::size_t index, std::size_t turn) const noexcept override {
        return {.body = entries_[index].second[turn], .text = {}};
    }

    [[nodiscard]] std::string_view conversation_id(std::size_t index) const noexcept override {
        return entries_[index].first;
    }

    [[nodiscard]] int descriptor() const noexcept override { return -1; }

private:
    std::vector<Conversation> entries_;
};

/// The bodies a recorded run prepared.
[[nodiscard]] ListDataset dataset_of(const GoldenCase& golden);

/// A directory of its own, removed at the end.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Names of everything in it, sorted.
    [[nodiscard]] std::vector<std::string> names() const;

private:
    std::filesystem::path path_;
};

/// A recorded run ready to be reported.
class GoldenRun {
public:
    explicit GoldenRun(const std::string& name);

    [[nodiscard]] report::ReportInput input() const;

    GoldenCase golden;
    config::RunConfig config;
    record::MemoryRecordSet records;
    metric::Summary summary;
    ListDataset dataset;
};

}  // namespace aiperf::test
