#pragma once

#include "aiperf/config/run_config.hpp"
#include "aiperf/dataset/dataset.hpp"
#include "aiperf/metric/summary.hpp"
#include "aiperf/report/report_input.hpp"
#include "golden_case.hpp"

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
    explicit ListDataset(std::vector<std::pair<std::string, std::string>> entries)
        : entries_(std::move(entries)) {}

    [[nodiscard]] std::size_t size() const noexcept override { return entries_.size(); }

    [[nodiscard]] Entry entry(std::size_t index) const noexcept override { return {entries_[index].second, -1, -1}; }

    [[nodiscard]] std::string_view conversation_id(std::size_t index) const noexcept override {
        return entries_[index].first;
    }

    [[nodiscard]] int descriptor() const noexcept override { return -1; }

private:
    std::vector<std::pair<std::string, std::string>> entries_;  ///< conversation, body
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
